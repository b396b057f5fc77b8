"""BIRD 2 as the peer's router: configured by file, asked through its control socket as birdc asks it.

A user's own file is read by BIRD itself, where it is: what it logs or dumps goes to the lab's log or to the sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from simulator.diagnosis.router_answer import RouterAnswer
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.places.process import find_program, last_lines, until_ready
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.bird.answers import Protocol, lines, parse_protocols, parse_routes, protocol_of, same_moment
from simulator.routers.bird.config import render
from simulator.routers.bird.file import BIRD, BIRDC, OWN_FILE
from simulator.routers.console import RouterConsole
from simulator.routers.daemon import ConfigRefusedError, Daemon, absent, lacks, silence
from simulator.routers.own_file import OwnFile
from simulator.routers.parsing import read_file
from simulator.routers.reason import Reason

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes well below one."""

_SOCKET = "bird.ctl"


class Bird(Daemon):
    """One BIRD daemon. Sessions are recognised by neighbor address."""

    kind = "bird"
    own_file: ClassVar[OwnFile | None] = OWN_FILE
    console: ClassVar[RouterConsole | None] = RouterConsole(BIRDC, ("-s", f"{{}}/{_SOCKET}"), is_dialogue=True)
    title = "BIRD"

    def __init__(self) -> None:
        super().__init__()
        self._since: dict[str, str] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when BIRD answers. Raises LabError with BIRD's own words."""
        self._begin(place, config, files, _SOCKET)
        files.directory.mkdir(parents=True, exist_ok=True)
        if config.file is None:
            path = files.directory / "bird.conf"
            path.write_text(render(config, files.directory))
        else:
            read_file(config.file)
            path = config.file.absolute()
        argv = [
            str(find_program(BIRD)),
            "-f",
            "-c",
            str(path),
            "-s",
            str(self._socket),
            "-P",
            str(files.directory / "bird.pid"),
        ]
        self._process = await self._spawn(argv)
        try:
            await until_ready(self._process, self._answers, name=self._name, log=files.log)
        except LabError as error:
            await self.stop()
            refused = syntax_error(str(error)) if config.file is not None else ""
            raise ConfigRefusedError(f"{self._name} refused {refused}") if refused else error from None
        except BaseException:
            await self.stop()
            raise

    async def sessions(self) -> Sequence[SessionReport]:
        """What BIRD says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if not self._sessions():
            return ()
        protocols = parse_protocols(await self._ask("show protocols all"))
        return tuple(self._report(session, protocol_of(session, protocols)) for session in self._sessions())

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that BIRD holds on this session, after its import filter."""
        return await self._routes("protocol", self._session(session))

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that BIRD sends us on this session; none while the session is down."""
        return await self._routes("export", self._session(session))

    async def answer(self, session: str) -> RouterAnswer | None:
        found = self._session(session)
        protocol = protocol_of(found, parse_protocols(await self._ask("show protocols all")))
        if protocol is None:
            return lacks(found)
        return self._completed(found, protocol.answer(found))

    async def reasons(self, session: str) -> Sequence[Reason]:
        """What BIRD's own table tells of a session on which it announces nothing."""
        found = self._session(session)
        protocols = parse_protocols(await self._ask("show protocols all"))
        protocol = protocol_of(found, protocols)
        table = protocol.table(found.family) if protocol is not None else ""
        if not table:
            return self._misnamed(self._session(session))
        edges = {other.name for each in self._sessions() if (other := protocol_of(each, protocols)) is not None}
        foreign = " && ".join(f'proto != "{name}"' for name in sorted(edges))
        answer = await self._ask(f"show route table {table} where {foreign}", accept="No valid tables")
        own, meant = sorted(parse_routes(answer)), sorted(parse_routes(answer, nowhere=True))
        return [*self._misnamed(self._session(session)), *silence(found, own, await self.exported(session), meant)]

    async def announce(self, config: RouterConfig) -> None:
        """Read the configuration again with other routes in it (`configure`). Raises LabError with BIRD's words."""
        before, files, _ = self._started()
        if before.file is not None:
            raise LabError(f"{self._name} runs its user's own file: what it announces is written there")
        path = files.directory / "bird.conf"
        path.write_text(render(config, files.directory))
        answer = await self._ask("configure")
        if "econfigur" not in answer:
            raise LabError(f"{self._name} refused {path}: {' '.join(answer.split())}")
        self._config = config

    async def version(self) -> str:
        """`BIRD 2.0.12`."""
        return next(text for code, text in lines(await self._ask("show status")) if code == 1000)

    async def command(self, text: str) -> str:
        """BIRD's answer to any birdc command, as birdc prints it. Raises LabError with BIRD's words when it refuses."""
        return "\n".join(line for _, line in lines(await self._ask(text)))

    @property
    def _socket(self) -> Path:
        return self._directory / _SOCKET

    async def _routes(self, which: str, session: RouterSession) -> frozenset[str]:
        protocol = protocol_of(session, parse_protocols(await self._ask("show protocols all")))
        if protocol is None:
            return frozenset()
        found = parse_routes(await self._ask(f"show route {which} '{protocol.name}'", accept="No valid tables"))
        # One protocol may carry both families.
        return frozenset(prefix for prefix in found if (":" in prefix) == (session.remote_address.version == 6))

    def _report(self, session: RouterSession, protocol: Protocol | None) -> SessionReport:
        if protocol is None:
            return absent(session)
        report, known = protocol.report(session), self._since.get(session.name, "")
        since = self._since[session.name] = known if same_moment(known, report.since) else report.since
        return replace(report, since=since)

    async def _answers(self) -> bool | None:
        with contextlib.suppress(OSError, EOFError):
            return "Daemon is up" in await exchange(self._socket, "show status") or None
        return None

    async def _ask(self, text: str, accept: str | None = None) -> str:
        """The raw answer. An error that holds `accept` counts as an empty one."""
        _, files, _ = self._started()
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT), self._asking:
                answer = await exchange(self._socket, text)
        except TimeoutError:
            raise LabError(f"{self._name} did not answer {text!r} within {_QUERY_TIMEOUT:g} s") from None
        except (OSError, EOFError) as error:
            self._require_running()
            raise LabError(f"{self._name} does not answer: {last_lines(files.log)}") from error
        final = answer.rstrip("\n").rpartition("\n")[2]
        # 8xxx: it cannot be done; 9xxx: it was not understood.
        if final[:1] in "89":
            if accept is not None and accept in final:
                return ""
            raise LabError(f"{self._name} refused {text!r}: {final[5:]}")
        return answer


def syntax_error(words: str) -> str:
    """`file:line:column what`, out of what BIRD says of a file that it refuses; empty: it names no place."""
    found = re.search(r"(?:^|[\s;])(?:bird: )?(/[^;\n]*?:\d+:\d+ [^;\n]+)", words)
    return found[1] if found else ""


async def exchange(path: Path, text: str) -> str:
    """One command over the control socket; raises OSError or EOFError when BIRD is not there (any more)."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        await reader.readuntil(b"\n")  # 0001 BIRD 2.0.12 ready.
        writer.write(text.encode() + b"\n")
        answer = bytearray()
        # The last line is the one with a space behind its code; continued lines begin with a space or `CODE-`.
        while not re.match(rb"\d{4} ", answer[answer.rfind(b"\n", 0, -1) + 1 :]) or not answer.endswith(b"\n"):
            chunk = await reader.read(1 << 18)
            if not chunk:
                raise EOFError("BIRD closed the control socket")
            answer += chunk
        return answer.decode(errors="replace")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


ROUTER = Bird
