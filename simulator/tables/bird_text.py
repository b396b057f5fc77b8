"""BIRD's `show route all`: version 2 and 3, and the older 1.6; several routes a prefix, several tables.

203.0.113.0/24       unicast [peer1 2025-11-22] * (100) [AS64500i]
    via 192.0.2.1 on eth0
    BGP.as_path: 64496 64500

Version 3 says `recursive` for `unicast` where a next hop is looked up, and `bgp_path:`. Tabs may have become blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from simulator.tables import notation
from simulator.tables.alike_routes import AlikeRoutes
from simulator.tables.table_entries import Announcer, FilePosition, TableEntry, TableRoutes, Unreadable
from simulator.tables.text_lines import whole_lines
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

ROUTE: Final = re.compile(
    r"^(?:\d{4}[- ])?\s*(?P<prefix>[0-9a-fA-F:][0-9a-fA-F.:/]*)?\s+"
    r"(?:unicast|recursive|blackhole|unreachable|prohibit(?:ed)?|multicast|unknown|none"
    r"|via\s+(?P<via>\S+)(?:\s+on\s+\S+)?|dev\s+\S+)\s+"
    r"\[(?P<protocol>[^\s\]]+)[^\]]*\]\s*(?P<rest>.*)$"
)
"""The first line of a route. Without a prefix: another route for the prefix before."""
_ATTRIBUTE: Final = re.compile(r"^(?:\d{4}[- ])?\s*(?:BGP\.|bgp_)(?P<name>\w+)(?:\s+\[\w*\])?:(?:\s+(?P<value>.*))?$")
_BEGIN: Final = ("\tBGP.", "\tbgp_")
"""How the lines of attributes begin, where tabs are tabs: no route does."""
_DAMAGED: Final = re.compile(r"^(?:\d{4}[- ])?\s*bgp[._]", re.IGNORECASE)
_CONTINUED: Final = re.compile(r"^(?:\d{4}[- ])?\s*(?P<more>\(.*)$")
"""A set of communities goes on: BIRD writes about 500 octets a line, and each value in parentheses."""
_SETS: Final = ("community", "ext_community", "large_community")
_OURS: Final = re.compile(r"^Table \S+: AS(\d{1,10}) at ([0-9a-fA-F:.]+), connection ")
"""What `turnup routes` writes above a session's routes."""
_CUT: Final = "..."
"""Ends an AS path that had no room in BIRD's line."""
_VIA: Final = re.compile(r"^(?:\d{4}[- ])?\s+via\s+(?P<via>\S+)")
_PREFIXED: Final = re.compile(r"^\s*[0-9a-fA-F:.]{2,}/\d")
"""However far to the right it stands, a prefix begins a route."""
_GROUP: Final = re.compile(r"\([^()]*\)")
_HEAD: Final = r"(?:unicast|recursive|blackhole|unreachable|prohibit(?:ed)?|via \S+ on \S+)"
_WHOLE: Final = re.compile(
    rf"([0-9a-fA-F:][0-9a-fA-F.:/]*)? +({_HEAD}) \[[^\s\]]+[^\]\n]*\]([^\n]*\n(?:\t[^\n]*\n)*)"
    rf"(?=[0-9a-fA-F:.]{{2,}}/\d| +(?!via ){_HEAD} \[)"
)
"""A route and all of its lines, where another one follows: (prefix, kind, all behind the protocol)."""
_ORIGINS: Final = {"IGP": 0, "EGP": 1, "Incomplete": 2}
_MARKS: Final = {"i": "IGP", "e": "EGP", "?": "Incomplete"}
_MARK: Final = re.compile(r"\[(?:AS\d+)?([ie?])\]")
"""Ends the first line of a BGP route: its origin once more."""


@dataclass(slots=True)
class _Found:
    """One route while its lines are collected."""

    number: int
    prefix: str
    best: bool
    mark: str
    """The origin that its first line tells; empty where that is no BGP route's."""
    announcer: Announcer | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    via: str = ""
    last: str = ""
    """The attribute that a continuation line belongs to."""
    damaged: str = ""
    """A line of it that looks like an attribute and is not one."""


