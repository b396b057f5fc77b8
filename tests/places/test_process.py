"""Children that cannot outlive us."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.places.errors import LabError
from simulator.places.process import ask, find_program, kill, last_lines, spawn, stop, until_ready
from simulator.routers.bird.file import BIRD

ROOT = Path(__file__).parents[2]


def gone(pidfd: int, seconds: float = 20) -> bool:
    """Wait for a process to end."""
    return bool(select.select([pidfd], [], [], seconds)[0])


async def said(process: asyncio.subprocess.Process, log: Path, word: str) -> str:
    """Wait until a child has written `word`."""

    def written() -> str | None:
        text = log.read_text()
        return text if word in text else None

    async def attempt() -> str | None:
        return written()

    return await until_ready(process, attempt, name="child", log=log)


async def test_output_goes_to_the_log_and_the_status_comes_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await spawn(["sh", "-c", "echo out; echo err >&2; exit 7"], log=log)
    assert await process.wait() == 7
    assert log.read_text() == "out\nerr\n"
    await stop(process)
    await stop(process)


async def test_a_child_leads_a_session_of_its_own_and_gets_the_environment(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await spawn(["sh", "-c", "echo $LAB; exec sleep 60"], log=log, env={"LAB": "yes", "PATH": os.defpath})
    await said(process, log, "yes")
    assert os.getsid(process.pid) == process.pid
    await stop(process)
    assert process.returncode == -signal.SIGTERM


async def test_a_missing_program_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.places.process.shutil.which", lambda *_args, **_more: None)
    with pytest.raises(LabError, match=r"^BIRD is not installed: apt-get install bird2$"):
        find_program(BIRD)
    with pytest.raises(LabError, match=r"^bird is not installed: install it or put it on PATH$"):
        await spawn(["bird"], log=tmp_path / "log")
    with pytest.raises(LabError, match="nix is not installed"):
        find_program("nix")


async def test_stop_kills_what_ignores_sigterm_and_its_whole_group(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "trap '' TERM; sleep 60 & echo $!; echo ready; while :; do wait; done"
    process = await spawn(["sh", "-c", script], log=log)
    grandchild = int((await said(process, log, "ready")).split()[0])
    pidfd = os.pidfd_open(grandchild)
    try:
        await stop(process, grace=0.1)
        assert process.returncode == -signal.SIGKILL
        assert gone(pidfd)
    finally:
        os.close(pidfd)


async def test_stop_takes_along_what_a_child_left_in_its_group(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await spawn(["sh", "-c", "sleep 60 & echo $!"], log=log)
    await process.wait()
    pidfd = os.pidfd_open(int(log.read_text()))
    try:
        await stop(process)
        assert gone(pidfd)
    finally:
        os.close(pidfd)


async def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await spawn(["sh", "-c", "echo no such thing >&2; exit 3"], log=log)

    async def never() -> None:
        return None

    with pytest.raises(LabError, match=r"^thing ended at once \(exit status 3\): no such thing$"):
        await until_ready(process, never, name="thing", log=log)


async def test_a_child_that_does_not_get_ready_is_reported_at_the_deadline(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await spawn(["sleep", "60"], log=log)

    async def never() -> None:
        return None

    with pytest.raises(LabError, match=r"thing did not answer within 0.1 s: nothing in "):
        await until_ready(process, never, name="thing", log=log, timeout=0.1)
    await stop(process)


def test_last_lines_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("1\n2\n3\n\n4\n")
    assert last_lines(tmp_path / "log") == "2; 3; 4"
    assert "nothing in" in last_lines(tmp_path / "none")


_PARENT = """
import asyncio, sys
from pathlib import Path
from simulator.places.process import spawn
async def main():
    process = await spawn(["sleep", "60"], log=Path(sys.argv[1]))
    print(process.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as parent:
        assert parent.stdout is not None
        pidfd = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            assert gone(pidfd)
        finally:
            os.close(pidfd)


async def test_what_a_short_lived_child_says_comes_back() -> None:
    answered = await ask("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (answered.status, answered.output, answered.errors) == (7, "out\n", "err\n")
    assert answered.words == "out\n\nerr\n"


async def test_a_short_lived_child_that_nobody_waits_for_any_more_ends(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    asking = asyncio.ensure_future(ask("sh", "-c", f"echo $$ > {pid}; exec sleep 60"))
    fd = os.pidfd_open(int(await asyncio.to_thread(pid.read_text)))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert gone(fd)
    os.close(fd)


async def test_a_child_that_has_ended_by_itself_keeps_its_status_when_it_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own `kill` would take the status from under asyncio, which then makes up another one and says so."""
    process = await asyncio.create_subprocess_exec("sh", "-c", "exit 7")
    monkeypatch.setattr(subprocess.Popen, "poll", lambda _: pytest.fail("the status belongs to asyncio"))
    await kill(process)
    assert process.returncode in (7, -signal.SIGKILL)
    await kill(process)
