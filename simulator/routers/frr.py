"""FRR as the peer's router: one bgpd, configured by file, asked through its vty socket as vtysh asks it.

bgpd runs without zebra, which needs a user of its own: next hops are then not tracked and the kernel learns nothing.
Only a user's file that redistributes routes gets zebra and staticd too; and a member of an exchange with IPv6, because
bgpd needs to know its interfaces to take a route with a link-local next hop, as a route server passes them on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.lab.link import LabError, Place
from simulator.lab.process import find_program, last_lines, stop, until_ready
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.configs.frr import render
from simulator.routers.daemon import Daemon, Moments, absent, one_line, read_file
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

_POLICY_MISSING = ("inboundEbgpRequiresPolicy", "outboundEbgpRequiresPolicy")
"""FRR's words on RFC 8212, where it has no policy and so takes or sends nothing: `show bgp summary` says (Policy)."""

_SOCKET = "bgpd.vty"
_REDISTRIBUTES = re.compile(r"^\s*redistribute\s+(static|connected|kernel)\b", re.MULTILINE)
_LOG_LINE = re.compile(r"^\s*log\s+(file|syslog|stdout|monitor)\b")


class Frr(Daemon):
    """One bgpd of FRR. Sessions are recognised by neighbor address, in the default VRF."""

    kind = "frr"
    title = "FRR"
    no_loopback = "refuses a NEXT_HOP in 127.0.0.0/8"

    def __init__(self) -> None:
        super().__init__()
        self._helpers: list[asyncio.subprocess.Process] = []
        self._moments = Moments()

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when bgpd answers. Raises LabError with FRR's own words."""
        self._begin(place, config, files, _SOCKET)
        find_program(BGPD)
        files.directory.mkdir(parents=True, exist_ok=True)
        text = render(config, files.directory) if config.file is None else _without_logs(read_file(config.file))
        path = files.directory / "bgpd.conf"
        zebra = _needs_zebra(config, text)
        booted = zebra or config.file is not None
        path.write_text("" if booted else text)
        seen = files.log.stat().st_size if files.log.exists() else 0
        name = self._name
        try:
            if zebra:
                await self._start_zebra(place, name, path)
            self._process = await place.spawn(self._argv(path, zebra), log=files.log)
            await until_ready(self._process, self._answers, name=name, log=files.log, timeout=_START_TIMEOUT)
            if not booted:
                refused = _refused(files.log.read_bytes()[seen:].decode(errors="replace"))
            else:
                refused = await self._boot(text)
            if refused:
                raise LabError(f"{name} refused {config.file or path}: {refused}")
        except BaseException:
            await self.stop()
            raise

    async def sessions(self) -> Sequence[SessionReport]:
        """What FRR says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if not self._sessions():
            return ()
        neighbors = json.loads(await self.command("show bgp neighbors json"))
        return tuple(self._report(session, neighbors) for session in self._sessions())

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
        _, files, _ = self._started()
        name = self._name
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                status, answer = await _exchange(self._socket, text)
        except TimeoutError:
            raise LabError(f"{name} did not answer {text!r} within {_QUERY_TIMEOUT:g} s") from None
        except (OSError, EOFError) as error:
            self._require_running()
            raise LabError(f"{name} does not answer: {last_lines(files.log)}") from error
        # 1 is a warning, with the answer to be read: that a neighbor does not exist, for example.
        if status > 1:
            raise LabError(f"{name} refused {text!r}: {one_line(answer) or f'status {status}'}")
        return answer

    async def stop(self) -> None:
        """Stop FRR and wait until it is gone; safe to call twice and after a failed start."""
        await asyncio.gather(super().stop(), *(stop(process) for process in self._helpers))

    @property
    def _socket(self) -> Path:
        return self._directory / _SOCKET

    def _argv(self, path: Path, zebra: bool) -> list[str]:
        # --skip_runas: neither user frr nor its groups, the lab's directory is ours. --no_kernel: install no routes.
        return [BGPD, *self._places("bgpd", path), "--skip_runas", "--no_kernel" if zebra else "--no_zebra"]

    def _places(self, daemon: str, path: Path) -> list[str]:
        """The options that every daemon of FRR has."""
        directory = self._directory
        return [
            *("--config_file", str(path), "--vty_socket", str(directory), "--socket", str(directory / "zserv.api")),
            *("--pid_file", str(directory / f"{daemon}.pid"), "--vty_port", "0", "--log", "stdout"),
        ]

    async def _start_zebra(self, place: Place, name: str, path: Path) -> None:
        assert self._files is not None, "FRR was not started"
        log = self._files.log
        for program, ready in ((ZEBRA, "zserv.api"), (STATICD, "staticd.vty")):
            socket = self._directory / ready
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
        directory = self._directory / "etc"
        directory.mkdir(exist_ok=True)
        (directory / "vtysh.conf").touch()
        (directory / "frr.conf").write_text(text)
        child = await asyncio.create_subprocess_exec(
            *(str(find_program("vtysh")), "--vty_socket", str(self._directory), "--config_dir", str(directory)),
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
        return one_line(words) if child.returncode or re.search(r"^line \d+: ", words, re.MULTILINE) else ""

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
            return absent(session)
        report = parse_neighbor(session, found)
        # FRR counts seconds back from now, which may differ by one from answer to answer.
        identity = (report.established, found.get("connectionsEstablished"), found.get("connectionsDropped"))
        since = self._moments.of(session.name, identity, lambda: _since(found, report.established))
        return replace(report, since=since)


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


def _refused(log: str) -> str:
    """What bgpd logged about lines of its file; it goes on without them."""
    return "; ".join(re.findall(r"\b\S[^\[\]\n]* on config line \d+: .*", log))


def _needs_zebra(config: RouterConfig, text: str) -> bool:
    if config.file is not None:
        return _REDISTRIBUTES.search(text) is not None
    return any(session.route_server and session.family is Family.IPV6 for session in config.sessions)


def _without_logs(text: str) -> str:
    """The user's file, but for where it logs: that is the lab's."""
    return "\n".join(f"! {line}" if _LOG_LINE.match(line) else line for line in text.splitlines()) + "\n"


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
        missing = [family[key] for key in _POLICY_MISSING if key in family]
        return SessionReport(
            session.name, f"{state} (Policy)" if missing else state, True, "", received, exported, "; ".join(missing)
        )
    reason = [neighbor.get("lastResetDueTo", ""), neighbor.get("lastNotificationReason", "")]
    if neighbor.get("lastShutdownDescription"):
        reason.append(f'"{neighbor["lastShutdownDescription"]}"')
    return SessionReport(session.name, state, False, "", 0, 0, ": ".join(filter(None, reason)))
