"""Scenario files as tests of pytest: one test a combination of the matrix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.scenarios.load import load
from simulator.scenarios.model import ScenarioCase
from simulator.scenarios.play import PlayOptions, play
from simulator.scenarios.results import CaseOutcome
from simulator.topology.faults import TopologyError


class ScenarioFailedError(Exception):
    """A case that did not pass: what was expected, what was seen, and where to look."""


class ScenarioCollector(pytest.File):
    """One file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Raises CollectError with the line of each mistake."""
        try:
            scenario = load(self.path)
        except TopologyError as error:
            raise self.CollectError("\n".join(map(str, error.faults))) from None
        only = self.config.getoption("turnup_router", None)
        for case in scenario.cases:
            if only is None or case.variant.get("router") in (only, None):
                yield ScenarioItem.from_parent(self, name=str(case.variant) or "case", case=case)


class ScenarioItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: ScenarioCase, **given: Any) -> None:
        super().__init__(**given)
        self._case = case

    def runtest(self) -> None:
        """Raises ScenarioFailedError; skips where a router or a privilege is missing."""
        report = self.config.getoption("turnup_report", None)
        required = bool(self.config.getoption("turnup_require_routers", False))
        result = play(self._case, PlayOptions(str(Path(report).absolute()) if report else "", require_routers=required))
        if result.outcome is CaseOutcome.SKIPPED:
            pytest.skip(result.text)
        if result.outcome is not CaseOutcome.PASSED:
            raise ScenarioFailedError(result.detail or result.text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ScenarioFailedError):
            return f"{excinfo.value}\nPlay it alone: turnup test {self.path} --only '{self._case}'"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, str(self._case)
