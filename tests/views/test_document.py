"""The one serialiser."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.connection.connection import ConnectionTransition
from simulator.connection.states import Actor, ConnectionEvent, ConnectionState, Flow
from simulator.session.messages import Capabilities, Family, Notification, Open, Role
from simulator.session.outputs import BgpTransition, NotificationSeen
from simulator.session.states import BgpState
from simulator.views.check import Blocks, Cause, CheckView, Status
from simulator.views.connection import ConnectionView, StepView
from simulator.views.document import document, key
from simulator.views.session import Cut, SessionView

TEXT = st.text(max_size=8)
STEPS = st.builds(
    StepView,
    time=st.floats(0, 4e9),
    from_=st.sampled_from(ConnectionState),
    to=st.sampled_from(ConnectionState),
    reason=TEXT,
) | st.builds(
    StepView, time=st.floats(0, 4e9), from_=st.sampled_from(BgpState), to=st.sampled_from(BgpState), reason=TEXT
)
CHECKS = st.builds(
    CheckView, id=TEXT, title=TEXT, source=TEXT, causes=st.lists(st.builds(Cause), max_size=2).map(tuple)
)
OPENS = st.builds(
    Open,
    asn=st.integers(0, 2**32 - 1),
    hold_time=st.integers(0, 65535),
    bgp_identifier=st.just(IPv4Address("192.0.2.1")),
    capabilities=st.builds(Capabilities, role=st.none() | st.sampled_from(Role)),
)
SEEN = st.builds(
    NotificationSeen,
    time=st.floats(0, 4e9),
    sent=st.booleans(),
    notification=st.builds(Notification, code=st.integers(1, 8)),
)
TIMES = st.none() | st.floats(0, 4e9)
SESSIONS = st.builds(
    SessionView,
    local_address=st.just(ip_address("192.0.2.254")),
    peer_address=st.just(ip_address("2001:db8::1")),
    local_open=OPENS,
    peer_open=st.none() | OPENS,
    notifications=st.lists(SEEN, max_size=2).map(tuple),
    cut=st.none() | st.builds(Cut),
    **dict.fromkeys(("established_at", "last_update", "peer_open_at", "last_error_at", "peer_closed_early_at"), TIMES),
)
CONNECTIONS = st.builds(
    ConnectionView,
    kind=st.sampled_from(Flow),
    sessions=st.lists(SESSIONS, max_size=2).map(tuple),
    timeline=st.lists(STEPS, max_size=3).map(tuple),
    checks=st.lists(CHECKS, max_size=2).map(tuple),
)
_KEY = re.compile(r"[a-z][a-zA-Z0-9]*")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def items(value: Any) -> list[tuple[str, Any]]:
    """Every key with its value, at every depth."""
    if isinstance(value, dict):
        return [*value.items(), *(pair for each in value.values() for pair in items(each))]
    return [pair for each in value for pair in items(each)] if isinstance(value, list) else []


@given(CONNECTIONS)
def test_whatever_is_seen_is_json_with_camel_case_keys_and_rfc_3339_moments(view: ConnectionView) -> None:
    found = document(view)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for name, value in items(found):
        assert _KEY.fullmatch(name)
        if name == "time" or name.endswith("At"):
            assert value is None or _MOMENT.fullmatch(value)


def test_a_field_that_repr_hides_is_not_written() -> None:
    @dataclass(frozen=True)
    class Keyed:
        name: str
        md5: str = field(repr=False)

    assert document(Keyed("a", "s3cret")) == {"name": "a"}


class Pair(NamedTuple):
    is_open: bool
    from_: Family


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (b"\x01\xff", "01ff"),
        (Family.IPV6, "IPv6"),
        (Role.RS_CLIENT, "rs-client"),
        (Status.ERROR, "error"),
        (BgpState.OPEN_SENT, "OpenSent"),
        (ip_address("2001:db8::1"), "2001:db8::1"),
        (frozenset({Family.IPV6, Family.IPV4}), ["IPv4", "IPv6"]),
        ((1, (2,)), [1, [2]]),
        ({Family.IPV4: 1, "Peer_one": None}, {"Family.IPV4": 1, "Peer_one": None}),
        (Notification(6, 2), {"code": 6, "subcode": 2, "text": "6/2 Cease: Administrative Shutdown"}),
        (Pair(True, Family.IPV4), {"isOpen": True, "from": "IPv4"}),
        (Cut(1, 2), {"handed": 1, "held": 2}),
    ],
)
def test_every_kind_of_value(value: object, written: object) -> None:
    assert document(value) == written


def test_keys() -> None:
    assert [key(name) for name in ("id", "error_message", "from_", "peer_closed_early_at")] == [
        "id",
        "errorMessage",
        "from",
        "peerClosedEarlyAt",
    ]


def test_a_step_says_its_axis_and_only_a_connections_has_an_actor() -> None:
    states = (ConnectionState.VALIDATING, ConnectionState.ACTIVE)
    made = ConnectionTransition(0.0, *states, ConnectionEvent.VALIDATION_PASSED, Actor.AUTOMATION, "r", "doc")
    assert document(StepView.of_connection(made)) == {
        "time": "1970-01-01T00:00:00.000000Z",
        "from": "Validating",
        "to": "Active",
        "reason": "r",
        "session": "",
        "cause": "validation passed",
        "actor": "Microsoft's automation",
        "source": "doc",
        "axis": "connection",
    }
    bgp = document(StepView.of_session("s", BgpTransition(1.0, BgpState.CONNECT, BgpState.ACTIVE, "r")))
    assert (bgp["axis"], bgp["to"], bgp["session"], bgp["actor"]) == ("bgp", "Active", "s", "")


def test_a_check_says_its_first_remedy() -> None:
    causes = (Cause("a", "first", "do this"), Cause("b", "second"))
    found = document(CheckView("S1", "t", "RFC", Blocks.ACTIVE, Status.FAILURE, ("seen",), causes))
    assert (found["remedy"], found["blocks"], found["status"]) == ("do this", "active", "failure")
    assert [cause["id"] for cause in found["causes"]] == ["a", "b"]
    assert document(CheckView("S1", "t", "RFC", Blocks.WARN, Status.SUCCESS))["remedy"] == ""
