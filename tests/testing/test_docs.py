"""The examples of docs/testing.md are a project: its files are what the blocks say, and its tests pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.testing.handles import LabEdge, LabPeering, LabRouter, LabSession
from simulator.testing.lab import Lab
from tests.lab_support import require_bird
from tests.users_pytest import users_pytest

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCKS = re.findall(r"^```(\w+)[ \t]*(\S*)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
FILES = {name: text for _, name, text in BLOCKS if name}
MISTAKES = "test_mistakes.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_every_example_has_a_file() -> None:
    assert all(name for language, name, _ in BLOCKS if language in ("python", "yaml"))
    assert len(FILES) == 8


def test_the_examples_pass(project: Path) -> None:
    done = users_pytest(project, *(name for name in FILES if name.startswith("test_") and name != MISTAKES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


HANDLES = {"peering": LabPeering, "lab.session()": LabSession, "edge": LabEdge, "router": LabRouter, "lab": Lab}
INSIDE = {"name", "act", "expects", "expect", "start", "stop", "stage", "is_up", "failure", "fell_short"}
"""What is there for the handles themselves, or is said in sentences."""


@pytest.mark.parametrize("handle", HANDLES)
def test_the_table_has_every_word_and_no_other(handle: str) -> None:
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{handle}` |"))
    told = set(re.findall(r"`([a-z0-9_]+)(?=[(.`])", row.split("|", 2)[2]))
    there = {name for name in dir(HANDLES[handle]) if not name.startswith("_")}
    assert told <= there
    said_of = {"peering", "session", "edge", "router"} if handle == "lab" else set()
    assert there - told <= INSIDE | said_of


@pytest.mark.privileged
@pytest.mark.router
def test_the_mistake_is_named(project: Path) -> None:
    require_bird()
    done = users_pytest(project, MISTAKES)
    assert done.returncode == 0, done.stdout + done.stderr
