"""Routes as one JSON object a line: what `turnup edge`, `routes` and `policy check` print, and whatever is close.

    {"prefix": "203.0.113.0/24", "asPath": "64496 64500", "communities": ["64496:100"], "nextHop": "192.0.2.1"}

Keys may be written with `-`, `_` or neither; a path may be text or a list, with lists in it for sets. `route_json`
writes, `read_json_lines` reads: what the one writes, the other reads back whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from simulator.policy.verdict import Verdict
from simulator.session.messages import Family
from simulator.tables import birdwatcher_reader, notation
from simulator.tables.alike_lines import read_lines
from simulator.tables.event_routes import EventRoutes
from simulator.tables.table_entries import Announcer, FilePosition, Skipped, TableEntry, TableRoutes, Unreadable
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes

_NAMES: Final = {
    "prefix": ("prefix", "network", "nlri", "route"),
    "as path": ("aspath", "path"),
    "next hop": ("nexthop", "gateway", "nh"),
    "link-local next hop": ("linklocalnexthop",),
    "communities": ("communities", "community"),
    "large communities": ("largecommunities", "largecommunity"),
    "extended communities": ("extendedcommunities", "extendedcommunity", "extcommunities", "extcommunity"),
    "med": ("med", "metric", "multiexitdisc"),
    "origin": ("origin",),
    "otc": ("otc", "onlytocustomer"),
    "local preference": ("localpref", "localpreference"),
    "aggregator": ("aggregator",),
    "atomic aggregate": ("atomicaggregate", "atomicaggr"),
    "other attributes": ("otherattributes",),
    "peer": ("peer", "peeraddress", "neighbor", "neighboraddress", "learntfrom"),
    "peer's ASN": ("peeras", "neighboras", "remoteas"),
    "local address": ("localaddress", "sourceaddress"),
}
_ORIGINS: Final = {"igp": 0, "i": 0, "egp": 1, "e": 1, "incomplete": 2, "?": 2, "0": 0, "1": 1, "2": 2}
_NESTED: Final = ("bgp", "attributes", "attrs")
"""Objects whose keys count as if they stood one level up."""


def read_json_lines(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every line. An object that says what it is in `event` and is no route is skipped, or takes routes back."""
    told = EventRoutes()

    def read(line: str, place: FilePosition) -> Iterator[TableEntry]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = f"no JSON ({error.msg})" if isinstance(error, json.JSONDecodeError) else "no usable JSON"
            yield Unreadable(place, reason)
            return
        entry = read_object(found, place)
        # An edge tells what happens as it happens; a looking glass, whose rows name the session's state, what there is.
        if isinstance(found, dict) and "event" in found and _is_happening(found):
            yield from _event(found, entry, told)
        else:
            yield entry

    yield from read_lines(chunks, read, lambda line: '"session"' in line and '"bgpState"' not in line)
    yield from told.routes()


def _is_happening(found: dict[str, Any]) -> bool:
    return "session" in found and "bgpState" not in found and "session-state" not in found


def read_object(found: Any, place: FilePosition) -> TableEntry:
    """What one object says by itself, wherever it stands."""
    if not isinstance(found, dict):
        return Unreadable(place, "no JSON object")
    event = found.get("event", "route")
    if event == "unreadable":
        reason = f"not read when this was written: {str(found.get('reason', ''))[:300]}"
        routes = found.get("routes")
        return Unreadable(place, reason, routes if isinstance(routes, int) and routes > 0 else 1)
    prefixes = found.get("prefixes")
    if event == "malformed-update" and found.get("outcome") == "treat-as-withdraw" and isinstance(prefixes, list):
        return Unreadable(place, str(found.get("reason"))[:300], max(len(prefixes), 1))
    try:
        if event == "route":
            return route(found, place)
        if event == "route-withdrawn":
            nlri.key(str(found.get("prefix")))
    except ValueError as error:
        return Unreadable(place, str(error))
    return Skipped(f"events of the kind {str(event)[:40]!r}")


def _event(found: dict[str, Any], entry: TableEntry, told: EventRoutes) -> Iterator[TableEntry]:
    """One of a stream of events: what it takes back of the earlier ones."""
    session = str(found["session"])
    if isinstance(entry, TableRoutes):
        yield from told.announced(session, entry)
        return
    yield entry
    if isinstance(entry, Skipped) and found["event"] == "route-withdrawn":
        yield from told.withdrawn(session, *nlri.key(str(found["prefix"])))
    elif found["event"] == "bgp-state" and found.get("to") == "Established":
        # Not before: a log ends when its edge does, and what its sessions last held is what is asked for.
        yield from told.ended(session)


