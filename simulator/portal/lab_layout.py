"""The lab as a picture: where each node stands. It lays itself out for two nodes as for sixty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulator.topology.schema import Topology

NODE_WIDTH: Final = 148.0
NODE_HEIGHT: Final = 50.0
_GAP_X: Final = 24.0
_GAP_Y: Final = 34.0
_LINE: Final = 8
"""Nodes beside one another; a row with more goes on below."""
_PADDING: Final = 22.0
_HEAD: Final = 26.0
_BETWEEN: Final = 96.0
"""Between two areas, for the sessions."""


@dataclass(frozen=True, slots=True)
class LabNode:
    """A node to be drawn."""

    name: str
    kind: str
    """`edge`, `peer`, `route-server`, `member` or `absent`."""
    detail: str
    title: str


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """A node at its place; `x` and `y` are its upper left corner."""

    node: LabNode
    x: float
    y: float

    @property
    def middle(self) -> float:
        return self.x + NODE_WIDTH / 2


@dataclass(frozen=True, slots=True)
class LabArea:
    """A box around nodes: AS8075, the exchange LAN, or networks with private links alone."""

    kind: str
    """`microsoft`, `lan` or `private`."""
    name: str
    detail: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class LabDrawing:
    """Every area and node."""

    areas: tuple[LabArea, ...]
    nodes: tuple[PlacedNode, ...]
    stubs: tuple[tuple[float, float, float], ...]
    """x, y1, y2 of the edges' interfaces on the LAN."""
    width: float
    height: float
    _by_name: dict[str, PlacedNode] = field(repr=False, compare=False, hash=False)

    def node(self, name: str) -> PlacedNode | None:
        return self._by_name.get(name)

    def path(self, one: PlacedNode, other: PlacedNode, shift: float = 0.0) -> str:
        """The curve from a node to another one, `shift` beside their middles, as SVG writes it."""
        above, below = (one, other) if one.y <= other.y else (other, one)
        x1, x2 = above.middle + shift, below.middle + shift
        y1, y2 = above.y + NODE_HEIGHT, below.y
        if y2 <= y1:  # beside each other
            y1, y2 = above.y + NODE_HEIGHT / 2, below.y + NODE_HEIGHT / 2
        middle = (y1 + y2) / 2
        return f"M{x1:.1f} {y1:.1f}C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"


def lay_out_lab(topology: Topology, absent: Iterable[LabNode] = ()) -> LabDrawing:
    """`absent`: who is asked for and has no router in this lab.

    Networks with private links alone stand above AS8075's edges, the exchange LAN with its members below."""
    edges = [LabNode(edge.name, "edge", f"AS{topology.microsoft.asn}", _title(edge)) for edge in topology.edges]
    servers = {peering.peer for peering in topology.peerings if peering.is_ixrs}
    private: list[LabNode] = []
    lan: list[LabNode] = []
    for peer in topology.peers:
        kind = "route-server" if peer.name in servers else "peer"
        detail = "route server" if kind == "route-server" else peer.router_kind
        node = LabNode(peer.name, kind, f"AS{peer.asn} · {detail}", _title(peer))
        (lan if peer.addresses else private).append(node)
    (lan if topology.exchange is not None else private).extend(absent)
    lan.sort(key=lambda node: node.kind != "route-server")
    members = [
        LabNode(each.name, "member", f"AS{each.asn} · {each.router_kind}", _title(each)) for each in topology.customers
    ]
    width = _PADDING * 2 + max(_across(group) for group in (edges, private, [*lan], members, [None] * 5))
    areas: list[LabArea] = []
    placed: list[PlacedNode] = []
    y = 4.0
    if private:
        y = _area(LabArea("private", "Private links", "", 0, y, width, 0), [private], areas, placed) + _BETWEEN
    edge_y = y
    name = f"AS{topology.microsoft.asn} (Microsoft)"
    y = _area(LabArea("microsoft", name, "", 0, y, width, 0), [edges], areas, placed)
    stubs: list[tuple[float, float, float]] = []
    if topology.exchange is not None:
        on_lan = {edge.name for edge in topology.edges if edge.addresses}
        below = y + _BETWEEN
        prefixes = " · ".join(map(str, topology.lan.prefixes))
        lan_area = LabArea("lan", f"{topology.exchange.name}: exchange LAN", prefixes, 0, below, width, 0)
        stubs = [
            (each.middle, each.y + NODE_HEIGHT, below)
            for each in placed
            if each.node.name in on_lan and each.y >= edge_y
        ]
        y = _area(lan_area, [lan, members], areas, placed)
    by_name = {each.node.name: each for each in placed}
    return LabDrawing(tuple(areas), tuple(placed), tuple(stubs), width, y + 4, by_name)


def _title(node: object) -> str:
    addresses = ", ".join(map(str, getattr(node, "addresses", ())))
    return f"{getattr(node, 'name', '')}{f': {addresses}' if addresses else ''}"


def _across(group: Sequence[object]) -> float:
    across = min(max(len(group), 1), _LINE)
    return across * (NODE_WIDTH + _GAP_X) - _GAP_X


def _area(area: LabArea, groups: Iterable[Sequence[LabNode]], areas: list[LabArea], placed: list[PlacedNode]) -> float:
    """Put groups of nodes into an area, each in rows of its own; returns where the area ends."""
    y = area.y + _HEAD + _PADDING
    for group in groups:
        for start in range(0, len(group), _LINE):
            line = group[start : start + _LINE]
            left = area.x + (area.width - _across(line)) / 2
            placed += [PlacedNode(node, left + number * (NODE_WIDTH + _GAP_X), y) for number, node in enumerate(line)]
            y += NODE_HEIGHT + _GAP_Y
        if group:
            y += _GAP_Y
    end = y - 2 * _GAP_Y + _PADDING + 10
    areas.append(LabArea(area.kind, area.name, area.detail, area.x, area.y, area.width, end - area.y))
    return end
