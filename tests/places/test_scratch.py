"""What is not kept has a place, or one line says why it has none."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.faults.matrix import pooled
from simulator.places.errors import LabError
from simulator.places.scratch import scratch
from tests.cli.test_main import ROOT


def test_it_is_there_and_then_gone() -> None:
    with scratch("turnup-x-") as folder:
        (folder / "file").write_text("x")
    assert not folder.exists()


def test_a_disk_that_takes_no_more_is_one_line_and_what_else_fails_is_not_hidden() -> None:
    with pytest.raises(LabError, match="cannot be written to: No space left"), scratch("turnup-x-") as folder:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not folder.exists()
    with pytest.raises(FileNotFoundError), scratch("turnup-x-") as folder:
        (folder / "nothing").read_text()


_NOWHERE = """
import tempfile
tempfile._get_candidate_names = lambda: ["x"]
tempfile._candidate_tempdir_list = lambda: ["/proc/self"]
from simulator.cli.main import main
main()
"""


@pytest.mark.parametrize(
    "words",
    [
        ("test", "turn-up", "--router", "simulated"),
        ("campaign", "exchange", "--report", "REPORT"),
        ("bench", "run", "S1", "--quick"),
    ],
)
def test_where_there_is_no_place_for_it_a_command_says_so(words: tuple[str, ...], tmp_path: Path) -> None:
    """As on a machine whose disk is full."""
    command = [sys.executable, "-c", _NOWHERE, *(word.replace("REPORT", str(tmp_path / "out")) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert "Traceback" not in said and done.returncode in (1, 3), said
    assert "no temporary directory can be made: " in said.replace("\n", " ")


def test_of_a_process_of_a_pool_the_line_comes_back() -> None:
    assert pooled(_fails, ["one line"], 1, lambda told: None, lambda item, why: why) == ["one line"]


def _fails(line: str) -> str:
    raise LabError(line)
