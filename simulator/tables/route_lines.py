"""ExaBGP's route syntax, one route a line, or bare prefixes: what `turnup edge --announce` reads too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from simulator.tables.table_entries import FilePosition, TableEntry, TableRoutes, Unreadable
from simulator.tables.text_lines import numbered_lines
from simulator.wire.route_syntax import parse_routes

_UNKNOWN4: Final = IPv4Address("255.255.255.255")
_UNKNOWN6: Final = IPv6Address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
"""They stand for `self` while nobody knows the address; no route can have them as a next hop."""
_UNKNOWN: Final = (_UNKNOWN4, _UNKNOWN6)


def read_route_lines(
    chunks: Iterable[bytes], next_hop_v4: IPv4Address | None = None, next_hop_v6: IPv6Address | None = None
) -> Iterator[TableEntry]:
    """Every line; `next-hop self` is one of these addresses; without one the route has no next hop."""
    v4, v6 = next_hop_v4 or _UNKNOWN4, next_hop_v6 or _UNKNOWN6
    for number, text in numbered_lines(chunks):
        line = text.partition("#")[0].strip()
        if not line:
            continue
        place = FilePosition("line", number)
        syntax = line if " " in line or "\t" in line else f"route {line} next-hop self"
        try:
            parsed = parse_routes([syntax], next_hop_v4=v4, next_hop_v6=v6)
        except ValueError as error:
            # The parser repeats the whole line, which may be long and is there to be looked up.
            yield Unreadable(place, str(error).removeprefix(f"{' '.join(syntax.split())!r}: ")[:300])
            continue
        if not parsed:
            yield Unreadable(place, "there is no route in it")
        for route in parsed:
            path = route.attributes
            path = replace(path, next_hop=None) if path.next_hop in _UNKNOWN else path
            yield TableRoutes(route.family, (route.key,), path, place=place)
