"""Faults put into a lab that runs, and taken out again: each change knows its way back.

What a running lab cannot have is refused with the reason. Nothing of it is stored: a lab that starts has no fault.
Gates are not touched: what a fault does to a session is what it would do in the field.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pydantic import ValidationError

from simulator.engine.network import Network
from simulator.faults.actions import change_address, mtus, set_mtu, sign_wrongly
from simulator.faults.lab import fill, filled_in
from simulator.faults.load import load_all
from simulator.faults.packets import drop, lose, undrop
from simulator.faults.schema import FAMILIES, RehearsedFault, Sabotage
from simulator.lab.netns import NetnsPlace, netns_place
from simulator.places.errors import LabError
from simulator.routers.daemon import Daemon
from simulator.routers.simulated.adapter import Simulated
from simulator.session.messages import Family
from simulator.topology.originate import announcements, router_routes
from simulator.topology.plan import SessionPlan
from simulator.topology.route import RouterRoute
from simulator.topology.schema import Peer

Undo = Callable[[], Awaitable[None]]
"""Puts back what a fault changed. Raises LabError."""


class InjectionError(Exception):
    """A fault that cannot be put into the running lab, or is not in it: one line, with the reason."""


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault that is in the lab now."""

    id: str
    name: str
    title: str
    peer: str
    """Whose sessions have it."""
    family: str
    since: float
    """Seconds since 1970."""
    touches: frozenset[str]
    """What it changed; two faults never change the same thing, so each goes back by itself."""
    undo: Undo

    @property
    def words(self) -> str:
        """What it is and whose, for an event log."""
        return f"{self.name} on {self.family} of {self.peer}"


def why_not(fault: RehearsedFault) -> str:
    """Why no running lab can have a fault; empty where one can."""
    if fault.pair:
        return "two faults at once: put each in by its own name"
    if fault.speaks is not None:
        return "a scripted peer stands in the router's place from the start: `turnup fault run` rehearses it"
    if fault.topology and not _limit(fault) and not _key(fault):
        return "it is of another topology, or of what was agreed: a lab has that from its start"
    if any(action.delete for action in fault.actions):
        return "it is of the way to Active: in a running lab, delete the peering itself"
    if any(action.flap or action.every is not None for action in fault.actions):
        return "it is done again and again: `turnup fault run` rehearses it"
    if fault.actions or _limit(fault) or fault.change("simulated").announce is not None:
        return ""
    return "the router is configured otherwise: it has that from its start"


def _limit(fault: RehearsedFault) -> bool:
    """Whether all that it changes in the topology is how many prefixes the edges take."""
    return fault.topology.keys() == {"peering"} and fault.topology["peering"].keys() == {"max-prefixes"}


def _key(fault: RehearsedFault) -> bool:
    """Whether it changes the edge's MD5 key, and the topology only has one agreed for that."""
    asked = fault.topology.keys() == {"peering"} and fault.topology["peering"].keys() == {"md5"}
    return asked and any(action.key for action in fault.actions)


def offered() -> list[tuple[RehearsedFault, str]]:
    """Every fault that comes with turnup, with why no running lab can have it."""
    return [(fault, why_not(fault)) for fault in load_all()]


