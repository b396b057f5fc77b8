"""`turnup location`: offline, in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from tests.topology.test_locations import NETIXLAN, export


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["location", *words], env={"TURNUP_SERVER": ""})
    return result.exit_code, result.stdout, result.stderr


def test_the_embedded_list_in_every_format() -> None:
    code, text, _ = run("list", "--format", "json")
    rows = json.loads(text)
    assert (code, len(rows)) == (0, 191)
    assert {row["peeringDBFacilityId"] for row in rows} >= {1, 13, 26}
    code, text, _ = run("list", "--format", "csv")
    listed = list(csv.DictReader(io.StringIO(text)))
    assert (code, len(listed)) == (0, 191)
    code, text, _ = run("list")
    assert (code, "AMS-IX" in text) == (0, True)
    code, text, _ = run("list", "--kind", "direct", "--format", "json")
    assert (code, len(json.loads(text))) == (0, 147)


def test_the_list_can_be_narrowed() -> None:
    code, text, _ = run("list", "--metro", "amsterdam", "--current", "--format", "json")
    rows = json.loads(text)
    assert code == 0 and rows and all(row["metro"] == "Amsterdam" and row["current"] for row in rows)
    code, text, _ = run("list", "--country", "nl", "--kind", "Direct", "--format", "json")
    assert code == 0 and {row["country"] for row in json.loads(text)} == {"NL"}


@pytest.mark.parametrize("place", ["26", "ams-ix", " AMS-IX "])
def test_one_place_by_its_id_or_name(place: str) -> None:
    code, text, _ = run("show", place)
    assert code == 0
    for words in ("80.249.209.21", "2001:7f8:1::/64", "Current", "2026-04-16", "exchange: {peeringdb-ix: 26}"):
        assert words in text
    code, text, _ = run("show", place, "--format", "json")
    assert (code, json.loads(text)["microsoftIPv4"]) == (0, ["80.249.209.21", "80.249.209.20"])
    code, text, _ = run("show", place, "--format", "csv")
    assert (code, len(text.splitlines())) == (0, 2)


def test_a_facility_is_shown_too() -> None:
    code, text, _ = run("show", "1", "--kind", "Direct")
    assert code == 0 and text.splitlines()[0].split() == ["Facility", "1"]


def test_a_peeringdb_export_takes_the_place_of_the_list(tmp_path: Path) -> None:
    path = tmp_path / "pdb.json"
    path.write_text(export(netixlan=[NETIXLAN]))
    code, text, _ = run("list", "--peeringdb", str(path), "--format", "json")
    assert (code, [row["name"] for row in json.loads(text)]) == (0, ["Own IX"])
    code, text, _ = run("show", "own ix", "--peeringdb", str(path))
    assert code == 0 and "192.0.2.1" in text


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("show", "nowhere"), 1, "no Exchange location 'nowhere' is known"),
        (("show", "999999"), 1, "no Exchange location '999999' is known"),
        (("show", ""), 1, "is known"),
        (("show", "seattle"), 2, "say which by its id (11 Equinix Seattle, 13 SIX"),
        (("list", "--kind", "Other"), 2, "--kind Other: Exchange or Direct"),
        (("list", "--metro", "Atlantis"), 1, "no Exchange location of Atlantis is known"),
        (("list", "--peeringdb", "/nowhere.json"), 2, "/nowhere.json: there is no such file"),
    ],
)
def test_what_is_not_there_is_one_line(words: tuple[str, ...], code: int, text: str) -> None:
    found, out, err = run(*words)
    assert (found, out, len(err.splitlines())) == (code, "", 1)
    assert text in err
