"""Microsoft's side by commands: a whole life by hand, and what is refused on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.cli import operate
from simulator.cli.formats import RowFormat
from simulator.cli.remote import Remote
from simulator.views.check import Blocks, Cause, CheckView, Side, Status
from simulator.views.document import document
from tests.cli.serving import serving
from tests.cli.test_main import one_line

PEERING = ("peering", "create", "--name", "contoso", "--peer-asn", "contoso", "--ipv4", "206.126.239.200")


def test_a_life_by_hand(tmp_path: Path) -> None:
    with serving(tmp_path, "--by-hand") as server:

        def do(*words: str) -> str:
            result = server.turnup(*words)
            assert result.returncode == 0, (words, result.stdout, result.stderr)
            return result.stdout

        def refused(code: int, text: str, *words: str) -> None:
            result = server.turnup(*words)
            assert (result.returncode, text in one_line(result)) == (code, True), (words, result.stderr)

        assert "no peering connection yet" in do("status")
        do("asn", "create", "--name", "contoso", "--peer-asn", "64496")
        assert do("reject", "--asn", "contoso", "--message", "not in PeeringDB") == "contoso (AS64496) is Failed\n"
        refused(1, "PeerAsnNotApproved", *PEERING)
        assert do("approve", "--asn", "contoso") == "contoso (AS64496) is Approved\n"
        refused(1, "Approved already", "approve", "--asn", "contoso")
        do(*PEERING)
        assert "PendingApproval: which router? (waits for" in do("ask", "contoso", "--message", "which router?")
        assert "which router?" in do("peering", "show", "--name", "contoso", "--format", "json")
        refused(2, "name a peering, a connection, or --asn NAME", "approve")
        refused(2, "name a peering, a connection, or --asn NAME", "approve", "contoso", "--asn", "contoso")
        refused(1, "there is no peering nobody", "approve", "nobody")
        refused(1, "there is no connection contoso/nowhere", "approve", "contoso/nowhere")
        refused(1, "does not apply to a connection in state PendingApproval", "notify", "contoso")
        refused(1, "not every connection is Active after 0.1 s", "status", "--wait", "0.1")
        assert "contoso/ash-edge-1 is Approved" in do("approve", "contoso/ash-edge-1")
        told = do("advance", "contoso")
        assert "contoso/ash-edge-1 is ProvisioningStarted" in told and "contoso/ash-edge-2 is Approved" in told
        do("notify", "contoso/ash-edge-2")
        for state in ("ProvisioningStarted", "ProvisioningCompleted"):  # the walkthrough's "the operation will fail"
            refused(1, f"a peering in {state} cannot be deleted", "peering", "delete", "--name", "contoso")
            refused(1, "not every connection is Active after 2 s", "status", "--wait", "2")
            do("advance", "contoso")
        table = do("status", "--wait", "30").splitlines()
        refused(1, "contoso/ash-edge-1 is Active: it waits for nothing", "advance", "contoso/ash-edge-1")
        assert table[0].split()[:4] == ["Neighbor", "AS", "Connection", "BGP"]
        assert [line.split()[2:4] for line in table[1:]] == [["Active", "Established"]] * 2
        assert {row["gate"] for row in json.loads(do("status", "--format", "json"))} == {"open"}
        assert do("status", "--format", "csv").startswith("Neighbor,AS,Connection,BGP,")
        checks = json.loads(do("checks", "contoso/ash-edge-1", "--format", "json"))
        assert {check["connection"] for check in checks} == {"contoso/ash-edge-1"}
        assert "success" in do("checks")
        unprintable = server.turnup("block", "contoso", "--message", "two\nlines")
        words = "body.message: must be one line of printable characters"
        assert (unprintable.returncode, one_line(unprintable)) == (1, f"turnup: {words}")
        assert "is ExternalBlocker: works" in do("block", "contoso", "--message", "works")
        assert "is PendingApproval" in do("unblock", "contoso")
        assert "is PendingRemove" in do("deprovision", "contoso")
        do("advance", "contoso")
        events = [json.loads(line) for line in do("events", "--format", "json").splitlines()]
        assert [each["seq"] for each in events] == sorted({each["seq"] for each in events})
        mine = do("events", "--subject", "contoso/ash-edge-1", "--after", str(events[5]["seq"]))
        assert mine and all("contoso/ash-edge-1 " in line for line in mine.splitlines())


def test_settings_are_looked_at_and_changed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert "peering-review" in server.turnup("settings").stdout
        changed = server.turnup("settings", "--set", "peering-review=null", "--set", "time-scale=10")
        lines = dict(line.split() for line in changed.stdout.splitlines())
        assert (lines["peering-review"], lines["time-scale"]) == ("null", "10.0")
        assert json.loads(server.turnup("settings", "--format", "json").stdout)["timeScale"] == 10
        assert "time-scale,10.0" in server.turnup("settings", "--format", "csv").stdout.splitlines()
        assert "7200.0" in server.turnup("settings", "--realistic").stdout
        for words, code, text in (
            ("removal=never", 2, "write NAME=VALUE"),
            ("removal", 2, "write NAME=VALUE"),
            ("removal=-1", 1, "removal: Input should be greater than or equal to 0"),
            ("unknown=1", 1, "unknown: Extra inputs are not permitted"),
        ):
            result = server.turnup("settings", "--set", words)
            assert (result.returncode, text in one_line(result)) == (code, True), result.stderr


@pytest.mark.parametrize(
    ("remedy", "language", "told"),
    [
        ("shut it", "", "    do:    shut it\n"),
        ("one\n two", "bird", "    type (bird):\n      one\n       two\n"),
        ("", "", ""),
    ],
)
def test_a_cause_is_told_once_with_who_acts_and_what_to_type(
    remedy: str, language: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cause = Cause("x", "it is down", remedy, Side.LINK, explains=("T1", "S5"), remedy_language=language)
    checks = [
        document(CheckView(id_, "title", "RFC", Blocks.ACTIVE, Status.FAILURE, (), (cause,))) for id_ in ("T1", "S5")
    ]
    found = [{**check, "connection": "c"} for check in checks]
    monkeypatch.setattr(Remote, "call", lambda *_, **__: found)
    operate.checks(connection="", server="http://127.0.0.1:1", how=RowFormat.table)
    text = capsys.readouterr().out
    assert text.count("it is down") == 1
    assert text.endswith(f"c: it is down\n    who:   the link's operator has to act\n{told}")
