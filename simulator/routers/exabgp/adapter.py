"""The stock ExaBGP as the peer's router: `exabgp server`, configured by file, heard through its API.

ExaBGP has no command that tells why a session is down or what really was sent. Its API does: a helper process that
it starts gets every event as a line of JSON, and ours does nothing but write them to a file. It never stops reading and
never says anything, so ExaBGP never waits for it. A user's own file names no helper of ours: ExaBGP is then asked
through the named pipes of its command line, which tell no reasons.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import re
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from simulator.diagnosis.router_answer import RouterAnswer
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.places.process import ask, stop, until_ready
from simulator.routers.base import NotOurRouterError, RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.daemon import ABSENT, Daemon, absent, lacks
from simulator.routers.exabgp.config import events, render
from simulator.routers.exabgp.console import PIPES, Console, parse_forgetful, parse_rib
from simulator.routers.exabgp.events import UP, Events
from simulator.routers.exabgp.file import OWN_FILE, program
from simulator.routers.own_file import OwnFile

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes about one."""
_START_TIMEOUT = 90.0
"""Seconds to read the configuration: ExaBGP copies every route twice, 20,000 take about ten seconds."""


class Exabgp(Daemon):
    """One stock ExaBGP. Sessions are recognised by neighbor address."""

    kind = "exabgp"
    own_file: ClassVar[OwnFile | None] = OWN_FILE
    title = "ExaBGP"
    no_loopback = "cannot tell two sessions of one address apart"

    def __init__(self) -> None:
        super().__init__()
        self._program = Path()
        self._events = Events()
        self._read = 0
        self._console: Console | None = None
        self._since: dict[str, tuple[bool, int]] = {}
        self._forgetful: frozenset[str] | None = None

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when ExaBGP has read its configuration. Raises LabError with its words."""
        self._begin(place, config, files)
        self._program = program()
        self._events, self._read = Events(), 0
        if config.file is not None:
            _require_readable(config.file)
            path = config.file.absolute()
            self._console = Console(files.directory / "run")
        else:
            text = render(config, files.directory)
            files.directory.mkdir(parents=True, exist_ok=True)
            path = files.directory / "exabgp.conf"
            path.write_text(text)
            self._log_of_events.unlink(missing_ok=True)
        try:
            argv = [str(self._program), "server", str(path)]
            self._process = await self._spawn(argv, env=self._environment())
            await self._until_ready(self._name)
        except BaseException:
            await self.stop()
            raise

    async def sessions(self) -> Sequence[SessionReport]:
        """What ExaBGP says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if not self._sessions():
            return ()
        if self._console is None:
            heard = self._heard()
            return tuple(heard.report(session) for session in self._sessions())
        peers = await self._peers(self._console)
        received = parse_rib(await self._ask(self._console, "show adj-rib in"))
        exported = parse_rib(await self._ask(self._console, "show adj-rib out"))
        return tuple(self._report(session, peers, received, exported) for session in self._sessions())

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that ExaBGP holds on this session: announced and not withdrawn.

        Raises NotOurRouterError where its user's file has it hold none.
        """
        if self._console is not None:
            if self._forgetful is None:
                self._forgetful = parse_forgetful(await self._ask(self._console, "show neighbor configuration"))
            if str(self._session(session).remote_address) in self._forgetful:
                raise NotOurRouterError("ExaBGP cannot tell what it was sent: its file says adj-rib-in false")
        return await self._routes(self._session(session), "in")

    async def answer(self, session: str) -> RouterAnswer | None:
        found = self._session(session)
        report = next((each for each in await self.sessions() if each.name == session), None)
        if report is None or report.state == ABSENT:
            return lacks(found)
        return self._completed(
            found, RouterAnswer(report.state, report.reason, established=report.established, shut_down=report.shut_down)
        )

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that ExaBGP has sent us on this session; none while the session is down."""
        return await self._routes(self._session(session), "out")

    async def version(self) -> str:
        """`ExaBGP 5.0.15`."""
        self._started()
        answered = await ask(str(self._program), "version", env=self._environment())
        found = re.search(r"ExaBGP\s*:\s*(\S+)", answered.output)
        return f"ExaBGP {found[1]}" if found else "ExaBGP"

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
        self._hush()

    @property
    def _log_of_events(self) -> Path:
        return events(self._directory)

    def _environment(self) -> dict[str, str]:
        """Nothing of the host's ExaBGP: neither its settings nor its pipes."""
        inherited = {k: v for k, v in os.environ.items() if not k.lower().startswith("exabgp")}
        return {
            **inherited,
            "EXABGP_ROOT": str(self._directory),
            "exabgp_daemon_user": pwd.getpwuid(os.geteuid()).pw_name,
            "exabgp_daemon_daemonize": "false",
            "exabgp_log_destination": "stdout",
            "exabgp_log_statistics": "false",
            # An acknowledgement that is not read would block it.
            "exabgp_api_ack": "false",
            "exabgp_api_cli": "false" if self._console is None else "true",
            "exabgp_api_pipename": PIPES,
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

    async def _ask(self, console: Console, command: str) -> list[str]:
        self._require_running()
        name = self._name
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                return await console.ask(command)
        except TimeoutError:
            self._require_running()
            raise LabError(f"{name} did not answer {command!r} within {_QUERY_TIMEOUT:g} s") from None
        except ValueError as error:
            raise LabError(f"{name} refused {command!r}: {error}") from None

    async def _peers(self, console: Console) -> dict[str, dict[str, Any]]:
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
        return table if found.get("fsm") == UP else frozenset()

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
            return absent(session)
        state = str(found.get("fsm"))
        up = state == UP
        # ExaBGP counts whole seconds back from now, which may differ by one from answer to answer.
        epoch = round(time.time()) - int(found.get("duration", 0)) if up else 0
        known = self._since.get(session.name)
        if known is not None and known[0] == up and abs(known[1] - epoch) <= 1:
            epoch = known[1]
        self._since[session.name] = (up, epoch)
        since = datetime.fromtimestamp(epoch, UTC).isoformat() if up else ""
        counts = (len(received.get(address, ())), len(exported.get(address, ()))) if up else (0, 0)
        return SessionReport(session.name, state, up, since, *counts)


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


ROUTER = Exabgp