def route(found: dict[str, Any], place: FilePosition) -> TableRoutes:
    """One route out of one object. ValueError for an object that is not a route."""
    if birdwatcher_reader.is_route(found):
        found = birdwatcher_reader.plain(found)
    plain: dict[str, Any] = {}
    for part in (*(found[name] for name in _NESTED if isinstance(found.get(name), dict)), found):
        plain |= {_plain(key): value for key, value in part.items() if value is not None}

    def get(what: str) -> Any:
        for name in _NAMES[what]:
            if name in plain:
                return plain[name]
        return None

    prefix = get("prefix")
    if not isinstance(prefix, str):
        raise ValueError("there is no prefix")
    family, key = nlri.key(prefix.strip())
    origin = _ORIGINS.get(str(get("origin") or 0).strip().lower())
    if origin is None:
        raise ValueError(f"'{str(get('origin'))[:40]}' is no origin: IGP, EGP or incomplete")
    hop, second = _hops(get("next hop"))
    link_local = _address(get("link-local next hop")) or second
    aggregator = get("aggregator")
    path = PathAttributes(
        origin=origin,
        as_path=_as_path(get("as path")),
        next_hop=hop,
        link_local=link_local if isinstance(link_local, IPv6Address) else None,
        med=_number(get("med"), "MED"),
        local_pref=_number(get("local preference"), "local preference"),
        atomic_aggregate=get("atomic aggregate") not in (None, False, 0, "false"),
        aggregator=notation.aggregator(_text(aggregator)) if aggregator else None,
        communities=tuple(notation.community(_text(item)) for item in _items(get("communities"))),
        extended_communities=tuple(
            notation.extended_community(_text(item)) for item in _items(get("extended communities"))
        ),
        large_communities=notation.large_communities(map(_text, _items(get("large communities")))),
        otc=_number(get("otc"), "OTC"),
        unknown=tuple(_other(_text(item)) for item in _items(get("other attributes"))),
    )
    return TableRoutes(
        family, (key,), path, _announcer(*map(get, ("peer", "peer's ASN", "local address"))), place=place
    )


@lru_cache(maxsize=1024)
def _plain(key: str) -> str:
    return key.lower().replace("-", "").replace("_", "").replace(" ", "").replace(".", "")


def _announcer(peer: Any, asn: Any, local: Any) -> Announcer | None:
    """Nobody where neither an address nor an ASN is named: these keys are other tools' words for other things too."""
    address, number = _is_address(peer), 0
    if isinstance(asn, int | str) and not isinstance(asn, bool):
        digits = str(asn).upper().removeprefix("AS")
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else 0
    if address is None and not 0 < number <= 0xFFFFFFFF:
        return None
    return Announcer(number, address or IPv4Address(0), local=_is_address(local))


@lru_cache(maxsize=4096)
def _ip_address(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)


def _is_address(given: Any) -> IPv4Address | IPv6Address | None:
    try:
        return _ip_address(given) if isinstance(given, str) else None
    except ValueError:
        return None


def _as_path(given: Any) -> tuple[AsSegment, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        return notation.as_path(given)
    if isinstance(given, int):
        return notation.as_path(_text(given))
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


def _hops(given: Any) -> tuple[IPv4Address | IPv6Address | None, IPv4Address | IPv6Address | None]:
    """A next hop, and the second that an IPv6 one may have (RFC 2545 §3)."""
    if given is None or given == "":
        return None, None
    texts = [_text(item) for item in given] if isinstance(given, list) else _text(given).split()
    return _address(texts[0] if texts else "?"), _address(texts[1]) if len(texts) > 1 else None


def _address(given: Any) -> IPv4Address | IPv6Address | None:
    if given is None or given == "":
        return None
    try:
        return _ip_address(_text(given).strip())
    except ValueError:
        raise ValueError(f"'{str(given)[:60]}' is no next hop") from None


def _other(text: str) -> tuple[int, int, bytes]:
    flags, code, value = (*text.split(":"), "", "")[:3]
    try:
        return int(flags, 16) & 0xFF, int(code) & 0xFF, bytes.fromhex(value)
    except ValueError:
        raise ValueError(f"'{text[:40]}' is no attribute: write FLAGS:CODE:OCTETS, as in c0:99:0102") from None


def route_json(path: PathAttributes) -> dict[str, Any]:
    """Every attribute of a route for a JSON line, under the keys that are read above. Flat: no object in it."""
    aggregator = path.aggregator
    return {
        "asPath": path.as_path_text,
        "nextHop": None if path.next_hop is None else str(path.next_hop),
        "linkLocalNextHop": None if path.link_local is None else str(path.link_local),
        "origin": ("IGP", "EGP", "incomplete")[path.origin],
        "med": path.med,
        "localPreference": path.local_pref,
        "atomicAggregate": path.atomic_aggregate,
        "aggregator": None if aggregator is None else f"{aggregator[1]} AS{aggregator[0]}",
        "communities": list(path.communities_text),
        "extendedCommunities": [":".join(notation.extended_parts(value)) for value in path.extended_communities],
        "largeCommunities": [":".join(map(str, value)) for value in path.large_communities],
        "otc": path.otc,
        "otherAttributes": [f"{flags:02x}:{code}:{value.hex()}" for flags, code, value in path.unknown],
    }


def common_json(path: PathAttributes, announcer: Announcer | None) -> dict[str, Any]:
    """What the routes of one attribute set share; `announcer` None where nobody knows the session."""
    return (announcer_json(announcer) if announcer is not None else {}) | route_json(path)


def route_row(family: Family, key: bytes, verdict: Verdict, common: Mapping[str, Any]) -> dict[str, Any]:
    """One judged route, as every command prints it."""
    return {
        "event": "route",
        "family": family.label,
        "prefix": nlri.text(family, key),
        "verdict": verdict.outcome.value,
        "reasons": [{"rule": hit.rule, "value": hit.value} for hit in verdict.hits],
        **common,
    }


def announcer_json(announcer: Announcer) -> dict[str, Any]:
    """The session of a route, so that a reader judges by the same peer; what is not known is null."""
    address, local = announcer.address, announcer.local
    return {
        "peer": None if address.is_unspecified else str(address),
        "peerAs": announcer.asn or None,
        "localAddress": None if local is None else str(local),
    }
