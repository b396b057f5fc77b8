"""Standard output as it can end: the reader is gone, the disk is full, the locale has no arrow."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from simulator.cli.exit_codes import LAB

PIPE: Final = 141
"""The exit code of a program that SIGPIPE ended, as shells count it: 128 + 13."""


class OutputStream:
    """A text stream whose failures end the command: with 141 and no word, or with one line and exit code 3.

    Characters that its encoding does not have are written as `?`.
    """

    def __init__(self, stream: Any, name: str) -> None:
        self._stream = stream
        self._name = name
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except OSError as error:
            self._end(error)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._stream.closed:
            return
        try:
            self._stream.flush()
        except OSError as error:
            self._end(error)

    def _end(self, error: OSError) -> NoReturn:
        # What is left in the buffer goes nowhere: the interpreter would try it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(PIPE) from None
        if self._stream is not sys.__stderr__:
            sys.stderr.write(f"turnup: {self._name} cannot be written: {error.strerror}\n")
        raise SystemExit(LAB) from None
