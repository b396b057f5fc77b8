"""From what a test asks for to the lab that it gets, and what is kept of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from simulator.scenarios.needs import lacking
from simulator.scenarios.schema import ROUTERS
from simulator.testing.asked import AskedLab
from simulator.testing.driven import Driven, LoopThread
from simulator.testing.lab import Lab, in_a_line
from simulator.topology.faults import TopologyError
from simulator.topology.schema import Topology
from simulator.topology.suggest import listed

T = TypeVar("T")
_KEPT: Final = ".turnup"
"""Beside pytest's own directory of caches: reports of labs whose tests failed."""


class Bench:
    """One lab in a thread of its own."""

    def __init__(self, topology: Topology, report: Path | None, *, only_failed: bool) -> None:
        """`only_failed`: the report is kept where `failed` is set by the end."""
        self._thread = LoopThread()
        self._report = report
        self._only_failed = only_failed
        self.failed = False
        self.lab = self._thread.call(lambda: Lab(topology, report))

    @classmethod
    def of(
        cls, given: tuple[Any, ...], named: dict[str, Any], node: Any, config: pytest.Config, of_module: dict[Any, Any]
    ) -> Bench:
        """The lab of a test by its marker; one of `of_module` where it is the module's."""
        asked = _told(lambda: AskedLab.of(given, named))
        key = repr(asked)
        if asked.scope == "module" and key in of_module:
            kept: Bench = of_module[key]
            return kept
        topology = _told(lambda: asked.load(Path(node.path), _router(config)))
        if why := lacking(topology):
            if config.getoption("--turnup-require-routers"):
                pytest.fail(why, pytrace=False)
            pytest.skip(why)
        chosen = config.getoption("--turnup-report")
        root = Path(chosen) if chosen else Path(config.rootpath, _KEPT) if config.getoption("--turnup-keep") else None
        name = node.module.__name__ if asked.scope == "module" else node.nodeid
        report = root / re.sub(r"[^A-Za-z0-9._-]+", "-", name) if root is not None else None
        made = cls(topology, report, only_failed=not chosen)
        if asked.scope == "module":
            of_module[key] = made
        return made

    def handle(self, *, awaits: bool) -> Driven:
        """The lab, for a test that awaits or for one that does not."""
        return Driven(self.lab, self._thread, awaits=awaits)

    def unawaited(self) -> str:
        """What a test has asked for without `await`, so that nothing was done; empty where there is nothing."""
        names = list(dict.fromkeys(self._thread.unawaited))
        self._thread.unawaited.clear()
        return "; ".join(f"{name}(…) was not awaited, so nothing was done: write `await {name}(…)`" for name in names)

    def fell_short(self, test: str, error: BaseException) -> None:
        """A test of this lab failed, or was interrupted: its report says so, in one line."""
        self._thread.call(lambda: self.lab.fell_short(f"{test}: {in_a_line(error)}"))

    def close(self) -> None:
        """Take the lab down; its report is written."""
        try:
            self._thread.submit(self.lab.stop()).result()
        finally:
            self._thread.close()
            if self._report is not None and self._only_failed and not self.failed:
                shutil.rmtree(self._report, ignore_errors=True)


def _told(make: Callable[[], T]) -> T:
    """What is made; a mistake in what was asked for fails the test, in its own words alone."""
    try:
        return make()
    except TopologyError as error:
        words = "\n".join(f"the marker topology: {fault.text}" for fault in error.faults)
    except ValueError as error:
        words = str(error)
    pytest.fail(words, pytrace=False)


def _router(config: pytest.Config) -> str | None:
    given: str | None = config.getoption("--turnup-router")
    chosen = given and given.casefold()
    if chosen is not None and chosen not in ROUTERS:
        raise ValueError(f"--turnup-router {given}: there are {listed(ROUTERS)}")
    return chosen
