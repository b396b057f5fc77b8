"""ExaBGP's command line: a pair of named pipes, one command at a time."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from simulator.routers.exabgp.events import UNICAST

PIPES = "turnup"
_PIPE_SIZE = 1 << 20
_LINE_LIMIT = 1 << 24


class Console:
    """ExaBGP's named pipes: one command at a time, the answer's lines until `done`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._transport: asyncio.ReadTransport | None = None
        self._owed = 0
        self._out = directory / f"{PIPES}.out"
        self._in = directory / f"{PIPES}.in"
        for pipe in (self._in, self._out):
            pipe.unlink(missing_ok=True)
            os.mkfifo(pipe, 0o600)
        # Held open on both sides: nobody ever waits for the other, and nothing is lost.
        self._commands = os.open(self._in, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    async def ask(self, command: str) -> list[str]:
        """Raises ValueError when ExaBGP refuses."""
        async with self._lock:
            reader = await self._open()
            os.write(self._commands, f"{command}\n".encode())
            self._owed += 1
            lines: list[str] = []
            while True:
                line = (await reader.readline()).decode(errors="replace").rstrip("\n")
                if line not in ("done", "error"):
                    lines.append(line)
                    continue
                self._owed -= 1
                if self._owed:  # the answer to a question that was given up
                    lines.clear()
                elif line == "error":
                    raise ValueError("; ".join(lines) or "no reason given")
                else:
                    return lines

    async def _open(self) -> asyncio.StreamReader:
        if self._reader is None:
            reader = asyncio.StreamReader(limit=_LINE_LIMIT)
            end = os.fdopen(os.open(self._out, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)
            # A full pipe makes ExaBGP's end spin and complain.
            with contextlib.suppress(OSError):
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
            self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), end
            )
            self._reader = reader
        return self._reader

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        if self._commands >= 0:
            os.close(self._commands)
            self._commands = -1


def parse_rib(lines: Iterable[str]) -> dict[str, frozenset[str]]:
    """Neighbor address to its unicast prefixes, from an answer to `show adj-rib in`."""
    # Its JSON says every route again with each further one.
    tables: dict[str, set[str]] = {}
    for line in lines:
        peer, afi, safi, prefix = line.split(" ", 4)[:4]
        if f"{afi} {safi}" in UNICAST:
            tables.setdefault(peer, set()).add(prefix)
    return {peer: frozenset(prefixes) for peer, prefixes in tables.items()}


def parse_forgetful(lines: Iterable[str]) -> frozenset[str]:
    """The neighbors that keep no Adj-RIB-In, by address, from an answer to `show neighbor configuration`."""
    found, neighbor = set(), ""
    for line in lines:
        words = line.strip().rstrip(";").split()
        if words[:1] == ["neighbor"] and words[-1] == "{":
            neighbor = words[1]
        elif words == ["adj-rib-in", "false"]:
            found.add(neighbor)
    return frozenset(found)
