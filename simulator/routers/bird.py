"""BIRD 2 as the peer's router: configured by file, asked through its control socket as birdc asks it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulator.lab.link import Endpoint, LabError, LinkKind, Place
from simulator.lab.netns import BGP_PORT
from simulator.lab.process import last_lines, stop, until_ready
from simulator.lab.state import SOCKET_PATH_LIMIT
from simulator.routers.base import RouterConfig, RouterFiles, RouterRoute, RouterSession, SessionReport
from simulator.session.messages import Family

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes well below one."""

_CHANNELS = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}
_STATICS = {Family.IPV4: "static4", Family.IPV6: "static6"}

_MED = "turnup_med"

# BIRD's filter language has these as numbers only.
_WELL_KNOWN = {
    "graceful-shutdown": "65535:0",
    "blackhole": "65535:666",
    "no-export": "65535:65281",
    "no-advertise": "65535:65282",
    "no-export-subconfed": "65535:65283",
    "no-peer": "65535:65284",
}


class Bird:
    """One BIRD daemon. Each session is a protocol `bgp_<session name>`; own routes are static4 and static6."""

    kind = "bird"

    def __init__(self) -> None:
        self._config: RouterConfig | None = None
        self._files: RouterFiles | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._protocols: dict[str, str] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when BIRD answers. Raises LabError with BIRD's own words."""
        if place.kind is LinkKind.LOOPBACK:
            raise LabError(
                f"BIRD on loopback ({config.name}) has no port 179 and no address of its own: use link: netns"
            )
        self._config, self._files = config, files
        self._protocols = protocol_names(config.sessions)
        files.directory.mkdir(parents=True, exist_ok=True)
        if len(bytes(self._socket)) > SOCKET_PATH_LIMIT:
            raise LabError(f"{self._socket} is too long for a Unix socket: use a shorter directory")
        path = files.directory / "bird.conf"
        path.write_text(configuration(config))
        argv = ["bird", "-f", "-c", str(path), "-s", str(self._socket), "-P", str(files.directory / "bird.pid")]
        self._process = await place.spawn(argv, log=files.log)
        try:
            await until_ready(self._process, self._answers, name=f"BIRD of {config.name}", log=files.log)
        except BaseException:
            await self.stop()
            raise

    def endpoint(self, session: str) -> Endpoint:
        """BIRD listens on port 179 of all its addresses. Raises LabError before the start."""
        if self._config is None:
            raise LabError("BIRD was not started")
        address = next(found.local_address for found in self._config.sessions if found.name == session)
        return Endpoint(address, BGP_PORT)

    async def sessions(self) -> Sequence[SessionReport]:
        """What BIRD says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if self._config is None or not self._config.sessions:
            return ()
        reports = {report.name: report for report in parse_protocols(await self._ask('show protocols all "bgp_*"'))}
        names = {session.name: self._protocols[session.name] for session in self._config.sessions}
        return tuple(replace(reports[protocol], name=name) for name, protocol in names.items())

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that BIRD holds on this session."""
        return parse_routes(await self._ask(f"show route protocol {self._quoted(session)}"))

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that BIRD sends us on this session; none while the session is down."""
        return parse_routes(await self._ask(f"show route export {self._quoted(session)}", accept="No valid tables"))

    async def version(self) -> str:
        """`BIRD 2.0.12`."""
        return next(text for code, text in _lines(await self._ask("show status")) if code == 1000)

    async def command(self, text: str) -> str:
        """BIRD's answer to any birdc command, as birdc prints it. Raises LabError with BIRD's words when it refuses."""
        return "\n".join(line for _, line in _lines(await self._ask(text)))

    async def stop(self) -> None:
        """Stop BIRD and wait until it is gone; safe to call twice and after a failed start."""
        if self._process is not None:
            await stop(self._process)

    @property
    def _socket(self) -> Path:
        assert self._files is not None, "BIRD was not started"
        return self._files.directory / "bird.ctl"

    def _quoted(self, session: str) -> str:
        return f"'{self._protocols[session]}'"

    async def _answers(self) -> bool | None:
        with contextlib.suppress(OSError, EOFError):
            return "Daemon is up" in await _exchange(self._socket, "show status") or None
        return None

    async def _ask(self, text: str, accept: str | None = None) -> str:
        """The raw answer. An error that holds `accept` counts as an empty one."""
        if self._config is None or self._files is None or self._process is None:
            raise LabError("BIRD was not started")
        name = f"BIRD of {self._config.name}"
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                answer = await _exchange(self._socket, text)
        except TimeoutError:
            raise LabError(f"{name} did not answer {text!r} within {_QUERY_TIMEOUT:g} s") from None
        except (OSError, EOFError) as error:
            status = self._process.returncode
            running = "does not answer" if status is None else f"has ended (exit status {status})"
            raise LabError(f"{name} {running}: {last_lines(self._files.log)}") from error
        final = answer.rstrip("\n").rpartition("\n")[2]
        # 8xxx: it cannot be done; 9xxx: it was not understood.
        if final[:1] in "89":
            if accept is not None and accept in final:
                return ""
            raise LabError(f"{name} refused {text!r}: {final[5:]}")
        return answer


async def _exchange(path: Path, text: str) -> str:
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


def _lines(answer: str) -> Iterator[tuple[int, str]]:
    """The answer's lines with their codes; a continued line has the code of the line before."""
    code = 0
    for line in answer.splitlines():
        if line[:4].isdigit() and line[4:5] in ("-", " "):
            code, text = int(line[:4]), line[5:]
        else:
            text = line[1:]
        if code:
            yield code, text


