"""What the adapters of real routers have in common: a child process, its files, and sessions known by their names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from simulator.lab.link import Endpoint, LabError, LinkKind, Place
from simulator.lab.netns import BGP_PORT
from simulator.lab.process import last_lines, stop
from simulator.lab.state import SOCKET_PATH_LIMIT
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport

ABSENT = "absent"
"""The state of a session that the user's own file does not have."""


class Daemon:
    """One routing daemon as a child process."""

    title: ClassVar[str]
    """What errors call it: `FRR of n1 …`."""
    no_loopback: ClassVar[str] = "has no port 179 and no address of its own"
    """Why it cannot run on `link: loopback`."""

    def __init__(self) -> None:
        self._config: RouterConfig | None = None
        self._files: RouterFiles | None = None
        self._process: asyncio.subprocess.Process | None = None

    def endpoint(self, session: str) -> Endpoint:
        """Port 179 of the session's address. Raises LabError before the start, KeyError for an unknown session."""
        return Endpoint(self._session(session).local_address, BGP_PORT)

    async def stop(self) -> None:
        """Stop the daemon and wait until it is gone; safe to call twice and after a failed start."""
        if self._process is not None:
            await stop(self._process)

    def _begin(self, place: Place, config: RouterConfig, files: RouterFiles, socket: str = "") -> None:
        """Take down what is to be started. Raises LabError where it cannot be; `socket` is the longest one's name."""
        if place.kind is LinkKind.LOOPBACK:
            raise LabError(f"{self.title} on loopback ({config.name}) {self.no_loopback}: use link: netns")
        self._config, self._files = config, files
        if socket and len(bytes(files.directory / socket)) > SOCKET_PATH_LIMIT:
            raise LabError(f"{files.directory / socket} is too long for a Unix socket: use a shorter directory")

    def _started(self) -> tuple[RouterConfig, RouterFiles, asyncio.subprocess.Process]:
        if self._config is None or self._files is None or self._process is None:
            raise LabError(f"{self.title} was not started")
        return self._config, self._files, self._process

    @property
    def _directory(self) -> Path:
        assert self._files is not None, f"{self.title} was not started"
        return self._files.directory

    @property
    def _name(self) -> str:
        return f"{self.title} of {self._config.name}" if self._config is not None else self.title

    def _sessions(self) -> tuple[RouterSession, ...]:
        return self._config.sessions if self._config is not None else ()

    def _session(self, name: str) -> RouterSession:
        if self._config is None:
            raise LabError(f"{self.title} was not started")
        for session in self._config.sessions:
            if session.name == name:
                return session
        raise KeyError(name)

    def _require_running(self) -> None:
        """Raises LabError, with the end of its log, when it is not."""
        _, files, process = self._started()
        if process.returncode is not None:
            raise LabError(f"{self._name} has ended (exit status {process.returncode}): {last_lines(files.log)}")


class Moments:
    """When each session last changed, kept steady: some routers count whole seconds back from now."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[object, ...], str]] = {}

    def of(self, session: str, identity: tuple[object, ...], moment: Callable[[], str]) -> str:
        """`moment()` of the first time that the session had this identity."""
        known = self._known.get(session)
        if known is None or known[0] != identity:
            known = self._known[session] = (identity, moment())
        return known[1]


def absent(session: RouterSession) -> SessionReport:
    """Of a session that the configuration lacks."""
    reason = f"the configuration has no neighbor {session.remote_address}"
    return SessionReport(session.name, ABSENT, False, "", 0, 0, reason)


def one_line(text: str) -> str:
    return "; ".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def read_file(path: Path) -> str:
    """The user's own configuration file. Raises LabError."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from None
