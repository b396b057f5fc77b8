"""Traffic: datagrams between a Microsoft service and a host behind the peer's router, before the lift, after it, and
after the deny. In network namespaces alone; where a topology wants none, nothing of it is made.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial

from simulator.addresses import IpAddress
from simulator.diagnosis.evidence import Crossing, Passage, TrafficSeen
from simulator.engine.kernel_routes import KernelRoutes
from simulator.engine.lent_routes import LentRoutes
from simulator.engine.log import EventLog
from simulator.engine.member_config import session_name
from simulator.engine.network import Network
from simulator.engine.traffic_targets import host_in, targets
from simulator.lab.datagrams import TTL, DropReason, Flight, send
from simulator.lab.fib import FibRoute
from simulator.lab.hosts import HostBehind, TrafficHosts
from simulator.lab.netns import NetnsPlace
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.routers.base import NotOurRouterError
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Customer, Peer, Topology
from simulator.wire import nlri

_ROUTERS = 2
"""On the way: the edge, and the peer's router."""
_NOTHING = 0.3
"""Seconds to wait for a datagram that nobody should pass on and nobody refuses."""
_ARRIVES = 3.5
"""Seconds after the lift: the kernel needs 3 s to find that a next hop does not answer."""
_INSTALLS = 1.5
"""Seconds that a router has to put what it holds into its kernel."""
_AGAIN = 0.05
_PROGRAMS = frozenset({"bird", "frr"})
"""Kinds of routers that program their kernel. OpenBGPD does on OpenBSD alone."""

_PASSAGES = {
    DropReason.NO_ROUTE: Passage.NO_ROUTE,
    DropReason.NO_NEIGHBOR: Passage.NEXT_HOP_SILENT,
    DropReason.PROHIBITED: Passage.SENT_BACK,
    DropReason.EXPIRED: Passage.EXPIRED,
    DropReason.TOO_LONG: Passage.TOO_LONG,
    DropReason.OTHER: Passage.REFUSED,
}


def why_not(topology: Topology, kind: LinkKind) -> str:
    """Why no traffic is tried; empty where it is."""
    if kind is LinkKind.LOOPBACK:
        return "the loopback link has no hosts: traffic needs link: netns"
    return "" if topology.traffic in (None, True) else "the topology says traffic: false"


