"""The table of `show ip bgp` and its like: IOS, IOS XE, IOS XR, NX-OS, EOS, FRR, Quagga, and others after their model.

       Network          Next Hop            Metric LocPrf Weight Path
    *> 192.0.2.0/24     198.51.100.1             0             0 64496 64500 i
    *                   198.51.100.2                           0 64497 64500 i

Numbers are set against the right ends of their titles, and what is too long moves what follows to the next line. So the
titles tell where the AS path begins, and the origin code where a route ends. There are no communities in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from simulator.tables import router_notation
from simulator.tables.missing_attributes import COMMUNITIES, NEXT_HOP, OTC, MissingAttributes
from simulator.tables.notation import number
from simulator.tables.table_entries import FilePosition, TableEntry, TableRoutes, Unreadable
from simulator.tables.terminal import is_chatter, screen
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

TITLES: Final = re.compile(r"^\s*Network\s+Next[ -]Hop\s.*\bPath\s*$", re.IGNORECASE)
"""The line of titles; what is before `Network` are status codes."""
_LACKS: Final = MissingAttributes(
    COMMUNITIES | OTC, "the table of `show bgp` does not show it: give `show bgp … detail`"
)
_LACKS_HOP: Final = MissingAttributes(
    _LACKS.attributes | NEXT_HOP, "the table of `show bgp` does not show all of it: give `show bgp … detail`"
)
_STATUS: Final = re.compile(r"[A-Za-z *>=#|&@-]*")
_MARKED: Final = re.compile(r"^ {0,3}(?:[VIN]?[*>]|[sdhrRSxbm#][ *>])")
"""A line that begins with a status code is a route, whatever else it is."""
_ADDRESS: Final = re.compile(
    r"(?<![\w.:/])(?P<address>\d+\.\d+\.\d+\.\d+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|-)(?P<more>[^\s/\d][^\s/]*)?(?=\s|$)"
)
_SOME_ADDRESS: Final = re.compile(r"\d+\.\d+\.\d+|[0-9A-Fa-f]+:[0-9A-Fa-f]*:")
_PREFIX: Final = re.compile(r"(?P<prefix>\d+\.\d+\.\d+\.\d+(?:/\d+)?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*/\d+)(?=\s|$)")
_NUMBER: Final = re.compile(r"\d+|-(?=\s)")
_END: Final = re.compile(r"(?:^|(?<=[\s\d)}\]]))(?P<origin>[ie?])(?:\s*[|&])?$")
_PATH: Final = re.compile(r"[\d.\s{}(),\[\]]*")
_CHATTER: Final = re.compile(
    r"BGP (?:table|router|generic|main|NSR|scan|routing|local|activity|instance)|Status(?: codes)?:|Path type:"
    r"|Origin codes:|RPKI|Nexthop codes:|Route status codes:|AS Path Attributes:|Default local pref"
    r"|Router identifier|Table ID:"
    r"|Non-stop|Dampening|Total number of|Displayed |Processed |Peer \S+ routes|Route Distinguisher:|Advertised|For "
    r"|VRF[ :]|% ?\w|-+$|address family|Instance |Local AS|Network Next Hop",
    re.IGNORECASE,
)
_LEGEND: Final = re.compile(r"^\s+(?:\S - ?|[A-Za-z] [\w-]+[,.]?(?: |$)|\S+ [\w-]+, )")


@dataclass(slots=True)
class _Titles:
    """The positions of the columns that matter."""

    network: int
    next_hop: int
    weight_end: int
    """Right end of the last number before the path; 0 where there is a fixed number of columns."""
    columns: int
    """Between next hop and path."""
    from_column: bool
    """IOS XR's `advertised-routes` names the route's sender instead of numbers."""


def _titles(text: str) -> _Titles:
    names = text[: text.lower().rindex("path")]
    names = re.sub(r"\bAS $", "   ", names)
    middle = re.split(r"next[ -]hop", names, flags=re.IGNORECASE)[1].split()
    # EOS writes a dash where it has nothing, and sets its columns against the left.
    fixed = "LocPref" in middle
    ends = 0 if fixed else len(names.rstrip())
    start = re.search(r"next[ -]hop", text, re.IGNORECASE)
    assert start is not None, "the titles have it"
    return _Titles(text.lower().index("network"), start.start(), ends, len(middle), middle == ["From"])


@dataclass(slots=True)
class _Found:
    """One route while its lines are collected."""

    number: int
    prefix: str
    best: bool
    titles: _Titles
    next_hop: str = ""
    rest: str = ""
    """Behind the next hop; blanks stand for what is before it, so that columns are those of the screen."""
    shift: int = 0
    """How far its columns are to the right of their titles."""


def read_cisco_table(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every route of every table; a line that is neither one, nor what stands around tables, is unreadable."""
    titles: _Titles | None = None
    found: _Found | None = None
    prefix = ""
    for number_, text in screen(chunks):
        if TITLES.match(text):
            if found is not None:
                yield _entry(found)
            titles, found, prefix = _titles(text), None, ""
            continue
        if not text.strip():
            continue
        if found is not None and not _whole(found) and _continues(found, text):
            _add(found, text)
            continue
        if titles is None or _is_around(text):
            if found is not None:
                yield _entry(found)
                found = None
            if titles is None and not _is_around(text):
                words_ = "a line before the titles (Network, Next Hop, … Path): nobody can tell its columns"
                yield Unreadable(FilePosition("line", number_), f"{words_}: {text.strip()[:40]!r}")
            continue
        if found is not None:
            yield _entry(found)
        found = _begun(number_, text, titles, prefix)
        if found is None:
            yield Unreadable(FilePosition("line", number_), f"{text.strip()[:40]!r} is no route of the table")
        else:
            prefix = found.prefix
    if found is not None:
        yield _entry(found)


