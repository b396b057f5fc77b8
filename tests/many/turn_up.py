"""Topologies of many peers, from their requests to Active and a clean stop; what it took is printed.

    python -m tests.many.turn_up --peers 1000                     on loopback, simulated routers
    python -m tests.many.turn_up --peers 200 --link netns         each in a network namespace of its own; as root
    python -m tests.many.turn_up --peers 500 --minutes 10         served, with peers at hold 9 in another process
    python -m tests.many.turn_up --peers 1000 --kill              served; `kill -9` half-way, and started again
    python -m tests.many.turn_up --peers 200 --link netns --kill  `kill -9` half-way, and `turnup clean` at once

It ends with 1 where a connection did not become Active, a session ended, or something is left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from tests.lab_support import eventually
from tests.many.lab import Lab, serving, topology
from tests.many.loads import announcing
from tests.many.peers import calling

_SOAK: Final = 0.5


def simulated(count: int, link: str) -> dict[str, Any]:
    """`count` peers with simulated routers at one exchange with one edge."""
    found = topology(count)
    found["link"] = link
    del found["microsoft"]["port"]
    for peer in found["peers"]:
        peer["router"] = "simulated"
    return found | {"times": {"soak": _SOAK, "deadline": 300, "active": 0.5}}


def processes(state: Path) -> list[str]:
    """Those that have this state directory in their environment: the lab's own, and all that it started.

    A lab's namespaces have no name: they are there for as long as such a process is.
    """
    found, mark = list[str](), f"TURNUP_STATE_DIR={state}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


def children() -> float:
    """CPU seconds, user and system, of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rehearse(count: int, link: str) -> list[str]:
    """A rehearsal as a user runs it; what is wrong with it."""
    with tempfile.TemporaryDirectory(prefix="tu-") as name:
        state = Path(name) / "s"
        began, before = time.monotonic(), children()
        with _rehearsing(Path(name), count, link, "--report", str(Path(name) / "report")) as process:
            said, _ = process.communicate()
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(
            f"{count} peers on {link}: exit code {process.returncode}, {time.monotonic() - began:.1f} s, "
            f"CPU {children() - before:.1f} s, {most / 1000:.0f} MB at most"
        )
        wrong = [] if process.returncode == 0 else [f"exit code {process.returncode}: {said[-1000:]}"]
        return wrong + _left(state)


def kill_rehearsal(count: int, link: str) -> list[str]:
    """Half-way to Active the rehearsal is killed, and `turnup clean` follows at once; what is left then."""
    with tempfile.TemporaryDirectory(prefix="tu-") as name:
        state, active = Path(name) / "s", 0
        with _rehearsing(Path(name), count, link) as process:
            assert process.stdout is not None
            for line in process.stdout:
                active += "connection Validating → Active" in line
                if active >= count / 2:
                    process.kill()
                    began = time.monotonic()
                    break
            else:
                return [f"it ended by itself with {active} connections Active: {process.wait()}"]
            done = subprocess.run(
                [sys.executable, "-m", "simulator", "clean"],
                env=_env(state),
                capture_output=True,
                text=True,
                check=False,
            )
        print(
            f"{count} peers on {link}, killed with {active} connections Active; {time.monotonic() - began:.1f} s later:"
        )
        print(done.stdout)
        wrong = [] if done.returncode == 0 else [f"turnup clean: exit code {done.returncode}: {done.stderr}"]
        return wrong + _left(state)


def _rehearsing(directory: Path, count: int, link: str, *words: str) -> subprocess.Popen[str]:
    path = directory / "lab.yaml"
    YAML(typ="safe").dump(simulated(count, link), path)
    return subprocess.Popen(
        [sys.executable, "-m", "simulator", "rehearse", str(path), "--plain", *words],
        env=_env(directory / "s"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _env(state: Path) -> dict[str, str]:
    return {**os.environ, "TURNUP_STATE_DIR": str(state), "PYTHONUNBUFFERED": "1"}


def _left(state: Path) -> list[str]:
    """What a lab left behind that is over."""
    wrong = list[str]()
    if left := [str(each) for each in state.rglob("*")] if state.exists() else []:
        wrong.append(f"left in the state directory: {left[:5]}")
    if alive := processes(state):
        wrong.append(f"processes are left, and with them their namespaces: {alive}")
    return wrong


async def hold(count: int, seconds: float, say: Callable[[str], object] = print) -> list[str]:
    """Sessions at hold 9, Active, for so long; what is wrong with it."""
    with tempfile.TemporaryDirectory(prefix="tu-") as name:
        async with serving(Path(name), topology(count, routes=10)) as lab:
            peers = lab.peers(range(count))
            announcing(peers)
            await lab.request(range(count))
            async with calling(peers) as swarm:
                await swarm.up(300)
                await lab.until(300, Active=count)
                began, cpu = time.monotonic(), lab.cpu
                await asyncio.sleep(seconds)
                took = time.monotonic() - began
                share = (lab.cpu - cpu) / took
                ended = [f"{peer.address}: {peer.why}" for peer in peers if peer.downs]
                say(
                    f"{count} sessions at hold 9 for {took / 60:.1f} minutes: {len(ended)} ended, "
                    f"{share:.1%} of a core, {lab.resident:.0f} MB"
                )
                leaked = await lab.leaked()
    return ended + ([f"{leaked} NLRI passed a shut gate"] if leaked else [])


async def kill(count: int) -> list[str]:
    """Half-way to Active the server is killed: another takes over with every gate shut, and all come back."""
    found, wrong = topology(count, routes=10), list[str]()
    with tempfile.TemporaryDirectory(prefix="tu-") as name:
        async with serving(Path(name), found) as lab:
            first = lab.peers(range(count))
            announcing(first)
            await lab.request(range(count))
            async with calling(first):
                states = await eventually(lab.states, lambda states: states.get("Active", 0) >= count / 2, 300)
                lab.process.kill()
                await lab.process.wait()
        print(f"killed with {states['Active']} of {count} connections Active")
        began = time.monotonic()
        async with serving(Path(name), found) as lab:
            opened = [row for row in await _gates(lab) if row["open"]]
            wrong += [f"{len(opened)} gates are open after the start"] if opened else []
            again = lab.peers(range(count))
            announcing(again)
            async with calling(again) as swarm:
                await swarm.up(300)
                await eventually(lambda: _gates(lab), lambda rows: sum(row["open"] for row in rows) == count, 300)
                print(f"{count} gates are open again after {time.monotonic() - began:.1f} s, CPU {lab.cpu:.1f} s")
                leaked = await lab.leaked()
                wrong += [f"{leaked} NLRI passed a shut gate"] if leaked else []
    return wrong


async def _gates(lab: Lab) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await lab.ask("GET", "/lab/v1/gates")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("--peers", type=int, default=1000)
    parser.add_argument("--link", choices=("loopback", "netns"), default="loopback")
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--kill", action="store_true")
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if asked.minutes:
        wrong = asyncio.run(hold(asked.peers, asked.minutes * 60))
    elif asked.kill and asked.link == "netns":
        wrong = kill_rehearsal(asked.peers, asked.link)
    elif asked.kill:
        wrong = asyncio.run(kill(asked.peers))
    else:
        wrong = rehearse(asked.peers, asked.link)
    for each in wrong:
        print(each)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
