"""What a speaker gives to each of its neighbours, and how a session passes its gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from simulator.gate import Direction, Gate
from simulator.peer.events import NeighborConfig, SpeakerEvent
from simulator.places.place import Place
from simulator.rib.adj_out import Images
from simulator.rib.loc import LocRib
from simulator.speakers.clock import Clock
from simulator.speakers.dispatch import dispatch
from simulator.speakers.tap import Tap
from simulator.speakers.tcp import connect


@dataclass(frozen=True, slots=True)
class Services:
    """What a speaker gives to each of its neighbours."""

    place: Place
    clock: Clock
    emit: Callable[[SpeakerEvent], None]
    """Whoever listens. Told by `tell` alone."""
    loc_rib: LocRib
    images: Images
    tap: Tap | None = None
    connect: Callable[..., Awaitable[None]] = connect
    """Dials a neighbour, as `tcp.connect` does."""

    def tell(self, event: SpeakerEvent) -> None:
        """Tell an event to whoever listens."""
        dispatch(self.emit, event)


class Passage:
    """One session's way through its gate. The gate is Microsoft's: a simulated peer's router passes without."""

    __slots__ = ("_family", "_now", "_wall", "gate")

    def __init__(self, gate: Gate, config: NeighborConfig, now: Callable[[], float]) -> None:
        self.gate = gate
        self._wall = config.gated
        self._family = config.family.label
        self._now = now

    @property
    def is_open(self) -> bool:
        return not self._wall or self.gate.is_open

    def passes(self, direction: Direction, keys: Iterable[bytes]) -> bool:
        """Ask the gate for these NLRI, which counts them."""
        return not self._wall or self.gate.asks(direction, self._family, tuple(keys), self._now())

    def went(self, direction: Direction, count: int) -> None:
        """Tell the counter behind the gate."""
        if self._wall:
            self.gate.saw_beyond(direction, count)
