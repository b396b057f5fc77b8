"""A sentence that is said of several connections, or sessions, is true of each: no number or address of one alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from itertools import combinations

import pytest

from simulator.diagnosis.causes import CAUSES
from simulator.diagnosis.evidence import RejectedRoutes, SessionEvidence
from simulator.diagnosis.fact import SessionFacts
from simulator.diagnosis.solve import diagnose, merged
from simulator.policy.rules import RULES as POLICY_RULES
from simulator.report.json_report import json_report
from simulator.report.model import Report
from simulator.report.outcome import outcome_sentence
from simulator.report.troubles import troubles
from simulator.session.messages import Family
from simulator.views.check import Blocks, Cause, CheckView, Status
from tests.diagnosis.test_catalogue import DOWN, EDGE_OPEN, evidence
from tests.report import sample
from tests.report.test_same_words import CAPTURE, FACES, flat

COUNT = 5


def _session(number: int) -> SessionEvidence:
    """One whose every value is its own: each holds its number, and no two have one in common."""
    view = replace(
        DOWN,
        id=f"s{number}",
        family=Family.IPV6 if number % 2 else Family.IPV4,
        local_address=ip_address(f"198.51.100.20{number}"),
        peer_address=ip_address(f"203.0.113.20{number}"),
        peer_as=6450 + 1000 * number,
        local_open=replace(EDGE_OPEN, asn=8020 + number),
    )
    return evidence(view, mtu=9200 + number)


def _told(number: int) -> str:
    return f"AS{77000 + number}, 192.0.2.{200 + number}, {600 + number} s"


def _rows() -> Iterator[tuple[str, list[Cause]]]:
    for row in CAUSES:
        found: list[Cause] = []
        for number in range(COUNT):
            fact = row.told_by[0] if row.told_by else row.needs[0]
            facts = SessionFacts({each: [_told(number)] for each in (fact, *row.needs)})
            checks = {str(check): True for check in row.explains}
            found += [cause for cause in diagnose(_session(number), checks, facts, ()) if cause.id == row.id]
        yield row.id, found
    for rule in POLICY_RULES.values():
        rejected = [
            RejectedRoutes(rule.id, "", rule.explanation, 40 + n, (f"192.0.2.{200 + n}/32 (x)",), all=bool(n % 2))
            for n in range(COUNT)
        ]
        several = [
            diagnose(_session(n), {f"R3.{rule.id}": False}, SessionFacts({}), [each])[0]
            for n, each in enumerate(rejected)
        ]
        yield rule.id, several


ROWS = dict(_rows())


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w.])(?:AS)?\d[\d.:/]*", text))


def _own(causes: list[Cause]) -> set[str]:
    """What stands in the sentence of one of them, and not of all."""
    each = [_numbers(cause.text) for cause in causes]
    return {number for numbers in each for number in numbers if any(number not in other for other in each)}


def _report(causes: list[Cause]) -> Report:
    connections = [
        replace(
            sample.connection(number),
            checks=(
                CheckView("T1", "t", "s", Blocks.ACTIVE, Status.FAILURE, ("seen",), (replace(cause, explains=()),)),
            ),
        )
        for number, cause in enumerate(causes, 1)
    ]
    return replace(sample.failed_report(), connections=tuple(connections), events=())


def test_every_cause_is_here_with_a_sentence_for_each_connection() -> None:
    assert all(len(causes) == COUNT for causes in ROWS.values()), [id_ for id_, c in ROWS.items() if len(c) < COUNT]
    assert sum(bool(_own(causes)) for causes in ROWS.values()) > 60, "most sentences have something of their own"
    assert all(cause.shared and "{" not in cause.shared + cause.text for causes in ROWS.values() for cause in causes)


@pytest.mark.parametrize("id_", ROWS)
def test_what_is_said_of_several_connections_is_true_of_each(id_: str) -> None:
    report = _report(ROWS[id_])
    (one,) = troubles(report)
    finding = json.loads(json_report(report, CAPTURE))["finding"]
    assert len(one.where) == COUNT == finding["sameOnOtherConnections"] + 1
    for headline in (one.what, outcome_sentence(report), finding["what"], finding["cause"]):
        assert not _numbers(headline) & _own(ROWS[id_]), headline
    assert all(_numbers(one.what) <= _numbers(cause.text) for cause in ROWS[id_])


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("id_", ["too-many", "remote-as-wrong", "prefix-too-long", "session-missing"])
def test_every_face_has_what_each_connection_shows(id_: str, face: str) -> None:
    report = _report(ROWS[id_])
    told = flat(FACES[face](report))
    for connection, cause in list(zip(report.connections, ROWS[id_], strict=True))[:3]:
        if face in ("terminal", "markdown", "html"):
            told_of_it = told.split(f"contoso-ashburn/{connection.id}: ")[1:]
            own = " ".join(each.partition("contoso-ashburn/")[0] for each in told_of_it)
            assert _numbers(cause.text) - _numbers(cause.shared) <= _numbers(own), own
        if face != "terminal" and face != "markdown":
            assert flat(cause.text) in told


def test_what_is_typed_is_told_with_the_connection_that_it_is_for() -> None:
    several = [replace(cause, remedy=f"set as {n}", remedy_language="bird") for n, cause in enumerate(ROWS["md5"][:3])]
    for causes, places in ((several, ["ash-1", "ash-2", "ash-3"]), ([several[0]] * 3, [""])):
        (one,) = troubles(_report(causes))
        assert [place.partition("/")[2] for _, _, place in one.remedies] == places
        for face in ("terminal", "markdown", "html"):
            told = flat(FACES[face](_report(causes)))
            assert all(f"for contoso-ashburn/{place}" in told for place in places if place)
            assert all(cause.remedy in told for cause in causes)


@pytest.mark.parametrize("id_", ROWS)
def test_what_is_said_of_several_sessions_of_a_connection_is_true_of_each(id_: str) -> None:
    for count in (2, COUNT):
        causes = [replace(cause, remedy="x", remedy_language="bird") for cause in ROWS[id_][:count]]
        for cause in merged(causes):
            theirs = [each for each in causes if set(each.sessions) <= set(cause.sessions)]
            for one, other in combinations(theirs, 2):
                numbers = _numbers(cause.text)
                assert bool(numbers & (_own(theirs) & _numbers(one.text))) == bool(
                    numbers & (_own(theirs) & _numbers(other.text))
                ), cause.text
            assert {line for each in theirs for line in each.evidence} <= set(cause.evidence)
