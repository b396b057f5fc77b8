"""The stock ExaBGP as the peer's router: `exabgp server`, configured by file, heard through its API.

ExaBGP has no command that tells why a session is down or what really was sent. Its API does: a helper process that
it starts gets every event as a line of JSON, and ours does nothing but write them to a file. It never stops reading and
never says anything, so ExaBGP never waits for it. A user's own file names no helper of ours: ExaBGP is then asked
through the named pipes of its command line, which tell no reasons.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pwd
import re
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.lab.link import Endpoint, LabError, LinkKind, Place
from simulator.lab.netns import BGP_PORT
from simulator.lab.process import find_program, last_lines, stop, until_ready
from simulator.routers.base import RouterConfig, RouterFiles, RouterRoute, RouterSession, SessionReport
from simulator.session.messages import Family

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes about one."""
_START_TIMEOUT = 90.0
"""Seconds to read the configuration: ExaBGP copies every route twice, 20,000 take about ten seconds."""

_UP = "ESTABLISHED"
_PIPES = "turnup"
_PIPE_SIZE = 1 << 20
_LINE_LIMIT = 1 << 24

_FAMILY = {Family.IPV4: "ipv4 unicast", Family.IPV6: "ipv6 unicast"}
_UNICAST = frozenset(_FAMILY.values())
_MD5_KEY_MAX = 80

# Some words for its numbers: https://www.iana.org/assignments/bgp-parameters
_NOTIFICATIONS = {1: "Message Header Error", 2: "OPEN Message Error", 3: "UPDATE Message Error"}
_NOTIFICATIONS |= {4: "Hold Timer Expired", 5: "Finite State Machine Error", 6: "Cease"}


