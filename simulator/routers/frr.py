"""FRR as the peer's router: one bgpd, configured by file, asked through its vty socket as vtysh asks it.

bgpd runs without zebra, which needs a user of its own: next hops are then not tracked and the kernel learns nothing.
Only a user's file that redistributes routes gets zebra and staticd too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.lab.link import Endpoint, LabError, LinkKind, Place
from simulator.lab.netns import BGP_PORT
from simulator.lab.process import find_program, last_lines, stop, until_ready
from simulator.lab.state import SOCKET_PATH_LIMIT
from simulator.routers.base import RouterConfig, RouterFiles, RouterRoute, RouterSession, SessionReport
from simulator.session.messages import Family

BGPD = "/usr/lib/frr/bgpd"
ZEBRA = "/usr/lib/frr/zebra"
STATICD = "/usr/lib/frr/staticd"

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes below one."""
_START_TIMEOUT = 30.0
"""Seconds to read the configuration: 20,000 routes take below one."""

_AFI = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}
_AFI_JSON = {Family.IPV4: "ipv4Unicast", Family.IPV6: "ipv6Unicast"}

_KEPT_AT_HOME = {"no-export": "65535:65281", "no-advertise": "65535:65282", "local-AS": "65535:65283"}
"""A route that has one of these before the export policy is never sent: they are added by it."""

_NAMES = {
    "graceful-shutdown": "65535:0",
    "blackhole": "65535:666",
    "no-peer": "65535:65284",
    "no-export-subconfed": "65535:65283",
    **_KEPT_AT_HOME,
}

_REDISTRIBUTES = re.compile(r"^\s*redistribute\s+(static|connected|kernel)\b", re.MULTILINE)
_LOG_LINE = re.compile(r"^\s*log\s+(file|syslog|stdout|monitor)\b")


