"""receivedRoutes and rpUnbilledPrefixes: what the peer announces on the sessions of a peering, accepted or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any, Final

from simulator.arm.errors import bad_argument, not_supported
from simulator.arm.exchange import ArmAnswer, ArmRequest, Json, paged
from simulator.arm.peerings import existing
from simulator.arm.times import iso
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.registered import registered_prefixes
from simulator.policy.data.vrp import Validity
from simulator.provisioning.planning import SessionPlan
from simulator.provisioning.provider.records import PeeringRecord
from simulator.provisioning.provider.registrations import NOT_THIS_TYPE, VERIFIED, for_peering_service
from simulator.provisioning.provider.services import PREFIX
from simulator.rib.adj_in import HeldRoute
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.path import PathAttributes

STATES: Final = ("Valid", "Invalid", "Unknown")
_RPKI: Final = {Validity.VALID: "Valid", Validity.INVALID: "Invalid", Validity.NOT_FOUND: "Unknown"}


@dataclass(frozen=True, slots=True)
class _Received:
    """A route with the session that it came on."""

    route: HeldRoute
    plan: SessionPlan
    time: float
    data: PolicyData


def list_all(request: ArmRequest) -> ArmAnswer:
    """Every route of every session, in the order of the connections (simulator); a filter has to match exactly.

    `asPath` matches a path that holds these ASNs in a row. receivedTimestamp is that of the session's last UPDATE, and
    trustAnchor is `None`, as production showed it: the lab keeps neither for each route (simulator).
    """
    matches = _filters(request)
    return paged(request, (one for one in _received(request, existing(request)) if matches(one)), _render)


def _received(request: ArmRequest, record: PeeringRecord) -> Iterator[_Received]:
    network = request.provider.network
    for live in record.connections:
        for plan in live.record.plans:
            if not network.is_provisioned(plan):
                continue
            neighbor = network.neighbor(plan)
            data = neighbor.config.policy.context.data if neighbor.config.policy is not None else PolicyData()
            time = neighbor.inbound.last_update or 0.0
            for route in neighbor.adj_in.routes():
                yield _Received(route, plan, time, data)


def _render(one: _Received) -> Json:
    path = one.route.attributes.path
    return {
        "prefix": nlri.text(one.route.family, one.route.key),
        "nextHop": str(one.plan.peer_address),
        "asPath": path.as_path_text,
        "originAsValidationState": origin_state(one.data, one.plan, path),
        "rpkiValidationState": rpki_state(one.data, one.route, path),
        "trustAnchor": "None",
        "receivedTimestamp": iso(one.time),
    }


def rpki_state(data: PolicyData, route: HeldRoute, path: PathAttributes) -> str:
    """RFC 6811 by the topology's VRPs; Unknown without any."""
    return _RPKI[data.vrp.validity(route.family, route.key, path.origin_as)] if data.vrp is not None else "Unknown"


def origin_state(data: PolicyData, plan: SessionPlan, path: PathAttributes) -> str:
    """Whether the origin is one that may announce here: registered, or in the peer's as-set (simulator).

    Unknown where the topology has no such list. Microsoft publishes only "the origin AS change information".
    """
    irr = data.irr.allowed_origins(plan.peer.asn) if data.irr is not None else None
    lists = [known for known in (data.registered_asns, irr) if known is not None]
    if not lists:
        return "Unknown"
    return "Valid" if all(path.origin_as in known for known in lists) else "Invalid"


def _filters(request: ArmRequest) -> Callable[[_Received], bool]:
    tests: list[Callable[[_Received], bool]] = []
    if prefix := request.optional("prefix"):
        wanted = _prefix(prefix)
        tests.append(lambda one: (one.route.family, one.route.key) == wanted)
    if text := request.optional("asPath"):
        path = f" {' '.join(text.split())} "
        tests.append(lambda one: path in f" {one.route.attributes.path.as_path_text} ")
    if rpki := _state(request, "rpkiValidationState"):
        tests.append(lambda one: rpki_state(one.data, one.route, one.route.attributes.path) == rpki)
    if origin := _state(request, "originAsValidationState"):
        tests.append(lambda one: origin_state(one.data, one.plan, one.route.attributes.path) == origin)
    return lambda one: all(test(one) for test in tests)


def _prefix(text: str) -> tuple[Family, bytes]:
    try:
        return nlri.key(text.strip())
    except ValueError as error:
        raise bad_argument(f"prefix: {str(error)[:200]}") from None


def _state(request: ArmRequest, name: str) -> str:
    text = request.optional(name)
    if not text:
        return ""
    for state in STATES:
        if state.lower() == text.lower():
            return state
    raise bad_argument(f"{name}: '{text[:40]}' is none of {', '.join(STATES)}")


# --- rpUnbilledPrefixes ---


def unbilled(request: ArmRequest) -> ArmAnswer:
    """What is received at a peering for Peering Service and is no Verified prefix of a peering service (simulator).

    Microsoft publishes the fields alone. `consolidate` joins neighbouring prefixes into shorter ones.
    """
    record = existing(request)
    if not for_peering_service(record):
        raise not_supported(NOT_THIS_TYPE)
    text = request.optional("consolidate").lower()
    if text not in ("", "true", "false"):
        raise bad_argument(f"consolidate: '{text[:40]}' is neither true nor false")
    left = _unbilled(request, record)
    rows: Iterable[Any] = left
    if text == "true":
        networks = [ip_network(prefix) for prefix in left]
        rows = [*_collapsed(networks, IPv4Network), *_collapsed(networks, IPv6Network)]
    exchange = request.provider.premises.exchange
    region, asn = exchange.azure_region if exchange is not None else "", record.request.asn
    return paged(request, rows, lambda prefix: {"prefix": str(prefix), "azureRegion": region, "peerAsn": asn})


def _unbilled(request: ArmRequest, record: PeeringRecord) -> Iterator[str]:
    """Each prefix once, as text."""
    billed = registered_prefixes(
        resource.document["properties"]["prefix"]
        for resource in request.provider.books.resources.values()
        if resource.type == PREFIX and resource.status["prefixValidationState"] == VERIFIED
    )
    seen: set[tuple[Family, bytes]] = set()
    for one in _received(request, record):
        family, key = one.route.family, one.route.key
        if (family, key) not in seen and not billed.covers(family, key):
            seen.add((family, key))
            yield nlri.text(family, key)


def _collapsed(
    prefixes: list[IPv4Network | IPv6Network], version: type[IPv4Network] | type[IPv6Network]
) -> list[IPv4Network | IPv6Network]:
    return list(collapse_addresses(each for each in prefixes if isinstance(each, version)))  # type: ignore[type-var]
