"""What will bite later: each warning is one cause, blocks nothing, says who acts, and ranks below what failed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from simulator.diagnosis.evidence import ImportMarks, LanAnswer, RejectedRoutes, SessionEvidence, Sibling
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.session.messages import Family
from simulator.views.check import CheckView, Side, Status
from simulator.views.diagnosis import diagnosis
from tests.diagnosis.test_catalogue import DOWN, HEALTHY, PEER_OPEN, evidence, observe, run

NONE: tuple[int, tuple[str, ...]] = (0, ())
MARKS = ImportMarks(3, NONE, NONE, NONE)
LAN = LanAnswer(frozenset({"02:00:00:00:00:03"}), True, rtt=0.2, whole="")

WARNINGS: list[tuple[str, SessionEvidence, dict[str, Any], str, str]] = [
    # name, the session, changes of the observation, the check that warns, the cause
    ("hold time", evidence(replace(HEALTHY, peer_open=replace(PEER_OPEN, hold_time=6))), {}, "S3", "hold-time-short"),
    ("hold time 0", evidence(replace(HEALTHY, peer_open=replace(PEER_OPEN, hold_time=0))), {}, "S3", "hold-time-zero"),
    ("MED", evidence(marks=replace(MARKS, med=(2, ("a (MED 50)",)))), {}, "R8", "med-sent"),
    ("communities", evidence(marks=replace(MARKS, communities=(1, ("a (8075:1)",)))), {}, "R8", "communities-stripped"),
    ("RPKI", evidence(marks=replace(MARKS, unsigned=(3, ("a (from AS1)",)))), {}, "R8", "rpki-not-found"),
    ("one edge", evidence(), {"direct": True, "edges": frozenset({"e1"})}, "C1", "one-edge"),
    ("limit", evidence(answer=RouterAnswer(prefix_limit=1)), {}, "R5", "peer-limit-near"),
    ("MTU", evidence(lan=replace(LAN, whole="no answer")), {}, "L2", "mtu"),
    ("nothing to rehearse", evidence(announced=frozenset()), {}, "R6", "nothing-to-rehearse"),
    ("ICMP", evidence(lan=LanAnswer(frozenset({"a"}), False)), {}, "L1", "icmp-filtered"),
    ("frames", evidence(frames=("3 LLDP",)), {}, "L3", "forbidden-frames"),
    (
        "one of two sessions",
        evidence(prefixes=frozenset({"a"})),
        {"siblings": (Sibling("e2", Family.IPV4, frozenset({"a", "b"})),)},
        "R9",
        "one-session-only",
    ),
]


def warned(results: dict[str, CheckView]) -> list[str]:
    return [check.id for check in results.values() if check.warns]


@pytest.mark.parametrize(("name", "session", "changes", "check", "cause"), WARNINGS, ids=[w[0] for w in WARNINGS])
def test_each_warns_once_blocks_nothing_and_says_what_to_do(
    name: str, session: SessionEvidence, changes: dict[str, Any], check: str, cause: str
) -> None:
    results = run(observe(session, **changes))
    assert not any(result.stops for result in results.values())
    assert warned(results) == [check]
    (found,) = diagnosis("c", results.values())
    assert (found.id, found.check, found.warns) == (cause, check, True)
    assert found.remedy and found.side in Side and found.text
    assert not re.search(r"\{[a-z_]+\}", found.text + found.remedy), "every gap is filled"


@pytest.mark.parametrize(("name", "session", "changes", "check", "cause"), WARNINGS, ids=[w[0] for w in WARNINGS])
def test_each_ranks_below_what_fails_on_another_session(
    name: str, session: SessionEvidence, changes: dict[str, Any], check: str, cause: str
) -> None:
    down = evidence(
        replace(DOWN, id="c/ipv6", family=Family.IPV6),
        answer=RouterAnswer("Idle", "Admin", shut_down=True),
        announced=session.announced,
    )
    found = diagnosis("c", run(observe(session, down, **changes)).values())
    assert found[0].id == "shut-down" and not found[0].warns
    assert [each.id for each in found[1:]] == [cause] and found[1].warns


def test_routes_of_two_sessions_are_one_warning() -> None:
    one = evidence(marks=replace(MARKS, med=(1, ("a (MED 5)",))))
    two = evidence(replace(HEALTHY, id="c/ipv6"), marks=replace(MARKS, med=(2, ("b (MED 9)",))))
    (found,) = diagnosis("c", run(observe(one, two)).values())
    assert found.sessions == ("c/ipv4", "c/ipv6")
    assert [("(MED 5)" in line, "(MED 9)" in line) for line in found.evidence] == [(True, False), (False, True)]


def test_two_warnings_of_one_check_are_two_causes() -> None:
    marks = replace(MARKS, med=(1, ("a (MED 5)",)), unsigned=(3, ("a (from AS1)",)))
    results = run(observe(evidence(marks=marks)))
    assert warned(results) == ["R8"]
    assert [cause.id for cause in diagnosis("c", results.values())] == ["med-sent", "rpki-not-found"]


def test_a_table_in_which_nothing_is_lost_passes_and_says_what_there_was_to_look_at() -> None:
    result = run(observe(evidence(marks=MARKS)))["R8"]
    assert result.status is Status.SUCCESS
    assert "a ROA covers each" in result.evidence[0]
    bare = run(observe(evidence(marks=replace(MARKS, unsigned=None))))["R8"]
    assert "no ROAs were given" in bare.evidence[0]
    assert "R8" not in run(observe(evidence(marks=replace(MARKS, routes=0)))), "without a route there is nothing to see"


@pytest.mark.parametrize(("md5", "gtsm"), [(False, False), (True, False), (False, True), (True, True)])
def test_md5_and_gtsm_of_a_session_that_is_up_agree(md5: bool, gtsm: bool) -> None:
    results = run(observe(evidence(replace(HEALTHY, md5=md5, gtsm=gtsm), tcp_counters={"TCPMD5Failure": 3})))
    assert [results[check].status for check in ("T2", "T3")] == [Status.SUCCESS] * 2
    assert ("agreed key" in results["T2"].evidence[0]) is md5
    assert ("as agreed" in results["T3"].evidence[0]) is gtsm


def test_what_no_counter_tells_is_not_said_of_a_session_that_is_down() -> None:
    results = run(observe(evidence(DOWN)))
    assert [results[check].status for check in ("T2", "T3")] == [Status.SKIPPED] * 2
    assert results["T2"].rests_on == ("T1",)


def test_a_rejected_link_local_next_hop_is_a_warning_of_its_rule() -> None:
    rejected = RejectedRoutes("link-local-next-hop", "RFC 2545 §3", "the next hop is link-local", 1, ("2001:db8::/32",))
    from simulator.diagnosis.catalogue import rejected_routes

    (found,) = diagnosis("c", rejected_routes(observe(evidence(rejected=(rejected,)))))
    assert (found.id, found.warns) == ("link-local-next-hop", True)
