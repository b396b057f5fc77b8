"""`BGP routing table entry for 192.0.2.0/24`: `show bgp … detail` of IOS, IOS XR, NX-OS, EOS and FRR.

    BGP routing table entry for 192.0.2.0/24, version 10
    Paths: (1 available, best #1, table default)
      64496 64500, (aggregated by 64500 192.0.2.200)
        198.51.100.1 from 198.51.100.1 (203.0.113.1)
          Origin IGP, metric 0, localpref 100, valid, external, best
          Community: 64496:100

Each has lines of its own in between. The path, the next hop and the origin make a route; lines that are known to say
nothing of it are passed over, and so is what is set deeper than they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, Final

from simulator.tables import router_notation
from simulator.tables.cisco_table import with_length
from simulator.tables.missing_attributes import NOTHING, OTC, MissingAttributes
from simulator.tables.notation import number
from simulator.tables.table_entries import FilePosition, TableEntry, TableRoutes, Unreadable
from simulator.tables.terminal import is_chatter, screen
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

ENTRY: Final = re.compile(
    r"^\s*BGP routing table entry for (?:[\d.]+:\d+:(?=\d+\.\d))?(?P<prefix>[0-9A-Fa-f.:]+(?:/\d+)?)(?:,|\s|$)"
)
_AVAILABLE: Final = re.compile(r"^\s*Paths:? \(?(?P<count>\d+) available")
_LACKS: Final = MissingAttributes(OTC, "this output does not show it: give an MRT dump where the router writes one")
_AS_PATH: Final = re.compile(
    r"^  (?P<path>Local|[\d.]*[\d{(\[][\d.\s{}(),\[\]]*?)(?P<more>(?:,? *\([a-zA-Z][^)]*\))*(?:, [\w -]+)*)\s*$"
)
_NXOS_PATH: Final = re.compile(r"^\s+AS-Path: (?P<path>NONE|[\d.\s{}()]*?)\s*,? *(?P<more>path \w.*)?$")
_SOURCE: Final = re.compile(
    r"^\s+(?P<hop>[0-9A-Fa-f.:]+(?:%\S+)?)(?:\([^)]*\))?(?: \([^)]*\))*(?: (?:via|in vrf) \S+)* from (?P<peer>\S+)"
)
_LINK_LOCAL: Final = re.compile(r"^\s+\((?P<hop>fe80:[0-9A-Fa-f:.]+)\)", re.IGNORECASE)
_ORIGIN: Final = re.compile(
    r"^\s+Origin (?:codes )?(?P<origin>IGP|EGP|incomplete|\S+?)(?:,|\s|$)(?P<more>.*)$", re.IGNORECASE
)
_COMMUNITIES: Final = re.compile(
    r"^\s+(?:(?P<large>Large Communit(?:y|ies))|(?P<extended>Ext(?:ended|\.)? ?Communit(?:y|ies))|Communit(?:y|ies))"
    r"(?: \(\w+\))?: *(?P<values>.*)$",
    re.IGNORECASE,
)
_AGGREGATED: Final = re.compile(r"aggregated by (?P<asn>\d[\d.]*) (?P<address>[\d.]+)")
_NXOS_AGGREGATED: Final = re.compile(r"^\s+Aggregated by (?P<address>[\d.]+), aggregator AS (?P<asn>\d[\d.]*)")
_UNKNOWN: Final = re.compile(
    r"unknown transitive attribute: flag 0x(?P<flag>\w+) type 0x(?P<type>\w+) length 0x(?P<length>\w+)", re.IGNORECASE
)
_HEX: Final = re.compile(r"^\s+value (?P<hex>[0-9A-Fa-f ]+)$")
_NUMBERS: Final = re.compile(r"(?P<name>metric|MED|localpref) (?P<value>\d+)")
_NXOS_TYPE: Final = re.compile(r"^\s+Path type: ")
_BEST: Final = re.compile(r"\bbest\b")
_AROUND: Final = re.compile(
    r"\s*(?:BGP (?:table|router|generic|main|NSR|scan|routing|local|bestpath)|Paths?[ :-]|path-?id|Versions:"
    r"|Process|Speaker|Last [Mm]od|Last update|Updated on|(?:Not )?[Aa]dvertised|Refresh Epoch|Received|Rcvd"
    r"|[Rr]x |[Tt]x |Flag|Default local|Router id|Local (?:PathID|Label)|Local, |Label|Originator|Cluster"
    r"|Connector|Attributes|Add(?:Path|itional)|DMZ|AIGP|Extended IPv6|Weight|Time till|Stale|Origin-AS|RPKI"
    r"|mpls labels|[Ii]mport|Source (?:AFI|VRF)|Multipath|Foreign|\d+ Contributing|Total number|Displayed"
    r"|Processed|Status codes|Origin codes|Update-groups?|Table ID|Non-stop|tunnel|Group-best|Nexthop|SAFI"
    r"|Dampinfo|Peer|VRF|For |Route Distinguisher|recursive|\(\S+\)$|[\d. ]+$|0x|% |-+$)"
)
"""How lines begin that say nothing of a route."""
_ANY: Final = 1 << 30
"""As many paths as come: the output has not said how many there are."""
_UNKNOWN_PREFIX: Final = "?"
_DEEPER: Final = re.compile(r"^ {8,}\S")


@dataclass(slots=True)
class _Found:
    """One path while its lines are collected."""

    number: int
    prefix: str
    as_path: str
    fields: dict[str, Any] = field(default_factory=dict)
    hop: str = ""
    peer: str = ""
    origin: str = ""
    best: bool = False
    unknown: int = 0
    """Type of the unknown attribute whose value the next line has."""
    list: str = ""
    """The communities that a continuation line belongs to."""
    texts: dict[str, str] = field(default_factory=dict)


def read_cisco_detail(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every path of every prefix; an entry without a path is unreadable, and so is a line that makes no sense."""
    found: _Found | None = None
    prefix, since, paths, said, chosen = "", 0, 0, _ANY, False
    for number_, text in screen(chunks):
        try:
            taken = found is not None and _takes(found, text)
        except ValueError as error:
            yield Unreadable(FilePosition("line", number_), str(error))
            found = None
            continue
        if (entry := ENTRY.match(text)) is not None:
            yield from _finished(found, prefix, since, paths)
            found, prefix, since, paths, said = None, entry["prefix"], number_, 0, _ANY
        elif (available := _AVAILABLE.match(text)) is not None:
            if said != _ANY:  # the line is missing that says whose paths they are
                yield from _finished(found, prefix, since, paths)
                found, prefix, since, paths = None, _UNKNOWN_PREFIX, number_, 0
            said = int(available["count"])
        elif not text.strip() or taken:
            continue
        elif prefix and (begun := _begins(number_, prefix, text)) is not None:
            if found is not None:
                yield _entry(found)
            found, paths = begun, paths + 1
            if paths > said:
                found.prefix = _UNKNOWN_PREFIX
            found.best, chosen = chosen, False
        elif _NXOS_TYPE.match(text):
            chosen = "is best path" in text
        elif not (
            _AROUND.match(text) or is_chatter(text) or (found is not None and found.origin and _DEEPER.match(text))
        ):
            yield Unreadable(
                FilePosition("line", number_), f"{text.strip()[:40]!r} makes no sense in a table's details"
            )
    yield from _finished(found, prefix, since, paths)