class Injections:
    """The faults of one running lab."""

    def __init__(self, network: Network, now: Callable[[], float]) -> None:
        self._network = network
        self._now = now
        self._active: dict[str, InjectedFault] = {}
        self._numbers = 0
        self._one_at_a_time = asyncio.Lock()
        self._known: list[tuple[RehearsedFault, str]] | None = None

    @property
    def active(self) -> list[InjectedFault]:
        """The oldest first."""
        return list(self._active.values())

    @property
    def known(self) -> list[tuple[RehearsedFault, str]]:
        """As `offered`, read once."""
        if self._known is None:
            self._known = offered()
        return self._known

    def of_node(self, name: str) -> list[InjectedFault]:
        return [each for each in self._active.values() if each.peer == name]

    async def inject(self, name: str, peer: str = "", family: str = "", edge: str = "") -> InjectedFault:
        """Put a fault in. Without a peer: the topology's first one; without a family: the first that fits; `edge`: at
        this one where it is at an edge's end, else at the first.

        Raises InjectionError, and LabError where the machine or the router refuses.
        """
        async with self._one_at_a_time:
            fault = next((each for each, _ in self.known if each.name == name), None)
            if fault is None:
                raise InjectionError(f"there is no fault {name[:60]}: `turnup fault list` has them")
            if reason := why_not(fault):
                raise InjectionError(f"{name}: not while a lab runs: {reason}")
            whose = self._peer(peer)
            plans = [plan for plan in self._network.edges.plans if plan.peer.name == whose.name]
            plans = [plan for plan in plans if edge in ("", plan.edge.name)]
            families = [each for each in FAMILIES if any(plan.family.label == each for plan in plans)]
            usable = [each for each in families if each in fault.families]
            if family and family not in FAMILIES:
                raise InjectionError(f"there is no family {family[:20]}: IPv4 or IPv6")
            if not usable or (family and family not in usable):
                raise InjectionError(f"{name}: {whose.name} can have it on {' or '.join(usable) or 'no family'} alone")
            chosen = family or usable[0]
            mine = [plan for plan in plans if plan.family.label == chosen]
            changes = list(self._changes(fault, whose, chosen, mine))
            touches = frozenset(what for what, _ in changes)
            for other in self._active.values():
                if other.touches & touches:
                    raise InjectionError(f"{name}: {other.name} ({other.id}) is there already: take it out first")
            undo = await _done([change for _, change in changes])
            self._numbers += 1
            found = InjectedFault(
                f"f{self._numbers}", name, fault.title, whose.name, chosen, self._now(), touches, undo
            )
            self._active[found.id] = found
            return found

    async def remove(self, id_: str) -> InjectedFault:
        """Take a fault out. It stays where that fails. Raises InjectionError and LabError."""
        async with self._one_at_a_time:
            found = self._active.get(id_)
            if found is None:
                raise InjectionError(f"there is no fault {id_[:20]} in the lab (any more)")
            await found.undo()
            del self._active[id_]
            return found

    def _peer(self, name: str) -> Peer:
        peers = self._network.topology.peers
        found = next((each for each in peers if each.name == name or not name), None)
        if found is None:
            raise InjectionError(f"there is no peer {name[:60]} (there are: {', '.join(p.name for p in peers[:10])})")
        return found

    # --- what is changed, and how it goes back ---

    def _changes(
        self, fault: RehearsedFault, peer: Peer, family: str, plans: list[SessionPlan]
    ) -> Iterator[tuple[str, Callable[[], Awaitable[Undo]]]]:
        for action in fault.actions:
            yield from self._of_action(action, peer, family, plans[0])
        if _limit(fault):
            yield f"limit {peer.name} {family}", partial(self._limited, peer, plans[0].family)
        if (announced := fault.change("simulated").announce) is not None:
            router = self._network.peers.router(peer.name)
            if not isinstance(router, Simulated):
                raise InjectionError(
                    f"{fault.name}: a {router.kind} announces what its own file says: change it there, or take a "
                    "simulated router"
                )
            words = {"asn": str(peer.asn), "family": family, **_words(plans[0])}
            document = peer.model_dump(by_alias=True, exclude_unset=True)
            document["announce"] = [filled_in(each, words) for each in announced.of(family)]
            try:
                more = router_routes(announcements(Peer.model_validate(document).announce, peer))
            except ValueError as error:
                raise InjectionError(f"{fault.name}: {peer.name} cannot announce it: {_why(error)}") from None
            kept = [
                route for route in router.routes if not announced.only or (":" in route.prefix) != (family == "IPv6")
            ]
            yield f"router {peer.name}", partial(self._announced, router, peer, (*kept, *more))

    def _of_action(
        self, action: Sabotage, peer: Peer, family: str, plan: SessionPlan
    ) -> Iterator[tuple[str, Callable[[], Awaitable[Undo]]]]:
        if action.key is not None:
            if action.key == "none" and plan.md5 is None:
                raise InjectionError(f"no MD5 key was agreed for {plan.id}: nothing can be removed")
            yield f"key {plan.edge.name} {peer.name} {family}", partial(self._signed, plan, action.key)
            return
        if action.process is not None:
            router = self._network.peers.router(peer.name)
            if not isinstance(router, Daemon):
                raise InjectionError(f"a {router.kind} router has no process of its own that could stop")
            killed = action.process == "kill"
            yield f"router {peer.name}", partial(self._killed if killed else self._frozen, router, peer)
            return
        beside = self._beside(plan) if action.node == "another" else ""
        node = beside or {"edge": plan.edge.name, "peer": peer.name}[action.node]
        try:
            place = netns_place(self._network.site.place(node), "a fault")
        except LabError as error:
            raise InjectionError(str(error)) from None
        words = _words(plan)
        if action.drop is not None:
            yield f"{action.drop} {node} {family}", partial(_dropped, place, action.drop, family)
        if action.loss is not None:
            yield f"loss {node} {family}", partial(_lossy, place, action.loss, family)
        if action.mtu is not None:
            yield f"mtu {node}", partial(_smaller, place, action.mtu)
        if action.lose is not None or action.take is not None:
            lost, taken = fill(action.lose or "", words), fill(action.take or "", words)
            yield f"address {plan.peer_address}", partial(_readdressed, place, lost, taken)

    def _beside(self, plan: SessionPlan) -> str:
        """Another node on the same LAN."""
        for node in (*self._network.topology.peers, *self._network.topology.customers):
            if node.name == plan.peer.name:
                continue
            with contextlib.suppress(LabError, LookupError, ValueError):
                place = netns_place(self._network.site.place(node.name), "a fault")
                if plan.lan and any(plan.peer_address in prefix for at in place.interfaces.values() for prefix in at):
                    return node.name
        raise InjectionError("no other box is on the LAN that could have the same address")

    async def _killed(self, router: Daemon, peer: Peer) -> Undo:
        router.signal(signal.SIGKILL)

        async def undo() -> None:
            await self._network.peers.start(peer)

        return undo

    async def _frozen(self, router: Daemon, _peer: Peer) -> Undo:
        router.signal(signal.SIGSTOP)

        async def undo() -> None:
            router.signal(signal.SIGCONT)

        return undo

    async def _limited(self, peer: Peer, family: Family) -> Undo:
        edges = self._network.edges
        edges.squeeze(peer.name, family, 1)

        async def undo() -> None:
            edges.squeeze(peer.name, family, None)

        return undo

    async def _signed(self, plan: SessionPlan, key: str) -> Undo:
        sign_wrongly(self._network, plan, key)

        async def undo() -> None:
            self._network.edges.sign_with(plan.edge.name, plan.peer.name, plan.family, None)

        return undo

    async def _announced(self, router: Simulated, peer: Peer, routes: tuple[RouterRoute, ...]) -> Undo:
        before = router.routes
        await router.announce(replace(self._network.peers.configuration(peer), routes=routes))

        async def undo() -> None:
            await router.announce(replace(self._network.peers.configuration(peer), routes=before))

        return undo


