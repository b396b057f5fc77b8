"""Clients of a route server without sessions: they announce plain data, and hold what the octets say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from simulator.rib.attribute_set import AttributeSet
from simulator.rib.route_server.client import Client, RouteServerSettings
from simulator.rib.route_server.control import ControlCommunities
from simulator.rib.route_server.stream import Piece, Receiver, UpdateRenderer, is_for
from simulator.rib.route_server.table import RouteServerTable
from simulator.rib.route_server.transparent import MessageFormat, Transparent
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, decode, encode
from simulator.wire.checked_attributes import NlriLocation
from simulator.wire.framing import Framer, MessageType
from simulator.wire.update import split_update

RS_AS = 64500
V4, V6 = Family.IPV4, Family.IPV6
STANDARD = MessageFormat(True, 4096)


def key(prefix: str) -> bytes:
    return nlri.key(prefix)[1]


def community(text: str) -> int:
    high, low = text.split(":")
    return int(high) << 16 | int(low)


def large(text: str) -> tuple[int, int, int]:
    one, two, three = text.split(":")
    return int(one), int(two), int(three)


def address(number: int, family: Family = V4) -> IPv4Address | IPv6Address:
    if family is V4:
        return IPv4Address("192.0.2.0") + number
    return IPv6Address("2001:db8::") + number


def path(*asns: int, **attributes: Any) -> PathAttributes:
    return PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, asns),) if asns else (), **attributes)


def attribute_set(of: PathAttributes) -> AttributeSet:
    """As if it had come from a four-octet AS speaker."""
    return AttributeSet(of, (), encode(of, asn4=True))


@dataclass
class Exchange:
    """One family of a route server with its clients."""

    family: Family = V4
    settings: RouteServerSettings = field(default_factory=lambda: RouteServerSettings(RS_AS))
    clients: dict[int, Client] = field(default_factory=dict)
    """By a number that also makes ASN, address and BGP Identifier."""
    formats: dict[int, MessageFormat] = field(default_factory=dict)
    """Of those who are told; the others only announce."""
    held: dict[int, dict[bytes, tuple[bytes, bytes]]] = field(default_factory=dict)
    """Number → key → (attribute octets, next hop of MP_REACH_NLRI), as the octets say."""
    receivers: dict[int, Receiver] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    """Of the last time that somebody was told."""

    def __post_init__(self) -> None:
        control = ControlCommunities(self.settings.asn)
        self.table = RouteServerTable(control)
        self.transparent = Transparent(self.settings, control)
        self.renderer = UpdateRenderer(self.family, self.transparent)

    def client(self, number: int, asn: int = 0, **options: Any) -> Client:
        """A client that is told from now on, from the view on."""
        made = Client(
            f"c{number}",
            asn or 65000 + number,
            self.family,
            address(number, self.family),
            identifier=number,
            **options,
        )
        self.tell()
        self.clients[number] = made
        self.table.add(made)
        return made

    def join(self, number: int, format_: MessageFormat = STANDARD) -> None:
        self.tell()
        self.formats[number] = format_
        self.held[number], self.receivers[number] = {}, Receiver()
        for piece in self.renderer.pieces(self.table.view(self.clients[number]), format_):
            self._give(number, piece)

    def announce(self, number: int, attributes: PathAttributes, *prefixes: str) -> None:
        """The next hop is the client's own address where there is none."""
        client = self.clients[number]
        if attributes.next_hop is None:
            attributes = PathAttributes(**{**attributes.__dict__, "next_hop": client.address})
        self.table.take(client, dict.fromkeys(map(key, prefixes), attribute_set(attributes)))

    def withdraw(self, number: int, *prefixes: str) -> None:
        self.table.forget(self.clients[number], [key(prefix) for prefix in prefixes])

    def down(self, number: int) -> None:
        self.table.forget_all(self.clients[number])

    def tell(self) -> None:
        """Everybody is told of what has changed."""
        changes = self.table.changes.copy()
        self.table.changes.clear()
        rendered: dict[MessageFormat, list[Piece]] = {}
        for number, format_ in self.formats.items():
            if format_ not in rendered:
                rendered[format_] = self.pieces = self.renderer.pieces(changes, format_)
            for piece in rendered[format_]:
                if is_for(piece, self.clients[number]):
                    self._give(number, piece)

    def _give(self, number: int, piece: Piece) -> None:
        self.receivers[number].told(piece)
        announced, withdrawn = apply(self.held[number], piece.octets, self.family)
        assert not (announced and withdrawn), "a piece that does both"
        assert announced == (piece.announces and bool(piece.keys))
        assert self.receivers[number].count == len(self.held[number]), "counted otherwise than held"

    def got(self, number: int, prefix: str) -> PathAttributes | None:
        """What a client has of a prefix, decoded."""
        self.tell()
        found = self.held[number].get(key(prefix))
        return None if found is None else self.decoded(found, self.formats[number])

    def decoded(self, found: tuple[bytes, bytes], format_: MessageFormat) -> PathAttributes:
        raw, next_hop = found
        reach = NlriLocation.MP_REACH if next_hop else NlriLocation.NLRI_FIELD
        return decode(raw, asn4=format_.asn4, reach=reach, next_hop=next_hop)

    def octets(self, number: int, prefix: str) -> bytes:
        """The attributes that a client has of a prefix, as they came."""
        self.tell()
        return self.held[number][key(prefix)][0]

    def who_has(self, prefix: str) -> set[int]:
        self.tell()
        return {number for number, held in self.held.items() if key(prefix) in held}


def apply(held: dict[bytes, tuple[bytes, bytes]], octets: bytes, family: Family) -> tuple[bool, bool]:
    """What a client makes of messages: whether they announced, and whether they withdrew."""
    framer = Framer()
    framer.max_size = 65535
    framer.feed(octets)
    announced = withdrawn = False
    for kind, body in framer.messages():
        assert kind == MessageType.UPDATE
        parts = split_update(body)
        assert not parts.faults and not parts.reach_left_out
        came, went = parts.announced, parts.withdrawn
        hop = b""
        if family is V6:
            came = parts.reach.nlri if parts.reach else b""
            hop = parts.reach.next_hop if parts.reach else b""
            went = parts.unreach.nlri if parts.unreach else b""
        for k in nlri.split(went, family):
            withdrawn = True
            held.pop(k, None)
        for k in nlri.split(came, family):
            announced = True
            held[k] = (parts.attributes, hop)
    return announced, withdrawn


def several(exchange: Exchange, count: int, formats: Sequence[MessageFormat] = (STANDARD,)) -> Exchange:
    """Clients 1 to `count`, all told."""
    for number in range(1, count + 1):
        exchange.client(number)
        exchange.join(number, formats[number % len(formats)])
    return exchange
