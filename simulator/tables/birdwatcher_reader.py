"""One route of birdwatcher's JSON, as birdwatcher and `turnup routes --birdwatcher` write it, read like any other.

What birdwatcher has no place for, `turnup` adds to each route where Alice-LG ignores it: the path with its sets
(`as_path_text`), the reasons that it put among the large communities (`reject_reasons`), and the session's ends.
"""

from __future__ import annotations

from typing import Any


def is_route(found: dict[str, Any]) -> bool:
    """Whether an object is a route of birdwatcher's."""
    return isinstance(found.get("bgp"), dict) and "network" in found and "from_protocol" in found


def plain(found: dict[str, Any]) -> dict[str, Any]:
    """The same object as a JSON line has it. ValueError where it is not what it should be."""
    bgp = found["bgp"]
    large, reasons = bgp.get("large_communities"), found.get("reject_reasons")
    if isinstance(large, list) and isinstance(reasons, list) and reasons:
        if large[-len(reasons) :] != reasons:
            raise ValueError("the large communities do not end with the reasons of the rejection")
        large = large[: -len(reasons)]
    return {
        # `metric` beside it is BIRD's preference, no MED.
        **{key: value for key, value in bgp.items() if key != "atomic_aggr"},
        "prefix": found["network"],
        "as_path": found.get("as_path_text", bgp.get("as_path")),
        "next_hop": bgp.get("next_hop") or found.get("gateway"),
        "large_communities": large,
        "atomic_aggregate": "atomic_aggr" in bgp,
        "peer": found.get("learnt_from"),
        "peer_as": found.get("neighbor_as"),
        "local_address": found.get("source_address"),
    }