async def _done(changes: list[Callable[[], Awaitable[Undo]]]) -> Undo:
    """All of them or none; the way back of all, the last first."""
    ways: list[Undo] = []

    async def undo() -> None:
        while ways:
            await ways[-1]()
            ways.pop()

    try:
        for change in changes:
            ways.append(await change())
    except BaseException:
        with contextlib.suppress(LabError):
            await undo()
        raise
    return undo


_TABLES: Final = "turnup-fault"


async def _dropped(place: NetnsPlace, what: str, family: str) -> Undo:
    return _filtered(place, f"{what}-{family}", partial(drop, place, what, family))


async def _lossy(place: NetnsPlace, percent: int, family: str) -> Undo:
    return _filtered(place, f"loss-{family}", partial(lose, place, percent, family))


def _filtered(place: NetnsPlace, name: str, put: Callable[[str], None]) -> Undo:
    """With a table of the kernel's own for what `put` puts in."""
    table = f"{_TABLES}-{name}"
    put(table)

    async def undo() -> None:
        undrop(place, table)

    return undo


async def _smaller(place: NetnsPlace, mtu: int) -> Undo:
    before = mtus(place)
    set_mtu(place, dict.fromkeys(before, mtu))

    async def undo() -> None:
        set_mtu(place, before)

    return undo


async def _readdressed(place: NetnsPlace, lost: str, taken: str) -> Undo:
    steps = [("del", lost)] * bool(lost) + [("add", taken)] * bool(taken)
    done: list[tuple[str, str]] = []

    async def undo() -> None:
        while done:
            what, address = done[-1]
            change_address(place, "add" if what == "del" else "del", address)
            done.pop()

    try:
        for what, address in steps:
            change_address(place, what, address)
            done.append((what, address))
    except LabError:
        await undo()
        raise
    return undo


def _words(plan: SessionPlan) -> dict[str, str]:
    other = plan.peer_address + 11
    return {"peer": str(plan.peer_address), "edge": str(plan.edge_address), "other": str(other)}


def _why(error: ValueError) -> str:
    return str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
