"""Messages as data: families, NOTIFICATION texts."""

from __future__ import annotations

import pytest

from simulator.session.messages import Cease, ErrorCode, Family, Notification


@pytest.mark.parametrize(
    ("family", "afi", "label", "longest"), [(Family.IPV4, 1, "IPv4", 32), (Family.IPV6, 2, "IPv6", 128)]
)
def test_families(family: Family, afi: int, label: str, longest: int) -> None:
    assert (family.afi, family.safi, family.label, family.max_length) == (afi, 1, label, longest)


@pytest.mark.parametrize(
    ("notification", "text"),
    [
        (Notification(1, 1), "1/1 Message Header Error: Connection Not Synchronized"),  # RFC 4271 §4.5
        (Notification(2, 2), "2/2 OPEN Message Error: Bad Peer AS"),
        (Notification(2, 6), "2/6 OPEN Message Error: Unacceptable Hold Time"),
        (Notification(2, 7), "2/7 OPEN Message Error: Unsupported Capability"),  # RFC 5492 §5
        (Notification(2, 11), "2/11 OPEN Message Error: Role Mismatch"),  # RFC 9234 §4.2
        (Notification(3, 11), "3/11 UPDATE Message Error: Malformed AS_PATH"),
        (Notification(4), "4/0 Hold Timer Expired"),
        (Notification(5, 1), "5/1 Finite State Machine Error: Receive Unexpected Message in OpenSent State"),
        (Notification(5, 3), "5/3 Finite State Machine Error: Receive Unexpected Message in Established State"),
        (Notification(6, 1), "6/1 Cease: Maximum Number of Prefixes Reached"),  # RFC 4486 §3
        (Notification(6, 7), "6/7 Cease: Connection Collision Resolution"),
        (Notification(6, 9), "6/9 Cease: Hard Reset"),  # RFC 8538
        (Notification(7, 1), "7/1 ROUTE-REFRESH Message Error: Invalid Message Length"),  # RFC 7313 §5
        (Notification(8), "8/0 Send Hold Timer Expired"),  # RFC 9687 §4.4
        (Notification(6, 2, communication="see you"), '6/2 Cease: Administrative Shutdown "see you"'),  # RFC 9003
        (Notification(6, 77), "6/77 Cease: subcode 77"),
        (Notification(99, 1), "99/1 error 99: subcode 1"),
    ],
)
def test_a_notification_reads_as_its_rfc_names_it(notification: Notification, text: str) -> None:
    assert str(notification) == text


def test_cease_subcodes_are_those_of_rfc_4486() -> None:
    assert [subcode.value for subcode in Cease] == list(range(1, 9))
    assert Cease.CONNECTION_REJECTED.value == 5
    assert Cease.COLLISION_RESOLUTION.value == 7


def test_error_codes() -> None:
    assert {code.name: code.value for code in ErrorCode} == {
        "MESSAGE_HEADER": 1,
        "OPEN_MESSAGE": 2,
        "UPDATE_MESSAGE": 3,
        "HOLD_TIMER_EXPIRED": 4,
        "FSM": 5,
        "CEASE": 6,
        "ROUTE_REFRESH": 7,
        "SEND_HOLD_TIMER_EXPIRED": 8,
    }