class Exabgp:
    """One stock ExaBGP. Sessions are recognised by neighbor address."""

    kind = "exabgp"

    def __init__(self) -> None:
        self._config: RouterConfig | None = None
        self._files: RouterFiles | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._program = Path()
        self._events = Events()
        self._read = 0
        self._console: _Console | None = None
        self._since: dict[str, tuple[bool, int]] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when ExaBGP has read its configuration. Raises LabError with its words."""
        if place.kind is LinkKind.LOOPBACK:
            raise LabError(
                f"ExaBGP on loopback ({config.name}) cannot tell two sessions of one address apart: use link: netns"
            )
        self._config, self._files = config, files
        self._program = _program()
        self._events, self._read = Events(), 0
        if config.file is not None:
            _require_readable(config.file)
            path = config.file
            self._console = _Console(files.directory / "run")
        else:
            text = configuration(config, self._log_of_events)
            files.directory.mkdir(parents=True, exist_ok=True)
            path = files.directory / "exabgp.conf"
            path.write_text(text)
            self._log_of_events.unlink(missing_ok=True)
        try:
            argv = [str(self._program), "server", str(path)]
            self._process = await place.spawn(argv, log=files.log, env=self._environment())
            await self._until_ready(f"ExaBGP of {config.name}")
        except BaseException:
            await self.stop()
            raise

    def endpoint(self, session: str) -> Endpoint:
        """Port 179 of the session's address: there a user's file has it listen, ours only has it dial.

        Raises LabError before the start.
        """
        return Endpoint(self._session(session).local_address, BGP_PORT)

    async def sessions(self) -> Sequence[SessionReport]:
        """What ExaBGP says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if self._config is None or not self._config.sessions:
            return ()
        if self._console is None:
            events = self._heard()
            return tuple(events.report(session) for session in self._config.sessions)
        peers = await self._peers(self._console)
        received = parse_rib(await self._ask(self._console, "show adj-rib in"))
        exported = parse_rib(await self._ask(self._console, "show adj-rib out"))
        return tuple(self._report(session, peers, received, exported) for session in self._config.sessions)

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that ExaBGP holds on this session: announced and not withdrawn."""
        return await self._routes(self._session(session), "in")

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that ExaBGP has sent us on this session; none while the session is down."""
        return await self._routes(self._session(session), "out")

    async def version(self) -> str:
        """`ExaBGP 5.0.15`."""
        if self._process is None:
            raise LabError("ExaBGP was not started")
        child = await asyncio.create_subprocess_exec(
            *(str(self._program), "version"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment(),
        )
        try:
            output, _ = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        found = re.search(rb"ExaBGP\s*:\s*(\S+)", output)
        return f"ExaBGP {found[1].decode()}" if found else "ExaBGP"

    async def stop(self) -> None:
        """Stop ExaBGP and its helpers and wait until they are gone; safe to call twice and after a failed start."""
        if self._process is not None:
            try:
                await stop(self._process)
            finally:
                # Each helper has a process group of its own, but all are of one session.
                _kill_session(self._process.pid)
        if self._console is not None:
            self._console.close()

    @property
    def _log_of_events(self) -> Path:
        assert self._files is not None, "ExaBGP was not started"
        return self._files.directory / "events.jsonl"

    def _session(self, name: str) -> RouterSession:
        if self._config is None:
            raise LabError("ExaBGP was not started")
        return next(session for session in self._config.sessions if session.name == name)

    def _environment(self) -> dict[str, str]:
        """Nothing of the host's ExaBGP: neither its settings nor its pipes."""
        assert self._files is not None, "ExaBGP was not started"
        inherited = {k: v for k, v in os.environ.items() if not k.lower().startswith("exabgp")}
        return {
            **inherited,
            "EXABGP_ROOT": str(self._files.directory),
            "exabgp_daemon_user": pwd.getpwuid(os.geteuid()).pw_name,
            "exabgp_daemon_daemonize": "false",
            "exabgp_log_destination": "stdout",
            "exabgp_log_statistics": "false",
            # An acknowledgement that is not read would block it.
            "exabgp_api_ack": "false",
            "exabgp_api_cli": "false" if self._console is None else "true",
            "exabgp_api_pipename": _PIPES,
            "exabgp_api_chunk": "100",
        }

    async def _until_ready(self, name: str) -> None:
        assert self._files is not None and self._process is not None
        asked = None if self._console is None else asyncio.ensure_future(self._console.ask("show neighbor json"))

        async def ready() -> bool | None:
            # ExaBGP starts the helper when it has read its configuration.
            return (self._log_of_events.exists() if asked is None else asked.done()) or None

        try:
            await until_ready(self._process, ready, name=name, log=self._files.log, timeout=_START_TIMEOUT)
        finally:
            if asked is not None:
                asked.cancel()
                with contextlib.suppress(asyncio.CancelledError, LabError):
                    await asked

    def _require_running(self) -> None:
        if self._config is None or self._files is None or self._process is None:
            raise LabError("ExaBGP was not started")
        status = self._process.returncode
        if status is not None:
            name = f"ExaBGP of {self._config.name}"
            raise LabError(f"{name} has ended (exit status {status}): {last_lines(self._files.log)}")

    def _heard(self) -> Events:
        """All events until now."""
        self._require_running()
        with self._log_of_events.open("rb") as file:
            file.seek(self._read)
            # The last line may not be complete yet.
            lines = file.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith(b"\n"):
                self._read += len(line)
                try:
                    event = json.loads(line)
                except ValueError:  # ExaBGP writes its JSON by hand
                    text = line[:200].decode(errors="replace").rstrip()
                    raise LabError(f"{self._log_of_events}: ExaBGP wrote an event that is no JSON: {text}") from None
                self._events.add(event)
        return self._events

    async def _ask(self, console: _Console, command: str) -> list[str]:
        self._require_running()
        assert self._config is not None
        name = f"ExaBGP of {self._config.name}"
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                return await console.ask(command)
        except TimeoutError:
            self._require_running()
            raise LabError(f"{name} did not answer {command!r} within {_QUERY_TIMEOUT:g} s") from None
        except ValueError as error:
            raise LabError(f"{name} refused {command!r}: {error}") from None

    async def _peers(self, console: _Console) -> dict[str, dict[str, Any]]:
        """ExaBGP's neighbors by address."""
        answer = json.loads("".join(await self._ask(console, "show neighbor json")))
        return {str(peer["peer"]["address"]): peer for peer in answer}

    async def _routes(self, session: RouterSession, direction: str) -> frozenset[str]:
        peer = str(session.remote_address)
        if self._console is None:
            heard = self._heard().peer(peer)
            return frozenset(heard.received if direction == "in" else heard.sent)
        table = parse_rib(await self._ask(self._console, f"show adj-rib {direction}")).get(peer, frozenset())
        if not table:
            return table
        # Its tables outlive the session.
        found = (await self._peers(self._console)).get(peer, {})
        return table if found.get("fsm") == _UP else frozenset()

    def _report(
        self,
        session: RouterSession,
        peers: Mapping[str, Any],
        received: Mapping[str, frozenset[str]],
        exported: Mapping[str, frozenset[str]],
    ) -> SessionReport:
        address = str(session.remote_address)
        found = peers.get(address)
        if found is None:
            absent = f"the configuration has no neighbor {address}"
            return SessionReport(session.name, "absent", False, "", 0, 0, absent)
        state = str(found.get("fsm"))
        up = state == _UP
        # ExaBGP counts whole seconds back from now, which may differ by one from answer to answer.
        epoch = round(time.time()) - int(found.get("duration", 0)) if up else 0
        known = self._since.get(session.name)
        if known is not None and known[0] == up and abs(known[1] - epoch) <= 1:
            epoch = known[1]
        self._since[session.name] = (up, epoch)
        since = datetime.fromtimestamp(epoch, UTC).isoformat() if up else ""
        counts = (len(received.get(address, ())), len(exported.get(address, ()))) if up else (0, 0)
        return SessionReport(session.name, state, up, since, *counts)


@dataclass(slots=True)
class _Heard:
    """What the API said of one neighbor."""

    state: str = "IDLE"
    """ExaBGP's own word."""
    since: float | None = None
    received: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    notification: str = ""
    """The last one since the session was up."""
    reason: str = ""

    def enter(self, state: str, when: float) -> None:
        if (state == _UP) != (self.state == _UP):
            self.since = when
        self.state = state


class Events:
    """The events of ExaBGP's API, added up by neighbor address."""

    def __init__(self) -> None:
        self._peers: dict[str, _Heard] = {}

    def peer(self, address: str) -> _Heard:
        return self._peers.setdefault(address, _Heard())

    def add(self, event: Mapping[str, Any]) -> None:
        """One event, in the order in which they came."""
        neighbor = event.get("neighbor")
        if not isinstance(neighbor, Mapping):
            return
        peer = self.peer(str(neighbor["address"]["peer"]))
        match event.get("type"):
            case "fsm":
                peer.enter(str(neighbor["state"]), float(event["time"]))
            case "state":
                self._changed(peer, neighbor, float(event["time"]))
            case "notification":
                peer.notification = _notification(neighbor)
            case "update":
                update = neighbor.get("message", {}).get("update", {})
                table = peer.received if neighbor.get("direction") == "receive" else peer.sent
                table -= set(_prefixes(update.get("withdraw", {})))
                table |= {
                    prefix
                    for family, hops in update.get("announce", {}).items()
                    for routes in hops.values()
                    for prefix in _prefixes({family: routes})
                }

    @staticmethod
    def _changed(peer: _Heard, neighbor: Mapping[str, Any], when: float) -> None:
        change = neighbor["state"]
        if change == "up":
            peer.enter(_UP, when)
            peer.notification = peer.reason = ""
        elif change == "down":
            # It says so before it says that it is idle.
            peer.enter("IDLE", when)
            # A redial that fails has nothing to say and is not the reason.
            peer.reason = peer.notification or str(neighbor.get("reason", ""))
        else:
            return
        peer.received.clear()
        peer.sent.clear()

    def report(self, session: RouterSession) -> SessionReport:
        peer = self.peer(str(session.remote_address))
        up = peer.state == _UP
        since = "" if peer.since is None else datetime.fromtimestamp(peer.since, UTC).isoformat()
        return SessionReport(
            session.name, peer.state, up, since, len(peer.received), len(peer.sent), "" if up else peer.reason
        )


def _notification(neighbor: Mapping[str, Any]) -> str:
    found = neighbor.get("notification", {})
    code, subcode = found.get("code"), found.get("subcode")
    how = "received" if neighbor.get("direction") == "receive" else "sent"
    words = " ".join(str(found.get("message", "")).split())
    name = _NOTIFICATIONS.get(code, "")
    return ": ".join(filter(None, (f"notification {how} ({code},{subcode}) {name}".rstrip(), words)))


def _prefixes(families: Mapping[str, Any]) -> Iterator[str]:
    for family, routes in families.items():
        if family in _UNICAST:
            for route in routes:
                yield str(route["nlri"])


class _Console:
    """ExaBGP's named pipes: one command at a time, the answer's lines until `done`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._transport: asyncio.ReadTransport | None = None
        self._owed = 0
        self._out = directory / f"{_PIPES}.out"
        self._in = directory / f"{_PIPES}.in"
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


def _program() -> Path:
    beside = Path(sys.executable).with_name("exabgp")
    return beside if os.access(beside, os.X_OK) else find_program("exabgp")


def _require_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from None


def _kill_session(leader: int) -> None:
    """Kill what is left of a session whose leader is gone."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                line = (process / "stat").read_text()
                if int(line[line.rindex(")") + 2 :].split()[3]) == leader:
                    os.kill(int(process.name), signal.SIGKILL)


def parse_rib(lines: Iterable[str]) -> dict[str, frozenset[str]]:
    """Neighbor address to its unicast prefixes, from an answer to `show adj-rib in`."""
    # Its JSON says every route again with each further one.
    tables: dict[str, set[str]] = {}
    for line in lines:
        peer, afi, safi, prefix = line.split(" ", 4)[:4]
        if f"{afi} {safi}" in _UNICAST:
            tables.setdefault(peer, set()).add(prefix)
    return {peer: frozenset(prefixes) for peer, prefixes in tables.items()}


def configuration(config: RouterConfig, events: Path) -> str:
    """The whole exabgp.conf. Raises LabError for what ExaBGP has no way to write."""
    return "\n".join(_lines(config, events)) + "\n"


def _lines(config: RouterConfig, events: Path) -> Iterator[str]:
    if re.search(r"['\"\\\n]", str(events)):
        raise LabError(f"{events}: ExaBGP cannot write a path with quotes or backslashes")
    yield f"# {config.name}, AS{config.asn}: written by turnup, replaced at the next start"
    yield "# it dials and does not listen: of two calls that cross, ExaBGP may close one that the other end has up"
    yield ""
    yield "# writes every event to a file; its output stays open and silent: what it said there would be a command"
    yield "process events {"
    yield f"\trun /bin/sh -c 'exec cat 3>&1 >$0' '{events}';"
    yield "\tencoder json;"
    yield "\trespawn false;"
    yield "}"
    for session in config.sessions:
        yield ""
        yield from _neighbor(config, session)


def _neighbor(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    if session.max_prefixes is not None:
        raise LabError(f"session {session.name}: ExaBGP has no limit of received routes: leave max_prefixes out")
    yield f"# {session.name}" if session.name.isprintable() else "# session"
    yield f"neighbor {session.remote.host} {{"
    yield f"\trouter-id {config.router_id};"
    yield f"\tlocal-address {session.local_address};"
    yield f"\tlocal-as {config.asn};"
    yield f"\tpeer-as {session.remote_as};"
    yield f"\thold-time {config.hold_time};"
    if session.remote.port != BGP_PORT:
        yield f"\tconnect {session.remote.port};"
    if session.gtsm:
        yield "\tincoming-ttl 255;"
        yield "\toutgoing-ttl 255;"
    if session.md5 is not None:
        yield from _md5(session, session.md5)
    yield f"\tfamily {{ {_FAMILY[session.family]}; }}"
    yield "\tcapability { route-refresh enable; }"
    yield "\tadj-rib-in false;"
    yield "\tadj-rib-out true;"
    yield "\tapi {"
    yield "\t\tprocesses [ events ];"
    yield "\t\tneighbor-changes;"
    yield "\t\tfsm;"
    yield "\t\treceive { parsed; update; notification; }"
    yield "\t\tsend { parsed; update; notification; }"
    yield "\t}"
    yield "\tstatic {"
    for route in config.routes:
        if (":" in route.prefix) == (session.family is Family.IPV6):
            yield f"\t\troute {route.prefix} next-hop {session.local_address}{_attributes(config, route)};"
    yield "\t}"
    yield "}"


def _md5(session: RouterSession, key: str) -> Iterator[str]:
    if not 1 <= len(key.encode()) <= _MD5_KEY_MAX:
        raise LabError(f"session {session.name}: ExaBGP takes an MD5 key of 1 to {_MD5_KEY_MAX} octets")
    # Quoting cannot express every key, base64 can.
    if re.fullmatch(r"[A-Za-z0-9_.-]+", key):
        yield f'\tmd5-password "{key}";'
    else:
        yield "\tmd5-base64 true;"
        yield f'\tmd5-password "{b64encode(key.encode()).decode()}";'


def _attributes(config: RouterConfig, route: RouterRoute) -> str:
    text = ""
    if route.as_path:
        # With a path of its own ExaBGP does not add its AS.
        text += f" as-path [ {config.asn} {' '.join(map(str, route.as_path))} ]"
    if route.med is not None:
        text += f" med {route.med}"
    for name, communities in (("community", route.communities), ("large-community", route.large_communities)):
        for community in communities:
            if not re.fullmatch(r"[A-Za-z0-9:_-]+", community):
                raise LabError(f"route {route.prefix}: {community!r} is no community")
        if communities:
            text += f" {name} [ {' '.join(communities)} ]"
    return text
