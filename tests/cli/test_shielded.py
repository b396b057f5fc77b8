"""Work in a child: its exit code comes back however it ends, and its end without a word is told from all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial

import pytest

from tests.cli.test_main import ROOT

_ENDS = {
    "return 4": (4, ""),
    "raise SystemExit(5)": (5, ""),
    "raise ValueError('x')": (1, "ValueError: x"),
    "print('said'); return 0": (0, "said"),
    "os._exit(1)": (99, ""),
    "os.kill(os.getpid(), signal.SIGKILL)": (99, ""),
}
_RUN = """
import os, signal, sys
from simulator.cli.shielded import shielded
def work():
    {}
code = shielded(work)
sys.exit(99 if code is None else code)
"""


def _program(body: str) -> list[str]:
    return [sys.executable, "-c", _RUN.format(body)]


@pytest.mark.parametrize("body", _ENDS)
def test_the_exit_code_of_the_work_comes_back(body: str) -> None:
    done = subprocess.run(_program(body), capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    code, said = _ENDS[body]
    assert done.returncode == code
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work_and_is_its_own_to_answer(number: signal.Signals) -> None:
    body = "\n    ".join(
        (
            "heard, (reader, writer) = [], os.pipe()",
            "os.set_blocking(writer, False)",
            "signal.set_wakeup_fd(writer)",
            f"signal.signal({number.value}, lambda number, frame: heard.append(number))",
            "print('ready', flush=True)",
            "os.read(reader, 1)",
            "return 7 if len(heard) == 1 else 8",
        )
    )
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
    with subprocess.Popen(
        _program(body), stdout=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=heard, start_new_session=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        os.killpg(process.pid, number)  # as a terminal does
        assert process.wait(60) == 7
