"""Routes as one JSON object a line: what `turnup edge --json` and `turnup routes --json` print, and whatever is close.

    {"prefix": "203.0.113.0/24", "as-path": "64496 64500", "communities": ["64496:100"], "next-hop": "192.0.2.1"}

Keys may be written with `-`, `_` or neither; a path may be text or a list, with lists in it for sets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from simulator.tables import notation
from simulator.tables.entries import Entry, Place, Routes, Skipped, Unreadable
from simulator.tables.lines import numbered
from simulator.wire import nlri
from simulator.wire.attributes import AsSegment, PathAttributes

_NAMES: Final = {
    "prefix": ("prefix", "network", "nlri", "route"),
    "as path": ("aspath", "path"),
    "next hop": ("nexthop", "gateway", "nh"),
    "communities": ("communities", "community"),
    "large communities": ("largecommunities", "largecommunity"),
    "med": ("med", "metric", "multiexitdisc"),
    "origin": ("origin",),
    "otc": ("otc", "onlytocustomer"),
    "local preference": ("localpref", "localpreference"),
}
_ORIGINS: Final = {"igp": 0, "i": 0, "egp": 1, "e": 1, "incomplete": 2, "?": 2, "0": 0, "1": 1, "2": 2}
_NESTED: Final = ("bgp", "attributes", "attrs")
"""Objects whose keys count as if they stood one level up."""


def read_json_lines(chunks: Iterable[bytes]) -> Iterator[Entry]:
    """Every line. An object that says what it is in `event` and is no route is skipped."""
    for number, text in numbered(chunks):
        line = text.strip()
        if not line:
            continue
        place = Place("line", number)
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = f"no JSON ({error.msg})" if isinstance(error, json.JSONDecodeError) else "no usable JSON"
            yield Unreadable(place, reason)
            continue
        yield read_object(found, place)


def read_object(found: Any, place: Place) -> Entry:
    """One route as an object, wherever it stands."""
    if not isinstance(found, dict):
        return Unreadable(place, "no JSON object")
    if found.get("event", "route") != "route":
        return Skipped(f"events of the kind {str(found['event'])[:40]!r}")
    try:
        return _route(found, place)
    except ValueError as error:
        return Unreadable(place, str(error))


def _route(found: dict[str, Any], place: Place) -> Routes:
    plain: dict[str, Any] = {}
    for part in (*(found[name] for name in _NESTED if isinstance(found.get(name), dict)), found):
        plain |= {_plain(key): value for key, value in part.items() if value is not None}

    def get(what: str) -> Any:
        return next((plain[name] for name in _NAMES[what] if name in plain), None)

    prefix = get("prefix")
    if not isinstance(prefix, str):
        raise ValueError("there is no prefix")
    family, key = nlri.key(prefix.strip())
    origin = _ORIGINS.get(str(get("origin") or 0).strip().lower())
    if origin is None:
        raise ValueError(f"'{get('origin')}' is no origin: IGP, EGP or incomplete")
    path = PathAttributes(
        origin=origin,
        as_path=_as_path(get("as path")),
        next_hop=_address(get("next hop")),
        med=_number(get("med"), "MED"),
        local_pref=_number(get("local preference"), "local preference"),
        communities=tuple(notation.community(_text(item)) for item in _items(get("communities"))),
        large_communities=tuple(notation.large_community(_text(item)) for item in _items(get("large communities"))),
        otc=_number(get("otc"), "OTC"),
    )
    return Routes(family, (key,), path, place=place)


def _plain(key: str) -> str:
    return key.lower().replace("-", "").replace("_", "").replace(" ", "").replace(".", "")


def _as_path(given: Any) -> tuple[AsSegment, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        return notation.as_path(given)
    if not isinstance(given, list):
        raise ValueError("the AS path is neither text nor a list")
    parts = []
    for item in given:
        if isinstance(item, list):
            parts.append(f"{{{' '.join(map(_text, item))}}}")
        else:
            parts.append(_text(item))
    return notation.as_path(" ".join(parts))


def _items(given: Any) -> list[Any]:
    """A list, or text with blanks between the values."""
    if given is None:
        return []
    if isinstance(given, str):
        return given.replace(", ", ",").split()
    if not isinstance(given, list):
        raise ValueError("communities are neither text nor a list")
    return given


def _text(item: Any) -> str:
    """A value of a list: text, a number, or the parts of a community."""
    if isinstance(item, list):
        return ":".join(map(_text, item)) if all(not isinstance(part, list) for part in item) else "[…]"
    if isinstance(item, bool) or not isinstance(item, str | int):
        raise ValueError(f"'{str(item)[:40]}' is neither text nor a whole number")
    return item if isinstance(item, str) else _digits(item)


def _digits(number: int) -> str:
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError("a number is not between 0 and 4294967295")
    return str(number)


def _number(given: Any, what: str) -> int | None:
    return None if given is None or given == "" else notation.number(_text(given), what)


def _address(given: Any) -> IPv4Address | IPv6Address | None:
    """A next hop; of two, the first (the second is link-local, RFC 2545 §3)."""
    if given is None or given == "":
        return None
    text = _text(given[0] if isinstance(given, list) and given else given).split()
    try:
        return ip_address(text[0] if text else "")
    except ValueError:
        raise ValueError(f"'{str(given)[:60]}' is no next hop") from None


def route_json(path: PathAttributes) -> dict[str, Any]:
    """The attributes of a route for a JSON line, under the keys that are read above."""
    return {
        "as-path": path.as_path_text,
        "next-hop": None if path.next_hop is None else str(path.next_hop),
        "origin": ("IGP", "EGP", "incomplete")[path.origin],
        "med": path.med,
        "communities": list(path.communities_text),
        "large-communities": [":".join(map(str, value)) for value in path.large_communities],
    }
