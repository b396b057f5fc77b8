"""Two sides of one session compared: how they fit, and each thing in which they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.preflight.ends import AgreedEnd, Fit, Matter, Mismatch, RouterEnd

SHORT = 9
"""Seconds; three keepalives of three seconds (RFC 4271 §10)."""
LEAST = 3
"""Seconds; a hold time is 0 or at least this (RFC 4271 §4.2)."""


def fit_of(agreed: AgreedEnd, end: RouterEnd | None) -> Fit:
    """In Batfish's order: what a side lacks for itself comes before what the two do not share."""
    if end is None:
        return Fit.HALF_OPEN
    if end.local_address is None and end.multihop:
        return Fit.LOCAL_IP_UNKNOWN_STATICALLY
    if end.local_as is None:
        return Fit.NO_LOCAL_AS
    if end.remote_as is None and not end.any_remote_as:
        return Fit.NO_REMOTE_AS
    if end.local_address is not None and end.local_address not in agreed.router_addresses:
        return Fit.INVALID_LOCAL_IP
    if end.remote_address != agreed.edge_address and not end.dynamic:
        return Fit.UNKNOWN_REMOTE
    if end.several:
        return Fit.MULTIPLE_REMOTES
    compatible = not any(each.matter in _COMPATIBILITY for each in mismatches(agreed, end))
    if end.dynamic:
        return Fit.DYNAMIC_MATCH if compatible else Fit.NO_MATCH_FOUND
    return Fit.UNIQUE_MATCH if compatible else Fit.HALF_OPEN


_COMPATIBILITY = {Matter.ADDRESS, Matter.LOCAL_ADDRESS, Matter.LOCAL_AS, Matter.REMOTE_AS, Matter.FAMILY}
"""What makes two ends compatible: their addresses, their ASes and their families. The rest has no word of Batfish's."""


def mismatches(agreed: AgreedEnd, end: RouterEnd) -> tuple[Mismatch, ...]:
    """Each thing that the router has otherwise than was agreed, in the order in which a session meets them."""
    return tuple(
        Mismatch(matter, wanted, found, end.places.get(matter, ""), breaks)
        for matter, wanted, found, breaks in _differences(agreed, end)
    )


def _differences(agreed: AgreedEnd, end: RouterEnd) -> Iterator[tuple[Matter, str, str, bool]]:
    if end.shut_down:
        yield Matter.SHUTDOWN, "a session that is up", "it shut down", True
    if end.remote_address not in (None, agreed.edge_address) and not end.dynamic:
        yield Matter.ADDRESS, str(agreed.edge_address), str(end.remote_address), True
    if end.outside:
        yield Matter.ADDRESS, str(agreed.edge_address), f"sessions from {end.outside}", True
    if end.local_address not in (None, agreed.router_address):
        # It still comes up where Microsoft calls, unless the address is on the router.
        yield Matter.LOCAL_ADDRESS, str(agreed.router_address), str(end.local_address), True
    if agreed.passive and end.passive:
        yield Matter.PASSIVE, "that one side calls", "passive", True
    yield from _security(agreed, end)
    if end.local_as not in (None, agreed.peer_as):
        yield Matter.LOCAL_AS, f"AS{agreed.peer_as}", f"AS{end.local_as}", True
    if not end.any_remote_as and end.remote_as not in (None, agreed.microsoft_as):
        yield Matter.REMOTE_AS, f"AS{agreed.microsoft_as}", f"AS{end.remote_as}", True
    if end.family is False:
        yield Matter.FAMILY, f"{agreed.family.label} unicast", "the session without it", True
    yield from _hold_time(agreed, end)


def _security(agreed: AgreedEnd, end: RouterEnd) -> Iterator[tuple[Matter, str, str, bool]]:
    has_key = end.md5_hidden or bool(end.md5)
    if has_key != bool(agreed.md5) and (end.md5 is not None or end.md5_hidden):
        words = ("none", "one") if has_key else ("one", "none")
        yield Matter.MD5, *words, True
    elif has_key and not end.md5_hidden and end.md5 != agreed.md5:
        yield Matter.MD5, "one", "another one", True
    if end.gtsm is not None and end.gtsm != agreed.gtsm:
        yield Matter.GTSM, "on" if agreed.gtsm else "off", "it on" if end.gtsm else "it off", True


def _hold_time(agreed: AgreedEnd, end: RouterEnd) -> Iterator[tuple[Matter, str, str, bool]]:
    if end.hold_time is None:
        return
    if 0 < end.hold_time < LEAST:
        yield Matter.HOLD_TIME, f"0 or at least {LEAST} s", f"{end.hold_time} s", True
    elif min(end.hold_time, agreed.hold_time) < SHORT:
        yield Matter.HOLD_TIME, f"at least {SHORT} s", f"{end.hold_time} s", False
