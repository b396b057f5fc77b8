"""The cells of this machine: orders given to its nursery, several at once, and what came of each."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from simulator.campaign.model import Attempt, CellOrder, Ending
from simulator.campaign.nursery import GRACE
from simulator.lab.state import clean, leftovers
from simulator.places.errors import LabError

NURSERY: Final = ("-m", "simulator.campaign.nursery")
TRIES: Final = 3
"""How often a cell is begun whose nursery ends under it."""


class LocalCells:
    """A nursery and what is asked of it. A context: at its end every lab is taken down."""

    def __init__(self, reports: Path, nursery: Sequence[str] = NURSERY) -> None:
        """`reports`: where the reports of cells go that did not pass, each in a directory of its key. `nursery`: the
        arguments of Python that run it."""
        self._nursery = nursery
        self._reports = reports.absolute()
        self._host = socket.gethostname()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LocalCells:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, orders: Iterable[CellOrder], jobs: int) -> Iterator[Attempt]:
        """At most `jobs` at once, each told when it is over. Raises LabError where no cell can be begun."""
        waiting = iter(orders)
        running: dict[str, CellOrder] = {}
        tries: dict[str, int] = {}
        again: list[CellOrder] = []
        while True:
            while len(running) < jobs and (order := again.pop() if again else next(waiting, None)) is not None:
                tries[order.key] = tries.get(order.key, 0) + 1
                running[order.key] = order
                self._order(order)
            if not running:
                return
            told = self._next()
            if told is None:
                self.close()
                remove_leftovers()
                for order in running.values():
                    if tries[order.key] < TRIES:
                        again.append(order)
                    else:
                        text = f"the process that cells are born in was lost {TRIES} times while it ran"
                        yield Attempt(order.cell.key, order.number, Ending.LOST, text, host=self._host)
                running = {}
            else:
                yield self._attempt(running.pop(told["key"]), told)

    def close(self) -> None:
        """Take all labs down; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(2 * GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _order(self, order: CellOrder) -> None:
        if self._process is None:
            self._process = _started(self._nursery)
        assert self._process.stdin is not None
        words = {"key": order.key, "cell": order.cell.as_json(), "limit": order.limit, "require": order.require}
        line = json.dumps({**words, "keep": str(self._reports / order.key)})
        with contextlib.suppress(BrokenPipeError):  # its output ends too
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def _next(self) -> Mapping[str, Any] | None:
        """What came of the next one; None: the nursery has ended. Raises LabError where it could not begin."""
        assert self._process is not None and self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            return None
        told: dict[str, Any] = json.loads(line)
        if "problem" in told:
            raise LabError(told["problem"])
        return told

    def _attempt(self, order: CellOrder, told: Mapping[str, Any]) -> Attempt:
        report = f"{self._reports.name}/{order.key}" if told["kept"] else ""
        ending = Ending(told["ending"])
        words = str(told["text"]), str(told["detail"]), float(told["seconds"]), self._host, float(told["began"])
        return Attempt(order.cell.key, order.number, ending, *words, report)


def remove_leftovers() -> None:
    """What a nursery that was killed has left; its cells take their labs down by themselves."""
    with contextlib.suppress(LabError):
        for leftover in leftovers():
            with contextlib.suppress(LabError):  # it may be another's, and stands in nobody's way
                clean(leftover)


def _started(nursery: Sequence[str]) -> subprocess.Popen[bytes]:
    """In a session of its own: a terminal's Ctrl-C is for us, who then end its input."""
    command = [sys.executable, *nursery]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=os.environ.copy()
    )
