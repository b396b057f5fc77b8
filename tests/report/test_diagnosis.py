"""The diagnosis of a report: order, and the lines of events.jsonl that prove it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from simulator.packets.kinds import PacketKind as K
from simulator.packets.kinds import Packets, PacketTally
from simulator.report.findings import diagnosis_of, label
from simulator.report.troubles import troubles
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


def test_one_connection_is_named_once_though_two_of_its_sessions_fail_alike() -> None:
    report = sample.failed_report()
    first = next(each for each in report.connections if any(check.status.bad for check in each.checks))
    causes = [
        Cause("remote-as-wrong", f"another AS: {n}", "do", Side.PEER, (str(n),), ("S1",), shared="another AS")
        for n in (4, 6)
    ]
    broken = replace(first, checks=(check("S1", Blocks.ACTIVE, *causes),))
    (alike,) = [each for each in troubles(replace(report, connections=(broken,))) if each.cause]
    assert (alike.where, alike.what) == ((label(broken),), "another AS")


def test_the_same_packets_stand_once_in_a_proof_and_those_of_the_check_only_where_there_are_no_others() -> None:
    report = sample.failed_report()
    first = report.connections[0]
    ends = (ip_address("192.0.2.1"), ip_address("192.0.2.2"))
    told, besides = Packets(K.OPEN_RECEIVED, ends), Packets(K.RST_RECEIVED, ends, besides=True)
    cause = Cause("local-as-wrong", "wrong", "do", Side.PEER, ("s",), ("S1",), packets=(told, told, besides))
    broken = replace(first, checks=(check("S1", Blocks.ACTIVE, cause),))
    report = replace(report, connections=(broken,), events=())
    for tallies, expected in (
        ({told: PacketTally(9, [3, 5]), besides: PacketTally(1, [7])}, [(str(told), (3, 5), 9)]),
        ({besides: PacketTally(1, [7])}, [(str(besides), (7,), 1)]),
        ({}, []),
    ):
        report.frames = {(packets, report.finished): tally for packets, tally in tallies.items()}
        (found,) = diagnosis_of(report)
        assert [(each.what, each.frames, each.count) for each in found.proof.packets] == expected
    report.frames = {(told, report.finished): PacketTally(9, [3, 5])}
    (found,) = diagnosis_of(report)
    assert found.proof.lines == ("wire.pcap frames 3, 5: OPEN from 192.0.2.2 to 192.0.2.1 (9 in all)",)
    assert found.proof.frames == (3, 5)
