"""The bounds of what waits, as docs/architecture.md tells them, are those of the code."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

_PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
_TABLE = _PAGE.split("## What waits, and how much of it")[1].split("\n## ")[0]
_ROWS = [line for line in _TABLE.splitlines() if line.startswith("| ")][1:]
_BOUND = re.compile(r"`(_?[A-Z][A-Z_]+)`(?: = (\d+))?")
_MODULE = re.compile(r"`([\w/]+\.py)`")


@pytest.mark.parametrize("row", _ROWS, ids=[row.split("|")[1].strip() for row in _ROWS])
def test_the_bound_is_that_of_the_code(row: str) -> None:
    modules = [importlib.import_module("simulator." + name[:-3].replace("/", ".")) for name in _MODULE.findall(row)]
    assert modules, "the row names who keeps the bound"
    for name, value in _BOUND.findall(row):
        found = [getattr(module, name) for module in modules if hasattr(module, name)]
        assert found, f"nobody has {name}"
        assert not value or int(value) in found, f"{name} is {found}"
