"""What the lab has, and the sessions that a request comes to."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.azure.model.errors import InvalidError, RefusalError
from simulator.azure.model.peering import ConnectionRequest, SessionRequest
from simulator.azure.provider.address_plan import LAB_FACILITY, AddressPlan
from simulator.connection.states import Flow
from simulator.policy.max_prefix import MICROSOFTS_LIMITS
from simulator.session.messages import Family
from simulator.topology.locations import embedded
from tests.azure.provider.support import IPV4, connection, identifier, request
from tests.topologies import build, document, mixed


def address_plan(found: dict[str, Any] | None = None) -> AddressPlan:
    return AddressPlan(build(found or document()), embedded())


def direct(prefix: str = "198.51.100.4/30", **changes: Any) -> ConnectionRequest:
    network = ip_network(prefix)
    family = Family.IPV4 if network.version == 4 else Family.IPV6
    one = ConnectionRequest(identifier("direct"), 99999, {family: SessionRequest(None, None, network)})
    return replace(one, **changes)


def asked(*connections: ConnectionRequest) -> Any:
    return replace(request(flow=Flow.DIRECT, direct_type="Edge"), connections=connections)


def test_the_labs_own_exchange_comes_first_and_stands_for_the_real_one() -> None:
    here, *rest = address_plan().exchanges()
    assert (here.peeringdb_ix, here.metro, here.azure_region) == (1, "Ashburn", "eastus")
    assert [str(address) for address in here.microsoft_ipv4] == ["206.126.236.17", "206.126.236.148"]
    assert len(rest) > 20 and all(place.peeringdb_ix != 1 for place in rest)


def test_an_exchange_without_a_number_has_that_of_microsofts_test_exchange() -> None:
    found = document()
    del found["exchange"]["peeringdb-ix"]
    here = address_plan(found).exchange
    assert here is not None and here.peeringdb_ix == LAB_FACILITY


@pytest.mark.parametrize(
    ("prefix", "peer", "microsoft"),
    [
        ("198.51.100.4/30", "198.51.100.5", "198.51.100.6"),
        ("2001:db8:2::/127", "2001:db8:2::", "2001:db8:2::1"),
    ],
)
def test_a_circuit_is_found_by_its_prefix_and_has_its_halves(prefix: str, peer: str, microsoft: str) -> None:
    done = address_plan(mixed()).completed(asked(direct(prefix)), (), True)
    (session,) = done.connections[0].sessions.values()
    assert (str(session.peer), str(session.microsoft)) == (peer, microsoft)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (direct("198.51.100.8/30"), "no circuit of AS64496 has 198.51.100.8/30"),
        (direct(provider="Microsoft", sessions={}), "no circuit of AS64496 with Microsoft's addresses is free"),
        (direct(sessions={}), "no circuit of AS64496 has no prefix"),
        (
            direct(
                sessions={Family.IPV4: SessionRequest(ip_address("198.51.100.6"), None, ip_network("198.51.100.4/30"))}
            ),
            "the peer address is 198.51.100.5, not 198.51.100.6",
        ),
    ],
)
def test_what_is_no_circuit_here_is_refused(wanted: ConnectionRequest, words: str) -> None:
    with pytest.raises(RefusalError, match=words):
        address_plan(mixed()).completed(asked(wanted), (), True)


def test_a_session_of_the_topology_keeps_the_routers_name_for_it() -> None:
    here = address_plan()
    (one, _) = here.completed(request(), (), True).connections
    plans = here.plans("contoso", "contoso/x", Flow.EXCHANGE, 64496, one)
    assert [(plan.id, plan.router_session) for plan in plans] == [
        (f"contoso/x/{family}", f"contoso-ashburn/ash-edge-1/{family}") for family in ("ipv4", "ipv6")
    ]
    assert {plan.peer.router_kind for plan in plans} == {"simulated"}


def test_an_address_that_nobody_has_is_planned_all_the_same() -> None:
    here = address_plan()
    (one, *_) = here.completed(request(connection(ipv4="206.126.239.250", ipv6=None)), (), True).connections
    (plan,) = here.plans("contoso", "contoso/x", Flow.EXCHANGE, 64500, one)
    assert (plan.router_session, plan.peer.asn, str(plan.peer_address)) == ("contoso/x/ipv4", 64500, "206.126.239.250")
    assert plan.max_prefix.limit == MICROSOFTS_LIMITS[Family.IPV4] and not plan.max_prefix_given


def test_a_route_server_peering_meets_every_edge_with_one_address() -> None:
    here = address_plan()
    wanted = request(connection(ipv6=None), flow=Flow.IXRS, direct_type="IxRs")
    (one,) = here.completed(wanted, (), True).connections
    plans = here.plans("rs", "rs/x", Flow.IXRS, 64496, one)
    assert [(plan.edge.name, str(plan.peer_address)) for plan in plans] == [("ash-edge-1", IPV4), ("ash-edge-2", IPV4)]
    assert {plan.profile for plan in plans} == {"ixrs"}


ADDRESSES = st.sampled_from(["206.126.239.200", "206.126.239.201", "206.126.236.17", "192.0.2.1", None])
EDGES = st.sampled_from(["206.126.236.17", "206.126.236.148", "206.126.236.99", None])


@given(st.lists(st.tuples(ADDRESSES, EDGES), min_size=1, max_size=4), st.booleans())
def test_a_completed_request_has_both_ends_of_every_session_at_an_edge_of_its_own(
    pairs: list[tuple[str | None, str | None]], mesh: bool
) -> None:
    here = address_plan()
    wanted = []
    for number, (peer, ours) in enumerate(pairs):
        one = connection(str(number), ipv4=peer, ipv6=None)
        if peer is not None and ours is not None:
            one = one.with_session(Family.IPV4, SessionRequest(ip_address(peer), ip_address(ours)))
        wanted.append(one)
    if not all(one.sessions for one in wanted):
        wanted = [one for one in wanted if one.sessions] or [connection(ipv6=None)]
    try:
        done = here.completed(request(*wanted), (), mesh)
    except RefusalError as error:
        assert type(error) is InvalidError and "\n" not in str(error)
        return
    assert {one.identifier for one in wanted} <= {one.identifier for one in done.connections}
    for one in done.connections:
        for session in one.sessions.values():
            assert session.peer is not None and session.prefix is not None and session.microsoft in session.prefix
        assert here.plans("p", "p/x", Flow.EXCHANGE, 64496, one)
