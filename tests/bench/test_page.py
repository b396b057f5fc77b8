"""Record, tables and pictures: what is measured again replaces what was, and the page shows the record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from simulator.bench import pictures, record
from simulator.bench.figure import FigureRow
from simulator.bench.growth import GrowthPoint
from simulator.bench.machine import Machine
from simulator.bench.page import MarkerError, between, put, tables
from simulator.bench.record import Measured, Part, RecordError, merged

_HERE = Machine("A CPU", 2, 8.2, "Linux 6", "3.11.2", "1.0", "pure", {"BIRD": "2.0.12"})
_PAGE = "# Page\n\n<!-- bench: figures -->\nold\n<!-- end -->\n\ntext\n\n<!-- bench: growth -->\n<!-- end -->\n"
_DOCS = Path(__file__).parent.parent.parent / "docs"


def _row(figure: str, who: str = "turnup", **more: Any) -> dict[str, Any]:
    return replace(FigureRow(figure, f"what {figure} is", who, 1.25, "s"), **more).row()


def _rows() -> list[dict[str, Any]]:
    ours: dict[str, Any] = {
        "low": 1.2,
        "high": 1.3,
        "runs": 3,
        "cpu": 1.1,
        "ratio": 3.9,
        "aim": "≤ 2.5 ×",
        "verdict": "missed",
    }
    bird: dict[str, Any] = {"value": 0.32, "ratio": 3.9, "runs": 3}
    skipped: dict[str, Any] = {"value": None, "verdict": "skipped: FRR is not installed"}
    return [_row("P1b", **ours), _row("P1b", "BIRD", **bird), _row("P1b", "FRR", **skipped), _row("P9")]


def _points() -> list[dict[str, Any]]:
    common = {"what": "routes come in", "unit": "routes"}
    measured = [(who, n) for n in (1000, 10_000) for who in ("turnup", "BIRD")]
    points = [GrowthPoint("routes", who, n, n / 1e5, n / 1e5, 30 + n / 1e3, 0.1) for who, n in measured]
    points.append(GrowthPoint("routes", "turnup", 100_000, note="left out: about 9 s"))
    fit = {**GrowthPoint("routes", "turnup", 0, 1.0, 0.98, 0.9, note="exponent").row(), "size": None}
    return [{**row, **common} for row in [*(point.row() for point in points), fit]]


def test_a_table_of_figures() -> None:
    text = tables(Part.FIGURES, Measured({}, "A CPU, 2 cores", _rows()), "performance/figures.svg")
    assert text.startswith("A CPU, 2 cores.\n\n![")
    assert (
        "| P1b | what P1b is | 1.25 s (1.2 to 1.3) | 1.1 s | BIRD 0.32 s, FRR: skipped: FRR is not installed |"
        " 3.9 × | ≤ 2.5 × | missed |" in text
    )


def test_a_table_of_growth() -> None:
    lines = tables(Part.GROWTH, Measured({}, "A CPU", _points()), "performance/growth.svg").splitlines()
    assert "**routes**: routes come in." in lines
    assert "| 1,000 | 0.01 s | 0.01 s | 31 MB | 0.01 s | 0.01 s | 31 MB |" in lines
    assert "| 100,000 | left out: about 9 s |  |  |  |  |  |" in lines
    assert "| exponent | 1.00 | 0.98 | 0.90 |  |  |  |" in lines


def test_a_part_of_a_page_is_replaced_and_nothing_else() -> None:
    page = put(_PAGE, Part.FIGURES, "| new |")
    assert page == _PAGE.replace("old", "| new |")
    assert between(page, Part.FIGURES) == "| new |"
    with pytest.raises(MarkerError, match="bench: growth"):
        put("# Page\n", Part.GROWTH, "")


def test_what_is_measured_again_replaces_what_was() -> None:
    old = merged(Measured(), Part.FIGURES, _HERE, _rows(), ["P1b", "P9"])
    new = merged(old, Part.FIGURES, _HERE, [_row("P1b", value=9.0)], ["P1b", "P9"])
    assert [(row["figure"], row["value"]) for row in new.rows] == [("P1b", 9), ("P9", 1.25)]


def test_rows_of_another_machine_are_not_kept() -> None:
    old = merged(Measured(), Part.FIGURES, _HERE, _rows(), ["P1b", "P9"])
    new = merged(old, Part.FIGURES, replace(_HERE, cores=4), [_row("P9")], ["P1b", "P9"])
    assert [row["figure"] for row in new.rows] == ["P9"]


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    parts = {
        Part.FIGURES: merged(Measured(), Part.FIGURES, _HERE, _rows(), []),
        Part.GROWTH: merged(Measured(), Part.GROWTH, _HERE, _points(), []),
    }
    record.write(tmp_path / "m.json", parts)
    assert record.read(tmp_path / "m.json") == parts
    (tmp_path / "m.json").write_text("[1]")
    with pytest.raises(RecordError, match="no record"):
        record.read(tmp_path / "m.json")


@pytest.mark.parametrize(("draw", "rows"), [(pictures.ratios, _rows()), (pictures.growth, _points())])
def test_a_picture_is_well_formed_and_shows_everybody(draw: Any, rows: list[dict[str, Any]]) -> None:
    tree = ElementTree.fromstring(draw(rows))
    texts = {element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")}
    assert {"BIRD"} <= texts
    assert "prefers-color-scheme: dark" in draw(rows)
    spots = [float(element.get("cx", "")) for element in tree.iter("{http://www.w3.org/2000/svg}circle")]
    assert spots
    assert all(0 <= spot <= float(tree.get("width", "")) for spot in spots)


@pytest.mark.parametrize("part", Part)
def test_the_page_shows_the_record(part: Part) -> None:
    """What somebody writes into the tables by hand, or measures without `--write`, is no measurement."""
    page, folder = (_DOCS / "performance.md").read_text(encoding="utf-8"), _DOCS / "performance"
    measured = record.read(folder / record.NAME)[part]
    assert between(page, part) == tables(part, measured, f"performance/{part.value}.svg")
    draw = pictures.ratios if part is Part.FIGURES else pictures.growth
    if measured.rows:
        assert (folder / f"{part.value}.svg").read_text(encoding="utf-8") == draw(measured.rows)
