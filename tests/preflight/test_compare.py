"""Two sides compared: each thing that can differ, alone, gives its word of Batfish's and its mismatch."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from simulator.preflight.compare import fit_of, mismatches
from simulator.preflight.ends import AgreedEnd, Fit, Matter, RouterEnd
from simulator.session.messages import Family

EDGE, OURS, ELSEWHERE, STRANGER = map(ip_address, ("192.0.2.2", "192.0.2.1", "192.0.2.9", "198.51.100.1"))
AGREED = AgreedEnd(EDGE, OURS, frozenset({OURS, ELSEWHERE}), 8075, 64496, Family.IPV4, md5="key", gtsm=True)
END = RouterEnd(EDGE, False, OURS, 64496, 8075, family=True, md5="key", gtsm=True, hold_time=90)


def test_what_was_agreed_fits() -> None:
    assert (fit_of(AGREED, END), mismatches(AGREED, END)) == (Fit.UNIQUE_MATCH, ())


def test_what_a_configuration_does_not_say_fits_anything() -> None:
    bare = RouterEnd(EDGE, local_as=64496, remote_as=8075)
    assert (fit_of(AGREED, bare), mismatches(AGREED, bare)) == (Fit.UNIQUE_MATCH, ())


@pytest.mark.parametrize(
    ("wrong", "fit", "matter"),
    [
        ({"remote_address": STRANGER}, Fit.UNKNOWN_REMOTE, Matter.ADDRESS),
        ({"local_address": STRANGER}, Fit.INVALID_LOCAL_IP, Matter.LOCAL_ADDRESS),
        ({"local_address": ELSEWHERE}, Fit.HALF_OPEN, Matter.LOCAL_ADDRESS),
        ({"local_as": 64497}, Fit.HALF_OPEN, Matter.LOCAL_AS),
        ({"remote_as": 8076}, Fit.HALF_OPEN, Matter.REMOTE_AS),
        ({"family": False}, Fit.HALF_OPEN, Matter.FAMILY),
        ({"md5": ""}, Fit.UNIQUE_MATCH, Matter.MD5),
        ({"md5": "other"}, Fit.UNIQUE_MATCH, Matter.MD5),
        ({"gtsm": False}, Fit.UNIQUE_MATCH, Matter.GTSM),
        ({"hold_time": 2}, Fit.UNIQUE_MATCH, Matter.HOLD_TIME),
        ({"shut_down": True}, Fit.UNIQUE_MATCH, Matter.SHUTDOWN),
        ({"dynamic": True, "remote_address": None, "remote_as": 8076}, Fit.NO_MATCH_FOUND, Matter.REMOTE_AS),
    ],
    ids=str,
)
def test_one_thing_that_differs_is_named_and_keeps_the_session_down(wrong: Any, fit: Fit, matter: Matter) -> None:
    end = replace(END, **wrong)
    found = mismatches(AGREED, end)
    assert (fit_of(AGREED, end), [each.matter for each in found]) == (fit, [matter])
    assert found[0].breaks and str(found[0])
    assert "other" not in str(found[0]).replace("another", ""), "a key is not shown"


@pytest.mark.parametrize(
    ("wrong", "fit"),
    [
        ({"local_as": None}, Fit.NO_LOCAL_AS),
        ({"remote_as": None}, Fit.NO_REMOTE_AS),
        ({"local_address": None, "multihop": True}, Fit.LOCAL_IP_UNKNOWN_STATICALLY),
        ({"several": True}, Fit.MULTIPLE_REMOTES),
        ({"dynamic": True, "remote_address": None}, Fit.DYNAMIC_MATCH),
        ({"remote_as": None, "any_remote_as": True}, Fit.UNIQUE_MATCH),
    ],
    ids=str,
)
def test_what_one_side_lacks_or_has_twice(wrong: Any, fit: Fit) -> None:
    assert fit_of(AGREED, replace(END, **wrong)) is fit


def test_a_session_that_the_router_lacks_is_half_open() -> None:
    assert fit_of(AGREED, None) is Fit.HALF_OPEN


@pytest.mark.parametrize("seconds", [0, 1, 2, 3, 8, 9, 90])
def test_a_hold_time_is_refused_below_three_and_bites_later_below_nine(seconds: int) -> None:
    found = mismatches(AGREED, replace(END, hold_time=seconds))
    assert [each.breaks for each in found] == ([True] if seconds in (1, 2) else [False] if seconds < 9 else [])


def test_two_ends_that_only_listen_do_not_meet() -> None:
    assert mismatches(AGREED, replace(END, passive=True)) == ()
    found = mismatches(replace(AGREED, passive=True), replace(END, passive=True))
    assert [each.matter for each in found] == [Matter.PASSIVE]
