"""Junos's `show route`: as it is, `detail` and `extensive`, and `receive-protocol bgp` and `advertising-protocol bgp`.

    inet.0: 2 destinations, 2 routes (2 active, 0 holddown, 0 hidden)
    192.0.2.0/24       *[BGP/170] 1w2d 03:04:05, MED 10, localpref 100, from 198.51.100.1
                          AS path: 64496 64500 I, validation-state: unverified
                        >  to 198.51.100.1 via ge-0/0/0.0

Only `detail` and `extensive` have communities. Routes of other protocols are counted and passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, Final

from simulator.tables import router_notation
from simulator.tables.missing_attributes import COMMUNITIES, NEXT_HOP, NOTHING, OTC, MissingAttributes
from simulator.tables.notation import number
from simulator.tables.table_entries import FilePosition, Skipped, TableEntry, TableRoutes, Unreadable
from simulator.tables.terminal import is_chatter, screen
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes

TABLE: Final = re.compile(r"^(?P<table>[\w.-]*inet6?\.\d+): \d+ destinations?, \d+ routes?")
_PREFIX: Final = r"(?P<prefix>(?:\d+\.\d+\.\d+\.\d+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)(?:/\d+)?)"
_ALONE: Final = re.compile(rf"^[* ]? ?{_PREFIX}$")
"""A prefix too long for its column: what belongs to it is on the next line."""
_BRIEF: Final = re.compile(
    rf"^(?:{_PREFIX})?\s*(?P<mark>[*+-]?)\[(?P<protocol>\w[\w-]*)/-?\d+(?:/-?\d+)?\]\s*(?P<more>.*)$"
)
_DETAIL: Final = re.compile(rf"^(?P<mark>[* ]?) ?{_PREFIX} \((?P<count>\d+) entr(?:y|ies)(?:, \d+ announced)?\)")
_PROTOCOL: Final = re.compile(r"^\s+(?P<mark>[*+-]?)(?P<protocol>[A-Z][\w-]*)\s+Preference: ")
_PEER_TITLES: Final = re.compile(r"^\s*Prefix\s+Nexthop\s+MED\s+Lclpref\s+AS path$", re.IGNORECASE)
_TERSE_TITLES: Final = re.compile(r"^\s*A\s+V?\s*Destination\s+P\s+Prf\s+Metric 1", re.IGNORECASE)
_PEER_ROUTE: Final = re.compile(rf"^(?P<mark>[* ]) {_PREFIX}(?P<rest>\s+.*)?$")
_AS_PATH: Final = re.compile(r"^\s+AS path: ?(?P<path>.*)$")
_FROM: Final = re.compile(r"\bfrom (?P<peer>[0-9A-Fa-f.:]+)")
_TO: Final = re.compile(r"^\s+(?P<chosen>>)?\s*to (?P<hop>[0-9A-Fa-f.:]+)")
_FIELD: Final = re.compile(r"^\s+(?P<name>[A-Z][\w ()-]*?): *(?P<value>.*)$")
_METRIC: Final = re.compile(r"\bMED (?P<med>\d+)|\bMetric: (?P<metric>\d+)")
_PREFERENCE: Final = re.compile(r"\blocalpref (?P<value>\d+)")
_ORIGIN: Final = re.compile(r"(?:^|\s)(?P<origin>[IE?])(?=\s|,|\(|<|$)")
_AGGREGATOR: Final = re.compile(r"\bAggregator: (?P<asn>[\d.]+) (?P<address>[\d.]+)")
_COUNT: Final = re.compile(r"^\s*(?:Merged|Recorded)?\[(?P<asn>\d+)\]:?")
_UNKNOWN: Final = re.compile(
    r"Attr flags 0x?(?P<flags>\w+) code 0x?(?P<code>\w+): (?P<hex>[0-9A-Fa-f ]+)|AttrFlags", re.IGNORECASE
)
_AROUND: Final = re.compile(r"^\+ = Active Route|^\s*Restart (?:Complete|Pending)|^---|^Limit/|^@ = |^\s*\(\d+ ")

# fmt: off
_OTHERS: Final = frozenset({
    "Access", "Access-internal", "Aggregate", "Anchor", "ARP", "BGP-Static", "CBF", "Direct", "DTCP", "ESIS",
    "EVPN", "Flow", "Frr-internal", "IS-IS", "ISIS", "L-ISIS", "L-OSPF", "L2CKT", "L2VPN", "LDP", "Local",
    "MPLS", "Multicast", "ND", "OSPF", "OSPF2", "OSPF3", "PIM", "RIFT", "RIP", "RIPng", "RSVP", "SPRING-TE",
    "Static", "Tunnel", "VPLS", "VPN-Unicast",
})
# fmt: on
"""What else `show route` has."""
_NO_OTC: Final = MissingAttributes(OTC, "Junos does not show it")
_TABLE_LACKS: Final = MissingAttributes(
    COMMUNITIES | OTC,
    "Junos's table does not show it: give `show route … detail` (`show route receive-protocol bgp … detail`)",
)
_NO_HOP: Final = MissingAttributes(
    COMMUNITIES | OTC | NEXT_HOP, "Junos's terse table does not show it: give `show route … detail`"
)


@dataclass(slots=True)
class _Found:
    """One route while its lines are collected."""

    number: int
    prefix: str
    best: bool
    protocol: str = "BGP"
    detailed: bool = False
    advertised: bool = False
    """`[64496]` in front is what this router puts there; else it may be a count."""
    path: str | None = None
    hop: str = ""
    peer: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    communities: list[str] = field(default_factory=list)
    listing: bool = False
    """Whether the next line may go on with the communities."""
    hidden: bool = False


class _Reader:
    def __init__(self) -> None:
        self.found: _Found | None = None
        self.prefix = ""
        self.table = False
        self.detail = False
        """Whether a prefix's entries are under way, and their protocol is awaited."""
        self.left = 0
        """How many of them may still come."""
        self.advertised = False
        self.columns: tuple[int, ...] = ()

    def line(self, number_: int, text: str) -> Iterator[TableEntry]:
        """What a line ends or is by itself."""
        if (table := TABLE.match(text)) is not None:
            yield from self.finish()
            self.table, self.prefix, self.columns, self.detail = True, "", (), False
            del table
        elif _PEER_TITLES.match(text):
            yield from self.finish()
            self.columns = tuple(text.lower().index(title) for title in ("nexthop", "med", "lclpref", "as path"))
        elif _TERSE_TITLES.match(text):
            raise ValueError("the terse table has no whole AS paths: give `show route detail`")
        elif (detail := _DETAIL.match(text)) is not None:
            yield from self.finish()
            self.prefix, self.detail, self.left = detail["prefix"], True, int(detail["count"])
            if detail["mark"] or text.startswith("  "):  # `receive-protocol … detail` has no line of a protocol
                self.found = _Found(
                    number_, self.prefix, detail["mark"] == "*", detailed=True, advertised=self.advertised
                )
        elif (protocol := _PROTOCOL.match(text)) is not None and self.detail:
            yield from self.finish()
            self.left -= 1
            if self.left < 0:  # the line is missing that says whose they are
                self.prefix = ""
            self.found = _Found(number_, self.prefix, protocol["mark"] == "*", protocol["protocol"], detailed=True)
        elif (brief := _BRIEF.match(text)) is not None:
            yield from self.finish()
            self.prefix = brief["prefix"] or self.prefix
            self.found = _Found(number_, self.prefix, brief["mark"] in "*" and bool(brief["mark"]), brief["protocol"])
            self._note(brief["more"])
        elif self.columns and (row := _PEER_ROUTE.match(text)) is not None:
            yield from self.finish()
            self.found = _Found(number_, row["prefix"], row["mark"] == "*", advertised=self.advertised)
            self._row(text, row.end("prefix"))
        elif (alone := _ALONE.match(text)) is not None:
            yield from self.finish()
            self.prefix = alone["prefix"]
        elif self.found is not None and self._takes(text):
            return
        elif not (_AROUND.match(text) or is_chatter(text)):
            yield from self.finish()
            yield Unreadable(
                FilePosition("line", number_), f"{text.strip()[:40]!r} makes no sense in Junos's `show route`"
            )
        if is_chatter(text) and "advertising-protocol" in text:
            self.advertised = True
        elif is_chatter(text) and "show route" in text:
            self.advertised = False

    def finish(self) -> Iterator[TableEntry]:
        """The route that was being collected."""
        if self.found is not None:
            yield _entry(self.found)
            self.found = None

    def _row(self, text: str, at: int) -> None:
        """A line of `receive-protocol`: next hop, MED, local preference and path below their titles."""
        assert self.found is not None
        words_ = text[at:].split()
        if not words_:
            self.found.listing = True  # the rest is on the next line
            return
        hop, _, preference, path = self.columns
        self.found.hop = words_[0]
        start = text.index(words_[0], at)
        # A row that is moved is moved as a whole; the path begins under its title.
        shift = max(0, start - hop)
        self.found.path = text[path + shift :].strip()
        middle = re.search(r"\d+", text[start + len(words_[0]) : preference + shift])
        if middle is not None:
            self.found.fields["med"] = number(middle[0], "MED")

    def _takes(self, text: str) -> bool:
        found = self.found
        assert found is not None
        if self.columns and found.listing and text.startswith(" "):
            found.listing = False
            self._row(text, 0)
            return True
        if not text.startswith(" "):
            return False
        if (path := _AS_PATH.match(text)) is not None:
            if found.path is None:  # behind it may come how it was put together
                found.path = path["path"]
            found.listing = False
            return True
        if (to := _TO.match(text)) is not None:
            if not found.hop or to["chosen"]:
                found.hop = to["hop"]
            return True
        if (unknown := _UNKNOWN.search(text)) is not None:
            if unknown["code"] and int(unknown["code"], 16) == 35:
                found.fields["otc"] = int.from_bytes(bytes.fromhex(unknown["hex"].replace(" ", "")[:8]), "big")
            return True
        if (named := _FIELD.match(text)) is not None and not (found.listing and ":" in named["name"]):
            self._field(named["name"], named["value"], text)
            return True
        if found.listing and all(":" in word or _is_plain(word) for word in text.split()):
            found.communities += text.split()
            return True
        found.listing = False
        return True

    def _field(self, name: str, value: str, text: str) -> None:
        found = self.found
        assert found is not None
        found.listing = False
        match name.strip():
            case "Nexthop":
                found.hop = found.hop or value.strip().partition(" ")[0]
            case "Next hop" | "Protocol next hop":
                first = value.split()
                if first and not found.hop:
                    found.hop = first[0]
                if name == "Protocol next hop" and first:
                    found.hop = first[0]
            case "Source":
                found.peer = value.strip()
            case "Communities":
                found.communities += value.split()
                found.listing = True
            case "Localpref":
                found.fields["local_pref"] = number(value.partition(" ")[0], "localpref")
            case "MED":
                found.fields["med"] = number(value.partition(" ")[0], "MED")
            case "State":
                found.hidden = "Hidden" in value
            case _:
                self._note(text)

    def _note(self, text: str) -> None:
        found = self.found
        assert found is not None
        if (metric := _METRIC.search(text)) is not None:
            found.fields.setdefault("med", number(metric["med"] or metric["metric"], "MED"))
        if (preference := _PREFERENCE.search(text)) is not None:
            found.fields["local_pref"] = number(preference["value"], "localpref")
        if (peer := _FROM.search(text)) is not None:
            found.peer = peer["peer"]