class Frr:
    """One bgpd of FRR. Sessions are recognised by neighbor address, in the default VRF."""

    kind = "frr"

    def __init__(self) -> None:
        self._config: RouterConfig | None = None
        self._files: RouterFiles | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._helpers: list[asyncio.subprocess.Process] = []
        self._since: dict[str, tuple[tuple[object, ...], str]] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when bgpd answers. Raises LabError with FRR's own words."""
        if place.kind is LinkKind.LOOPBACK:
            raise LabError(f"FRR on loopback ({config.name}) refuses a NEXT_HOP in 127.0.0.0/8: use link: netns")
        self._config, self._files = config, files
        if len(bytes(self._socket)) > SOCKET_PATH_LIMIT:
            raise LabError(f"{self._socket} is too long for a Unix socket: use a shorter directory")
        find_program(BGPD)
        files.directory.mkdir(parents=True, exist_ok=True)
        text = configuration(config) if config.file is None else _read(config.file)
        path = files.directory / "bgpd.conf"
        path.write_text(text if config.file is None else "")
        seen = files.log.stat().st_size if files.log.exists() else 0
        name = f"FRR of {config.name}"
        try:
            zebra = config.file is not None and _REDISTRIBUTES.search(text) is not None
            if zebra:
                await self._start_zebra(place, name, path)
            self._process = await place.spawn(self._argv(path, zebra), log=files.log)
            await until_ready(self._process, self._answers, name=name, log=files.log, timeout=_START_TIMEOUT)
            if config.file is None:
                refused = _refused(files.log.read_bytes()[seen:].decode(errors="replace"))
            else:
                refused = await self._boot(text)
            if refused:
                raise LabError(f"{name} refused {config.file or path}: {refused}")
        except BaseException:
            await self.stop()
            raise

    def endpoint(self, session: str) -> Endpoint:
        """FRR listens on port 179 of all its addresses. Raises LabError before the start."""
        return Endpoint(self._session(session).local_address, BGP_PORT)

    async def sessions(self) -> Sequence[SessionReport]:
        """What FRR says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if self._config is None or not self._config.sessions:
            return ()
        neighbors = json.loads(await self.command("show bgp neighbors json"))
        return tuple(self._report(session, neighbors) for session in self._config.sessions)

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that FRR holds on this session, after its import policy."""
        return frozenset((await self._table(session, "routes")).get("routes") or ())

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that FRR sends us on this session; none while the session is down."""
        return frozenset((await self._table(session, "advertised-routes")).get("advertisedRoutes") or ())

    async def version(self) -> str:
        """`FRR 8.4.4`."""
        return "FRR " + (await self.command("show version")).split()[1]

    async def command(self, text: str) -> str:
        """FRR's answer to any vtysh command. Raises LabError with FRR's words when it refuses."""
        if self._config is None or self._files is None or self._process is None:
            raise LabError("FRR was not started")
        name = f"FRR of {self._config.name}"
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                status, answer = await _exchange(self._socket, text)
        except TimeoutError:
            raise LabError(f"{name} did not answer {text!r} within {_QUERY_TIMEOUT:g} s") from None
        except (OSError, EOFError) as error:
            ended = self._process.returncode
            running = "does not answer" if ended is None else f"has ended (exit status {ended})"
            raise LabError(f"{name} {running}: {last_lines(self._files.log)}") from error
        # 1 is a warning, with the answer to be read: that a neighbor does not exist, for example.
        if status > 1:
            raise LabError(f"{name} refused {text!r}: {_one_line(answer) or f'status {status}'}")
        return answer

    async def stop(self) -> None:
        """Stop FRR and wait until it is gone; safe to call twice and after a failed start."""
        started = [self._process] if self._process is not None else []
        await asyncio.gather(*(stop(process) for process in (*started, *self._helpers)))

    @property
    def _socket(self) -> Path:
        assert self._files is not None, "FRR was not started"
        return self._files.directory / "bgpd.vty"

    def _session(self, name: str) -> RouterSession:
        if self._config is None:
            raise LabError("FRR was not started")
        return next(session for session in self._config.sessions if session.name == name)

    def _argv(self, path: Path, zebra: bool) -> list[str]:
        # --skip_runas: neither user frr nor its groups, the lab's directory is ours. --no_kernel: install no routes.
        return [BGPD, *self._places("bgpd", path), "--skip_runas", "--no_kernel" if zebra else "--no_zebra"]

    def _places(self, daemon: str, path: Path) -> list[str]:
        """The options that every daemon of FRR has."""
        assert self._files is not None, "FRR was not started"
        directory = self._files.directory
        return [
            *("--config_file", str(path), "--vty_socket", str(directory), "--socket", str(directory / "zserv.api")),
            *("--pid_file", str(directory / f"{daemon}.pid"), "--vty_port", "0", "--log", "stdout"),
        ]

    async def _start_zebra(self, place: Place, name: str, path: Path) -> None:
        assert self._files is not None, "FRR was not started"
        log = self._files.log
        for program, ready in ((ZEBRA, "zserv.api"), (STATICD, "staticd.vty")):
            socket = self._files.directory / ready
            socket.unlink(missing_ok=True)
            # These two must have a user and be of FRR's vty group.
            argv = [program, *self._places(Path(program).name, path), "--user", "root", "--group", "frrvty"]
            self._helpers.append(await place.spawn(argv, log=log))

            async def there(socket: Path = socket) -> bool | None:
                return _is_there(socket) or None

            await until_ready(self._helpers[-1], there, name=f"{name} ({Path(program).name})", log=log)

    async def _answers(self) -> bool | None:
        with contextlib.suppress(OSError, EOFError):
            return (await _exchange(self._socket, "show version"))[0] == 0 or None
        return None

    async def _boot(self, text: str) -> str:
        """Load the user's file as FRR's own start script does: vtysh gives each daemon its lines. What was refused."""
        assert self._files is not None, "FRR was not started"
        directory = self._files.directory / "etc"
        directory.mkdir(exist_ok=True)
        (directory / "vtysh.conf").touch()
        (directory / "frr.conf").write_text(text)
        child = await asyncio.create_subprocess_exec(
            *(str(find_program("vtysh")), "--vty_socket", str(self._files.directory), "--config_dir", str(directory)),
            "--boot",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                output, _ = await child.communicate()
        except TimeoutError:
            return f"not read within {_START_TIMEOUT:g} s"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        words = output.decode(errors="replace")
        return _one_line(words) if child.returncode or re.search(r"^line \d+: ", words, re.MULTILINE) else ""

    async def _table(self, session: str, which: str) -> Mapping[str, Any]:
        found = self._session(session)
        answer = await self.command(
            f"show bgp {_AFI[found.family]} unicast neighbors {found.remote_address} {which} json"
        )
        try:
            table = json.loads(answer)
        except ValueError:  # words: there is no such neighbor, or none with this family
            return {}
        return table if isinstance(table, dict) else {}

    def _report(self, session: RouterSession, neighbors: Mapping[str, Any]) -> SessionReport:
        found = neighbors.get(str(session.remote_address))
        if not isinstance(found, dict):
            absent = f"the configuration has no neighbor {session.remote_address}"
            return SessionReport(session.name, "absent", False, "", 0, 0, absent)
        report = parse_neighbor(session, found)
        # FRR counts seconds back from now, which may differ by one from answer to answer.
        identity = (report.established, found.get("connectionsEstablished"), found.get("connectionsDropped"))
        known = self._since.get(session.name)
        since = known[1] if known is not None and known[0] == identity else _since(found, report.established)
        self._since[session.name] = (identity, since)
        return SessionReport(
            session.name, report.state, report.established, since, report.received, report.exported, report.reason
        )


async def _exchange(path: Path, text: str) -> tuple[int, str]:
    """One command over the vty socket: its status and its answer. Raises OSError or EOFError without a bgpd."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        for line in ("enable", text):
            writer.write(line.encode() + b"\0")
            answer = bytearray()
            # Three NULs and the status end an answer.
            while answer[-4:-1] != b"\0\0\0":
                chunk = await reader.read(1 << 18)
                if not chunk:
                    raise EOFError("FRR closed the vty socket")
                answer += chunk
        return answer[-1], answer[:-4].decode(errors="replace")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _is_there(path: Path) -> bool:
    return path.exists()


