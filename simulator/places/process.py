"""Child processes that cannot outlive the lab: started in a namespace, watched until ready, stopped to the last one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from simulator.places import launcher, logs
from simulator.places.errors import LabError
from simulator.places.sandbox import Sandbox

T = TypeVar("T")

_SOMEHOW = "install it or put it on PATH"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that a lab runs, and how to get it."""

    path: str
    """As it is called: a name to be looked for on PATH, or where it is."""
    title: str
    """What people call it."""
    remedy: str
    """What installs it."""


def find_program(program: Program | str) -> Path:
    """The absolute path of a program. Raises LabError, with what installs it, when it is missing."""
    wanted = program if isinstance(program, Program) else Program(program, Path(program).name, _SOMEHOW)
    # An ordinary user's PATH has no sbin, where Debian keeps routing daemons.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    found = shutil.which(wanted.path, path=path)
    if found:
        return Path(found).absolute()
    raise LabError(f"{wanted.title} is not installed: {wanted.remedy}")


async def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    netns_fd: int | None = None,
    sandbox: Sandbox | None = None,
) -> asyncio.subprocess.Process:
    """Start a child in a session of its own; the kernel kills it when we die. The newest of its output is in `log`.

    To the kernel the parent is the calling thread: call this on a thread that lives as long as the lab (the event
    loop's). Raises LabError when the program is missing.
    """
    program = find_program(argv[0])
    namespace = -1 if netns_fd is None else netns_fd
    command = [*launching(os.getpid(), namespace, sandbox), str(program), *argv[1:]]
    pipe = logs.LogPipe(log)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe.write_end,
            stderr=pipe.write_end,
            env=env,
            start_new_session=True,
            pass_fds=() if netns_fd is None else (netns_fd,),
        )
    except BaseException:
        os.close(pipe.write_end)
        pipe.close()
        raise
    pipe.started(process.pid)
    return process


def launching(parent: int, namespace: int = -1, sandbox: Sandbox | None = None) -> list[str]:
    """The command before a program's own: it ties the program's life to process `parent`."""
    inside = "-" if sandbox is None else sandbox.to_json()
    return [sys.executable, "-I", "-S", launcher.__file__, str(parent), str(namespace), inside]


async def stop(process: asyncio.subprocess.Process, *, grace: float = 3.0) -> None:
    """End a child of `spawn` and its process group: SIGTERM, after `grace` seconds SIGKILL; returns when it is gone."""
    try:
        if process.returncode is None:
            _signal_group(process, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await process.wait()
    finally:
        # Also after a clean exit, and when cancelled: what the child left behind in its group goes with it.
        _signal_group(process, signal.SIGKILL)
    await process.wait()
    logs.close(process.pid)


async def kill(process: asyncio.subprocess.Process) -> None:
    """End a child at once; returns when it is gone. Safe where it has ended.

    Not by its own `kill`: that takes the exit status from the kernel where there is one already, and asyncio, which
    waits for it too, says on the terminal that it knows no such process.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    await process.wait()


@dataclass(frozen=True, slots=True)
class Answered:
    """What a short-lived child said."""

    status: int
    """Its exit status."""
    output: str
    errors: str

    @property
    def words(self) -> str:
        """All that it said: programs differ in where they complain."""
        return "\n".join(filter(None, (self.output, self.errors)))


async def ask(program: Program | str, *arguments: str, env: Mapping[str, str] | None = None) -> Answered:
    """Run a program to its end. It ends with us, also when this is cancelled. Raises LabError where it is missing."""
    child = await asyncio.create_subprocess_exec(
        str(find_program(program)),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        output, errors = await child.communicate()
    finally:
        await kill(child)
    assert child.returncode is not None, "it has ended"
    return Answered(child.returncode, output.decode(errors="replace"), errors.decode(errors="replace"))


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def until_ready(
    process: asyncio.subprocess.Process,
    attempt: Callable[[], Awaitable[T | None]],
    *,
    name: str,
    log: Path,
    timeout: float = 30.0,  # noqa: ASYNC109 - the message must say how long
    interval: float = 0.02,
) -> T:
    """Poll `attempt` until it gives something other than None, times in seconds.

    Raises LabError with the last log lines when the process ends first or the deadline passes.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    exited = asyncio.ensure_future(process.wait())
    try:
        while True:
            result = await attempt()
            if result is not None:
                return result
            if exited.done():
                raise LabError(f"{name} ended at once (exit status {exited.result()}): {last_lines(log)}")
            if asyncio.get_running_loop().time() > deadline:
                raise LabError(f"{name} did not answer within {timeout:g} s: {last_lines(log)}")
            await asyncio.wait((exited,), timeout=interval)
    finally:
        exited.cancel()


def last_lines(log: Path, count: int = 4) -> str:
    """The end of a log on one line, for an error message."""
    try:
        lines = logs.read(log).splitlines()
    except OSError:
        lines = []
    return "; ".join(line.strip() for line in lines[-count:] if line.strip()) or f"nothing in {log}"
