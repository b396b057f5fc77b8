from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.report.json_report import SCHEMA_VERSION, as_dict, json_report
from simulator.report.pcap import WirePcap
from tests.examples import examples
from tests.report import sample

CAPTURE = WirePcap("wire.pcap", "speakers", 64, "note")


def loaded(text: bytes) -> Any:
    return json.loads(text.decode("utf-8"))


def test_the_fields_that_programs_read() -> None:
    data = loaded(json_report(sample.passed_report(), CAPTURE))
    assert data["schemaVersion"] == SCHEMA_VERSION
    assert (data["topology"], data["outcome"], data["link"]) == (
        "topologies/exchange-ashburn.yaml",
        "passed",
        "loopback",
    )
    assert data["gate"] == {"nlriSentWhileDenied": 0, "routesTakenWhileDenied": 0, "nlriWithheld": 1234}
    assert data["capture"] == {"file": "wire.pcap", "source": "speakers", "packets": 64, "note": "note"}
    assert data["durationSeconds"] == sample.FINISH
    assert (
        data["finding"]["what"] == data["diagnosis"][0]["text"] == "the peer announces more specific prefixes than /24"
    )
    assert data["finding"]["warns"], "what will bite later is told, also of a rehearsal that passed"
    assert list(data).index("diagnosis") < list(data).index("finding") < list(data).index("connections")
    assert data["errors"] == []


def test_a_connection_in_full() -> None:
    data = loaded(json_report(sample.failed_report(), CAPTURE))["connections"][1]
    assert data["id"] == "ash-2"
    assert data["connectionState"] == "ProvisioningFailed"
    assert data["reached"][-1] == "ProvisioningFailed"
    assert data["errorMessage"].startswith("Session validation failed")
    session = {
        "id": "IPv4:192.0.2.2",
        "localAddress": "192.0.2.254",
        "peerAddress": "192.0.2.2",
        "peerAs": 64496,
        "family": "IPv4",
        "bgpState": "Active",
        "establishedTransitions": 0,
        "received": 0,
        "accepted": 0,
        "rejected": 0,
        "sent": 0,
    }
    assert session.items() <= data["sessions"][0].items()
    assert data["timeline"][0] == {
        "time": "2026-05-04T01:58:12.616117Z",
        "axis": "connection",
        "session": "",
        "from": "None",
        "to": "PendingApproval",
        "reason": "PUT accepted: exchange connection to AS64496 at Ashburn",
        "cause": "",
        "actor": "",
        "source": "",
    }
    check = data["checks"][0]
    assert (check["id"], check["status"], check["blocks"]) == ("S1", "failure", "active")
    assert [cause["id"] for cause in check["causes"]] == ["local-as-wrong", "two-macs"]
    assert check["causes"][0]["remedy"] == sample.REMEDY


def test_the_finding_is_there_for_a_chat_message() -> None:
    data = loaded(json_report(sample.failed_report(), CAPTURE))
    first = data["diagnosis"][0]
    assert first["id"] == "local-as-wrong"
    finding = {
        "what": first["text"],
        "connection": "contoso-ashburn/ash-2",
        "check": "S1",
        "evidence": first["evidence"][0],
        "cause": first["text"],
        "side": "peer",
        "remedyLanguage": "openbgpd",
        "warns": False,
        "sameOnOtherConnections": 0,
    }
    assert finding.items() <= data["finding"].items()
    assert data["finding"]["remedy"] == sample.REMEDY


@pytest.mark.parametrize("text", sample.HOSTILE, ids=range(len(sample.HOSTILE)))
def test_hostile_strings_come_back_unchanged(text: str) -> None:
    data = loaded(json_report(sample.hostile_report(text), CAPTURE))
    assert data["topology"] == text
    assert data["connections"][0]["checks"][0]["causes"][0]["remedy"] == text


@settings(max_examples=examples(40))
@given(st.text(alphabet=st.characters()))
def test_any_text_is_well_formed(text: str) -> None:
    report = sample.hostile_report(text)
    assert loaded(json_report(report, CAPTURE)) == as_dict(report, CAPTURE)


def documented(section: str) -> set[str]:
    """The keys that docs/report.md lists for `connections`, or for a list within one."""
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    block = page.split("```")[1].split("connections[]\n")[1]
    parts = re.split(r"^  (?:(sessions|timeline|checks)\[\])?", block, flags=re.M)
    text, name = "", "connections"
    for words, heading in zip(parts[2::2], parts[1::2], strict=False):
        name = heading or name
        text += words if name == section else ""
    return set(re.findall(r"[a-zA-Z0-9]+", re.sub(r"\{[^}]*\}|\([^)]*\)", "", text)))


@pytest.mark.parametrize("section", ["connections", "sessions", "timeline", "checks"])
def test_the_page_lists_every_key(section: str) -> None:
    connection = loaded(json_report(sample.failed_report(), CAPTURE))["connections"][1]
    lists = {"sessions", "timeline", "checks"}
    keys = connection.keys() - lists if section == "connections" else connection[section][0].keys()
    assert documented(section) == keys