def parse_routes(answer: str) -> frozenset[str]:
    """The prefixes in an answer to `show route`, as canonical text."""
    prefixes = set()
    for code, text in _lines(answer):
        # A further route to the same prefix has blanks in place of it, a next hop line begins with a tab.
        if code == 1007 and text[:1] not in ("", " ", "\t"):
            prefix = text.split(maxsplit=1)[0]
            if "/" in prefix:
                # BIRD shortens even a single zero group; everybody else writes RFC 5952.
                prefixes.add(_rfc5952(prefix) if ":" in prefix else prefix)
    return frozenset(prefixes)


def _rfc5952(prefix: str) -> str:
    address, _, length = prefix.partition("/")
    return f"{socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address))}/{length}"


def parse_protocols(answer: str) -> list[SessionReport]:
    """One report for each BGP protocol in an answer to `show protocols all`, under its protocol name."""
    reports: list[SessionReport] = []
    row: list[str] = []
    details: list[str] = []

    def finish() -> None:
        if row:
            reports.append(_report(row, details))

    for code, text in _lines(answer):
        if code == 1002:
            finish()
            row, details = text.strip().split(maxsplit=5), []
        elif code == 1006:
            details.append(text.strip())
    finish()
    return reports


def _report(row: list[str], details: list[str]) -> SessionReport:
    fields: dict[str, Any] = {}
    for line in details:
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), value.strip())
    counters = {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", fields.get("Routes", ""))}
    info = row[5] if len(row) > 5 else ""
    state = fields.get("BGP state", info or row[3])
    established = state == "Established"
    # Info is the state with something of the error behind it, or, for a session that is disabled, a word on why.
    reason = "" if established else fields.get("Last error", info.removeprefix(state).strip())
    return SessionReport(
        row[0], state, established, row[4], counters.get("imported", 0), counters.get("exported", 0), reason
    )


def protocol_names(sessions: Sequence[RouterSession]) -> dict[str, str]:
    """Session name to protocol name: what BIRD's symbols do not allow is replaced, what then collides is numbered."""
    names: dict[str, str] = {}
    for session in sessions:
        stem = name = "bgp_" + re.sub(r"[^A-Za-z0-9_.:-]", "_", session.name)[:48]
        number = 1
        while name in names.values():
            number += 1
            name = f"{stem}_{number}"
        names[session.name] = name
    return names


def configuration(config: RouterConfig) -> str:
    """The whole bird.conf. Raises LabError for what BIRD has no way to write."""
    names = protocol_names(config.sessions)
    parts = [
        f"# {config.name}, AS{config.asn}: written by turnup, replaced at the next start",
        "log stderr all;",
        f"router id {config.router_id};",
        'timeformat protocol "%Y-%m-%dT%H:%M:%S.%3f";',
        "",
        "# BIRD sends an external neighbor only a MED that the export filter set",
        f"attribute int {_MED};",
        "",
        "# learns the interfaces and their addresses",
        "protocol device { }",
        "",
        *_statics(config.routes),
    ]
    for session in config.sessions:
        parts += ["", *_session(config, session, names[session.name])]
    return "\n".join(parts) + "\n"


def _statics(routes: Sequence[RouterRoute]) -> Iterator[str]:
    yield "# the routes that this router originates; unreachable: there is nothing behind it"
    for family, name in _STATICS.items():
        yield f"protocol static {name} {{"
        yield f"\t{_CHANNELS[family]};"
        for route in routes:
            if (":" in route.prefix) == (family is Family.IPV6):
                yield f"\troute {route.prefix} unreachable{_attributes(route)};"
        yield "}"


def _attributes(route: RouterRoute) -> str:
    statements = [f"bgp_path.prepend({asn});" for asn in reversed(route.as_path)]
    for community in route.communities:
        numbers = _numbers(_WELL_KNOWN.get(community.lower(), community), 2, route)
        statements.append(f"bgp_community.add(({numbers}));")
    for community in route.large_communities:
        statements.append(f"bgp_large_community.add(({_numbers(community, 3, route)}));")
    if route.med is not None:
        statements.append(f"{_MED} = {route.med};")
    return f" {{ {' '.join(statements)} }}" if statements else ""


def _numbers(community: str, count: int, route: RouterRoute) -> str:
    numbers = community.split(":")
    if len(numbers) != count or not all(number.isdecimal() for number in numbers):
        raise LabError(f"route {route.prefix}: {community!r} is no community of {count} numbers")
    return ", ".join(numbers)


def _session(config: RouterConfig, session: RouterSession, name: str) -> Iterator[str]:
    yield f"protocol bgp '{name}' {{"
    yield f"\tlocal {session.local_address} as {config.asn};"
    port = "" if session.remote.port == BGP_PORT else f" port {session.remote.port}"
    yield f"\tneighbor {session.remote.host}{port} as {session.remote_as};"
    yield f"\thold time {config.hold_time};"
    yield "\t# a lab does not wait: dial and redial after a second"
    yield "\tconnect delay time 1;"
    yield "\tconnect retry time 1;"
    yield "\terror wait time 1, 1;"
    if session.md5 is not None:
        if '"' in session.md5 or not session.md5.isprintable():
            raise LabError(f"session {session.name}: BIRD cannot write an MD5 key with quotes or control characters")
        yield f'\tpassword "{session.md5}";'
    if session.gtsm:
        yield "\tttl security on;"
    yield f"\t{_CHANNELS[session.family]} {{"
    yield "\t\timport all;"
    if session.max_prefixes is not None:
        yield f"\t\timport limit {session.max_prefixes} action disable;"
    yield "\t\texport filter {"
    yield f'\t\t\tif proto != "{_STATICS[session.family]}" then reject;'
    yield f"\t\t\tif defined({_MED}) then bgp_med = {_MED};"
    yield "\t\t\taccept;"
    yield "\t\t};"
    yield "\t};"
    yield "}"
