"""`turnup serve` as a process of its own, and `turnup` commands that talk to it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cli.test_main import ROOT, turnup
from tests.patience import PATIENCE
from tests.topologies import document, write

_URL = re.compile(r"at (http://\S+)")
_LAST = "stop with Ctrl-C"
"""How what it says at its start ends."""


class Server:
    """A running `turnup serve`."""

    def __init__(self, process: subprocess.Popen[str], url: str, output: Path) -> None:
        self.process = process
        self.url = url
        self.output = output
        self.env = {"TURNUP_SERVER": url}

    def turnup(self, *arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return turnup(*arguments, env={**self.env, **(env or {})})

    def end(self, signal_number: int) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(30)

    @property
    def said(self) -> str:
        return self.output.read_text()


def topology(tmp_path: Path, **times: Any) -> Path:
    found = document()
    found["times"] |= times
    return write(found, tmp_path / "lab.yaml")


def command(tmp_path: Path, *arguments: str, database: str = "") -> list[str]:
    url = database or f"sqlite:///{tmp_path}/lab.db"
    words = ["serve", str(tmp_path / "lab.yaml"), "--port", "0", "--link", "loopback", "--database", url, *arguments]
    return [sys.executable, "-m", "simulator", *words]


@contextlib.contextmanager
def serving(tmp_path: Path, *arguments: str, token: str = "", database: str = "") -> Iterator[Server]:
    """A server on a port of the kernel's choice; ended with the block at the latest."""
    if not (tmp_path / "lab.yaml").exists():
        topology(tmp_path)
    output = tmp_path / f"serve-{time.monotonic_ns()}.out"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TURNUP_TOKEN": token}
    with output.open("w") as file:
        process = subprocess.Popen(
            command(tmp_path, *arguments, database=database), stdout=file, stderr=file, text=True, cwd=tmp_path, env=env
        )
    try:
        deadline = time.monotonic() + 2 * PATIENCE
        while (found := _URL.search(told := output.read_text())) is None or _LAST not in told:
            assert process.poll() is None and time.monotonic() < deadline, output.read_text()
            time.sleep(0.05)
        yield Server(process, found[1], output)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
