"""Is the peer's OPEN acceptable, what do both OPENs agree on, and which connection survives a collision."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.session.messages import AS_TRANS, Capabilities, Family, Notification, Open, Role
from simulator.session.negotiation import judge_open, negotiate, we_win_collision
from tests.session.support import HIGH, LOCAL, LOW

BOTH = frozenset({Family.IPV4, Family.IPV6})
_identifiers = st.integers(1, 2**32 - 1).map(IPv4Address)
_asns = st.integers(1, 2**32 - 1)


def _with(open_: Open, **capabilities: Any) -> Open:
    return replace(open_, capabilities=replace(open_.capabilities, **capabilities))


def _judge(received: Open, sent: Open = LOCAL, expected_as: int | None = 64500) -> Notification | None:
    refused = judge_open(sent, received, expected_as)
    if refused is None:
        return None
    assert refused[1], "a refusal has a reason in words"
    return refused[0]


def test_a_good_open_is_accepted() -> None:
    assert _judge(LOW) is None


@pytest.mark.parametrize("version", [3, 5, 0])
def test_2_1_unsupported_version_names_version_4(version: int) -> None:
    """RFC 4271 §6.2: the data is a 2-octet integer, "the largest, locally-supported version number"."""
    assert _judge(replace(LOW, version=version)) == Notification(2, 1, b"\x00\x04")


def test_2_2_bad_peer_as() -> None:
    assert _judge(replace(LOW, asn=64501)) == Notification(2, 2)


@pytest.mark.parametrize("expected", [64500, None])
def test_2_2_as_0_is_bad_whatever_is_expected(expected: int | None) -> None:
    """RFC 7607."""
    assert _judge(replace(LOW, asn=0), expected_as=expected) == Notification(2, 2)


def test_any_as_where_none_is_expected() -> None:
    assert _judge(replace(LOW, asn=4_200_000_000), expected_as=None) is None


def test_as_trans_is_not_the_as_that_is_expected() -> None:
    assert _judge(replace(LOW, asn=AS_TRANS)) == Notification(2, 2)


def test_2_3_identifier_zero() -> None:
    """RFC 6286 §2.2."""
    assert _judge(replace(LOW, bgp_identifier=IPv4Address(0))) == Notification(2, 3)


def test_2_3_our_own_identifier_inside_one_as() -> None:
    """RFC 6286 §2.2: "…if the BGP Identifier is the same as that of the local BGP speaker and the message is from
    an internal peer"."""
    same = replace(LOW, asn=LOCAL.asn, bgp_identifier=LOCAL.bgp_identifier)
    assert _judge(same, expected_as=LOCAL.asn) == Notification(2, 3)


def test_our_own_identifier_from_another_as_is_acceptable() -> None:
    """RFC 6286 §2.1: unique inside an AS only."""
    assert _judge(replace(LOW, bgp_identifier=LOCAL.bgp_identifier)) is None


@pytest.mark.parametrize("identifier", ["0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255"])
def test_an_identifier_needs_not_be_an_address(identifier: str) -> None:
    """RFC 6286 §2.1: "a 4-octet, unsigned, non-zero integer", where RFC 4271 wanted a host address."""
    assert _judge(replace(LOW, bgp_identifier=IPv4Address(identifier))) is None


@pytest.mark.parametrize("hold", [1, 2])
def test_2_6_hold_times_of_1_and_2_are_refused(hold: int) -> None:
    """RFC 4271 §4.2: "MUST be either zero or at least three seconds"."""
    assert _judge(replace(LOW, hold_time=hold)) == Notification(2, 6)


@pytest.mark.parametrize("hold", [0, 3, 65535])
def test_other_hold_times_are_accepted(hold: int) -> None:
    assert _judge(replace(LOW, hold_time=hold)) is None


_CORRESPONDING = {  # RFC 9234 §4.2, table 2: local → remote
    Role.PROVIDER: Role.CUSTOMER,
    Role.CUSTOMER: Role.PROVIDER,
    Role.ROUTE_SERVER: Role.RS_CLIENT,
    Role.RS_CLIENT: Role.ROUTE_SERVER,
    Role.PEER: Role.PEER,
}


@pytest.mark.parametrize("ours", list(Role))
@pytest.mark.parametrize("theirs", list(Role))
def test_2_11_roles_have_to_correspond(ours: Role, theirs: Role) -> None:
    expected = None if _CORRESPONDING[ours] is theirs else Notification(2, 11)
    assert _judge(_with(LOW, role=theirs), _with(LOCAL, role=ours)) == expected