def _is_around(text: str) -> bool:
    """Whether a line is one of those around the routes: a legend, a heading, a prompt."""
    if _CHATTER.match(text.strip()):
        return True
    return (not _SOME_ADDRESS.search(text) and bool(_LEGEND.match(text))) or (
        not _MARKED.match(text) and is_chatter(text)
    )


def _begun(number_: int, text: str, titles: _Titles, before: str) -> _Found | None:
    for at in (titles.network + by for by in (0, -1, 1, -2, 2, -3, 3, -4, -5)):
        prefix = _PREFIX.match(text, at) if _may_begin(text, at, titles) else None
        if prefix is not None:
            found = _Found(number_, prefix["prefix"], ">" in text[:at] or titles.from_column, titles)
            _add(found, " " * prefix.end() + text[prefix.end() :])
            return found
    # Behind a blank column stands the next hop of another path of the prefix before.
    hop = _ADDRESS.search(text)
    if before and hop is not None and hop.start() > titles.network + 6 and _STATUS.fullmatch(text, 0, hop.start()):
        found = _Found(number_, before, ">" in text[: hop.start()], titles)
        _add(found, text)
        return found
    return None


def _may_begin(text: str, at: int, titles: _Titles) -> bool:
    """Whether a prefix may stand there: behind status codes, whose letters are digits of IPv6 too."""
    if at < 0 or at >= len(text) or text[at] == " " or not _STATUS.fullmatch(text, 0, at):
        return False
    last, second = text[at - 1 : at], text[at - 2 : at - 1]
    if last.lower() not in "abcdef":
        return True
    return not last or (at == titles.network and second in " *>|&x")


def _continues(found: _Found, text: str) -> bool:
    """Whether a line goes on with what is not whole yet."""
    if not found.next_hop:
        return text.startswith("  ") and _ADDRESS.match(text.strip()) is not None
    stripped = text.strip()
    path = _END.sub("", stripped)
    return text.startswith(" ") and _PATH.fullmatch(path) is not None


def _add(found: _Found, text: str) -> None:
    if not found.next_hop:
        hop = _ADDRESS.search(text)
        if hop is None:
            found.rest = text.strip()
            return
        found.next_hop = hop["address"]
        found.shift = hop.start() - found.titles.next_hop
        found.rest = " " * hop.end() + text[hop.end() :]
    elif found.rest.strip():
        found.rest += " " + text.strip()
    else:
        found.rest, found.shift = text, 0


def _whole(found: _Found) -> bool:
    return bool(found.next_hop) and _END.search(found.rest.strip()) is not None


def _entry(found: _Found) -> TableEntry:
    place = FilePosition("line", found.number)
    try:
        family, key = nlri.key(with_length(found.prefix))
        if not found.next_hop:
            raise ValueError(
                f"{found.prefix}: there is no next hop" + (f" in {found.rest[:40]!r}" if found.rest else "")
            )
        path, lacks = _path(found), _LACKS
        if isinstance(path.next_hop, IPv6Address) and path.next_hop.is_link_local:
            # The one that is forwarded to: the global one that came with it (RFC 2545 §3) is not shown.
            path, lacks = path.but(next_hop=None, link_local=path.next_hop), _LACKS_HOP
        return TableRoutes(family, (key,), path, best=found.best, place=place, lacks=lacks)
    except ValueError as error:
        return Unreadable(place, str(error))


def with_length(prefix: str) -> str:
    """IOS leaves the length out where it is that of the address's class (RFC 791 §2.3)."""
    if "/" in prefix:
        return prefix
    first = int(prefix.partition(".")[0])
    length = 0 if prefix == "0.0.0.0" else 8 if first < 128 else 16 if first < 192 else 24
    return f"{prefix}/{length}"


def _path(found: _Found) -> PathAttributes:
    end = _END.search(found.rest)
    if end is None:
        raise ValueError(f"{found.prefix}: the line is cut short, the origin code (i, e or ?) is missing")
    numbers, path = _columns(found, found.rest[: end.start()])
    return PathAttributes(
        origin=router_notation.origin(end["origin"]),
        as_path=router_notation.as_path("" if path.strip() == "Local" else path),
        next_hop=None if found.next_hop == "-" else router_notation.next_hop(found.next_hop),
        med=numbers[0] if numbers else None,
    )


def _columns(found: _Found, rest: str) -> tuple[list[int | None], str]:
    """The metric, if its column is certain, and the AS path."""
    titles, at = found.titles, len(rest) - len(rest.lstrip())
    if titles.from_column:
        who = re.match(r"\s*(\S+)", rest)
        return [], rest[who.end() :] if who else ""
    tokens: list[re.Match[str]] = []
    while (token := _NUMBER.match(rest, at)) is not None:
        tokens.append(token)
        at = token.end() + len(rest[token.end() :]) - len(rest[token.end() :].lstrip())
        if len(tokens) == titles.columns or (titles.weight_end and token.end() >= titles.weight_end + found.shift):
            break
    else:
        raise ValueError(f"{found.prefix}: no weight before {rest[at:].strip()[:30]!r}")
    metric = tokens[0] if len(tokens) > 1 else None
    wide = metric is not None and titles.weight_end and metric.end() > titles.weight_end + found.shift - 13
    value = None if metric is None or wide or metric[0] == "-" else number(metric[0], "metric")
    return [value], rest[at:]
