"""The lines of a user's own file that make its routes what they are: what they set is what was seen in the routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from simulator.routers.edits import Edit
from simulator.routers.own_file import OwnFile, sources
from simulator.routers.statements import StatementSpan, blocks, same

_MOST: Final = 8
"""An edit shows so many lines; the plain remedy has to do where there are more."""

NEXT_HOP, PREPENDED, MED, COMMUNITY = "next-hop", "prepended", "med-sent", "communities-stripped"

Put = tuple[str, str | None]
"""What to look for, where {v} is the value that was seen, and what stands there then; None: nothing."""


def _of_bird(statement: str) -> tuple[Put, ...]:
    """With its line, or alone; a block is left in place of what an `if` stands before."""
    return (
        (rf"^[ \t]*{statement}[ \t]*\n", None),
        (rf"(?<=[{{;])[ \t]*{statement}", None),
        (rf"\b{statement}", "{ }"),
    )


def _of_openbgpd(attribute: str) -> tuple[Put, ...]:
    """With the `match` that sets nothing else, with `set`, or out of a list of what is set."""
    alone = rf"\bset\s+(?:\{{\s*)?{attribute}(?![\w.:])(?:\s*\}})?[ \t]*"
    return (
        (rf"^[ \t]*match\b[^\n{{]*{alone}\n", None),
        (rf"[ \t]*{alone}$", None),
        (rf"(?<![\w-]){attribute}(?![\w.:])[ \t,]*", None),
    )


CULPRITS: Final[Mapping[str, Mapping[str, tuple[Put, ...]]]] = {
    "bird": {
        NEXT_HOP: (
            *_of_bird(r"bgp_next_hop\s*=\s*{v}\s*;"),
            (r"(?<=next hop )address\s+{v}(?=\s*;)", "self"),
        ),
        PREPENDED: _of_bird(r"bgp_path\.prepend\(\s*{v}\s*\)\s*;"),
        MED: _of_bird(r"bgp_med\s*=\s*{v}\s*;"),
        COMMUNITY: _of_bird(r"bgp_community\.add\(\s*\(\s*{v}\s*\)\s*\)\s*;"),
    },
    "frr": {
        NEXT_HOP: ((r"^[ \t]*set (?:ip|ipv6) next-hop (?:global )?{v}[ \t]*\n", None),),
        PREPENDED: (
            (r"^[ \t]*set as-path prepend +(?:\d+ +)*{v}(?: +\d+)*[ \t]*\n", None),
            (r"^[ \t]*set as-path prepend +last-as +\d+[ \t]*\n", None),
        ),
        MED: ((r"^[ \t]*set metric {v}[ \t]*\n", None),),
        COMMUNITY: (
            (r"^[ \t]*set community {v}(?: additive)?[ \t]*\n", None),
            (r"(?<= ){v} (?=[^\n]*\badditive)", ""),
        ),
    },
    "openbgpd": {
        NEXT_HOP: _of_openbgpd(r"nexthop\s+{v}"),
        PREPENDED: _of_openbgpd(r"prepend-(?:self|neighbor)\s+\d+"),
        MED: _of_openbgpd(r"(?:metric|med)\s+{v}"),
        COMMUNITY: _of_openbgpd(r"community\s+{v}"),
    },
    "gobgp": {
        NEXT_HOP: ((r'(?<=set-next-hop = "){v}(?=")', "self"),),
        PREPENDED: (
            (r'^[ \t]*\[[\w.-]*set-as-path-prepend\][ \t]*\n(?:[ \t]*repeat-n[^\n]*\n)?[ \t]*as\s*=\s*"{v}"[ \t]*\n'
             r"(?:[ \t]*repeat-n[^\n]*\n)?", None),
        ),
        MED: ((r'^[ \t]*set-med\s*=\s*"\+?{v}"[ \t]*\n', None),),
        COMMUNITY: ((r'"{v}",?\s*', ""),),
    },
    "exabgp": {
        NEXT_HOP: ((r"(?<=next-hop ){v}(?=[\s;])", "self"),),
        PREPENDED: ((r"[ \t]*\bas-path\s*\[[^\]\n]*\b{v}\b[^\]\n]*\]", None),),
        MED: ((r"[ \t]*\bmed\s+{v}\b", None),),
        COMMUNITY: ((r"(?<=[\[\s]){v}(?=[\]\s;])", ""),),
    },
}  # fmt: skip
"""By language and cause: the statements that set what was seen."""


def culprits(language: str, own: OwnFile, path: Path, cause: str, values: tuple[str, ...], export: str) -> Edit | None:
    """The change that takes them out, in the file that has them; None where it has none, or very many.

    `values`: what was seen in the routes: next hops, AS numbers, MEDs, communities. `export`: the name of the session's
    export policy; what it says comes before what stands elsewhere.
    """
    table = CULPRITS.get(language, {}).get(cause, ())
    for file, text in sources(own, path) if values else ():
        blanked = own.blank(text)
        found = [
            (hit.span(), put or "")
            for look, put in table
            for value in dict.fromkeys(values)
            for hit in re.finditer(look.replace("{v}", _spelled(language, own, text, value)), blanked, re.MULTILINE)
        ]
        found = _apart(sorted(found))
        named = list(_SCOPES.get(language, _nowhere)(blanked, export)) if export else []
        inside = [each for each in found if any(start <= each[0][0] < end for start, end in named)]
        chosen = inside or found
        if chosen and len(chosen) <= _MOST:
            return Edit(file, text, 0, len(text), _replaced(text, chosen))
    return None


_SIX: Final = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
"""What may be an IPv6 address: it can be spelled in many ways."""


def _spelled(language: str, own: OwnFile, text: str, value: str) -> str:
    """A value as a file may write it: a constant's name too; BIRD's communities are pairs."""
    words = re.escape(value)
    if language == "bird" and (pair := re.fullmatch(r"(\d+):(\d+)", value)):
        return rf"{pair[1]}\s*,\s*{pair[2]}"
    known = [hit[1] for hit in own.constants.finditer(text) if hit[2] == value] if own.constants is not None else []
    known += sorted({hit for hit in _SIX.findall(text) if hit != value and ":" in value and same(hit, value)})
    return rf"(?:{'|'.join([words, *map(re.escape, known)])})"


def _apart(found: list[tuple[StatementSpan, str]]) -> list[tuple[StatementSpan, str]]:
    """Without those that lie in another one."""
    kept: list[tuple[StatementSpan, str]] = []
    for span, put in found:
        if not kept or span[0] >= kept[-1][0][1]:
            kept.append((span, put))
    return kept


def _replaced(text: str, found: list[tuple[StatementSpan, str]]) -> str:
    for (start, end), put in reversed(found):
        text = text[:start] + put + text[end:]
    return text


def _nowhere(text: str, name: str) -> Iterator[StatementSpan]:
    yield from ()


def _of_filters(text: str, name: str) -> Iterator[StatementSpan]:
    """BIRD's filter, and the functions that it calls, and those that they call."""
    known = {hit[1]: span for hit, span in blocks(text, re.compile(r"\b(?:filter|function)\s+(\w+)[^{;]*\{"))}
    wanted, seen = [name], set[str]()
    while wanted:
        if (one := wanted.pop()) in known and one not in seen:
            seen.add(one)
            yield known[one]
            wanted += re.findall(r"\b(\w+)\s*\(", text[slice(*known[one])])


def _of_route_maps(text: str, name: str) -> Iterator[StatementSpan]:
    for hit in re.finditer(rf"^route-map {re.escape(name)} .*\n(?:[ \t]+.*\n)*", text, re.MULTILINE):
        yield hit.span()


_SCOPES: Final[Mapping[str, Callable[[str, str], Iterator[StatementSpan]]]] = {
    "bird": _of_filters,
    "frr": _of_route_maps,
}
"""By language: where an export policy of a name stands."""