class TrafficLab:
    """The hosts of one network, and what passes between them."""

    def __init__(self, network: Network, log: EventLog) -> None:
        self._network = network
        self._topology = network.topology
        self._hosts = TrafficHosts()
        self.kernel = KernelRoutes(network.edges, self._hosts, log)
        self._lent = LentRoutes()
        self._told: dict[tuple[str, str], str] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[TrafficLab]:
        """Make the hosts; on exit nothing is left. Raises LabError."""
        following = asyncio.ensure_future(self.kernel.follow())
        try:
            building = asyncio.ensure_future(asyncio.to_thread(self._build))
            try:
                await asyncio.shield(building)
            except asyncio.CancelledError:
                with contextlib.suppress(Exception):
                    await building
                raise
            self._network.kernel = self.kernel
            self._network.traffic = self
            yield self
        finally:
            self._network.kernel = self._network.traffic = None
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            self._hosts.close()

    def _build(self) -> None:
        plans = self._network.edges.plans
        edges = {plan.edge.name for plan in plans}
        self._hosts.open_service({key: address for edge in edges for key, address in self._services(edge)})
        for plan in plans:
            edge = self._network.site.place(plan.edge.name)
            if (plan.connection, plan.edge.name) not in self._hosts.taps and isinstance(edge, NetnsPlace):
                self._hosts.add_tap(plan.connection, edge, edge.interface_to(plan.peer_address))
        nodes = dict.fromkeys((*(plan.peer.name for plan in plans), *(each.name for each in self._topology.customers)))
        for node in nodes:
            with contextlib.suppress(KeyError):
                place = self._network.site.place(node)
                if isinstance(place, NetnsPlace):
                    self._hosts.add_behind(place)

    def _services(self, edge: str) -> Iterator[tuple[tuple[str, int], IpAddress]]:
        for version in (4, 6):
            for route in self._network.edges.announcements(edge):
                ours = route.keys and (route.family is Family.IPV4) == (version == 4)
                if ours and (address := host_in(version, route.keys[0])) is not None:
                    yield (edge, version), address
                    break

    # --- what passes ---

    async def before_lift(self, plan: SessionPlan) -> TrafficSeen:
        """Nothing may pass by this session yet. Tried with the routes that would be accepted."""
        edges = self._network.edges

        def ways() -> Iterator[tuple[bytes, IpAddress | None]]:
            return ((route.key, route.attributes.path.next_hop) for route in edges.routes(plan) if not route.hits)

        return await self._try(plan, await self._targets(plan, ways), lifted=False)

    async def after_lift(self, plan: SessionPlan) -> TrafficSeen:
        """All passes."""
        await self.kernel.settled(_ARRIVES)
        edges = self._network.edges

        def ways() -> Iterator[tuple[bytes, IpAddress | None]]:
            return ((key, path.next_hop) for _, key, path in edges.taken(plan))

        return await self._try(plan, await self._targets(plan, ways), lifted=True)

    async def after_deny(self, plan: SessionPlan, seen: TrafficSeen) -> TrafficSeen:
        """Nothing may pass any more, on the ways that were tried after the lift."""
        await self.kernel.settled(_ARRIVES)
        before = {cross.router: cross.target for cross in seen.crossings if cross.to_peer}
        return await self._try(plan, before, lifted=False)

    async def _targets(
        self, plan: SessionPlan, ways: Callable[[], Iterable[tuple[bytes, IpAddress | None]]]
    ) -> dict[str, IpAddress]:
        """Router → an address behind it: one for each next hop."""
        place, owners = self._network.site.place(plan.edge.name), self._owners()
        links = (
            [prefix for each in place.interfaces.values() for prefix in each] if isinstance(place, NetnsPlace) else []
        )
        version = plan.peer_address.version

        def named() -> Iterator[tuple[bytes, IpAddress, str]]:
            for key, next_hop in ways():
                hop = next_hop or plan.peer_address
                yield key, hop, owners.get(hop, plan.peer.name)

        first = {plan.peer.name: await self._own(plan.peer.name, version)}
        return await targets(version, named, first, lambda router: self._own(router, version), links)

    async def _own(self, router: str, version: int) -> frozenset[IpAddress]:
        """What a router gave its interfaces itself: a real one has an address of what it announces, on its loopback."""
        behind = self._hosts.behind.get(router)
        return await asyncio.to_thread(behind.own, version) if behind is not None else frozenset()

    def _owners(self) -> dict[IpAddress, str]:
        nodes: tuple[Peer, ...] = (*self._topology.peers, *self._topology.customers)
        return {address: node.name for node in nodes for address in node.addresses}

    async def _try(self, plan: SessionPlan, targets: dict[str, IpAddress], *, lifted: bool) -> TrafficSeen:
        tap = self._hosts.taps.get((plan.connection, plan.edge.name))
        service = self._hosts.addresses.get((plan.edge.name, plan.edge_address.version))
        if tap is None or service is None:
            return TrafficSeen(skipped=f"{plan.edge.name} announces no {plan.family.label} prefix")
        hosts = {router: self._hosts.behind[router] for router in targets if router in self._hosts.behind}
        if not hosts:
            why = f"no host can stand behind {plan.peer.name}" if targets else "no route with a host to send to"
            return TrafficSeen(skipped=why)
        crossings: list[Crossing] = []
        unsaid: list[str] = []
        for router, host in hosts.items():
            await asyncio.to_thread(host.take, targets[router])
            if unknown := await self._lend(plan, router, host, service, lifted=lifted):
                unsaid.append(unknown)
                continue
            crossings += [
                await self._cross(plan, router, host, (service, targets[router]), to_peer=to_peer, lifted=lifted)
                for to_peer in (True, False)
            ]
        if unsaid and not crossings:
            return TrafficSeen(skipped="; ".join(dict.fromkeys(unsaid)))
        told = tuple(
            dict.fromkeys(self._told[each] for each in ((plan.id, router) for router in hosts) if each in self._told)
        )
        return TrafficSeen(tuple(crossings), notes=told, programmed=await self.kernel.held(plan))

    async def _cross(
        self,
        plan: SessionPlan,
        router: str,
        host: HostBehind,
        ends: tuple[IpAddress, IpAddress],
        *,
        to_peer: bool,
        lifted: bool,
    ) -> Crossing:
        """One way between Microsoft's host and one behind a router; ends: Microsoft's address first."""
        tap = self._hosts.taps[plan.connection, plan.edge.name]
        source, target = ends if to_peer else ends[::-1]
        one = partial(send, self._hosts.service, host.place, (source, target), device=tap.device)
        if not to_peer:
            one = partial(send, host.place, self._hosts.service, (source, target))
        slow = self._slowness(plan)
        loop = asyncio.get_running_loop()
        until = loop.time() + (_INSTALLS if lifted else 1.0)
        heard: Flight | None = None
        while True:
            patience = _ARRIVES if lifted and heard is None else _NOTHING
            flight = await one(within=patience + slow)
            if flight.arrived or flight.refusal is not None:
                heard = flight
            done = flight.refusal is DropReason.NO_NEIGHBOR or self._passed(plan, flight, to_peer=to_peer) == lifted
            if done or loop.time() >= until:
                break
            await asyncio.sleep(_AGAIN)
        flight = heard or flight  # routers do not say it of every datagram
        whole = await one(within=_NOTHING + slow, size=plan.mtu) if lifted and flight.arrived else None
        return Crossing(
            to_peer=to_peer,
            source=source,
            target=target,
            router=router,
            passage=_passage(flight)
            if flight.arrived is False or self._passed(plan, flight, to_peer=to_peer)
            else Passage.OTHER_WAY,
            by=self._name(flight.by),
            detour="" if to_peer or not flight.arrived else self._detour(plan, flight.over),
            routers=TTL - flight.ttl if flight.arrived else _ROUTERS,
            whole=_passage(whole) if whole is not None else None,
            size=plan.mtu,
        )

    def _passed(self, plan: SessionPlan, flight: Flight, *, to_peer: bool) -> bool:
        """Whether it passed by this session: before a lift, what comes by another one that is lifted does not count."""
        if not flight.arrived or to_peer or self._network.edges.is_lifted(plan):
            return flight.arrived
        way = self._link(flight.over)
        tap = self._hosts.taps[plan.connection, plan.edge.name]
        others = [
            other
            for other in self._network.edges.plans
            if other.id != plan.id and other.family is plan.family and self._network.edges.is_lifted(other)
        ]
        shared = any(self._way(other) == way for other in others)
        return way == (tap.edge.name, tap.link) and not shared

    def _way(self, plan: SessionPlan) -> tuple[str, str] | None:
        tap = self._hosts.taps.get((plan.connection, plan.edge.name))
        return (tap.edge.name, tap.link) if tap is not None else None

    def _link(self, device: str) -> tuple[str, str] | None:
        return next(((tap.edge.name, tap.link) for tap in self._hosts.taps.values() if tap.device == device), None)

    def _detour(self, plan: SessionPlan, device: str) -> str:
        """The link by which it came, where the peering has no connection there; empty where it has."""
        way = self._link(device)
        mine = {
            self._way(other)
            for other in self._network.edges.plans
            if other.peering == plan.peering or (plan.profile == other.profile == "ixrs")
        }
        return "" if way is None or way in mine else f"{way[1]} of {way[0]}"

    def _slowness(self, plan: SessionPlan) -> float:
        """Seconds that the links add to a datagram at most."""
        nodes = [plan.edge, plan.peer]
        choices = [choice.quality for peering in self._topology.peerings for choice in self._topology.choices(peering)]
        late = [quality.latency + quality.jitter for quality in (*(node.quality for node in nodes), *choices)]
        return 4 * max(late, default=0.0) / 1000

    def _name(self, address: IpAddress | None) -> str:
        """`ash-edge-1 (192.0.2.75)`: who has an address of the lab."""
        if address is None:
            return ""
        names = {a: node.name for node in self._topology.edges for a in node.addresses} | self._owners()
        for plan in self._network.edges.plans:
            names |= {plan.edge_address: plan.edge.name, plan.peer_address: plan.peer.name}
        return f"{names[address]} ({address})" if address in names else str(address)

    # --- daemons that program no kernel ---

    async def _lend(self, plan: SessionPlan, router: str, host: HostBehind, service: IpAddress, *, lifted: bool) -> str:
        """Put what a router says that it holds into its node's kernel, where its daemon does not.

        Returns why nobody can know what it holds; empty where it says it, or its daemon does it.
        """
        node = self._node(router)
        if node is None or not await self._needs(node, host, service, lifted=lifted):
            return ""
        session = plan.router_session
        if isinstance(node, Customer):
            session = session_name(plan.peer, node, plan.family)
        try:
            prefixes = await self._network.peers.router(router).received(session)
        except NotOurRouterError as error:
            return f"{node.router_kind} of {router} programs no kernel, and what it holds is not known: {error}"
        except (KeyError, LabError):
            return ""
        index = host.router.index_of(host.router.interface_to(plan.edge_address))
        held = [FibRoute(nlri.key(prefix)[1], plan.edge_address, index) for prefix in prefixes]
        change = partial(host.lend, plan.edge_address.version)
        if not await self._lent.lend(router, plan.id, held, partial(asyncio.to_thread, change)):
            return ""
        kind = node.router_kind
        self._told[plan.id, router] = f"{kind} of {router} programs no kernel: turnup put in what it says that it holds"
        return ""

    async def _needs(self, node: Peer, host: HostBehind, service: IpAddress, *, lifted: bool) -> bool:
        if node.router_kind not in _PROGRAMS:
            return True
        if node.router_choice.config is None or not lifted:
            return self._lent.has(node.name) and node.router_choice.config is not None
        loop = asyncio.get_running_loop()
        until = loop.time() + _INSTALLS
        source = next(address for address in host.addresses if address.version == service.version)
        while not await asyncio.to_thread(host.has_way, source, service):
            if loop.time() >= until:
                return True
            await asyncio.sleep(_AGAIN)
        return False

    def _node(self, name: str) -> Peer | None:
        nodes: tuple[Peer, ...] = (*self._topology.peers, *self._topology.customers)
        return next((node for node in nodes if node.name == name), None)


def _passage(flight: Flight) -> Passage:
    if flight.arrived:
        return Passage.PASSED
    return _PASSAGES[flight.refusal] if flight.refusal is not None else Passage.LOST
