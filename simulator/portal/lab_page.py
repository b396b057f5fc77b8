"""The lab as it is now: the topology as a picture with every connection in both its states, and what happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import Response
from markupsafe import Markup

from simulator.azure.provider.provider import Provider
from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved
from simulator.peer.events import BgpStateChanged
from simulator.portal.frame import part
from simulator.portal.lab_layout import NODE_HEIGHT, LabDrawing, LabNode, PlacedNode, lay_out_lab
from simulator.portal.overview import peering_path
from simulator.portal.paging import paged
from simulator.portal.visit import PortalPage, Visit
from simulator.session.states import BgpState
from simulator.topology.plan import SessionPlan
from simulator.views.connection import StepView
from simulator.views.states import BGP_GROUPS, CONNECTION_GROUPS, group_of

_SIZE: Final = 50
_LAST: Final = 15
_MARKS: Final = {"c-none": "–", "c-wait": "…", "c-work": "⚙", "c-active": "✓", "c-bad": "✕", "c-leave": "↓"}
"""What stands on a line besides its colours."""
_WIRES_AT_MOST: Final = 24
"""More lines would hide one another."""
_CHIPS: Final = 8
_CHIP: Final = 18.0
_ORDER: Final = tuple(BgpState)


@dataclass(frozen=True, slots=True)
class LabWire:
    """One connection between an edge and a peer, as a line."""

    path: str
    connection_css: str
    bgp_css: str
    mark: str
    x: float
    y: float
    title: str
    page: str
    peer: PlacedNode
    is_private: bool


@dataclass(frozen=True, slots=True)
class LabChip:
    """The same below its peer, where lines would hide one another."""

    wire: LabWire
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class LabRow:
    """The same in words."""

    record: ConnectionRecord
    edges: str
    state: ConnectionState
    bgp: list[tuple[str, BgpState | None]]
    page: str


def _page_of(provider: Provider, record: ConnectionRecord) -> str:
    owner = provider.peerings.owner(record.id)
    if owner is None:
        return f"/desk/connections/{quote(record.id)}"
    return f"{peering_path(owner)}?connection={quote(record.id, safe='')}"


def _bgp(provider: Provider, plan: SessionPlan) -> BgpState | None:
    edges = provider.network.edges
    return edges.bgp_state(plan) if edges.is_provisioned(plan) else None


def _absent(provider: Provider) -> list[LabNode]:
    """Peers of connections that were asked for, by addresses that no router of the lab has."""
    here = {peer.name for peer in provider.topology.peers}
    peers = {each.peer.name: each.peer for each in provider.control.records.values() if each.peer.name not in here}
    return [
        LabNode(
            peer.name,
            "absent",
            f"AS{peer.asn} · no router here",
            f"{peer.name}: no router of this lab has its addresses",
        )
        for peer in peers.values()
    ]


def _wires(provider: Provider, drawing: LabDrawing) -> list[LabWire]:
    found: list[LabWire] = []
    between: Counter[tuple[str, str]] = Counter()
    for record in provider.control.records.values():
        state = record.connection.shown_state
        by_edge: dict[str, list[SessionPlan]] = {}
        for plan in record.plans:
            by_edge.setdefault(plan.edge.name, []).append(plan)
        for edge, plans in by_edge.items():
            ends = drawing.node(edge), drawing.node(plans[0].peer.name)
            if ends[0] is None or ends[1] is None:
                continue
            number = between[edge, plans[0].peer.name]
            between[edge, plans[0].peer.name] += 1
            shift = ((number + 1) // 2) * (14 if number % 2 else -14)
            states = [_bgp(provider, plan) for plan in plans]
            known = [each for each in states if each is not None]
            worst = min(known, key=_ORDER.index) if len(known) == len(states) and known else None
            words = ", ".join(
                f"{plan.family.label} BGP {each.value if each else 'not configured'}"
                for plan, each in zip(plans, states, strict=True)
            )
            css = group_of(state).css
            found.append(
                LabWire(
                    path=drawing.path(ends[0], ends[1], shift),
                    connection_css=css,
                    bgp_css=group_of(worst).css if worst is not None else "b-none",
                    mark=_MARKS[css],
                    x=(ends[0].middle + ends[1].middle) / 2 + shift,
                    y=(min(ends[0].y, ends[1].y) + max(ends[0].y, ends[1].y) + 50) / 2,
                    title=f"{record.id}: connection {state.value}; {words}",
                    page=_page_of(provider, record),
                    peer=ends[1],
                    is_private=not plans[0].lan,
                )
            )
    return found


def _chips(wires: list[LabWire]) -> tuple[list[LabChip], list[tuple[PlacedNode, int]]]:
    """One for each connection below its peer; and how many had no room there."""
    by_peer: dict[str, list[LabWire]] = {}
    for wire in wires:
        by_peer.setdefault(wire.peer.node.name, []).append(wire)
    chips, left = [], []
    for mine in by_peer.values():
        peer, more = mine[0].peer, len(mine) > _CHIPS
        shown = mine[: _CHIPS - 2] if more else mine  # how many more there are stands in the room of two
        start = peer.x if more else peer.middle - (len(shown) * _CHIP - 2) / 2
        chips += [LabChip(wire, start + n * _CHIP, peer.y + NODE_HEIGHT + 3) for n, wire in enumerate(shown)]
        if more:
            left.append((peer, len(mine) - len(shown)))
    return chips, left


def _member_paths(provider: Provider, drawing: LabDrawing) -> list[str]:
    """The sessions of the exchange's members with its route servers: no session of Microsoft's."""
    topology, found = provider.topology, []
    for customer in topology.customers:
        for server in topology.route_servers(customer):
            ends = drawing.node(server.name), drawing.node(customer.name)
            if ends[0] is not None and ends[1] is not None:
                found.append(drawing.path(ends[0], ends[1]))
    return found


def _news(provider: Provider) -> list[StepView]:
    """The last changes on both axes, the newest first."""
    steps: list[StepView] = []
    for event in reversed(provider.log.entries):
        if isinstance(event, ConnectionMoved):
            steps.append(StepView.of_connection(event.transition))
        elif isinstance(event, BgpStateChanged):
            steps.append(StepView.of_session(event.session, event.transition))
        if len(steps) == _LAST:
            break
    return steps


def _whose(provider: Provider) -> list[str]:
    found: list[str] = []
    for event in reversed(provider.log.entries):
        if isinstance(event, ConnectionMoved | BgpStateChanged):
            found.append(event.connection if isinstance(event, ConnectionMoved) else event.session)
        if len(found) == _LAST:
            break
    return found


def _picture(visit: Visit, drawing: LabDrawing, wires: list[LabWire], *, marked: bool) -> Markup:
    """Drawn once for a change: that of 200 peers has ten thousand numbers."""
    wrong = {each.node.name: faults for each in drawing.nodes if (faults := visit.faults.of_node(each.node.name))}
    shown = (drawing, wires, [(name, [each.id for each in faults]) for name, faults in wrong.items()])
    known = visit.memory.picture
    if known is None or known[0] != shown:
        chips, left = ([], []) if marked else _chips(wires)
        picture = part(
            "lab.svg",
            drawing=drawing,
            wires=wires if marked else [],
            chips=chips,
            chips_left=left,
            member_paths=_member_paths(visit.provider, drawing),
            wrong=wrong,
        )
        known = visit.memory.picture = (shown, picture)
    return known[1]


async def lab(visit: Visit) -> Response:
    provider = visit.provider
    drawing = lay_out_lab(provider.topology, _absent(provider))
    wires = _wires(provider, drawing)
    marked = len(wires) <= _WIRES_AT_MOST
    page = paged(visit, list(provider.control.records.values()), _SIZE)
    rows = [
        LabRow(
            record,
            ", ".join(dict.fromkeys(plan.edge.name for plan in record.plans)),
            record.connection.shown_state,
            [(plan.family.label, _bgp(provider, plan)) for plan in record.plans],
            _page_of(provider, record),
        )
        for record in page.rows
    ]
    return visit.page(
        "lab.html",
        f"Lab {provider.topology.name}",
        topology=provider.topology,
        link=provider.network.kind.value,
        versions=provider.versions,
        nodes=len(drawing.nodes),
        squares=not marked and bool(wires),
        picture=_picture(visit, drawing, wires, marked=marked),
        page=page,
        rows=rows,
        news=list(zip(_whose(provider), _news(provider), strict=True)),
        connection_groups=CONNECTION_GROUPS,
        bgp_groups=BGP_GROUPS,
    )


PAGES: Final = (PortalPage("GET", "/lab", lab),)