def read_junos(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every BGP route of every table; routes of other protocols are counted, lines that make no sense unreadable."""
    reader = _Reader()
    for number_, text in screen(chunks):
        if not text.strip():
            continue
        try:
            yield from reader.line(number_, text)
        except ValueError as error:
            reader.found = None
            yield Unreadable(FilePosition("line", number_), str(error))
    yield from reader.finish()


def _entry(found: _Found) -> TableEntry:
    place = FilePosition("line", found.number)
    if found.protocol in _OTHERS:
        return Skipped("routes of other protocols than BGP")
    try:
        if found.protocol != "BGP":
            raise ValueError(f"{found.prefix}: '{found.protocol[:20]}' is no protocol that is known")
        if not found.prefix:
            raise ValueError("a route without a prefix")
        if found.path is None:
            raise ValueError(f"{found.prefix}: the route is cut short, its AS path is missing")
        family, key = nlri.key(found.prefix)
        path = _path(found)
        lacks = NOTHING if path.otc is not None else _NO_OTC
        if not found.detailed:
            lacks = _TABLE_LACKS if found.hop else _NO_HOP
        return TableRoutes(
            family, (key,), path, router_notation.neighbor(found.peer), found.best, place=place, lacks=lacks
        )
    except ValueError as error:
        return Unreadable(place, str(error))


def _path(found: _Found) -> PathAttributes:
    text, aggregator = found.path or "", None
    if (match := _AGGREGATOR.search(text)) is not None:
        aggregator = router_notation.as_path(match["asn"])[0].asns[0], IPv4Address(match["address"])
        text = text[: match.start()]
    origin = _ORIGIN.search(text)
    if origin is None:
        raise ValueError(f"{found.prefix}: the AS path is cut short, the origin (I, E or ?) is missing")
    sorted_: dict[str, list[str]] = {"plain": [], "large": [], "extended": []}
    for community in found.communities:
        kind = "large" if community.startswith("large:") else "plain" if _is_plain(community) else "extended"
        sorted_[kind].append(community)
    return PathAttributes(
        origin=router_notation.origin(origin["origin"]),
        as_path=_as_path(text[: origin.start()], found.advertised),
        next_hop=None if found.hop in ("", "Self") else router_notation.next_hop(found.hop),
        aggregator=aggregator,
        atomic_aggregate="(Atomic)" in text,
        communities=router_notation.communities(sorted_["plain"]),
        large_communities=router_notation.large_communities(sorted_["large"]),
        extended_communities=router_notation.extended_communities(sorted_["extended"]),
        **found.fields,
    )


def _is_plain(community: str) -> bool:
    try:
        router_notation.community(community)
    except ValueError:
        return False
    return True


def _as_path(text: str, advertised: bool) -> tuple[AsSegment, ...]:
    """`[64496] 64500 {64501}`: in brackets the router's own ASN, or how many there are; `([1 2])` is a set."""
    text = text.replace("([", "[").replace("])", "]")
    count = _COUNT.match(text)
    if count is None:
        return router_notation.as_path(text)
    rest = router_notation.as_path(text[count.end() :])
    if not advertised and int(count["asn"]) == sum(len(part.asns) for part in rest):
        return rest
    return router_notation.as_path(f"{count['asn']} {text[count.end() :]}")
