"""The check catalogue: every check, from evidence to finding."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.diagnosis.catalogue import DEPROVISIONED, LIFTED, VALIDATION, evaluate, rejected_routes
from simulator.diagnosis.causes import BY_ID
from simulator.diagnosis.evidence import (
    CaptureProof,
    LanAnswer,
    Observation,
    PeerTable,
    RejectedRoutes,
    SessionEvidence,
    TcpEnd,
    since,
)
from simulator.diagnosis.fact import Fact
from simulator.diagnosis.refusals import REFUSALS
from simulator.diagnosis.router_answer import PeerTrouble, RouterAnswer
from simulator.places.endpoint import Endpoint
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.mender import mender
from simulator.session.messages import Capabilities, Family, Notification, Open
from simulator.session.outputs import NotificationSeen
from simulator.session.states import BgpState
from simulator.views.check import CheckView, Status
from simulator.views.session import Cut, SessionView

EDGE_OPEN = Open(8075, 90, IPv4Address("206.126.236.17"), Capabilities(families=frozenset({Family.IPV4})))
CUT = Cut(handed=7, held=90)
PEER_OPEN = Open(64496, 90, IPv4Address("206.126.239.200"), Capabilities(families=frozenset({Family.IPV4})))

HEALTHY = SessionView(
    id="c/ipv4",
    local_address=IPv4Address("206.126.236.17"),
    peer_address=IPv4Address("206.126.239.200"),
    family=Family.IPV4,
    bgp_state=BgpState.ESTABLISHED,
    established_transitions=1,
    established_at=1.0,
    negotiated_families=frozenset({Family.IPV4}),
    negotiated_hold_time=90,
    local_open=EDGE_OPEN,
    peer_open=PEER_OPEN,
    peer_as=64496,
    dialled=True,
    last_error="",
    notifications=(),
    received=3,
    accepted=3,
    rejected=0,
    sent=0,
    rendered=5,
    taken=0,
    gate_open=False,
    gate_why="the connection is Validating",
    withheld_in=3,
    withheld_out=5,
    leaked_in=0,
    leaked_out=0,
    withdrawn_by_us=0,
    md5=False,
    gtsm=False,
)
DOWN = replace(
    HEALTHY,
    bgp_state=BgpState.ACTIVE,
    established_transitions=0,
    established_at=None,
    negotiated_families=frozenset(),
    negotiated_hold_time=None,
    peer_open=None,
    dialled=None,
    received=0,
    accepted=0,
    rendered=0,
)


def evidence(view: SessionView = HEALTHY, **changes: Any) -> SessionEvidence:
    up = view.bgp_state is BgpState.ESTABLISHED
    base = SessionEvidence(
        view=view,
        max_prefixes=1000,
        soaked=up,
        settled=up,
        lan=LanAnswer(frozenset({"02:00:00:00:00:03"}), True, rtt=0.2, whole=""),
        peer_table=PeerTable(),
        announced=frozenset({"13.64.0.0/11"}),
    )
    return replace(base, **changes)


def observe(*sessions: SessionEvidence, **changes: Any) -> Observation:
    base = Observation("c", sessions or (evidence(),), has_lan=True, soak=2, final=True)
    proof = CaptureProof(True, "", 0, 20)
    return replace(base, **{"capture": proof, **changes})


def run(observation: Observation, checks: Any = VALIDATION) -> dict[str, CheckView]:
    return {result.id: result for result in evaluate(checks, observation)}


def failing(results: dict[str, CheckView]) -> list[str]:
    return [id_ for id_, result in results.items() if result.status is Status.FAILURE]


def first_cause(results: dict[str, CheckView], check: str) -> str:
    return results[check].causes[0].id


def seen(code: int, subcode: int, *, sent: bool = False) -> NotificationSeen:
    return NotificationSeen(2.0, sent, Notification(code, subcode))


def test_a_healthy_connection_passes_everything() -> None:
    results = run(observe())
    assert " ".join(results) == "L1 L2 T1 S1 S2 S3 S4 S5 S6 T2 T3 D1 D2 D3 R1 R2"
    assert all(result.status is Status.SUCCESS for result in results.values())
    assert all(result.evidence for result in results.values()), "a check says what it saw"


def test_a_connection_without_sessions_passes_nothing() -> None:
    results = run(replace(observe(), sessions=()))
    assert not any(result.status is Status.SUCCESS for result in results.values())
    assert any(result.stops for result in results.values())


VIEWS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    # name, changes of the view, changes of the evidence, the one failing check, its first cause
    ("nobody on the LAN", {}, {"lan": LanAnswer(frozenset(), False)}, "L1", "wrong-address"),
    ("address used twice", {}, {"lan": LanAnswer(frozenset({"a", "b"}), True)}, "L1", "two-macs"),
    ("wrong local AS", {"peer_open": replace(PEER_OPEN, asn=64497)}, {}, "S1", "local-as-wrong"),
    ("wrong remote AS", {"notifications": (seen(2, 2),), "peer_open": None}, {}, "S1", "remote-as-wrong"),
    ("identifier 0", {"peer_open": replace(PEER_OPEN, bgp_identifier=IPv4Address(0))}, {}, "S2", "router-id-ours"),
    (
        "our identifier",
        {"peer_open": replace(PEER_OPEN, bgp_identifier=EDGE_OPEN.bgp_identifier)},
        {},
        "S2",
        "router-id-ours",
    ),
    ("another peer's identifier", {}, {"foreign_identifiers": {"206.126.239.200": "AS64499"}}, "S2", "router-id-ours"),
    ("hold time 1", {"peer_open": replace(PEER_OPEN, hold_time=1)}, {}, "S3", "hold-time"),
    (
        "no IPv4 family",
        {"peer_open": replace(PEER_OPEN, capabilities=Capabilities(families=frozenset({Family.IPV6})))},
        {},
        "S4",
        "family-missing",
    ),
    (
        "two-octet AS",
        {"peer_open": replace(PEER_OPEN, capabilities=replace(PEER_OPEN.capabilities, asn4=False))},
        {},
        "S4",
        "asn4-missing",
    ),
    (
        "no route refresh",
        {"peer_open": replace(PEER_OPEN, capabilities=replace(PEER_OPEN.capabilities, route_refresh=False))},
        {},
        "S4",
        "refresh-missing",
    ),
    ("shut down by its operator", {"notifications": (seen(6, 2),)}, {"soaked": False}, "S5", "shut-down"),
    ("the peer's own limit", {"notifications": (seen(6, 1),)}, {"soaked": False}, "S5", "peer-limit"),
    ("rejected", {"notifications": (seen(6, 5),)}, {"soaked": False}, "S5", "not-configured"),
    ("stuck in OpenConfirm", {"bgp_state": BgpState.OPEN_CONFIRM}, {"soaked": False}, "S5", "keepalives-missing"),
    ("nothing announced", {"received": 0, "accepted": 0}, {}, "R1", "no-export"),
    (
        "everything rejected",
        {"accepted": 0, "rejected": 3},
        {"rejected": (RejectedRoutes("bogon-prefix", "RFC 6890", "special", 3, ("10.0.0.0/8",), all=True),)},
        "R1",
        "bogon-prefix",
    ),
    ("too many", {"received": 1001, "accepted": 1001}, {}, "R2", "too-many"),
]


@pytest.mark.parametrize(("name", "view", "changes", "check", "cause"), VIEWS, ids=[case[0] for case in VIEWS])
def test_one_fault_is_one_failing_check_with_its_cause_first(
    name: str, view: dict[str, Any], changes: dict[str, Any], check: str, cause: str
) -> None:
    results = run(observe(evidence(replace(HEALTHY, **view), **changes)))
    assert failing(results) == [check]
    assert first_cause(results, check) == cause
    assert results[check].stops
    assert results[check].causes[0].remedy


@pytest.mark.parametrize(
    ("view", "counters", "cause"),
    [
        ({}, {}, "filtered"),
        ({"md5": True}, {"TCPMD5NotFound": 3}, "md5-missing"),
        ({}, {"TCPMD5Unexpected": 3}, "md5-not-agreed"),
        ({"gtsm": True}, {"TCPMinTTLDrop": 3}, "gtsm"),
        ({}, {"TCPMinTTLDrop": 3}, "filtered"),
        ({"md5": True}, {"TCPMD5Failure": 3}, "md5"),
        ({}, {"TCPMD5Failure": 3, "TCPMD5NotFound": 3}, "filtered"),  # of another session of the same edge
        ({"md5": True}, {}, "md5"),
        ({"peer_closed_early": "closed by the peer"}, {}, "not-configured"),
    ],
)
def test_a_session_that_never_gets_tcp_says_why_and_drowns_nothing(
    view: dict[str, Any], counters: dict[str, int], cause: str
) -> None:
    results = run(observe(evidence(replace(DOWN, **view), tcp_counters=counters)))
    also = {"md5": ["T2"], "gtsm": ["T3"]}.get(cause.partition("-")[0], []) if counters else []
    assert failing(results) == ["T1", *also], "what the kernel counted is seen by its own check too"
    assert {each.causes[0].id for each in results.values() if each.status is Status.FAILURE} == {cause}
    assert first_cause(results, "T1") == cause
    assert {r.status for r in results.values()} == {Status.SUCCESS, Status.FAILURE, Status.SKIPPED}


BARE = replace(PEER_OPEN, capabilities=Capabilities(frozenset({Family.IPV4}), False, False, False, False))
"""Without any optional parameter, as Junos sends it to a neighbor that it is about to reject."""


@pytest.mark.parametrize("state", [BgpState.IDLE, BgpState.ACTIVE, BgpState.CONNECT, BgpState.OPEN_SENT])
@pytest.mark.parametrize(("peer_open", "check"), [(None, "S1"), (BARE, "S4"), (PEER_OPEN, "S5")])
@pytest.mark.parametrize(("kind", "subcode"), [(code, sub) for code, sub, sent in REFUSALS if not sent])
def test_a_notification_is_the_cause_whichever_check_fails_first(
    kind: int, subcode: int | None, peer_open: Open | None, check: str, state: BgpState
) -> None:
    noise = (seen(6, 7), seen(6, 2, sent=True))
    view = replace(
        DOWN,
        bgp_state=state,
        peer_open=peer_open,
        notifications=(seen(kind, 1 if subcode is None else subcode), *noise),
    )
    results = run(observe(evidence(replace(view, last_error="the peer refused our BGP version"))))
    check = failing(results)[0]
    assert results[check].stops
    found = results[check].causes
    assert len(found) == 1
    assert Fact[REFUSALS[kind, subcode, False]] in BY_ID[found[0].id].told_by
    assert found[0].remedy
    assert any(f"NOTIFICATION received: {kind}/" in line for line in (*found[0].evidence, *results[check].evidence))
    assert all(each.causes == found for each in results.values() if each.status is Status.FAILURE)


def test_every_refusal_of_the_peer_counts_with_its_words() -> None:
    last = NotificationSeen(3.0, False, Notification(6, 2, communication="wait for CHG0042"))
    finding = run(observe(evidence(replace(DOWN, notifications=(seen(6, 5), last)))))["S1"]
    assert [cause.id for cause in finding.causes] == ["shut-down", "not-configured"]
    assert "wait for CHG0042" in finding.causes[0].evidence[0]


def test_a_router_that_lacks_capabilities_and_refuses_has_two_causes() -> None:
    lacking = replace(PEER_OPEN, capabilities=replace(PEER_OPEN.capabilities, asn4=False))
    finding = run(observe(evidence(replace(DOWN, peer_open=lacking, notifications=(seen(6, 5),)))))["S4"]
    assert [cause.id for cause in finding.causes] == ["not-configured"], "what it lacks may be for that"


@pytest.mark.parametrize("gtsm", [True, False])
def test_a_peer_that_takes_our_open_and_answers_nothing_is_not_filtered(gtsm: bool) -> None:
    results = run(observe(evidence(replace(DOWN, bgp_state=BgpState.OPEN_SENT, gtsm=gtsm))))
    assert failing(results) == ["S1"]
    assert results["S1"].causes[0].id == ("gtsm" if gtsm else "hangs")


def test_gtsm_is_the_first_guess_where_the_connection_ends_and_only_this_end_is_known_to_have_it() -> None:
    view = replace(DOWN, bgp_state=BgpState.OPEN_SENT, gtsm=True, peer_closed_early="Connection reset by peer")
    assert [cause.id for cause in run(observe(evidence(view)))["T1"].causes] == ["not-configured"]
    told = evidence(view, tcp_counters={"TCPMinTTLDrop": 2})
    assert [cause.id for cause in run(observe(told))["T1"].causes] == ["gtsm"]


@pytest.mark.parametrize("error", ["TCP connection failed: Connection refused", "closed by the peer"])
def test_what_the_router_says_of_a_session_that_is_down_is_the_only_cause(error: str) -> None:
    shut = RouterAnswer("Idle", "Admin. shutdown", shut_down=True)
    view = replace(DOWN, last_error=error, peer_closed_early=error)
    finding = run(observe(evidence(view, answer=shut)))["T1"]
    assert [cause.id for cause in finding.causes] == ["shut-down"]


def test_a_missing_session_beside_a_running_one_is_the_first_cause() -> None:
    v6 = replace(DOWN, id="c/ipv6", family=Family.IPV6, peer_address=IPv6Address("2001:db8::1"))
    results = run(observe(evidence(), evidence(v6, answer=RouterAnswer("absent", configured=False))))
    assert failing(results) == ["T1"]
    assert first_cause(results, "T1") == "session-missing"
    assert "IPv6" in results["T1"].evidence[0], "what failed is told first"
    assert not results["D2"].holds, "one session's evidence does not stand for the other's"
    assert any("3 would be accepted" in line for line in results["R1"].evidence), "the session that is up is judged"
    found = run(observe(evidence(), evidence(v6, answer=RouterAnswer("Active"), probe=TcpEnd.REFUSED)))
    assert first_cause(found, "T1") == "not-listening", "a router that was asked and has the session misses none"


def silent(family: Family, *prefixes: str) -> SessionEvidence:
    """A session on which the router announces nothing, because of these prefixes."""
    why = tuple((PeerTrouble.NETWORK_NOT_IN_RIB, f"no route to {prefix}") for prefix in prefixes)
    offered = replace(PEER_OPEN, capabilities=Capabilities(families=frozenset({family})))
    view = replace(HEALTHY, id=family.label, family=family, peer_open=offered, received=0, accepted=0)
    return evidence(view, answer=RouterAnswer(troubles=why))


def test_each_session_has_its_own_text_of_a_cause() -> None:
    found = run(observe(silent(Family.IPV4, "192.0.2.0/24"), silent(Family.IPV6, "2001:db8::/32")))["R1"]
    assert [cause.text for cause in found.causes] == ["no route to 192.0.2.0/24", "no route to 2001:db8::/32"]
    same = run(observe(silent(Family.IPV4, "x"), silent(Family.IPV6, "x")))["R1"]
    assert len(same.causes) == 1


def test_a_part_that_is_not_announced_is_a_warning() -> None:
    part = RouterAnswer(troubles=((PeerTrouble.NETWORK_NOT_IN_RIB, "no route to 192.0.2.0/24"),))
    other = evidence(replace(HEALTHY, id="other"))
    found = run(observe(evidence(answer=part), other))
    assert failing(found) == ["R4"] and not found["R4"].stops
    assert first_cause(found, "R4") == "network-not-in-rib"
    assert "no route to 192.0.2.0/24" in found["R4"].evidence[0]
    # Of a silent session R1 tells it.
    assert "R4" not in run(observe(silent(Family.IPV4, "192.0.2.0/24")))
    assert "R4" not in run(observe(evidence(answer=RouterAnswer(troubles=((PeerTrouble.EXPORT_POLICY, "…"),)))))


def test_the_remedy_is_written_for_the_router() -> None:
    view = replace(HEALTHY, peer_open=replace(PEER_OPEN, asn=64497))
    edge, ours = view.local_address, view.peer_address
    session = RouterSession("s", ours, edge, 8075, Endpoint(edge, 179))
    router = mender("bird", RouterConfig("contoso", 64496, "192.0.2.1", (session,), ()), "s", None)
    bird = run(observe(evidence(view, mender=router)))["S1"].causes[0].remedy
    other = run(observe(evidence(view)))["S1"].causes[0].remedy
    assert "local 206.126.239.200 as 64496" in bird
    assert bird != other
    assert "AS64496" in other


@pytest.mark.parametrize(("seconds", "cause"), [(0, "hold-time-zero"), (3, "hold-time-short"), (8, "hold-time-short")])
def test_a_short_hold_time_is_accepted_with_a_warning(seconds: int, cause: str) -> None:
    view = replace(HEALTHY, peer_open=replace(PEER_OPEN, hold_time=seconds), negotiated_hold_time=seconds)
    results = run(observe(evidence(view)))
    assert failing(results) == ["S3"]
    assert results["S3"].warns
    assert first_cause(results, "S3") == cause
    assert results["S5"].status is Status.SUCCESS


def test_an_echo_that_is_filtered_does_not_stand_in_the_way() -> None:
    results = run(observe(evidence(lan=LanAnswer(frozenset({"a"}), False))))
    assert failing(results) == ["L1"]
    assert results["L1"].warns
    assert first_cause(results, "L1") == "icmp-filtered"
    assert results["T1"].status is Status.SUCCESS


def test_notifications_and_flaps_of_an_earlier_validation_do_not_count() -> None:
    view = replace(HEALTHY, notifications=(seen(6, 2),), established_transitions=2)
    assert failing(run(observe(evidence(view)))) == ["S5"]
    later = evidence(since(view, view, 2.0))
    assert failing(run(observe(later))) == []


UP_AGAIN = replace(HEALTHY, established_at=90.0, established_transitions=4, peer_open_at=89.0)
COUNTS = ("withheld_in", "withheld_out", "leaked_in", "leaked_out", "withdrawn_by_us", "established_transitions")


@pytest.mark.parametrize("name", COUNTS)
def test_every_counter_counts_from_the_beginning_of_the_validation(name: str) -> None:
    three: dict[str, Any] = {name: 3}
    eight: dict[str, Any] = {name: 8}
    before, now = replace(HEALTHY, **three), replace(HEALTHY, **eight)
    assert getattr(since(before, now, 100.0), name) == 5


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        (HEALTHY, replace(DOWN, peer_open=PEER_OPEN, peer_open_at=50.0), False),  # it ran, and is gone
        (HEALTHY, replace(DOWN, peer_open=PEER_OPEN, peer_open_at=101.0), True),  # it came back, and went
        (HEALTHY, replace(HEALTHY, peer_open_at=50.0), True),  # it runs on
        (DOWN, replace(DOWN, peer_open=PEER_OPEN, peer_open_at=50.0), True),  # the last attempt: it rests since
        (DOWN, replace(DOWN, peer_open=PEER_OPEN, peer_open_at=20.0), False),
    ],
)
def test_an_open_counts_while_it_says_something_of_now(before: SessionView, now: SessionView, kept: bool) -> None:
    assert (since(before, now, 100.0).peer_open is not None) is kept


@pytest.mark.parametrize(("at", "kept"), [(50.0, False), (100.0, True), (120.0, True)])
def test_an_error_of_an_earlier_time_is_no_evidence(at: float, kept: bool) -> None:
    now = replace(DOWN, last_error="refused", last_error_at=at, peer_closed_early="cut", peer_closed_early_at=at)
    view = since(HEALTHY, now, 100.0)
    assert (view.last_error, view.peer_closed_early) == (("refused", "cut") if kept else ("", ""))


def test_notifications_before_a_session_came_up_are_no_instability() -> None:
    """A router that rests after a Cease refuses the first call."""
    refused, cut = (NotificationSeen(time, False, Notification(6, 5)) for time in (80.0, 95.0))
    now = replace(UP_AGAIN, notifications=(refused, cut))
    down = replace(DOWN, established_transitions=3)
    assert since(down, now, 70.0).notifications == (cut,)
    assert since(replace(HEALTHY, established_transitions=3), now, 70.0).notifications == (refused, cut)
    assert since(replace(down, notifications=(refused, cut)), now, 96.0).notifications == ()


def test_a_session_that_is_up_is_judged_though_another_is_down() -> None:
    """Two mistakes on two sessions are told as two: each check looks at each session for itself."""
    up = evidence(replace(HEALTHY, received=2, accepted=0, rejected=2), rejected=(rejecting("bogon-prefix", 2),))
    down = evidence(replace(DOWN, id="c/ipv6"), answer=RouterAnswer(shut_down=True))
    for sessions in ((up, down), (down, up)):
        results = run(observe(*sessions))
        assert failing(results) == ["T1", "R1"]
        assert [results[check].causes[0].id for check in ("T1", "R1")] == ["shut-down", "bogon-prefix"]
        for check in ("D1", "D2", "D3", "R2"):  # of the session that is up they say what they saw
            whose = [line for line in results[check].evidence if "rests on" not in line]
            assert whose, check


def test_what_leaked_on_one_session_is_told_of_that_session_alone() -> None:
    fine, leaks = evidence(), evidence(replace(HEALTHY, id="c/ipv6", leaked_out=3))
    found = run(observe(fine, leaks))["D1"]
    assert found.status is Status.FAILURE
    assert sum("3 NLRI were written" in line for line in found.evidence) == 1


def test_one_notification_that_came_often_is_one_line_with_its_count() -> None:
    often = evidence(replace(DOWN, notifications=tuple(seen(2, 2) for _ in range(5))), was_up=True)
    for checks in (VALIDATION, LIFTED):
        for result in run(observe(often), checks).values():
            assert sum("NOTIFICATION received" in line for line in result.evidence) <= 1, result
    assert any("(5 times)" in line for line in run(observe(often))["S1"].evidence)


def test_a4_ends_at_once_on_a_session_that_was_lost_with_its_routes() -> None:
    """What went with the session cannot be withdrawn on it any more: waiting changes nothing."""
    lost = evidence(replace(DOWN, id="c/ipv4"), was_up=True, peer_table=PeerTable(frozenset({"192.0.2.0/24"})))
    assert run(observe(lost, final=False), DEPROVISIONED)["A4"].status is Status.FAILURE
    held = evidence(replace(HEALTHY), was_up=True, peer_table=PeerTable(frozenset({"192.0.2.0/24"})))
    assert run(observe(held, final=False), DEPROVISIONED)["A4"].status is Status.UNSET


def rejecting(rule: str, count: int) -> RejectedRoutes:
    examples = tuple(f"10.{n}.0.0/16" for n in range(count))
    return RejectedRoutes(rule, "simulator", "it is one", count, examples, all=True)


def test_the_capture_leads_the_message_of_a_d1_that_fails_and_what_passed_is_not_told() -> None:
    finding = run(observe(capture=CaptureProof(True, "", 8, 9)))["D1"]
    assert "the capture shows 8 NLRI" in finding.evidence[0]
    assert "0 NLRI written" not in " ".join(finding.evidence)


def test_a1_waits_for_the_routes_that_are_expected_and_no_longer_than_the_deadline() -> None:
    lifted = evidence(replace(HEALTHY, taken=3, sent=1), peer_table=PeerTable(frozenset({"13.64.0.0/11"})))
    for expected, final, status in (
        (None, False, Status.SUCCESS),
        (3, False, Status.SUCCESS),
        (4, False, Status.UNSET),
        (4, True, Status.SUCCESS),  # what is missing is the topology's to tell
    ):
        observation = observe(replace(lifted, expected=expected), final=final)
        assert run(observation, LIFTED)["A1"].status is status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"capture": CaptureProof(False, "a gap", 0, 9)}, Status.ERROR),
        ({"capture": CaptureProof(True, "", 4, 9)}, Status.FAILURE),
        ({"capture": None, "capture_skipped": "loopback"}, Status.SUCCESS),
        ({"capture": None}, Status.SKIPPED),
    ],
)
def test_d1_needs_a_conclusive_capture_where_there_is_one(changes: dict[str, Any], status: Status) -> None:
    assert run(observe(**changes))["D1"].status is status


def test_a_leak_fails_d1_and_d2_whatever_else_is_wrong() -> None:
    leaking = run(observe(evidence(replace(DOWN, leaked_out=1, leaked_in=1))))
    assert {"D1", "D2"} <= set(failing(leaking))
    assert failing(run(observe(evidence(replace(HEALTHY, taken=1))))) == ["D2"]


def test_d1_has_nothing_to_look_at_when_nothing_would_be_announced() -> None:
    result = run(observe(evidence(replace(HEALTHY, rendered=0))))["D1"]
    assert result.status is Status.SKIPPED
    assert result.holds, "that is not the consequence of a failure"


def test_d3_asks_the_peer() -> None:
    assert failing(run(observe(evidence(peer_table=PeerTable(frozenset({"13.64.0.0/11"})))))) == ["D3"]
    unreachable = run(observe(evidence(peer_table=PeerTable(error="BIRD is gone"))))["D3"]
    assert unreachable.status is Status.ERROR
    assert unreachable.stops


def test_l1_is_skipped_without_a_lan_and_blocks_nothing() -> None:
    results = run(observe(evidence(lan=None), has_lan=False))
    assert results["L1"].status is Status.SKIPPED
    assert results["L1"].holds
    assert results["R1"].status is Status.SUCCESS


NOBODY = LanAnswer(frozenset(), False)


def test_the_wrong_half_is_the_first_cause_where_another_address_answers() -> None:
    results = run(observe(evidence(DOWN, lan=replace(NOBODY, elsewhere=("198.51.100.4",))), direct=True))
    assert [cause.id for cause in results["L1"].causes] == ["wrong-half"]
    assert "198.51.100.4 answers" in results["L1"].evidence[0]
    assert [cause.id for cause in run(observe(evidence(DOWN, lan=NOBODY)))["L1"].causes] == ["wrong-address"]


def test_a_direct_peering_wants_two_edge_routers_and_an_exchange_peering_does_not_say() -> None:
    one, two = observe(direct=True, edges=frozenset({"e1"})), observe(direct=True, edges=frozenset({"e1", "e2"}))
    assert failing(run(one)) == ["C1"]
    assert not run(one)["C1"].stops, "it warns"
    assert first_cause(run(one), "C1") == "one-edge"
    assert failing(run(two)) == []
    assert "C1" not in run(observe())
    both = frozenset({"e1", "e2"})
    assert failing(run(observe(edges=frozenset({"e1"}), edges_there=both))) == ["C1"], "another edge is there"
    assert "C1" not in run(observe(edges=frozenset({"e1"}), edges_there=frozenset({"e1"})))
    assert failing(run(observe(edges=both, edges_there=both))) == []


def test_full_sized_packets_that_do_not_pass_are_a_warning() -> None:
    small = LanAnswer(frozenset({"02:00:00:00:00:03"}), True, rtt=0.2, whole="no answer within 1 s")
    results = run(observe(evidence(lan=small, mtu=9000)))
    assert failing(results) == ["L2"]
    assert not results["L2"].stops
    assert results["L2"].evidence == ("IPv4 206.126.239.200: an echo of 9000 octets with DF: no answer within 1 s",)
    assert "to 9000 octets" in results["L2"].causes[0].remedy
    assert run(observe(evidence(lan=replace(small, whole=None))))["L2"].status is Status.SKIPPED
    assert run(observe(evidence(lan=replace(small, whole=None)), final=False))["L2"].status is Status.UNSET
    assert "L2" not in run(observe(evidence(lan=None), has_lan=False))


def test_latency_is_looked_at_where_it_is_asked_for() -> None:
    assert "L4" not in run(observe())
    there = run(observe(quality_asked="latency 5 ms"))["L4"]
    assert there.status is Status.SUCCESS
    assert there.evidence[1] == "IPv4 206.126.239.200: echo after 0.2 ms"
    missing = run(observe(quality_asked="latency 5 ms", quality_problem="this kernel has no netem"))
    assert failing(missing) == ["L4"]
    assert not missing["L4"].stops
    assert missing["L4"].causes[0].text == "this kernel has no netem"


def test_while_there_is_time_what_is_not_true_yet_is_unset() -> None:
    results = run(observe(evidence(DOWN, lan=None, peer_table=None), final=False, capture=None))
    assert {result.status for result in results.values()} == {Status.UNSET}
    unsettled = run(observe(evidence(settled=False), final=False))
    assert [id_ for id_, r in unsettled.items() if r.status is Status.UNSET] == ["R1", "R2"]


def lifted(**changes: Any) -> SessionEvidence:
    view = replace(HEALTHY, **{"taken": 3, "sent": 5, "gate_open": True, **changes.pop("view", {})})
    return evidence(view, **{"was_up": True, "peer_table": PeerTable(frozenset({"13.64.0.0/11"})), **changes})


def test_after_the_lift() -> None:
    assert all(r.status is Status.SUCCESS for r in run(observe(lifted()), LIFTED).values())
    missing = replace(lifted(), peer_table=PeerTable())
    results = run(observe(missing), LIFTED)
    assert failing(results) == ["A1"]
    assert first_cause(results, "A1") == "import-policy"
    unasked = run(observe(replace(missing, lan=None)), LIFTED)
    assert first_cause(unasked, "A1") == "import-policy", "after the lift nobody asks the link"
    assert failing(run(observe(lifted(view={"taken": 2})), LIFTED)) == ["A1"]
    limit = replace(missing, view=replace(missing.view, bgp_state=BgpState.IDLE, notifications=(seen(6, 1),)))
    assert [cause.id for cause in run(observe(limit), LIFTED)["A1"].causes] == ["peer-limit"]
    lost = replace(missing, view=replace(missing.view, bgp_state=BgpState.IDLE), lost=("the session was reset",))
    assert run(observe(lost, final=False), LIFTED)["A1"].status is Status.FAILURE, "nobody waits for what is lost"
    gone_idle = replace(missing, view=replace(missing.view, bgp_state=BgpState.IDLE))
    assert run(observe(gone_idle), LIFTED)["A1"].causes == (), "nothing is known of its policy"
    assert failing(run(observe(lifted(lost=("the session was reset",))), LIFTED)) == ["A3"]
    assert failing(run(observe(lifted(view={"bgp_state": BgpState.IDLE})), LIFTED)) == ["A3"]
    assert run(observe(missing, final=False), LIFTED)["A1"].status is Status.UNSET
    gone = replace(lifted(), peer_table=PeerTable(error="gone"))
    assert run(observe(gone), LIFTED)["A1"].status is Status.ERROR


def test_after_the_deprovisioning() -> None:
    clean = evidence(replace(HEALTHY, withdrawn_by_us=5), peer_table=PeerTable(), was_up=True)
    assert failing(run(observe(clean), DEPROVISIONED)) == []
    for bad in (
        replace(clean, peer_table=PeerTable(frozenset({"13.64.0.0/11"}))),
        replace(clean, view=replace(clean.view, taken=1)),
        replace(clean, view=replace(clean.view, bgp_state=BgpState.IDLE)),
        replace(clean, view=replace(clean.view, taken=1, cut=CUT)),
        replace(clean, view=replace(clean.view, cut=CUT), peer_table=PeerTable(frozenset({"13.64.0.0/11"}))),
    ):
        assert failing(run(observe(bad), DEPROVISIONED)) == ["A4"]
    down = replace(clean, view=replace(clean.view, bgp_state=BgpState.IDLE), was_up=False)
    assert failing(run(observe(down, final=False), DEPROVISIONED)) == [], "it was down before"


@pytest.mark.parametrize("state", [BgpState.IDLE, BgpState.ACTIVE, BgpState.ESTABLISHED])
def test_a_deprovisioning_that_had_to_reset_a_session_left_nothing_either(state: BgpState) -> None:
    """The peer had not read its table yet: what waited was dropped, and the session with it."""
    reset = evidence(replace(HEALTHY, bgp_state=state, cut=CUT), peer_table=PeerTable())
    (result,) = run(observe(reset), DEPROVISIONED).values()
    assert result.status is Status.SUCCESS
    (told,) = result.evidence
    assert "the session was reset, denied while announcements were unsent: 7 NLRI" in told
    assert told.endswith("none left at either end")


def test_rejected_routes_are_warnings_with_their_routes() -> None:
    rejected = RejectedRoutes("bogon-prefix", "RFC 6890", "special-purpose space", 7, ("10.0.0.0/8 (private)",))
    (result,) = rejected_routes(observe(evidence(rejected=(rejected,))))
    assert result.id == "R3.bogon-prefix"
    assert result.source == "RFC 6890"
    assert not result.stops
    assert "10.0.0.0/8 (private) and 6 more" in result.evidence[0]


@given(
    st.builds(
        replace,
        st.sampled_from([HEALTHY, DOWN]),
        bgp_state=st.sampled_from(BgpState),
        received=st.integers(0, 3),
        accepted=st.integers(0, 3),
        leaked_out=st.integers(0, 1),
        taken=st.integers(0, 1),
        peer_open=st.sampled_from([None, PEER_OPEN, replace(PEER_OPEN, asn=1)]),
        notifications=st.lists(
            st.builds(seen, st.integers(1, 6), st.integers(0, 8), sent=st.booleans()), max_size=2
        ).map(tuple),
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_at_the_deadline_every_check_has_ended_and_success_needs_the_session(
    view: SessionView, soaked: bool, settled: bool, has_lan: bool
) -> None:
    results = run(observe(evidence(view, soaked=soaked, settled=settled), has_lan=has_lan))
    assert all(result.status is not Status.UNSET for result in results.values())
    if all(result.holds for result in results.values()):
        assert view.bgp_state is BgpState.ESTABLISHED
        assert soaked
        assert view.accepted > 0
        assert not view.leaked_out
        assert not view.taken
        assert view.peer_open == PEER_OPEN
