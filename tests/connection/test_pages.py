"""docs/generate.py, and that the pages of docs/ are what it writes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
HAND_WRITTEN = re.compile(r"<!-- generated: [a-z-]+ -->.*?<!-- end -->", re.DOTALL)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """A script, no part of the package."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_up_to_date(generator: ModuleType, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generator.generated(text) == text, "run `python docs/generate.py`"


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        ("life-cycle.md", ["connection-exchange", "connection-direct", "connection-table"]),
        ("bgp-fsm.md", ["bgp-capabilities", "bgp-diagram", "bgp-table"]),
    ],
)
def test_both_axes_have_their_page(page: str, parts: list[str]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert re.findall(r"<!-- generated: ([a-z-]+) -->\n.+?<!-- end -->", text, re.DOTALL) == parts


def test_a_part_is_written_between_its_markers_and_nothing_else_is_touched(generator: ModuleType) -> None:
    before = "above\n<!-- generated: bgp-table -->\nwhat was here before\n<!-- end -->\nbelow\n"
    after = generator.generated(before)
    assert after.startswith("above\n<!-- generated: bgp-table -->\n| state | event |")
    assert after.endswith("\n<!-- end -->\nbelow\n")
    assert "what was here before" not in after
    assert generator.generated(after) == after


def test_a_part_that_nobody_generates_is_an_error(generator: ModuleType) -> None:
    with pytest.raises(KeyError):
        generator.generated("<!-- generated: no-such-part -->\n<!-- end -->")


def test_the_script_writes_what_has_changed_and_says_so(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- generated: bgp-diagram -->\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(generator, "DOCS", tmp_path)
    assert generator.main() == 0
    assert capsys.readouterr().out == "page.md: written\n"
    assert "stateDiagram-v2" in page.read_text(encoding="utf-8")
    assert generator.main() == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("page", ["life-cycle.md", "bgp-fsm.md"])
def test_links_between_the_pages_lead_somewhere(page: str) -> None:
    text = HAND_WRITTEN.sub("", (DOCS / page).read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (DOCS / target).is_file(), target
