"""Whose BGP identifiers are in use at an edge."""

from __future__ import annotations

from ipaddress import IPv4Address

from simulator.engine.identifiers import Identifiers

ONE, OTHER = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")


def test_another_peer_at_the_same_edge_is_told_and_nobody_else() -> None:
    known = Identifiers()
    known.take("a/ipv4", 64496, "edge-1", ONE)
    known.take("a/ipv6", 64496, "edge-1", ONE)
    assert known.foreign(64496, "edge-1", ONE) is None, "both are its own"
    assert known.foreign(64497, "edge-1", ONE) == 64496
    assert known.foreign(64497, "edge-2", ONE) is None
    assert known.foreign(64497, "edge-1", OTHER) is None


def test_a_session_that_is_down_or_comes_back_with_another_uses_it_no_more() -> None:
    known = Identifiers()
    known.take("a/ipv4", 64496, "edge-1", ONE)
    known.take("a/ipv4", 64496, "edge-1", OTHER)
    assert known.foreign(64497, "edge-1", ONE) is None
    assert known.foreign(64497, "edge-1", OTHER) == 64496
    known.free("a/ipv4")
    known.free("a/ipv4")
    assert known.foreign(64497, "edge-1", OTHER) is None
