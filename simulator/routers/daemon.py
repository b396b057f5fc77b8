"""What the adapters of real routers have in common: a child process, its files, and sessions known by their names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import ClassVar, Final

from simulator.diagnosis.router_answer import PeerTrouble, RouterAnswer, Setting, Statement
from simulator.lab.state import SOCKET_PATH_LIMIT
from simulator.places import logs
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.places.place import Place
from simulator.places.process import last_lines, stop
from simulator.places.sandbox import Sandbox, files_named
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.console import RouterConsole
from simulator.routers.own_file import OwnFile, absences, misnamed, same_key, sources, statements_of
from simulator.routers.reason import Reason

ABSENT = "absent"
"""The state of a session that the user's own file does not have."""


_SYSLOG = "syslog"
"""The socket that the daemon finds as /dev/log."""


class ConfigRefusedError(LabError):
    """The daemon refuses its user's own configuration file: file, line and the daemon's words."""


_SETTLED: Final = 10
"""Answers with the same neighbors after which a user's file is taken to have no others (simulator)."""
_AT_ONCE: Final = 4
"""Questions that one daemon is asked at once (simulator)."""


class Daemon:
    """One routing daemon as a child process, in a sandbox: what it writes elsewhere than in its files goes nowhere."""

    kind: str
    own_file: ClassVar[OwnFile | None]
    """How its user's own configuration file is read."""
    console: ClassVar[RouterConsole | None] = None
    """What a person asks it with."""
    title: ClassVar[str]
    """What errors call it: `FRR of n1 …`."""
    no_loopback: ClassVar[str] = "has no port 179 and no address of its own"
    """Why it cannot run on `link: loopback`."""
    users: ClassVar[tuple[str, ...]] = ()
    """Users and groups that it drops its privileges to."""

    def __init__(self) -> None:
        self._config: RouterConfig | None = None
        self._files: RouterFiles | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._place: Place | None = None
        self._ear: socket.socket | None = None
        self._asking = asyncio.Semaphore(_AT_ONCE)
        """A daemon's socket has room for few callers (bgpd's for 5): one more would be turned away."""

    def endpoint(self, session: str) -> Endpoint:
        """Port 179 of the session's address. Raises LabError before the start, KeyError for an unknown session."""
        return Endpoint(self._session(session).local_address, BGP_PORT)

    async def stop(self) -> None:
        """Stop the daemon and wait until it is gone; safe to call twice and after a failed start."""
        try:
            if self._process is not None:
                await stop(self._process)
        finally:
            self._hush()

    def signal(self, number: int) -> None:
        """Send a signal to the daemon's processes: to kill or to freeze it. Raises LabError where it does not run."""
        _, _, process = self._started()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    async def reasons(self, session: str) -> Sequence[Reason]:
        return self._misnamed(self._session(session))

    def _said(self, session: RouterSession) -> dict[Setting, Statement]:
        """What the user's own file says of a session, with the place."""
        config = self._config
        if config is None or config.file is None or self.own_file is None:
            return {}
        return statements_of(self.own_file, config.file, str(session.remote_address))

    def _completed(self, session: RouterSession, answer: RouterAnswer) -> RouterAnswer:
        """An answer with what the user's own file tells and the daemon does not."""
        config, said = self._config, self._said(session)
        if config is None or config.file is None:
            return answer
        source, hold = said.get(Setting.SOURCE), said.get(Setting.HOLD_TIME)
        knows = bool(said)  # a file whose session was not found tells nothing
        return replace(
            answer,
            source=answer.source or (_address(source.value) if source is not None else None),
            md5=answer.md5 if answer.md5 is not None or not knows else Setting.MD5 in said,
            md5_differs=Setting.MD5 in said and not same_key(said[Setting.MD5].value, session.md5 or ""),
            gtsm=answer.gtsm if answer.gtsm is not None or not knows else Setting.GTSM in said,
            hold_time=answer.hold_time if answer.hold_time is not None or hold is None else _number(hold.value),
            local_as=answer.local_as if answer.local_as is not None else _number_of(said, Setting.LOCAL_AS),
            remote_as=answer.remote_as if answer.remote_as is not None else _number_of(said, Setting.REMOTE_AS),
            prefix_limit=answer.prefix_limit or _number_of(said, Setting.PREFIX_LIMIT),
            statements=said,
        )

    def remarks(self) -> Sequence[str]:
        file = self._config.file if self._config is not None else None
        missing = absences(self.own_file, file) if file is not None and self.own_file is not None else []
        return [*(reason.text for reason in self._misnamed(*self._sessions())), *missing]

    def _misnamed(self, *sessions: RouterSession) -> list[Reason]:
        """What the user's file calls otherwise than the topology does, and these sessions are bound to."""
        config = self._config
        if config is None or config.file is None or self.own_file is None:
            return []
        edges = [str(each.remote_address) for each in sessions]
        return misnamed(self.own_file, config.file, config.interfaces, config.vrfs, edges)

    def _begin(self, place: Place, config: RouterConfig, files: RouterFiles, socket_name: str = "") -> None:
        """Take down what is to be started. Raises LabError where it cannot be; `socket_name` is the longest one's."""
        if place.kind is LinkKind.LOOPBACK:
            raise LabError(f"{self.title} on loopback ({config.name}) {self.no_loopback}: use link: netns")
        self._config, self._files, self._place = config, files, place
        if socket_name and len(bytes(files.directory / socket_name)) > SOCKET_PATH_LIMIT:
            name = files.directory / socket_name
            raise LabError(f"{name} is too long for a Unix socket: set TURNUP_STATE_DIR to a shorter directory")

    async def _spawn(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str = "", log: Path | None = None
    ) -> asyncio.subprocess.Process:
        """Start one of its programs in its place and its sandbox; output goes to its log, or to `log`."""
        assert self._config is not None and self._files is not None and self._place is not None, "begin first"
        files = self._files
        files.directory.mkdir(parents=True, exist_ok=True)
        self._listen(files)
        own = self._config.file
        texts = [text for _, text in sources(self.own_file, own)] if own and self.own_file else []
        named = files_named("\n".join(texts))
        sandbox = Sandbox((str(files.directory.absolute()),), str(files.directory / _SYSLOG), named, self.users, cwd)
        return await self._place.spawn(argv, log=log or files.log, env=env, sandbox=sandbox)

    def _listen(self, files: RouterFiles) -> None:
        """What the daemon tells syslog goes to its log."""
        if self._ear is not None:
            return
        path = files.directory / _SYSLOG
        path.unlink(missing_ok=True)
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        directory = os.open(files.directory, os.O_PATH)
        try:
            ear.bind(f"/proc/self/fd/{directory}/{_SYSLOG}")  # however long the path is
        finally:
            os.close(directory)
        path.chmod(0o666)

        def hear() -> None:
            with contextlib.suppress(OSError):
                # A line of syslog: its priority comes first.
                logs.keep(files.log, re.sub(rb"^<\d+>", b"", ear.recv(1 << 16)).rstrip(b"\n\0") + b"\n")

        asyncio.get_running_loop().add_reader(ear, hear)
        self._ear = ear

    def _hush(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            asyncio.get_running_loop().remove_reader(ear)
            ear.close()

    def _started(self) -> tuple[RouterConfig, RouterFiles, asyncio.subprocess.Process]:
        if self._config is None or self._files is None or self._process is None:
            raise LabError(f"{self.title} was not started")
        return self._config, self._files, self._process

    @property
    def pid(self) -> int:
        """Of the process that was started last. Raises LabError when none was."""
        return self._started()[2].pid

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

    @property
    def end(self) -> str:
        """How it ended by itself, with the end of its log; empty while it runs. Raises LabError before its start."""
        _, files, process = self._started()
        if process.returncode is None:
            return ""
        return f"{self._name} has ended (exit status {process.returncode}): {last_lines(files.log)}"

    def _require_running(self) -> None:
        """Raises LabError, with the end of its log, when it is not."""
        if end := self.end:
            raise LabError(end)


class NeighborsRead:
    """Whether a daemon knows the neighbors of its file: it answers before it has read all of it."""

    def __init__(self, config: RouterConfig) -> None:
        self._awaited = {str(session.remote_address) for session in config.sessions}
        self._may_lack_some = config.file is not None
        self._before: object = None
        self._same = 0

    def all_of(self, found: Collection[str]) -> bool:
        """Whether the addresses of one answer are all of them; of a user's own file, which may lack some, whether they
        are those of the answers before."""
        self._same, self._before = (self._same + 1 if found == self._before else 0), found
        return self._awaited <= set(found) or (self._may_lack_some and self._same >= _SETTLED)


class ChangeTimes:
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


def lacks(session: RouterSession) -> RouterAnswer:
    """Of a session that the configuration lacks."""
    report = absent(session)
    return RouterAnswer(report.state, report.reason, configured=False)


def _address(text: str) -> str | None:
    with contextlib.suppress(ValueError):
        return str(ip_address(text.strip('"')))
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _number_of(said: Mapping[Setting, Statement], setting: Setting) -> int | None:
    return _number(said[setting].value) if setting in said else None


def examples(prefixes: Sequence[str], most: int = 3) -> str:
    """The first few, and how many there are."""
    told = ", ".join(prefixes[:most])
    return told if len(prefixes) <= most else f"{told} and {len(prefixes) - most} more"


_INSIDE: Final = tuple(
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3", "::/8", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""Nobody announces it (RFC 6890)."""


def _kept_back(session: RouterSession, own: Iterable[str], exported: Collection[str]) -> list[str]:
    """Of the prefixes that a router originates, those that are for others and do not go out on a session."""
    kept = []
    for prefix in own:
        net = ip_network(prefix)
        fit = 8 <= net.prefixlen <= 24 if net.version == 4 else 16 <= net.prefixlen <= 48
        if prefix in exported or not fit or session.local_address in net or session.remote_address in net:
            continue
        if not any(net.version == each.version and net.subnet_of(each) for each in _INSIDE):  # type: ignore[arg-type]
            kept.append(prefix)
    return kept


def silence(
    session: RouterSession, own: Sequence[str], exported: Collection[str], meant: Sequence[str] | None = None
) -> list[Reason]:
    """Why a router announces nothing, or not all, whose table has its `own` prefixes, that do not come from Microsoft.

    `meant`: its user wrote these of them down to be announced; None where nobody can tell.
    """
    if not own:
        what = f"the router's table has no {session.family.label} route of its own"
        return [Reason(PeerTrouble.NOTHING_TO_ANNOUNCE, what)]
    if exported:
        kept = _kept_back(session, own if meant is None else meant, exported)
        words = f"its export policy keeps back {examples(kept)}"
        return [Reason(PeerTrouble.KEPT_BACK, words, tuple(kept))] if kept else []
    what = f"the router's table has {examples(own)}"
    words = f"{what}, and its export policy lets none of it out on this session"
    return [Reason(PeerTrouble.EXPORT_POLICY, words, tuple(own))]
