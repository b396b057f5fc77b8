"""The routes that one session sends: Adj-RIB-Out image → gate → octets, as fast as the peer takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.gate import Direction
from simulator.peer.events import NeighborConfig
from simulator.peer.run import Run
from simulator.peer.session_gate import SessionGate
from simulator.rib.adj_out import Image, Images
from simulator.session.messages import RouteRefresh
from simulator.session.negotiation import Negotiated
from simulator.wire.route_refresh import BEGIN, END, encode_refresh
from simulator.wire.update import end_of_rib, pack_withdrawals


@dataclass(slots=True)
class Task:
    """Something to send, made of runs that are only made when the kernel can take them."""

    runs: Iterator[Run]
    is_answer: bool = False
    """To a ROUTE-REFRESH."""
    begun: bool = False


class Outbound:
    """The sending half of a session.

    It queues no octets: what it has to say waits as at most one lift, one withdrawal, one answer under way and one more
    (RFC 2918 §4 asks for what is there then, not for as many answers as there are requests). The gate is asked when
    the kernel can take what is to be announced.
    """

    def __init__(self, config: NeighborConfig, images: Images, gate: SessionGate) -> None:
        self.image: Image | None = None
        """What is ready to be sent; None while the session is not Established."""
        self.withdrawn = 0
        """NLRI withdrawn by re-denies, in all."""
        self._config = config
        self._images = images
        self._gate = gate
        self._negotiated: Negotiated | None = None
        self._now = 0.0
        """When the kernel last asked for more: the time at which the gate is asked."""
        self._tasks: deque[Task] = deque()
        self._held = 0
        """NLRI that the peer held before `_run`."""
        self._run: Run | None = None
        """What changes that now."""

    @property
    def rendered(self) -> int:
        """NLRI ready to be sent."""
        return len(self.image.keys) if self.image else 0

    @property
    def sent(self) -> int:
        """NLRI that the kernel was given for the peer, and that were not withdrawn."""
        if self._run is None:
            return self._held
        announced, withdrawn = self._run.nlri
        return max(self._held, announced) if self._run.announces else self._held - withdrawn

    @property
    def waits(self) -> bool:
        """Whether there is something that the kernel could not take yet, or not all of it."""
        return bool(self._tasks)

    def next(self, now: float) -> Run | None:
        """What goes to the kernel next; None: nothing for now. The gate is asked here."""
        self._now = now
        while self._tasks:
            task = self._tasks[0]
            task.begun = True
            run = next(task.runs, None)
            if run is not None:
                return run
            self._tasks.popleft()
        return None

    def meet(self, config: NeighborConfig) -> None:
        """The session is coming up, and what its configuration left open is known."""
        self._config = config

    def up(self, negotiated: Negotiated, now: float) -> None:
        """Established: render, and send what may be sent."""
        config = self._config
        if config.family not in negotiated.families:
            self.image = None  # nothing may be sent for a family that was not agreed (RFC 4760 §8)
            return
        self._negotiated = negotiated
        self.image = self._rendered_for(negotiated)
        if self._gate.is_open:
            self.send_everything(now)
        else:
            self._may_go(now)  # the gate counts what would have gone

    def announce_again(self, now: float) -> None:
        """The speaker announces something else: what is gone is withdrawn, the rest is sent again."""
        before, agreed = self.image, self._negotiated
        if before is None or agreed is None:
            return
        self.image = self._rendered_for(agreed)
        if not self._gate.is_open:
            return
        left = set(self.image.keys)
        if gone := [key for key in before.keys if key not in left]:
            packed = pack_withdrawals(self._config.family, gone, agreed.message_size)
            self._tasks.append(Task(self._withdrawal_of(b"".join(message for message, _ in packed), len(gone))))
        self.send_everything(now)

    def _rendered_for(self, negotiated: Negotiated) -> Image:
        config = self._config
        return self._images.get(config.family, negotiated, config.local_as, config.own_next_hop, config.role)

    def down(self) -> None:
        """No longer Established: the peer forgets what it had."""
        self.image, self._held, self._run = None, 0, None
        self._tasks.clear()

    def send_everything(self, now: float) -> int:
        """The routes and End-of-RIB (RFC 4724 §2); returns how many NLRI are to go."""
        if self.image is None:
            return 0
        self._tasks.append(Task(self._everything()))
        return self.rendered

    def withdraw_everything(self, now: float) -> int:
        """The re-deny; returns how many NLRI are to be withdrawn."""
        sent = self.sent
        if sent and self.image is not None:
            self._tasks.append(Task(self._withdrawal(self.image.withdraw, sent)))
        return sent

    def refresh_wanted(self, *, enhanced: bool) -> None:
        """The peer asks for everything again (RFC 2918 §4): answered with what it is sent next.

        `enhanced` marks begin and end (RFC 7313 §4.1). However often it asks before an answer begins, it gets one.
        """
        if not any(task.is_answer and not task.begun for task in self._tasks):
            self._tasks.append(Task(self._answer(enhanced), is_answer=True))

    # --- what the tasks are made of ---

    def _may_go(self, now: float) -> bool:
        image = self.image
        return image is not None and bool(image.keys) and self._gate.passes(Direction.OUT, image.keys, now)

    def routes(self) -> Iterator[Run]:
        """Past the gate."""
        if self.image is not None and self._may_go(self._now):
            self._run = Run(self.image.announce, announces=True, done=self._changed)
            yield self._run

    def _changed(self) -> None:
        self._held, self._run = self.sent, None

    def _everything(self) -> Iterator[Run]:
        yield from self.routes()
        yield Run(end_of_rib(self._config.family))

    def _withdrawal(self, octets: bytes, sent: int) -> Iterator[Run]:
        def done() -> None:
            self._held, self._run = 0, None
            self.withdrawn += sent

        self._run = Run(octets, done=done)
        yield self._run

    def _withdrawal_of(self, octets: bytes, gone: int) -> Iterator[Run]:
        """Of some routes; those that the peer never got are withdrawn all the same, as RFC 4271 §3.1 permits."""

        def done() -> None:
            self._held, self._run = max(0, self._held - gone), None

        self._run = Run(octets, done=done)
        yield self._run

    def _answer(self, enhanced: bool) -> Iterator[Run]:
        if enhanced:
            yield Run(encode_refresh(RouteRefresh(self._config.family, BEGIN)))
        yield from self.routes()
        if enhanced:
            yield Run(encode_refresh(RouteRefresh(self._config.family, END)))
