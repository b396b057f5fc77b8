"""What a validation has to ask for: of the link, of the routers at both ends, of the kernels."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

from simulator.addresses import IpAddress, IpNetwork
from simulator.connection.states import Flow
from simulator.diagnosis.evidence import (
    LONG_ECHOES,
    CaptureProof,
    LanAnswer,
    PeerTable,
    TcpEnd,
    Traffic,
    since,
)
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.diagnosis.watched import Watched
from simulator.engine.capture_watches import Watches
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.engine.router_evidence import answer_of, member_tables, needs_probe, probe, table_of
from simulator.lab.netns import netns_place
from simulator.lab.probe import macs_of, neighbors_on_lan, ping
from simulator.packets.kinds import PacketsSeen
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan
from simulator.views.session import SessionView

_ROUND = 3.0
"""Seconds to ask for the peer's address at once."""
_FIRST_ROUND = 1.0
"""The same at first: what else answers on the link is known long before a short deadline."""
_ELSEWHERE = 1.0
"""Seconds to ask for the other addresses of a link's prefix, all at once."""
PATIENCE = 2.0
"""Seconds that everybody who is asked has beyond the deadline, or the early end: all are asked at once."""
_LAST_LOOK = 1.0
"""Seconds for what is on its way at an early end."""
POLL = 0.1
"""Seconds between two questions to a peer's router, which tells nothing by itself."""


@dataclass(slots=True)
class Gathered:
    """What had to be asked for, while a validation runs."""

    before: Mapping[str, SessionView]
    """The sessions as they were when it began."""
    since: float
    """When it began: never before the last deny."""
    counters: Mapping[str, dict[str, int]] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    lan: dict[str, LanAnswer] = field(default_factory=dict)
    tables: dict[str, PeerTable] = field(default_factory=dict)
    members: dict[str, dict[str, PeerTable]] = field(default_factory=dict)
    answers: dict[str, RouterAnswer] = field(default_factory=dict)
    probes: dict[str, TcpEnd] = field(default_factory=dict)
    peer_counters: Mapping[str, dict[str, int]] = field(default_factory=dict)
    lifted: bool = False
    """It is the time after the lift."""
    asks_members: bool = False
    """The members behind a route server are to hold what Microsoft announces."""
    watched: Watched | None = None
    capture: CaptureProof | None = None
    capture_skipped: str = ""
    packets: Mapping[str, PacketsSeen] = field(default_factory=dict)
    """By session."""
    traffic: Mapping[str, Traffic] = field(default_factory=dict)
    traffic_skipped: str = ""
    programmed: dict[str, int | None] = field(default_factory=dict)