@pytest.mark.parametrize(("ours", "theirs"), [(None, Role.PEER), (Role.PEER, None), (None, None)])
def test_a_missing_role_is_no_mismatch(ours: Role | None, theirs: Role | None) -> None:
    """RFC 9234 §4.2: only the strict mode, which is not used, refuses a peer without the capability."""
    assert _judge(_with(LOW, role=theirs), _with(LOCAL, role=ours)) is None


def test_2_11_a_role_without_a_name_corresponds_to_none() -> None:
    """Capability 9 with a value that table 1 of RFC 9234 does not have."""
    odd = _with(LOW, other=(9,))
    assert _judge(odd, _with(LOCAL, role=Role.PEER)) == Notification(2, 11)
    assert _judge(odd, LOCAL) is None


def test_the_first_error_of_several_is_the_one_that_is_told() -> None:
    assert _judge(replace(LOW, version=3, asn=1, hold_time=1)) == Notification(2, 1, b"\x00\x04")
    assert _judge(replace(LOW, asn=1, hold_time=1)) == Notification(2, 2)


@pytest.mark.parametrize(("ours", "theirs", "agreed"), [(90, 30, 30), (30, 90, 30), (90, 0, 0), (0, 90, 0), (3, 3, 3)])
def test_the_smaller_hold_time_counts(ours: int, theirs: int, agreed: int) -> None:
    """RFC 4271 §4.2; 0 is the smallest."""
    found = negotiate(replace(LOCAL, hold_time=ours), replace(LOW, hold_time=theirs))
    assert found.hold_time == agreed
    assert found.keepalive == agreed / 3


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        ({Family.IPV4}, {Family.IPV4}, {Family.IPV4}),
        ({Family.IPV4}, {Family.IPV4, Family.IPV6}, {Family.IPV4}),
        ({Family.IPV6}, {Family.IPV4}, set()),
        (set(), {Family.IPV4}, {Family.IPV4}),  # we send no multiprotocol capability: IPv4
        (set(), {Family.IPV6}, set()),
        ({Family.IPV4}, set(), set()),  # the peer offers nothing but families that we do not know
        (set(), set(), set()),
    ],
)
def test_families(ours: set[Family], theirs: set[Family], agreed: set[Family]) -> None:
    found = negotiate(_with(LOCAL, families=frozenset(ours)), _with(LOW, families=frozenset(theirs)))
    assert found.families == agreed


@pytest.mark.parametrize("capability", ["asn4", "route_refresh", "enhanced_route_refresh"])
def test_a_capability_needs_both_sides(capability: str) -> None:
    for ours in (True, False):
        for theirs in (True, False):
            found = negotiate(_with(LOCAL, **{capability: ours}), _with(LOW, **{capability: theirs}))
            assert getattr(found, capability) == (ours and theirs)


@pytest.mark.parametrize(("ours", "theirs", "size"), [(True, True, 65535), (True, False, 4096), (False, True, 65535)])
def test_what_is_sent_may_be_as_long_as_the_peer_s_open_says(ours: bool, theirs: bool, size: int) -> None:
    """RFC 8654 §4: the capability says what its sender takes; what we take is what ours said."""
    found = negotiate(_with(LOCAL, extended_message=ours), _with(LOW, extended_message=theirs))
    assert found.message_size == size


def test_the_result_names_the_peer() -> None:
    found = negotiate(LOCAL, _with(LOW, role=Role.PEER))
    assert (found.peer_as, found.peer_identifier, found.peer_role) == (64500, "198.51.100.1", Role.PEER)


def test_the_higher_identifier_keeps_what_it_dialled() -> None:
    assert we_win_collision(LOCAL, LOW)
    assert not we_win_collision(LOCAL, HIGH)


def test_identifiers_are_compared_as_numbers() -> None:
    """RFC 4271 §6.8: "by converting them to host byte order and treating them as 4-octet unsigned integers"."""
    nine, ten = (replace(LOCAL, bgp_identifier=IPv4Address(text)) for text in ("9.0.0.0", "10.0.0.0"))
    assert we_win_collision(ten, nine)
    assert not we_win_collision(nine, ten)


def test_equal_identifiers_leave_it_to_the_as_number() -> None:
    """RFC 6286 §2.3."""
    small, large = replace(LOCAL, asn=65000), replace(LOCAL, asn=4_200_000_000)
    assert we_win_collision(large, small)
    assert not we_win_collision(small, large)


@settings(deadline=None)
@given(_identifiers, _identifiers, _asns, _asns)
def test_both_ends_agree_on_who_wins(first: IPv4Address, second: IPv4Address, one: int, two: int) -> None:
    a, b = Open(one, 90, first, Capabilities()), Open(two, 90, second, Capabilities())
    if (first, one) != (second, two):
        assert we_win_collision(a, b) != we_win_collision(b, a)
