"""receivedRoutes and rpUnbilledPrefixes: what the peer announces on the sessions of a peering, accepted or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any, Final

from simulator.addresses import IpAddress
from simulator.azure.model.resources import Json, PrefixState, ServicePrefix
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.provider.registrations import NOT_THIS_TYPE, for_peering_service
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, paged
from simulator.azure.rest.errors import bad_argument, not_supported
from simulator.azure.rest.peerings import existing
from simulator.azure.rest.places import region_of
from simulator.azure.rest.times import iso
from simulator.engine.network import Network
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.registered import registered_prefixes
from simulator.policy.data.vrp import Validity
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

STATES: Final = ("Valid", "Invalid", "Unknown")
_RPKI: Final = {Validity.VALID: "Valid", Validity.INVALID: "Invalid", Validity.NOT_FOUND: "Unknown"}


@dataclass(frozen=True, slots=True, eq=False)
class _Session:
    """A session that has routes, and by what they are judged."""

    network: Network
    plan: SessionPlan
    data: PolicyData
    time: float
    """Of its last UPDATE."""
    carrier: IpAddress
    """The peer's address on the wire, which loopback may have in place of the topology's."""


_Route = tuple[_Session, bytes, AttributeSet]
"""Plain, because a table has many, and an answer shows few."""
_Test = Callable[[_Route], bool]


def list_all(request: ArmRequest) -> ArmAnswer:
    """Every route of every session, in the order of the connections (simulator); a filter has to match exactly.

    `asPath` matches a path that holds these ASNs in a row. receivedTimestamp is that of the session's last UPDATE, and
    trustAnchor is `None`, as production showed it: the lab keeps neither for each route (simulator).
    """
    tests, sessions = _filters(request), _sessions(request, existing(request))
    text = request.optional("prefix")
    rows = _exactly(sessions, *_prefix(text)) if text else _routes(sessions)
    for test in tests:
        rows = filter(test, rows)
    return paged(request, rows, _render)


def _sessions(request: ArmRequest, record: PeeringRecord) -> Iterator[_Session]:
    network = request.provider.network
    for live in record.connections:
        for plan in live.record.plans:
            if network.edges.is_provisioned(plan):
                config = network.edges.config(plan)
                data = config.policy.context.data if config.policy is not None else PolicyData()
                yield _Session(network, plan, data, network.edges.view(plan).last_update or 0.0, config.peer_address)


def _routes(sessions: Iterable[_Session]) -> Iterator[_Route]:
    for session in sessions:
        for key, attributes in session.network.edges.attributes(session.plan):
            yield session, key, attributes


def _exactly(sessions: Iterable[_Session], family: Family, key: bytes) -> Iterator[_Route]:
    for session in sessions:
        held = session.network.edges.route(session.plan, key) if session.plan.family is family else None
        if held is not None:
            yield session, key, held.attributes


def _render(route: _Route) -> Json:
    session, key, attributes = route
    return {
        "prefix": nlri.text(session.plan.family, key),
        "nextHop": _next_hop(session, attributes.path),
        "asPath": attributes.path.as_path_text,
        "originAsValidationState": _origin(session, attributes.path),
        "rpkiValidationState": _rpki(session, key, attributes.path),
        "trustAnchor": "None",
        "receivedTimestamp": iso(session.time),
    }


def _next_hop(session: _Session, path: PathAttributes) -> str:
    """As it was announced; where another address carries the session, the topology's."""
    return str(session.plan.peer_address if path.next_hop in (None, session.carrier) else path.next_hop)


def _rpki(session: _Session, key: bytes, path: PathAttributes) -> str:
    """RFC 6811 by the topology's VRPs; Unknown without any."""
    vrp = session.data.vrp
    return _RPKI[vrp.validity(session.plan.family, key, path.origin_as)] if vrp is not None else "Unknown"


def _origin(session: _Session, path: PathAttributes) -> str:
    """Whether the origin is one that may announce here: registered, or in the peer's as-set (simulator).

    Unknown where the topology has no such list. Microsoft publishes only "the origin AS change information".
    """
    data = session.data
    irr = data.irr.allowed_origins(session.plan.peer.asn) if data.irr is not None else None
    lists = [known for known in (data.registered_asns, irr) if known is not None]
    if not lists:
        return "Unknown"
    return "Valid" if all(path.origin_as in known for known in lists) else "Invalid"


def _filters(request: ArmRequest) -> list[_Test]:
    """The tests that look at each route; what depends on the attributes alone is computed once for each set of them."""
    tests: list[_Test] = []
    if text := request.optional("asPath"):
        wanted = f" {' '.join(text.split())} "
        holds = cache(lambda attributes: wanted in f" {attributes.path.as_path_text} ")
        tests.append(lambda route: holds(route[2]))
    if origin := _state(request, "originAsValidationState"):
        judged = cache(lambda session, attributes: _origin(session, attributes.path) == origin)
        tests.append(lambda route: judged(route[0], route[2]))
    if rpki := _state(request, "rpkiValidationState"):
        tests.append(lambda route: _rpki(route[0], route[1], route[2].path) == rpki)
    return tests


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
    raise bad_argument(f"{name}: '{text[:40]}' is not one of {', '.join(STATES)}")


# --- rpUnbilledPrefixes ---


async def unbilled(request: ArmRequest) -> ArmAnswer:
    """What a peering for Peering Service, or of type Cdn, receives that is no service's Verified prefix (simulator).

    Microsoft publishes the fields alone. `consolidate` joins neighbouring prefixes into shorter ones.
    """
    record = existing(request)
    if not for_peering_service(record) and record.request.direct_type != "Cdn":
        raise not_supported(NOT_THIS_TYPE)
    text = request.optional("consolidate").lower()
    if text not in ("", "true", "false"):
        raise bad_argument(f"consolidate: '{text[:40]}' is neither true nor false")
    rows: Iterable[Any] = _unbilled(request, record)
    if text == "true":
        rows = await asyncio.to_thread(_consolidated, list(rows))  # a full table takes seconds
    region, asn = region_of(request.provider.address_plan, record.request.metro), record.request.asn
    return paged(request, rows, lambda prefix: {"prefix": str(prefix), "azureRegion": region, "peerAsn": asn})


def _unbilled(request: ArmRequest, record: PeeringRecord) -> Iterator[str]:
    """Each prefix once, as text."""
    billed = registered_prefixes(
        each.prefix for each in request.provider.unit.all(ServicePrefix) if each.state is PrefixState.VERIFIED
    )
    seen: set[tuple[Family, bytes]] = set()
    ours = request.provider.topology.microsoft.asn
    own = cache(lambda attributes: ours in attributes.path.asns)  # a route server sends what other edges announced
    for session, key, attributes in _routes(_sessions(request, record)):
        family = session.plan.family
        if (family, key) not in seen and not own(attributes) and not billed.covers(family, key):
            seen.add((family, key))
            yield nlri.text(family, key)


def _consolidated(prefixes: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    networks = [ip_network(prefix) for prefix in prefixes]
    ipv4 = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    return [*ipv4, *collapse_addresses(network for network in networks if isinstance(network, IPv6Network))]
