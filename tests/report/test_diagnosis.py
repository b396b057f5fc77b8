"""The diagnosis of a report: order, and the lines of events.jsonl that prove it."""

from __future__ import annotations

from dataclasses import replace

from simulator.report.findings import diagnosis_of
from simulator.views.check import Blocks, Cause, CheckView, Side, Status
from tests.report import sample


def check(id_: str, blocks: Blocks, *causes: Cause) -> CheckView:
    return CheckView(id_, "title", "simulator", blocks, Status.FAILURE, ("seen",), causes)


def test_what_blocks_comes_first_and_each_cause_has_its_lines() -> None:
    report = sample.passed_report()
    first = report.connections[0]
    later = Cause("hold-time-short", "short", "do", explains=("S3",), sessions=("s",), rank=1)
    now = Cause("shut-down", "down", "do", Side.PEER, ("s",), ("T1", "S5"), rank=9)
    checks = (check("T1", Blocks.ACTIVE, now), check("S3", Blocks.WARN, later), check("S5", Blocks.ACTIVE, now))
    events = (
        {"event": "check", "connection": first.id, "check": "T1"},
        {"event": "check", "connection": "another", "check": "T1"},
        {"event": "notification", "session": "s"},
        {"event": "notification", "session": "t"},
        {"event": "check", "connection": first.id, "check": "S3"},
    )
    found = diagnosis_of(replace(report, connections=(replace(first, checks=checks),), events=events))
    assert [(cause.id, cause.check, cause.warns) for cause in found] == [
        ("shut-down", "T1", False),
        ("hold-time-short", "S3", True),
    ]
    assert found[0].explains == ("T1", "S5")
    assert [cause.proof.events for cause in found] == [(1, 3), (3, 5)]
    assert found[0].evidence == ("seen",), "what the check saw stands where nothing else does"
