"""Verdicts of then against those of now: a file that `policy check --json` printed as the old side of a diff."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app

PREFIXES = ("10.0.0.0/8", "198.51.100.0/24", "41.10.0.0/16", "41.11.0.0/25", "2c0f:f123::/32")


def turnup(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["policy", *arguments])


@pytest.fixture
def verdicts(tmp_path: Path) -> Path:
    """Of a small table, with two attribute sets and one line that cannot be read."""
    routes = tmp_path / "routes.jsonl"
    rows = [{"prefix": prefix, "asPath": path} for path in ("3333", "3333 12076") for prefix in PREFIXES]
    routes.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = tmp_path / "verdicts.jsonl"
    found.write_text(turnup("check", str(routes), "--json", "--peer-as", "3333").stdout)
    return found


def summary(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_the_same_policy_changes_nothing(verdicts: Path) -> None:
    result = turnup("diff", str(verdicts), "exchange", "--peer-as", "3333", "--json")
    assert (result.exit_code, summary(result)["routes"], summary(result)["changed"]) == (0, 10, 0)


@pytest.mark.parametrize(
    "setting", ["bogon-prefix=off", "prefix-too-long=ipv4=26", "microsoft-prefix=off", "transit-free-asn=off"]
)
def test_a_file_tells_what_two_policies_tell(setting: str, verdicts: Path, tmp_path: Path) -> None:
    """The old policy itself and what it printed are one and the same old side."""
    policies = turnup(
        "diff",
        "exchange",
        f"exchange,{setting}",
        "--routes",
        str(tmp_path / "routes.jsonl"),
        "--peer-as",
        "3333",
        "--json",
    )
    file = turnup("diff", str(verdicts), f"exchange,{setting}", "--peer-as", "3333", "--json")
    assert file.exit_code == policies.exit_code
    ours, theirs = summary(file), summary(policies)
    assert {**ours, "file": ""} == {**theirs, "file": ""}
    changes = [[json.loads(line) for line in each.stdout.splitlines()[:-1]] for each in (file, policies)]
    assert [(row["prefix"], row["change"]) for row in changes[0]] == [(r["prefix"], r["change"]) for r in changes[1]]


def test_a_rule_that_this_version_does_not_know_is_a_change(verdicts: Path) -> None:
    verdicts.write_text(verdicts.read_text().replace('"rule": "bogon-prefix"', '"rule": "of-another-version"'))
    found = summary(turnup("diff", str(verdicts), "exchange", "--peer-as", "3333", "--json"))
    rules = {row["rule"]: (row["begins"], row["ends"]) for row in found["rules"]}
    assert rules == {"bogon-prefix": (4, 0), "of-another-version": (0, 4)}


BROKEN: dict[str, tuple[Callable[[str], str], str]] = {
    "cut in its last line": (lambda text: text[: text.rstrip().rindex("\n") + 1], "no summary"),
    "the rejected ones alone": (
        lambda text: "".join(line for line in text.splitlines(True) if '"verdict": "accept"' not in line),
        "of the 10 routes",
    ),
    "no verdict": (lambda text: text.replace('"verdict": "accept"', '"verdict": "yes"'), "of the 10 routes"),
    "a reject without a reason": (lambda text: text.replace('"verdict": "accept"', '"verdict": "reject"'), "of the 10"),
    "reasons of another kind": (lambda text: text.replace('"reasons": []', '"reasons": 7'), "of the 10 routes"),
    "a line that is no JSON": (lambda text: text.replace("\n", "\n{\n", 1), ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_compared_is_said_and_is_exit_code_1(name: str, verdicts: Path) -> None:
    change, words = BROKEN[name]
    verdicts.write_text(change(verdicts.read_text()))
    result = turnup("diff", str(verdicts), "exchange", "--peer-as", "3333")
    assert result.exit_code == 1
    assert words in result.stderr
    assert words or "could not be read" in result.stdout


@pytest.mark.parametrize(
    "more", [("--routes", "x"), ("--export-as", "3333"), ("--input-format", "mrt")], ids=lambda more: more[0]
)
def test_the_routes_are_those_in_the_file(more: tuple[str, str], verdicts: Path) -> None:
    result = turnup("diff", str(verdicts), "exchange", *more)
    assert result.exit_code == 2
    assert f"{more[0]} {more[1]}: the routes are those in" in result.stderr


def test_two_policies_need_routes() -> None:
    result = turnup("diff", "exchange", "direct")
    assert result.exit_code == 2
    assert "--routes is missing" in result.stderr