def _one_line(text: str) -> str:
    return "; ".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def _refused(log: str) -> str:
    """What bgpd logged about lines of its file; it goes on without them."""
    return "; ".join(re.findall(r"\b\S[^\[\]\n]* on config line \d+: .*", log))


def _read(path: Path) -> str:
    """The user's file, but for where it logs: that is the lab's."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from None
    return "\n".join(f"! {line}" if _LOG_LINE.match(line) else line for line in lines) + "\n"


def _since(neighbor: Mapping[str, Any], established: bool) -> str:
    epoch = neighbor.get("bgpTimerUpEstablishedEpoch") if established else None
    if epoch is None:
        ago = neighbor.get("lastResetTimerMsecs")
        if ago is None:
            return ""
        epoch = round(time.time() - ago / 1000)
    return datetime.fromtimestamp(epoch, UTC).isoformat()


def parse_neighbor(session: RouterSession, neighbor: Mapping[str, Any]) -> SessionReport:
    """One neighbor of `show bgp neighbors json`; `since` is left empty."""
    state = str(neighbor.get("bgpState", "unknown"))
    established = state == "Established"
    family = neighbor.get("addressFamilyInfo", {}).get(_AFI_JSON[session.family], {})
    received, exported = family.get("acceptedPrefixCounter", 0), family.get("sentPrefixCounter", 0)
    if established:
        return SessionReport(session.name, state, True, "", received, exported)
    reason = [neighbor.get("lastResetDueTo", ""), neighbor.get("lastNotificationReason", "")]
    if neighbor.get("lastShutdownDescription"):
        reason.append(f'"{neighbor["lastShutdownDescription"]}"')
    return SessionReport(session.name, state, False, "", 0, 0, ": ".join(filter(None, reason)))


def configuration(config: RouterConfig) -> str:
    """The whole bgpd.conf. Raises LabError for what FRR has no way to write."""
    return "\n".join(_lines(config)) + "\n"


def _lines(config: RouterConfig) -> Iterator[str]:
    maps: dict[tuple[str, ...], str] = {}
    tags: set[int] = set()
    networks: dict[Family, list[str]] = {family: [] for family in Family}
    for route in config.routes:
        tag, settings = _attributes(route)
        tags.add(tag)
        name = maps.setdefault((f"set tag {tag}", *settings), f"ORIGINATE-{len(maps) + 1}")
        family = Family.IPV6 if ":" in route.prefix else Family.IPV4
        networks[family].append(f"  network {route.prefix} route-map {name}")
    yield f"! {config.name}, AS{config.asn}: written by turnup, replaced at the next start"
    yield "frr defaults traditional"
    yield "!"
    yield "! what each route of our own is originated with; maps first: one that a neighbor waits for comes 5 s late"
    for entries, name in maps.items():
        yield f"route-map {name} permit 10"
        yield from (f" {entry}" for entry in entries)
    yield "!"
    yield "! RFC 8212: without a policy FRR takes and sends nothing. Everything in, and out what has a tag: our own"
    yield "route-map IMPORT permit 10"
    for tag in sorted(tags):
        yield f"route-map EXPORT permit {tag}"
        yield f" match tag {tag}"
        kept = [name for bit, name in enumerate(_KEPT_AT_HOME) if tag - 1 & 1 << bit]
        if kept:
            yield f" set community {' '.join(kept)} additive"
    yield "route-map EXPORT deny 100"
    yield "!"
    yield f"router bgp {config.asn}"
    yield f" bgp router-id {config.router_id}"
    yield f" timers bgp {config.hold_time // 3} {config.hold_time}"
    yield " ! each session only has its own family"
    yield " no bgp default ipv4-unicast"
    yield " ! a network is announced without a route to it: there is nothing behind this router"
    yield " no bgp network import-check"
    for session in config.sessions:
        yield from _neighbor(session)
    for family in Family:
        yield " !"
        yield f" address-family {_AFI[family]} unicast"
        yield from networks[family]
        for session in config.sessions:
            if session.family is family:
                yield from _activation(session)
        yield " exit-address-family"


def _neighbor(session: RouterSession) -> Iterator[str]:
    peer = f" neighbor {session.remote_address}"
    yield " !"
    yield f"{peer} remote-as {session.remote_as}"
    if session.remote.port != BGP_PORT:
        yield f"{peer} port {session.remote.port}"
    yield f"{peer} update-source {session.local_address}"
    if session.md5 is not None:
        if not re.fullmatch(r"[!-~]{1,80}", session.md5):
            raise LabError(f"session {session.name}: FRR cannot write an MD5 key with blanks or beyond ASCII")
        yield f"{peer} password {session.md5}"
    if session.gtsm:
        yield f"{peer} ttl-security hops 1"
    yield " ! a lab does not wait"
    yield f"{peer} timers connect 1"
    yield f"{peer} advertisement-interval 0"


def _activation(session: RouterSession) -> Iterator[str]:
    peer = f"  neighbor {session.remote_address}"
    yield f"{peer} activate"
    yield f"{peer} route-map IMPORT in"
    yield f"{peer} route-map EXPORT out"
    if session.max_prefixes is not None:
        yield f"{peer} maximum-prefix {session.max_prefixes}"


def _attributes(route: RouterRoute) -> tuple[int, list[str]]:
    """The route's tag, which tells the export policy what to add, and what it is originated with."""
    tag = 1
    settings: list[str] = []
    if route.as_path:
        settings.append(f"set as-path prepend {' '.join(map(str, route.as_path))}")
    communities = []
    for community in route.communities:
        numbers = _numbers(_NAMES.get(community, community), 2, route)
        if numbers in _KEPT_AT_HOME.values():
            tag += 1 << list(_KEPT_AT_HOME.values()).index(numbers)
        else:
            communities.append(numbers)
    if communities:
        settings.append(f"set community {' '.join(communities)}")
    if route.large_communities:
        large = " ".join(_numbers(community, 3, route) for community in route.large_communities)
        settings.append(f"set large-community {large}")
    if route.med is not None:
        settings.append(f"set metric {route.med}")
    return tag, settings


def _numbers(community: str, count: int, route: RouterRoute) -> str:
    numbers = community.split(":")
    if len(numbers) != count or not all(number.isdecimal() for number in numbers):
        raise LabError(f"route {route.prefix}: {community!r} is no community of {count} numbers")
    return community
