"""A fault where the router has its user's own file, which nobody changes: what was agreed is made to differ from it.

A router without the agreed MD5 key and a key that was agreed with nobody's knowledge look the same from both ends. So
some mistakes of a configuration can be made on Microsoft's side; so can those of the link, the edge and the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final

from simulator.faults.schema import RehearsedFault, RouterChange
from simulator.topology.schema import Peer, Peering

_MADE: Final = frozenset({"md5", "gtsm", "asn", "remote_address"})
"""Changes of a router's configuration that can be made at its other end instead."""


def why_not(fault: RehearsedFault, peer: Peer, peering: Peering) -> str:
    """Why the fault cannot be made without a change of the user's file; empty where it can."""
    file = peer.router_choice.config
    if fault.speaks is not None:
        return f"a scripted peer would stand in the place of the router of {file}"
    if fault.patch:
        return f"it is a statement of the router's configuration, and {file} is yours: break a copy, and name that"
    change = fault.change(peer.router_kind)
    if change.announce is not None and peer.router_abilities.routes_from_file:
        return f"{file} says what the router announces: let a copy announce it, and name that"
    if other := sorted(_changed(change) - _MADE):
        what = ", ".join(other).replace("_", "-")
        return f"it changes {what} of the router, and {file} is yours: break a copy, and name that"
    return _unlike(change, peering, str(file))


def _changed(change: RouterChange) -> set[str]:
    return {name for name in change.model_fields_set if name != "announce" and getattr(change, name) is not None}


def _unlike(change: RouterChange, peering: Peering, file: str) -> str:
    """What the file is said to have must be there to differ from, and what it is to lack must not."""
    for what, lacks in (("md5", change.md5 == ""), ("gtsm", change.gtsm is False)):
        if getattr(change, what) is None:
            continue
        word = {"md5": "an MD5 key", "gtsm": "GTSM"}[what]
        has = bool(getattr(peering, what))
        if lacks and has:
            return f"{file} has {word}, as was agreed: take it out of a copy, and name that"
        if not lacks and not has:
            return f"{file} has not {word}, since none was agreed: add it to a copy, and name that"
    return ""


def agree_otherwise(document: dict[str, Any], fault: RehearsedFault, family: str, router: str) -> None:
    """Change what was agreed, where a file would be changed otherwise."""
    change = fault.change(router)
    peering: dict[str, Any] = document["peerings"][0]
    for name in ("md5", "gtsm"):
        agreed: Mapping[str, Any] = fault.topology.get("peering", {})
        if getattr(change, name) and name not in agreed:
            peering.pop(name, None)
    if change.asn is not None:
        document["peers"][0]["asn"] = change.asn
    if change.remote_address is not None:
        edge, key = document["edges"][0], family.lower()
        edge[key] = str(ip_address(edge[key]) + 11)