def read_bird(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every route of every table, by what routes share, in about their order; its line for what cannot be used."""
    lines = _Lines()
    alike = AlikeRoutes(lines.alone)
    for first, text in whole_lines(chunks):
        number, at = first, 0
        while at < len(text):
            route = _WHOLE.match(text, at)
            if route is not None:
                yield from lines.end()
                prefix, kind, rest = route.groups()
                lines.prefix = prefix or lines.prefix
                if alike.add(lines.prefix, f"{kind}\0{rest}", number):
                    if alike.is_full:
                        yield from alike.flush()
                    number += rest.count("\n")
                    at = route.end()
                    continue
            end = text.index("\n", at)
            announcer = lines.announcer
            yield from lines.take(number, text[at:end])
            if lines.announcer is not announcer:
                later, lines.announcer = lines.announcer, announcer
                yield from alike.flush()
                lines.announcer = later
            number, at = number + 1, end + 1
    yield from alike.flush()
    yield from lines.end()


class _Lines:
    """Takes lines one after the other, whatever they are, and makes entries of them."""

    def __init__(self) -> None:
        self.prefix = ""
        """Of the route above: other routes for it follow."""
        self.announcer: Announcer | None = None
        self._found: _Found | None = None
        self._told = False
        """What follows is of a route that was unreadable already."""

    def alone(self, prefix: str, shared: str, place: FilePosition) -> Iterator[TableEntry]:
        """A route that stood whole between others: its prefix, and all else but the protocol."""
        kind, _, rest = shared.partition("\0")
        below = _Lines()
        below.announcer = self.announcer
        for number, text in enumerate(f"{prefix} {kind} [x]{rest}".split("\n")[:-1], place.number):
            yield from below.take(number, text)
        yield from below.end()

    def end(self) -> Iterator[TableEntry]:
        """The route that is open has no more lines."""
        found, self._found, self._told = self._found, None, False
        if found is not None:
            yield _entry(found)

    def take(self, number: int, text: str) -> Iterator[TableEntry]:
        """The next line."""
        found = self._found
        head = None
        if text.startswith(_BEGIN):
            name, colon, value = text[5:].partition(": ")
            if colon and found is not None and name.isidentifier() and name not in found.attributes and not self._told:
                found.last = name
                found.attributes[name] = value.strip()
                return
        else:
            head = ROUTE.match(text)
        if head is not None:
            yield from self.end()
            self.prefix = head["prefix"] or self.prefix
            rest = head["rest"]
            best, mark = rest.startswith(("*", "!")), _MARK.search(rest)
            origin = _MARKS[mark[1]] if mark is not None else ""
            self._found = _Found(number, self.prefix, best, origin, self.announcer, via=head["via"] or "")
        elif found is not None and found.last in _SETS and (more := _CONTINUED.match(text)) is not None:
            found.attributes[found.last] += " " + more["more"]
        elif not self._told and (attribute := _ATTRIBUTE.match(text)) is not None:
            name = attribute["name"]
            if found is None or name in found.attributes:  # the line that a route begins with is missing
                if found is not None:
                    found.damaged = found.damaged or f"a second {text.strip()}"
                    yield from self.end()
                found = self._found = _Found(number, "", best=False, mark="")
            found.last = name
            found.attributes[name] = (attribute["value"] or "").strip()
        elif found is not None and _DAMAGED.match(text):
            found.damaged = found.damaged or text.strip()
        elif found is not None and (via := _VIA.match(text)) is not None:
            found.via, found.last = found.via or via["via"], ""
        elif (text[:1].strip() or _PREFIXED.match(text)) and not _chatter(text):
            yield from self.end()
            self._told = True
            yield Unreadable(
                FilePosition("line", number), f"'{text.strip()[:40]}' does not look like BIRD's `show route all`"
            )
        else:
            if (ours := _OURS.match(text)) is not None:
                self.announcer = _announcer(*ours.groups())
            if found is not None and text.strip():
                found.last = ""


def _chatter(text: str) -> bool:
    """What birdc prints around the routes."""
    return bool(re.match(r"^(?:\d{4}[- ])?(?:BIRD |Table |Access |bird> |0000|Network not found)", text)) or bool(
        re.match(r"^\d{4}[- ]?\s*$", text)
    )


def _entry(found: _Found) -> TableEntry:
    place = FilePosition("line", found.number)
    try:
        if not found.prefix:
            raise ValueError("a route without a prefix: the line that it begins with is missing")
        if found.damaged:
            raise ValueError(f"'{found.damaged[:40]}' is no attribute of this route")
        family, key = nlri.key(found.prefix)
        if found.mark and not found.attributes:
            raise ValueError("a BGP route without its attributes: ask BIRD for `show route all`")
        given = found.attributes
        if found.mark and not ("as_path" in given or "path" in given):  # each BGP route has one, be it empty
            raise ValueError("the route is cut short, or damaged: its AS path is missing")
        path, cut = _path(found)
        return TableRoutes(family, (key,), path, found.announcer, best=found.best, place=place, cut=cut)
    except ValueError as error:
        return Unreadable(place, str(error))


def _announcer(asn: str, address: str) -> Announcer | None:
    try:
        return Announcer(notation.number(asn, "ASN"), ip_address(address))
    except ValueError:
        return None


def _path(found: _Found) -> tuple[PathAttributes, str]:
    """The attributes, and who cut the AS path short if it is."""
    given = found.attributes
    hops = given.get("next_hop", found.via).split()
    origin = _ORIGINS.get(given.get("origin", found.mark or "IGP"))
    if origin is None:
        raise ValueError(f"'{given['origin'][:40]}' is no origin")
    as_path, cut = given.get("as_path", given.get("path", "")), ""
    if as_path.endswith(_CUT):
        as_path, cut = _whole(as_path.removesuffix(_CUT)), "BIRD"
    path = PathAttributes(
        origin=origin,
        as_path=notation.as_path(as_path),
        next_hop=_address(hops[0]) if hops else None,
        link_local=_link_local(hops),
        med=_number(given, "med"),
        local_pref=_number(given, "local_pref"),
        atomic_aggregate="atomic_aggr" in given,
        aggregator=_aggregator(given),
        communities=tuple(map(notation.community, _groups(given, "community"))),
        extended_communities=tuple(map(notation.extended_community, _groups(given, "ext_community"))),
        large_communities=notation.large_communities(_groups(given, "large_community")),
        otc=_number(given, "otc"),
    )
    return path, cut


def _whole(path: str) -> str:
    """What is left of a path that was cut, with the set closed that the cut fell into."""
    opened = max(map(path.rfind, "{(["))
    return path + {"{": "}", "(": ")", "[": "]"}[path[opened]] if opened > max(map(path.rfind, "})]")) else path


def _aggregator(given: dict[str, str]) -> tuple[int, IPv4Address] | None:
    text = given.get("aggregator")
    return None if text is None else notation.aggregator(text)


def _groups(given: dict[str, str], name: str) -> list[str]:
    """ValueError for anything that stands between the values."""
    text = given.get(name)
    if text is None:
        return []
    if rest := _GROUP.sub("", text).strip():
        raise ValueError(f"'{rest[:40]}' is no {name}")
    return _GROUP.findall(text)


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        raise ValueError(f"'{text[:60]}' is no next hop") from None


def _link_local(hops: list[str]) -> IPv6Address | None:
    second = _address(hops[1]) if len(hops) > 1 else None
    return second if isinstance(second, IPv6Address) else None


def _number(given: dict[str, str], name: str) -> int | None:
    text = given.get(name)
    return None if text is None else notation.number(text, name)