class Inquiry:
    """Asks on behalf of validations of one network."""

    def __init__(self, network: Network, log: EventLog, clock: Clock) -> None:
        self._network = network
        self._log = log
        self._clock = clock

    async def _ask_all(
        self,
        record: ConnectionRecord,
        gathered: Gathered,
        watches: Watches,
        probes: Sequence[asyncio.Future[None]],
        known: float,
        *,
        ended_early: bool,
    ) -> None:
        """Ask everybody, so that a verdict comes at most `PATIENCE` seconds after `known`: the deadline, or now where
        it `ended_early`. Until then what is asked has its time; what has not answered by then, and why, is asked at
        once."""
        deadline = known + _LAST_LOOK if ended_early else known
        both = asyncio.ensure_future(
            self._look_at_both_ends(record, gathered, watches, deadline, over=known + PATIENCE)
        )
        async with ending(both):
            if not ended_early:
                await self._done([both, *probes], known)
            link = asyncio.wait(probes, timeout=max(known + PATIENCE - self._clock.now(), 0))
            (done, _), *_ = await asyncio.gather(link, both, self._ask_why(record, gathered))
        gathered.packets = watches.seen()
        for each in done:
            each.result()

    async def _done(self, asked: Iterable[asyncio.Future[None]], until: float) -> bool:
        """Whether all have answered by then."""
        _, pending = await asyncio.wait(list(asked), timeout=max(until - self._clock.now(), 0))
        return not pending

    async def _look_at_both_ends(
        self, record: ConnectionRecord, gathered: Gathered, watches: Watches, deadline: float, *, over: float
    ) -> None:
        """What the peer holds and what the link saw, at the end of the denial: the last moment before the lift.

        What a deny withdrew takes its time to leave the peer's table, and a packet its time to be acknowledged: both
        are asked again until nothing is left to wait for, or the deadline comes.
        """
        gathered.capture_skipped = watches.skipped
        while True:
            await self._read_tables(record, gathered, over)
            if not watches.skipped:
                gathered.capture = await watches.proof()
            if self._network.kernel is not None:
                kernel = self._network.kernel
                gathered.programmed |= {plan.id: await kernel.held(plan) for plan in record.plans}
            gone = all(not table.prefixes and not table.error for table in gathered.tables.values())
            seen = gathered.capture is None or gathered.capture.conclusive
            if (gone and seen) or (left := deadline - self._clock.now()) <= 0:
                return
            await self._log.next_event(min(POLL, left), self._names(record))

    async def _read_tables(self, record: ConnectionRecord, gathered: Gathered, over: float) -> None:
        """What each peer's router, and each member behind it, holds. One that hangs is not waited for beyond `over`."""
        patience, plans = max(over - self._clock.now(), 0), record.plans
        behind = plans if gathered.asks_members and record.flow is Flow.IXRS else ()
        tables, members = await asyncio.gather(
            asyncio.gather(*(table_of(self._network, plan, patience) for plan in plans)),
            asyncio.gather(*(member_tables(self._network, plan, patience) for plan in behind)),
        )
        gathered.tables |= {plan.id: table for plan, table in zip(plans, tables, strict=True)}
        gathered.members |= {plan.id: held for plan, held in zip(behind, members, strict=True)}

    async def _ask_why(self, record: ConnectionRecord, gathered: Gathered) -> None:
        """What a diagnosis needs besides: what the peer's routers say of themselves, and a TCP handshake."""
        plans = record.plans
        views = {plan.id: self._network.edges.view(plan) for plan in plans}
        mute = [plan for plan in plans if needs_probe(since(gathered.before[plan.id], views[plan.id], gathered.since))]
        answers, ends = await asyncio.gather(
            asyncio.gather(*(answer_of(self._network, plan, PATIENCE, lifted=gathered.lifted) for plan in plans)),
            asyncio.gather(*(probe(self._network, plan) for plan in mute)),
        )
        gathered.answers |= {plan.id: found for plan, found in zip(plans, answers, strict=True) if found is not None}
        gathered.probes |= {plan.id: end for plan, end in zip(mute, ends, strict=True) if end is not None}

    async def _ask_lan(self, plan: SessionPlan, gathered: Gathered, deadline: float) -> None:
        """L1: ask until the peer answers or the deadline comes."""
        if self._network.kind is LinkKind.LOOPBACK:
            return
        place = self._network.site.place(plan.edge.name)
        elsewhere: tuple[str, ...] = ()
        rounds = chain((_FIRST_ROUND,), repeat(_ROUND))
        while (left := deadline - self._clock.now()) > 0:
            found = await neighbors_on_lan(place, plan.peer_address, deadline=min(left, next(rounds)))
            others = () if found.macs or elsewhere else self._others(plan)
            echo, asked = await asyncio.gather(
                ping(place, plan.peer_address),
                asyncio.gather(*(neighbors_on_lan(place, other, deadline=_ELSEWHERE) for other in others)),
            )
            elsewhere = elsewhere or tuple(str(other.address) for other in asked if other.macs)
            foreign = bool(found.macs) and self._is_foreign(plan, found.macs)
            gathered.lan[plan.id] = LanAnswer(found.macs, echo.answered, echo.rtt_ms, elsewhere, foreign)
            if found.macs and echo.answered:
                break
        else:
            return
        # Several: one that a bad link lost is not too long.
        echo = await ping(place, plan.peer_address, size=plan.mtu, dont_fragment=True, count=LONG_ECHOES)
        gathered.lan[plan.id] = replace(gathered.lan[plan.id], whole=echo.error, lost=echo.lost)

    def _is_foreign(self, plan: SessionPlan, macs: frozenset[str]) -> bool:
        """Whether none of these MACs is of an interface of the peer's router. One outside of the lab cannot be seen."""
        with contextlib.suppress(KeyError, LabError):
            own = macs_of(netns_place(self._network.site.place(plan.peer.name), "L1"))
            return bool(own) and not own & macs
        return False

    def _others(self, plan: SessionPlan) -> Sequence[IpAddress]:
        """The other addresses of a Direct link's prefix: the peer may have taken one."""
        place = netns_place(self._network.site.place(plan.edge.name), "L1")
        prefixes = place.interfaces[place.interface_to(plan.peer_address)]
        return [
            address
            for prefix in prefixes
            if plan.edge_address in prefix and not plan.lan
            for address in prefix
            if address not in (plan.edge_address, plan.peer_address) and not _is_broadcast(address, prefix)
        ]

    def _names(self, record: ConnectionRecord) -> tuple[str, ...]:
        """Whose events a validation looks at."""
        return (record.id, *(plan.id for plan in record.plans))

    def _counters(self, node: str) -> dict[str, int]:
        with contextlib.suppress(KeyError, LabError):  # a peer of the API may have no node in this lab
            return self._network.site.place(node).tcp_counters()
        return {}


@contextlib.asynccontextmanager
async def ending(task: asyncio.Future[None]) -> AsyncIterator[None]:
    """Whatever happens, the task is over afterwards."""
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _is_broadcast(address: IpAddress, prefix: IpNetwork) -> bool:
    return prefix.version == 4 and prefix.prefixlen < 31 and address == prefix.broadcast_address


_COUNTERS = ("TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure", "TCPMinTTLDrop")


def moves(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - before.get(name, 0) for name in _COUNTERS if name in after}
