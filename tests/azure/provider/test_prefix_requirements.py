"""Peering Service's requirements, judged without a network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from simulator.azure.provider.prefix_requirements import PrefixOnSession, registered_prefix_fault, service_prefix_fault
from simulator.policy.data.irr import IrrLists
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind

PREFIX = IPv4Network("192.0.2.0/24")
MAPS = 8075 << 16 | 8007


def seen(last: int, *asns: int, edge: str = "e1", communities: tuple[int, ...] = (MAPS,)) -> PrefixOnSession:
    path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, asns or (64496,)),), communities=communities)
    return PrefixOnSession(IPv4Address(f"203.0.113.{last}"), edge, path)


def missing(last: int, edge: str = "e1") -> PrefixOnSession:
    return PrefixOnSession(IPv4Address(f"203.0.113.{last}"), edge, None)


def test_every_missing_address_is_named_once() -> None:
    fault = registered_prefix_fault(PREFIX, [seen(1), missing(2), missing(3), missing(2, "e2")])
    assert fault == "Prefix not received from IP: 203.0.113.2, 203.0.113.3"


def test_without_a_session_nothing_is_received() -> None:
    assert registered_prefix_fault(PREFIX, []) == "Prefix not received from IP: no session"


@pytest.mark.parametrize(
    ("asns", "good"),
    [
        ((64496,), True),
        ((64496, 64500, 64501), True),
        ((64496, 64500, 64501, 64502), False),
        ((64496, 64496), False),
        ((64496, 65000), False),
        ((64496, 4200000000), False),
    ],
)
def test_the_path_is_short_public_and_not_prepended(asns: tuple[int, ...], good: bool) -> None:
    assert registered_prefix_fault(PREFIX, [seen(1), seen(2, *asns)]) == ("" if good else "AS path isn't correct")


def test_the_community_comes_before_the_path() -> None:
    fault = registered_prefix_fault(PREFIX, [seen(1, 64496, 64496, communities=(MAPS + 1,))])
    assert fault == "Advertisement missing MAPS community"


def test_the_origin_is_looked_up_where_there_is_a_registry() -> None:
    registry = IrrLists({}, {"AS-CONTOSO": frozenset({64500})})
    assert registered_prefix_fault(PREFIX, [seen(1, 64496, 64500)], registry) == ""
    assert "not registered in a routing registry" in registered_prefix_fault(PREFIX, [seen(1)], registry)
    assert registered_prefix_fault(PREFIX, [seen(1)], None) == ""


@pytest.mark.parametrize("prefix", ["10.0.0.0/8", "172.31.0.0/16", "192.168.1.0/24"])
def test_private_space_is_refused(prefix: str) -> None:
    assert registered_prefix_fault(IPv4Network(prefix), [seen(1)]) == "Prefix is in a private range"


def test_a_provider_needs_two_edges_and_its_backup() -> None:
    two = [seen(1), seen(1, edge="e2")]
    assert service_prefix_fault(PREFIX, two, None) == ""
    assert service_prefix_fault(PREFIX, two, [seen(9, edge="e3")]) == ""
    assert service_prefix_fault(PREFIX, two, []) == "Provider has no sessions in its backup location"
    alone = "Provider has fewer than two sessions in its primary location"
    assert service_prefix_fault(PREFIX, [seen(1), seen(2)], None) == alone
    fault = service_prefix_fault(PREFIX, two, [missing(9, "e3")])
    assert fault == f"Not receiving prefix advertisement from IP 203.0.113.9 for prefix {PREFIX}"


def test_prepending_is_not_published_for_a_service_prefix() -> None:
    assert service_prefix_fault(PREFIX, [seen(1, 64496, 64496), seen(1, edge="e2")], None) == ""
