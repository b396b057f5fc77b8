"""A healthy session that will bite later: Active, once in the diagnosis, in the finding, and never plain green."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.report.html_report import html_report
from simulator.report.json_report import json_report
from simulator.report.junit import junit_xml
from simulator.report.pcap import WirePcap
from tests.rehearsal.test_rehearsal import run
from tests.topologies import document

CAPTURE = WirePcap("wire.pcap", "speakers", 1, "")
ROUTE = {"prefixes": ["41.0.0.0/16", "2c0f:f000::/32"]}
LATER: list[tuple[str, dict[str, Any], str, str]] = [
    # name, what the peer has or announces, the check that warns, the cause
    ("MED", {"announce": [{**ROUTE, "med": 50}]}, "R8", "med-sent"),
    ("communities", {"announce": [{**ROUTE, "communities": ["8075:100"]}]}, "R8", "communities-stripped"),
    ("hold time 6", {"hold-time": 6}, "S3", "hold-time-short"),
    ("hold time 0", {"hold-time": 0}, "S3", "hold-time-zero"),
]


@pytest.mark.parametrize(("name", "peer", "check", "cause"), LATER, ids=[case[0] for case in LATER])
async def test_it_becomes_active_and_says_so_once(name: str, peer: dict[str, Any], check: str, cause: str) -> None:
    found = document()
    found["peers"][0] |= peer
    found["peerings"][0].pop("expect", None)
    _, report = await run(found)
    assert report.outcome == "passed", report.errors
    assert all(ConnectionState.ACTIVE in each.reached for each in report.connections)
    data = json.loads(json_report(report, CAPTURE))
    assert {(each["id"], each["check"], each["warns"]) for each in data["diagnosis"]} == {(cause, check, True)}
    assert len(data["diagnosis"]) == len(report.connections), "once a connection"
    assert (data["finding"]["what"], data["finding"]["warns"]) == (data["diagnosis"][0]["text"], True)
    assert data["finding"]["sameOnOtherConnections"] == len(report.connections) - 1
    assert b'class="banner warned"' in html_report(report, CAPTURE)
    assert b"<failure" not in junit_xml(report)


async def test_one_edge_of_two_is_a_warning_and_both_are_none() -> None:
    found = document()
    _, report = await run(found)
    assert json.loads(json_report(report, CAPTURE))["diagnosis"] == []
    found["peerings"][0]["connections"] = [{"edge": found["edges"][0]["name"]}]
    _, report = await run(found)
    (alone,) = json.loads(json_report(report, CAPTURE))["diagnosis"]
    assert (alone["id"], alone["side"], alone["check"]) == ("one-edge", "requester", "C1")
