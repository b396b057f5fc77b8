"""What is registered at a peering, as the data of its lifted sessions."""

from __future__ import annotations

from simulator.engine.registrations import Registered, RegistrationsInMemory
from simulator.policy.data.policy_data import PolicyData
from simulator.topology.plan import plans
from tests.topologies import build, document


def test_registered_origins_join_those_of_the_topology() -> None:
    data = PolicyData(registered_asns=frozenset({64500}))
    assert Registered(frozenset({64501})).added_to(data).registered_asns == frozenset({64500, 64501})
    assert Registered(frozenset()).added_to(PolicyData()).registered_asns == frozenset(), "then no origin is taken"


def test_where_nothing_need_be_registered_the_data_are_as_they_were() -> None:
    data = PolicyData()
    assert Registered().added_to(data) == data


def test_registered_prefixes_are_the_only_ones() -> None:
    found = Registered(prefixes=["192.0.2.0/24"]).added_to(PolicyData())
    assert found.registered_prefixes is not None and found.registered_asns is None


def test_an_asn_is_registered_at_one_peering_with_a_route_server() -> None:
    topology = build(document("route-server"))
    registrations = RegistrationsInMemory(topology)
    first, second = (next(p for p in plans(topology) if p.peering == f"example-ix-{number}") for number in (1, 2))
    registrations.register("example-ix-1", 64505)
    assert registrations.at(first) == Registered(frozenset({64505}))
    assert registrations.at(second) == Registered(frozenset())


def test_at_an_exchange_nobody_has_to_register() -> None:
    topology = build(document("exchange"))
    assert RegistrationsInMemory(topology).at(plans(topology)[0]) == Registered()
