"""`turnup check`, and `--check` of a rehearsal."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.cli.check_rows import check_rows
from simulator.diagnosis.causes import CAUSES
from simulator.diagnosis.check_ids import CheckId
from simulator.diagnosis.selection import Selection
from simulator.topology.values import CHECKS

ROOT = Path(__file__).parents[2]
TOPOLOGY = """
name: quick
link: loopback
exchange: {name: IX, lan: {ipv4: 192.0.2.0/24}}
microsoft: {announce: [{prefixes: [13.64.0.0/11]}]}
edges: [{name: edge, ipv4: 192.0.2.1}]
peers: [{name: peer, ipv4: 192.0.2.2, asn: 64496, hold-time: 6, announce: [{prefixes: [41.0.0.0/16]}]}]
peerings: [{name: p, peer: peer, families: [IPv4]}]
policy: {rules: {bogon-asn: false}}
times: {soak: 0.2, deadline: 5}
"""
OWN = """from simulator.diagnosis.check import Check, failed
from simulator.views.check import Blocks

def judge(session, observation):
    %s

CHECKS = [Check("mine", "Mine", "house rule", Blocks.%s, judge, needs=("S5",), remedy="mend it")]
"""


def turnup(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulator", *map(str, arguments)], cwd=cwd, capture_output=True, text=True
    )


def rehearsed(folder: Path, *options: str, checks: str = "") -> tuple[int, dict[str, Any]]:
    """The exit code, and the connection of report.json."""
    (folder / "t.yaml").write_text(TOPOLOGY + checks, encoding="utf-8")
    done = turnup("rehearse", "t.yaml", "--json", *options, cwd=folder)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["connections"][0]


def ran(connection: dict[str, Any]) -> list[str]:
    return [check["id"] for check in connection["checks"]]


def test_the_list_has_every_check_in_every_format() -> None:
    ids = [row.id for row in check_rows(Selection())]
    assert sorted(ids) == sorted(CHECKS)
    assert [row["id"] for row in json.loads(turnup("check", "list", "--format", "json").stdout)] == ids
    assert [row["Id"] for row in csv.DictReader(io.StringIO(turnup("check", "list", "--format", "csv").stdout))] == ids
    printed = turnup("check", "list").stdout
    assert all(id_ in printed for id_ in ids)


@pytest.mark.parametrize("row", check_rows(Selection()), ids=lambda row: row.id)
def test_each_check_says_what_may_be_the_cause_without_gaps(row: Any) -> None:
    assert row.title and row.source and row.failure
    for cause in row.causes:
        assert cause.text and cause.remedy
        assert not re.search(r"\{\w+\}", cause.text + cause.remedy)


def test_one_check_is_shown_with_the_causes_that_it_sees() -> None:
    shown = turnup("check", "show", "S3").stdout
    assert shown.startswith("S3  The hold time is acceptable\n")
    assert "  hold-time-short: the hold time agreed is short" in shown
    assert "    who: the peer has to act\n    do:  configure a hold time" in shown
    assert json.loads(turnup("check", "show", "S3", "--format", "json").stdout)["causes"][0]["here"] is True
    rows = list(csv.DictReader(io.StringIO(turnup("check", "show", "T2", "--format", "csv").stdout)))
    assert {row["Cause"] for row in rows} == {row.id for row in CAUSES if CheckId.T2 in row.explains}


@pytest.mark.parametrize(("given", "hint"), [("s3", "did you mean S3?"), ("bogon-prefix", "R3.bogon-prefix?")])
def test_a_check_that_there_is_not(given: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(TOPOLOGY, encoding="utf-8")
    for command in (("check", "show", given), ("rehearse", "t.yaml", "--check", given)):
        done = turnup(*command, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert hint in done.stderr and done.stderr.count("\n") == 1


def test_what_a_topology_selects_is_marked(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN % ("return failed(['no'])", "WARN"), encoding="utf-8")
    choice = "checks: {only: [S5, mine], strict: [mine], file: mine.py}\n"
    (tmp_path / "t.yaml").write_text(TOPOLOGY + choice, encoding="utf-8")
    done = turnup("check", "list", "--topology", "t.yaml", "--format", "json", cwd=tmp_path)
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert [id_ for id_, row in rows.items() if row["runs"]] == ["L1", "T1", "S1", "S3", "S4", "S5", "D1", "D2", "mine"]
    assert rows["mine"]["failure"] == "keeps the policy DENY ALL"


def test_a_rehearsal_runs_what_is_selected(tmp_path: Path) -> None:
    code, found = rehearsed(tmp_path, "--check", "S3")
    assert (code, ran(found)) == (0, ["L1", "T1", "S1", "S3", "D1", "D2"])
    code, found = rehearsed(tmp_path, checks="checks: {exclude: [S3, A4]}\n")
    assert code == 0 and not {"S3", "A4"} & set(ran(found))


def test_a_strict_check_keeps_the_policy_denied(tmp_path: Path) -> None:
    code, found = rehearsed(tmp_path)
    assert (code, found["verdict"]) == (0, "warned")
    code, found = rehearsed(tmp_path, checks="checks: {strict: [S3]}\n")
    assert (code, found["connectionState"]) == (1, "ProvisioningFailed")
    assert "hold time" in found["errorMessage"]
    assert found["sessions"][0]["sent"] == 0


@pytest.mark.parametrize(
    ("body", "blocks", "code", "status"),
    [
        ("return failed(['no'])", "WARN", 0, "failure"),
        ("return failed(['no'])", "ACTIVE", 1, "failure"),
        ("raise RuntimeError('broken')", "WARN", 0, "error"),
        ("raise RuntimeError('broken')", "ACTIVE", 1, "error"),
    ],
)
def test_a_users_own_check(tmp_path: Path, body: str, blocks: str, code: int, status: str) -> None:
    (tmp_path / "mine.py").write_text(OWN % (body, blocks), encoding="utf-8")
    returned, found = rehearsed(tmp_path, checks="checks: {file: mine.py}\n")
    (mine,) = [check for check in found["checks"] if check["id"] == "mine"]
    assert (returned, mine["status"]) == (code, status)
    assert found["connectionState"] == ("None" if code == 0 else "ProvisioningFailed")
    assert bool(mine["causes"]) is (status == "failure")
