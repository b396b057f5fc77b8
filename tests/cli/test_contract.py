"""One contract for all commands: files, formats, variables, and what the wheel holds."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from simulator.cli.pages import every_command
from simulator.scenarios.shipped import shipped as scenarios
from tests.cli.test_main import one_line, turnup
from tests.topologies import SHIPPED, document, write

ROOT = Path(__file__).parent.parent.parent
NAMES = sorted(path.stem for path in SHIPPED.glob("*.yaml"))


ALL = every_command()


def test_a_variable_has_one_meaning() -> None:
    options = defaultdict(set)
    for name, command in ALL:
        for parameter in command.params:
            for variable in [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or ():
                kind = (parameter.opts[0], tuple(parameter.__dict__.get("type_descriptor", parameter).choices or ()))
                options[variable].add(kind if parameter.opts[0].startswith("-") else (name,))
    assert {variable: kinds for variable, kinds in options.items() if len(kinds) > 1} == {}


def test_many_files_are_validated_and_each_error_is_told(tmp_path: Path) -> None:
    found = document()
    found["peers"][0]["ipv4"] = "10.1.2.3"
    bad = write(found, tmp_path / "bad.yaml")
    result = turnup("validate", SHIPPED / "exchange.yaml", bad, tmp_path / "none.yaml", SHIPPED / "direct.yaml")
    assert result.returncode == 2
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        str(SHIPPED / "exchange.yaml"),
        str(SHIPPED / "direct.yaml"),
    ]
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ((SHIPPED / "exchange.yaml").read_bytes(), 0, "standard input: no errors: 1 peering"),
        (b"name: [", 2, "standard input:1"),
        (b"name: \xff\xfe", 2, "standard input:1"),
        (b"", 2, "standard input:1"),
    ],
)
def test_standard_input_is_validated(text: bytes, code: int, said: str) -> None:
    command = [sys.executable, "-m", "simulator", "validate", "-"]
    done = subprocess.run(command, input=text, capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == code
    assert said in (done.stdout + done.stderr).decode()
    assert b"Traceback" not in done.stderr


def test_the_shipped_topologies_are_listed_in_every_format() -> None:
    every = [*NAMES, *(f"{name}.scenario.yaml" for name in scenarios())]
    listed = {row["name"]: row["kind"] for row in json.loads(turnup("topologies", "list", "--format", "json").stdout)}
    assert listed == {name: "scenario" if "." in name else "topology" for name in every}
    rows = list(csv.DictReader(io.StringIO(turnup("topologies", "list", "--format", "csv").stdout)))
    assert [row["Name"] for row in rows] == [*listed]
    assert all(row["What it is"] for row in rows)
    assert set(NAMES) <= set(turnup("topologies", "list").stdout.split())


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_as_good_as_what_is_shipped(name: str, tmp_path: Path) -> None:
    result = turnup("topologies", "copy", name, tmp_path / "mine")
    assert result.returncode == 0, result.stderr
    assert turnup("validate", tmp_path / "mine" / f"{name}.yaml").returncode == 0
    again = turnup("topologies", "copy", name, tmp_path / "mine")
    assert (again.returncode, "is there already" in one_line(again)) == (2, True)


def test_a_topology_that_there_is_not() -> None:
    told = one_line(turnup("topologies", "copy", "none"))
    assert "there is no topology, scenario or fault 'none' (turnup topologies list has them" in told
    assert "did you mean 'bogons'?" in one_line(turnup("topologies", "copy", "bogonz"))


@pytest.mark.parametrize(
    ("name", "file", "check"),
    [
        ("policy", "policy.scenario.yaml", ("test", "--list")),
        ("direct.scenario.yaml", "direct.scenario.yaml", ("test", "--list")),
        ("bogons", "bogons.yaml", ("fault", "show")),
    ],
)
def test_scenarios_and_faults_are_copied_too(name: str, file: str, check: tuple[str, ...], tmp_path: Path) -> None:
    assert turnup("topologies", "copy", name, tmp_path).stdout.split() == [str(tmp_path / file)]
    done = turnup(*check, tmp_path / file)
    assert done.returncode == 0, done.stderr


def test_two_reports_are_compared_and_a_summary_is_written(tmp_path: Path) -> None:
    found = document()
    quick = write(found, tmp_path / "old.yaml")
    summary = tmp_path / "summary.md"
    assert turnup("rehearse", quick, "--report", tmp_path / "old", "--markdown", summary).returncode == 0
    assert "## turnup: exchange passed" in summary.read_text()
    same = turnup("report", "diff", tmp_path / "old", tmp_path / "old" / "report.json")
    assert (same.returncode, same.stdout) == (0, "nothing is different\n")
    found["peers"][0]["announce"].append({"prefixes": ["192.168.0.0/16"]})
    leak = write(found, tmp_path / "new.yaml")
    environment = {"GITHUB_STEP_SUMMARY": str(summary)}
    assert turnup("rehearse", leak, "--strict", "--report", tmp_path / "new", env=environment).returncode == 1
    assert "## turnup: exchange failed" in summary.read_text()
    assert "R3.bogon-prefix" in summary.read_text()
    result = turnup("report", "diff", tmp_path / "old", tmp_path / "new", "--format", "json")
    assert result.returncode == 1
    rows = {row["what"]: (row["old"], row["new"]) for row in json.loads(result.stdout)}
    assert rows["outcome"] == ("passed", "failed")
    assert rows["contoso-ashburn/ash-edge-1 R3.bogon-prefix"] == ("-", "failure")
    assert "1 rejected" in rows["contoso-ashburn/ash-edge-1/ipv4 routes"][1]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"outcome": "passed", "connections": [1]}'])
def test_what_is_no_report_is_told(content: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(content)
    assert "this is no report.json" in one_line(turnup("report", "diff", file, file))
    assert "No such file" in one_line(turnup("report", "diff", tmp_path / "none", file))
