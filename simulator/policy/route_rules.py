"""The judges of the rules that need a prefix and its path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from simulator.policy.data.vrp import Validity, VrpTable
from simulator.policy.rule import Parameters, PolicyContext, RouteJudge
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

_SHOWN = 3
"""VRPs that a verdict names."""


def _origin_validation(refused: Validity) -> Callable[[PolicyContext, Parameters], RouteJudge | None]:
    def build(context: PolicyContext, parameters: Parameters) -> RouteJudge | None:
        table = context.data.vrp
        if table is None:
            return None

        def judge(family: Family, keys: Sequence[bytes], path: PathAttributes) -> Iterable[tuple[bytes, str]]:
            origin = path.origin_as
            found = table.not_valid(family, keys, origin)
            return [(key, _told(table, family, key, origin)) for key, why in found if why is refused] if found else ()

        return judge

    return build


rpki_invalid: Callable[[PolicyContext, Parameters], RouteJudge | None] = _origin_validation(Validity.INVALID)
rpki_unknown: Callable[[PolicyContext, Parameters], RouteJudge | None] = _origin_validation(Validity.NOT_FOUND)


def _told(table: VrpTable, family: Family, key: bytes, origin: int | None) -> str:
    route = f"{nlri.text(family, key)} from {'no origin AS' if origin is None else f'AS{origin}'}"
    vrps = table.covering(family, key)
    if not vrps:
        return f"{route}, no VRP covers it"
    known = [f"AS{vrp.asn} {nlri.text(family, vrp.key)}-{vrp.max_length}" for vrp in vrps[:_SHOWN]]
    more = f" and {len(vrps) - _SHOWN} more" if len(vrps) > _SHOWN else ""
    return f"{route}, VRPs: {', '.join(known)}{more}"


def irr_prefix(context: PolicyContext, parameters: Parameters) -> RouteJudge | None:
    allowed = context.data.irr.allowed_prefixes(context.peer_as) if context.data.irr else None
    if allowed is None:
        return None

    def judge(family: Family, keys: Sequence[bytes], path: PathAttributes) -> Iterator[tuple[bytes, str]]:
        for key in keys:
            if not allowed.allows(family, key):
                yield key, f"{nlri.text(family, key)} is not in the peer's prefix list"

    return judge


def registered_prefix(context: PolicyContext, parameters: Parameters) -> RouteJudge | None:
    registered = context.data.registered_prefixes
    if registered is None:
        return None

    def judge(family: Family, keys: Sequence[bytes], path: PathAttributes) -> Iterator[tuple[bytes, str]]:
        for key in keys:
            if not registered.covers(family, key):
                yield key, f"{nlri.text(family, key)} is not registered"

    return judge


def long_prefix_path(context: PolicyContext, parameters: Parameters) -> RouteJudge | None:
    limit, ipv4, ipv6 = int(parameters["limit"]), int(parameters["ipv4"]), int(parameters["ipv6"])
    if limit < 0:
        raise ValueError(f"limit is a number from 0, not {limit}")

    def judge(family: Family, keys: Sequence[bytes], path: PathAttributes) -> Iterator[tuple[bytes, str]]:
        longest = ipv4 if family is Family.IPV4 else ipv6
        for key in keys:
            if key[0] > longest and path.path_length > limit:
                yield key, f"/{key[0]} with {path.path_length} ASNs"

    return judge