def _finished(found: _Found | None, prefix: str, since: int, paths: int) -> Iterator[TableEntry]:
    if found is not None:
        yield _entry(found)
    elif prefix and not paths:
        yield Unreadable(FilePosition("line", since), f"{prefix}: there is no path below it")


def _begins(number_: int, prefix: str, text: str) -> _Found | None:
    match = _AS_PATH.match(text) or _NXOS_PATH.match(text)
    if match is None:
        return None
    path = match["path"].strip()
    found = _Found(number_, prefix, "" if path in ("Local", "NONE") else path)
    _note_aggregator(found, match["more"] or "")
    return found


def _takes(found: _Found, text: str) -> bool:
    """Whether a line says something of the path that is being collected."""
    if found.unknown and (hexed := _HEX.match(text)) is not None:
        raw = bytes.fromhex(hexed["hex"])
        if found.unknown == 35 and len(raw) == 4:
            found.fields["otc"] = int.from_bytes(raw, "big")
        found.unknown = 0
        return True
    if not found.hop:
        if (source := _SOURCE.match(text)) is not None:
            found.hop, found.peer = source["hop"], source["peer"]
            return True
        return False
    if not found.origin:
        if (link_local := _LINK_LOCAL.match(text)) is not None:
            found.fields["link_local"] = router_notation.address(link_local["hop"])
            return True
        if (origin := _ORIGIN.match(text)) is None:
            return False
        found.origin = origin["origin"]
        found.best = found.best or _BEST.search(origin["more"]) is not None
        for match in _NUMBERS.finditer(origin["more"]):
            name = "local_pref" if match["name"] == "localpref" else "med"
            if "IGP " + match[0] not in origin["more"]:
                found.texts.setdefault(name, match["value"])
        if "atomic-aggregate" in origin["more"]:
            found.fields["atomic_aggregate"] = True
        _note_aggregator(found, origin["more"])
        return True
    return _takes_list(found, text)


