"""Check A2: what was tried at each time, what the check says of it, and the cause."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from simulator.diagnosis.catalogue import TRAFFIC, WATCHED
from simulator.diagnosis.evidence import Crossing, Passage, Traffic, TrafficSeen
from simulator.views.check import Blocks, Status
from tests.diagnosis.test_catalogue import evidence, observe, run

SERVICE, HOST = ip_address("20.33.0.1"), ip_address("192.0.2.1")
P = Passage


def crossing(passage: Passage, *, to_peer: bool = True, **changes: object) -> Crossing:
    ends = (SERVICE, HOST) if to_peer else (HOST, SERVICE)
    return replace(Crossing(to_peer, *ends, "contoso", passage), **changes)  # type: ignore[arg-type]


NONE = TrafficSeen((crossing(P.NO_ROUTE), crossing(P.NO_ROUTE, to_peer=False)), programmed=0)
ALL = TrafficSeen((crossing(P.PASSED, whole=P.PASSED), crossing(P.PASSED, to_peer=False, whole=P.PASSED)), programmed=3)


def one(**changes: object) -> TrafficSeen:
    return TrafficSeen((crossing(**changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("traffic", "cause", "warns"),
    [
        (Traffic(one(passage=P.PASSED), ALL), "edge-passes-on", False),
        (Traffic(one(passage=P.PASSED, to_peer=False), ALL), "static-route", False),
        (Traffic(NONE, ALL, one(passage=P.PASSED)), "edge-passes-on", False),
        (Traffic(NONE, ALL, one(passage=P.PASSED, to_peer=False)), "static-route", False),
        (Traffic(NONE, ALL, replace(NONE, programmed=2)), "edge-passes-on", False),
        (Traffic(NONE, one(passage=P.NO_ROUTE)), "edge-without-route", False),
        (Traffic(NONE, one(passage=P.NO_ROUTE, to_peer=False)), "no-kernel-route", False),
        (Traffic(NONE, one(passage=P.NEXT_HOP_SILENT)), "next-hop-silent", False),
        (Traffic(NONE, one(passage=P.SENT_BACK)), "sent-back", False),
        (Traffic(NONE, one(passage=P.EXPIRED)), "ttl-expires", False),
        (Traffic(NONE, one(passage=P.LOST)), "packets-dropped", False),
        (Traffic(NONE, one(passage=P.REFUSED, to_peer=False)), "packets-dropped", False),
        (Traffic(NONE, one(passage=P.PASSED, whole=P.TOO_LONG)), "mtu", True),
        (Traffic(NONE, one(passage=P.PASSED, whole=P.LOST, to_peer=False)), "mtu", True),
        (Traffic(NONE, one(passage=P.PASSED, to_peer=False, detour="lan of edge-2")), "asymmetric-path", True),
        (Traffic(NONE, one(passage=P.PASSED, routers=3)), "asymmetric-path", True),
    ],
)
def test_what_is_wrong_with_traffic_has_one_cause(traffic: Traffic, cause: str, *, warns: bool) -> None:
    found = run(observe(evidence(traffic=traffic)), TRAFFIC)["A2"]
    assert (found.status, found.blocks) == (Status.FAILURE, Blocks.WARN if warns else Blocks.REHEARSAL)
    assert [each.id for each in found.causes] == [cause]
    assert found.causes[0].remedy and found.causes[0].explains == ("A2",)


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (one(passage=P.NO_ROUTE), "edge-without-route"),
        (one(passage=P.NO_ROUTE, to_peer=False), "no-kernel-route"),
        (one(passage=P.NEXT_HOP_SILENT), "next-hop-silent"),
        (one(passage=P.SENT_BACK), "sent-back"),
        (one(passage=P.EXPIRED), "ttl-expires"),
        (one(passage=P.LOST), "packets-dropped"),
    ],
)
def test_what_is_lost_while_active_has_the_same_cause(seen: TrafficSeen, cause: str) -> None:
    found = run(observe(evidence(traffic=Traffic(lifted=seen))), WATCHED)["W6"]
    assert (found.status, found.blocks) == (Status.FAILURE, Blocks.WARN)
    assert [(each.id, each.explains) for each in found.causes] == [(cause, ("W6",))]


def test_nothing_is_lost_while_active_where_all_passes_or_nothing_is_tried() -> None:
    for traffic in (None, Traffic(lifted=ALL), Traffic(lifted=TrafficSeen(skipped="no route"))):
        assert not run(observe(evidence(traffic=traffic)), WATCHED)["W6"].status.bad


def test_none_before_all_after_and_none_after_the_deny_passes() -> None:
    found = run(observe(evidence(traffic=Traffic(NONE, ALL, NONE))), TRAFFIC)["A2"]
    assert found.status is Status.SUCCESS and not found.causes
    assert any("none of 2 datagrams passed" in line for line in found.evidence)


HELD = replace(NONE, programmed=1)


@pytest.mark.parametrize("seen", [Traffic(HELD, ALL), Traffic(NONE, ALL, HELD)])
def test_a_route_in_the_kernel_while_it_is_denied_fails(seen: Traffic) -> None:
    assert run(observe(evidence(traffic=seen)), TRAFFIC)["A2"].status is Status.FAILURE


def test_without_routes_or_hosts_it_is_skipped_and_says_why() -> None:
    unmet = run(observe(evidence()), TRAFFIC)["A2"]
    assert unmet.status is Status.SKIPPED and unmet.rests_on == ("A1",)
    nobody = run(observe(evidence(), traffic_skipped="the loopback link has no hosts"), TRAFFIC)["A2"]
    assert nobody.holds and nobody.status is Status.SKIPPED


def test_what_the_kernel_holds_while_it_is_denied_fails_d2() -> None:
    assert run(observe(evidence(programmed=2)))["D2"].status is Status.FAILURE
    assert run(observe(evidence(programmed=0)))["D2"].status is Status.SUCCESS
