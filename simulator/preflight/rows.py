"""Every session of a topology, both sides compared. No socket is opened and no router started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from simulator.addresses import IpAddress
from simulator.engine.peer_config import configured_session, router_config
from simulator.places.errors import LabError
from simulator.places.link import NodeSpec
from simulator.preflight.compare import fit_of, mismatches
from simulator.preflight.ends import AgreedEnd, Fit, Mismatch, PreflightRow, RouterEnd
from simulator.preflight.reading import ReadFile, of_config
from simulator.routers.base import RouterConfig
from simulator.routers.own_file import OwnFile
from simulator.routers.parsing import faults
from simulator.routers.registry import ROUTERS
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Peer, Topology
from simulator.topology.segments import cables_of, lan_of


def preflight(topology: Topology, *, ask: bool = True) -> list[PreflightRow]:
    """One row a session, in the topology's order.

    It asks the daemons' own parsers, which takes up to a second a file; with `ask` false it relies on its own reading.
    """
    found: list[PreflightRow] = []
    planned, ports = plans(topology), _Ports(topology)
    by_peer: dict[str, list[SessionPlan]] = {}
    for plan in planned:
        by_peer.setdefault(plan.peer.name, []).append(plan)
    for peer in topology.peers:
        found += _rows(topology, ports, peer, by_peer.get(peer.name, ()), ask=ask)
    order = {plan.id: number for number, plan in enumerate(planned)}
    return sorted(found, key=lambda row: order[row.session])


class _Ports:
    """Where each router is attached in the lab: all of a topology in one walk."""

    def __init__(self, topology: Topology) -> None:
        self.lan: dict[str, list[NodeSpec]] = {}
        self.cables: dict[str, list[NodeSpec]] = {}
        for node in lan_of(topology).nodes:
            self.lan.setdefault(node.name, []).append(node)
        for cable in cables_of(topology):
            for node in cable.ends:
                self.cables.setdefault(node.name, []).append(node)

    def addresses(self, peer: Peer) -> frozenset[IpAddress]:
        nodes = (*self.lan.get(peer.name, ()), *self.cables.get(peer.name, ()))
        return frozenset(address for node in nodes for address in node.addresses)

    def names(self, peer: Peer) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the router's interfaces towards Microsoft are called in the lab, and their VRFs."""
        on_lan = [("lan", node) for node in self.lan.get(peer.name, ())]
        nodes = [*on_lan, *((f"pni{number}", node) for number, node in enumerate(self.cables.get(peer.name, ())))]
        return tuple(node.interface or name for name, node in nodes), tuple(node.vrf for _, node in nodes if node.vrf)


def _rows(
    topology: Topology, ports: _Ports, peer: Peer, mine: Sequence[SessionPlan], *, ask: bool
) -> Iterator[PreflightRow]:
    own, path = ROUTERS[peer.router_kind].own_file, peer.router_choice.config
    addresses = ports.addresses(peer)
    agreed = [agreed_end(topology, plan, addresses) for plan in mine]
    if path is None or own is None:
        config = router_config(peer, (), mine)
        for plan, each in zip(mine, agreed, strict=True):
            yield _row(plan, each, _configured(topology, config, plan), _source(peer))
        return
    refused, notes = _words(own, peer) if ask else ((), ())
    try:
        file = ReadFile(own, path, peer.router_kind, ask=ask)
    except LabError as error:
        refused = (str(error),)
    for plan, each in zip(mine, agreed, strict=True):
        if refused:
            yield replace(_row(plan, each, None, str(path)), fit=Fit.NOT_READ, notes=refused)
            continue
        edges = frozenset(other.edge_address for other in mine)
        row = _row(plan, each, file.end(each, edges), str(path))
        away = file.misnamed(*ports.names(peer), plan.edge_address)
        wrong = [Mismatch(matter, "a name that is there", words) for matter, words in away]
        yield replace(row, mismatches=(*row.mismatches, *wrong), notes=notes)


def _words(own: OwnFile, peer: Peer) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the daemon's own parser refuses in the file; and what else is to be said."""
    path = peer.router_choice.config
    assert path is not None, "there is a file"
    try:
        return tuple(map(str, faults(own, path))), ()
    except LabError as error:
        return (), (f"{path}: not checked by {peer.router_kind} itself: {error}",)


def _row(plan: SessionPlan, agreed: AgreedEnd, end: RouterEnd | None, source: str) -> PreflightRow:
    return PreflightRow(
        session=plan.id,
        connection=plan.connection,
        peering=plan.peering,
        peer=plan.peer.name,
        router=plan.peer.router_kind,
        edge_address=str(plan.edge_address),
        router_address=str(plan.peer_address),
        fit=fit_of(agreed, end),
        mismatches=mismatches(agreed, end) if end is not None else (),
        source=source,
    )


def agreed_end(topology: Topology, plan: SessionPlan, addresses: frozenset[IpAddress]) -> AgreedEnd:
    """What the edge is configured with, seen from the router. `addresses`: all of the router's."""
    return AgreedEnd(
        edge_address=plan.edge_address,
        router_address=plan.peer_address,
        router_addresses=addresses,
        microsoft_as=topology.microsoft.asn,
        peer_as=plan.peer.asn,
        family=plan.family,
        md5=plan.md5 or "",
        gtsm=plan.gtsm,
        hold_time=topology.microsoft.hold_time,
    )


def _configured(topology: Topology, config: RouterConfig, plan: SessionPlan) -> RouterEnd | None:
    """None: the mistake that the topology asks for is that the session is missing."""
    side = plan.peer_side
    if side.families is not None and plan.family.label not in side.families:
        return None
    asn = side.asn or config.asn
    return of_config(replace(config, asn=asn), configured_session(plan, topology.microsoft.asn))


def _source(peer: Peer) -> str:
    return "the topology: an external router" if peer.is_external else "what turnup writes for it"


def evidence_of(rows: Iterable[PreflightRow]) -> dict[str, tuple[tuple[str, str], ...]]:
    """By session what did not match, for the diagnosis: the matter, and words."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for row in rows:
        words = tuple(
            (each.matter.name.lower().replace("_", "-"), f"before the session: {each}") for each in row.mismatches
        )
        missing = (
            (("address", f"before the session: {row.fit.value}"),) if row.fit is Fit.HALF_OPEN and not words else ()
        )
        found[row.session] = words + missing
    return found