def _takes_list(found: _Found, text: str) -> bool:
    """A line behind that of the origin: communities, and what their list goes on with."""
    if _NXOS_AGGREGATED.match(text):
        _note_aggregator(found, text)
        return True
    if (given := _COMMUNITIES.match(text)) is not None:
        found.list = "large" if given["large"] else "extended" if given["extended"] else "communities"
        found.texts[found.list] = f"{found.texts.get(found.list, '')} {given['values']}".strip()
        return True
    if (unknown := _UNKNOWN.search(text)) is not None:
        found.unknown, found.list = int(unknown["type"], 16), ""
        return True
    if found.list and re.fullmatch(r"\s{6,}[\w.:-]+:[\w.:-]+(?: [\w.:-]+)*", text):
        found.texts[found.list] += f" {text.strip()}"
        return True
    found.list = ""
    return False


def _note_aggregator(found: _Found, text: str) -> None:
    if (match := _AGGREGATED.search(text) or _NXOS_AGGREGATED.match(text)) is not None:
        found.texts["aggregator"] = f"{match['asn']} {match['address']}"


def _entry(found: _Found) -> TableEntry:
    place = FilePosition("line", found.number)
    try:
        if not found.hop or not found.origin:
            missing = "next hop" if not found.hop else "origin"
            raise ValueError(f"{found.prefix}: the path is cut short, its {missing} is missing")
        if found.prefix == _UNKNOWN_PREFIX:
            raise ValueError("a path of no prefix: the line 'BGP routing table entry for …' is missing above it")
        family, key = nlri.key(with_length(found.prefix))
        path = _path(found)
        lacks = NOTHING if path.otc is not None else _LACKS
        return TableRoutes(
            family, (key,), path, router_notation.neighbor(found.peer), found.best, place=place, lacks=lacks
        )
    except ValueError as error:
        return Unreadable(place, str(error))


def _path(found: _Found) -> PathAttributes:
    given = found.texts
    if "aggregator" in given:
        asn, _, address = given["aggregator"].partition(" ")
        found.fields["aggregator"] = router_notation.as_path(asn)[0].asns[0], IPv4Address(address)
    return PathAttributes(
        origin=router_notation.origin(found.origin),
        as_path=router_notation.as_path(found.as_path),
        next_hop=router_notation.next_hop(found.hop),
        med=number(given["med"], "metric") if "med" in given else None,
        local_pref=number(given["local_pref"], "localpref") if "local_pref" in given else None,
        communities=router_notation.communities(given.get("communities", "").split()),
        large_communities=router_notation.large_communities(given.get("large", "").split()),
        extended_communities=router_notation.extended_communities(given.get("extended", "").split()),
        **found.fields,
    )
