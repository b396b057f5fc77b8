"""OpenBGPD as the peer's router: one bgpd, configured by file, asked through bgpctl.

bgpd drops its privileges into the home directory of user `_openbgpd`, which is one for the whole machine and which an
ordinary user's namespace does not have: its sandbox shows it a home, and a user, of the lab's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import pwd
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, ClassVar

from simulator.diagnosis.router_answer import RouterAnswer
from simulator.mrt.table_dump_v2 import MrtPeer, RibEntry, rib_dump
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.places.process import ask, find_program, until_ready
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.console import RouterConsole
from simulator.routers.daemon import ChangeTimes, ConfigRefusedError, Daemon, NeighborsRead, absent, lacks, silence
from simulator.routers.openbgpd.config import control_socket, lab_socket, render
from simulator.routers.openbgpd.file import BGPCTL, BGPD, OWN_FILE
from simulator.routers.own_file import OwnFile
from simulator.routers.parsing import one_line, read_file, write_file
from simulator.routers.reason import Reason
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes below one."""
_START_TIMEOUT = 30.0
"""Seconds to read the configuration: 20,000 routes take below one."""

_ASKS = ("-s", str(control_socket(Path("{}"))))
"""bgpctl's options, for the bgpd of a directory."""


class Openbgpd(Daemon):
    """One bgpd. Sessions are recognised by neighbor address."""

    kind = "openbgpd"
    own_file: ClassVar[OwnFile | None] = OWN_FILE
    console: ClassVar[RouterConsole | None] = RouterConsole(BGPCTL, _ASKS, is_dialogue=False)
    title = "OpenBGPD"
    users = ("_openbgpd",)

    def __init__(self) -> None:
        super().__init__()
        self._change_times = ChangeTimes()

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when bgpd answers. Raises LabError with OpenBGPD's own words."""
        self._begin(place, config, files, "bgpd.sock")
        bgpd = find_program(BGPD)
        find_program(BGPCTL)
        _require_user()
        if config.file is None:
            text, home = render(config, files.directory), files.directory
        else:
            text, home = f"{read_file(config.file)}\n{lab_socket(files.directory)}\n", config.file.parent.absolute()
        files.directory.mkdir(parents=True, exist_ok=True)
        path = files.directory / "bgpd.conf"
        path.touch(mode=0o600)  # bgpd refuses a file that others may read
        write_file(path, text)
        # bgpd looks for what its file includes in the directory that it is started in.
        self._process = await self._spawn([str(bgpd), "-d", "-f", str(path)], cwd=str(home))
        try:
            try:
                await self._until_ready(config, files)
            except LabError as error:
                words = str(error).replace(str(path), str(config.file or path))
                raise (ConfigRefusedError if config.file is not None else LabError)(words) from None
            routes = [route for route in config.routes if route.as_path]
            if routes and config.file is None:
                dump = files.directory / "routes.mrt"
                dump.write_bytes(mrt(config, routes))
                await self.command("network", "mrt", "file", str(dump))
        except BaseException:
            await self.stop()
            raise

    async def sessions(self) -> Sequence[SessionReport]:
        """What OpenBGPD says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if not self._sessions():
            return ()
        answer = json.loads(await self.command("-j", "show", "neighbor"))
        neighbors = {neighbor.get("remote_addr"): neighbor for neighbor in answer.get("neighbors", ())}
        return tuple(self._report(session, neighbors) for session in self._sessions())

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that OpenBGPD holds on this session, after its import policy."""
        return await self._rib("neighbor", self._session(session))

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that OpenBGPD sends us on this session; none while the session is down."""
        return await self._rib("out neighbor", self._session(session))

    async def answer(self, session: str) -> RouterAnswer | None:
        found = self._session(session)
        table = json.loads(await self.command("-j", "show", "neighbor")).get("neighbors", ())
        address = str(found.remote_address)
        neighbor = next((each for each in table if each.get("remote_addr") == address), None)
        if neighbor is None:
            return lacks(found)
        return self._completed(found, parse_answer(found, neighbor))

    async def reasons(self, session: str) -> Sequence[Reason]:
        """What OpenBGPD's own table tells of a session on which it announces nothing."""
        found = self._session(session)
        family = "inet" if found.family is Family.IPV4 else "inet6"
        table = json.loads(await self.command("-j", "show", "rib", family))
        edges = {str(other.remote_address) for other in self._sessions()}
        own = [str(r["prefix"]) for r in table.get("rib", ()) if r.get("neighbor", {}).get("remote_addr") not in edges]
        meant = [str(r["prefix"]) for r in table.get("rib", ()) if r.get("announced")]
        return [*self._misnamed(self._session(session)), *silence(found, own, await self.exported(session), meant)]

    async def version(self) -> str:
        """`OpenBGPD 7.7`."""
        return (await self.command("-V")).strip()

    async def command(self, *arguments: str) -> str:
        """bgpctl's answer to these arguments. Raises LabError with bgpctl's words when it refuses."""
        self._started()
        status, answer = await self._bgpctl(*arguments)
        if status != 0:
            self._require_running()
            raise LabError(f"{self._name} refused {' '.join(arguments)!r}: {one_line(answer)}")
        return answer

    @property
    def _socket(self) -> Path:
        return control_socket(self._directory)

    async def _until_ready(self, config: RouterConfig, files: RouterFiles) -> None:
        """It answers before it has read its file: it is ready when it knows the neighbors."""
        assert self._process is not None, "OpenBGPD was not started"
        read = NeighborsRead(config)

        async def attempt() -> bool | None:
            status, answer = await self._bgpctl("-j", "show", "neighbor")
            if status != 0:
                return None
            return read.all_of({each.get("remote_addr") for each in json.loads(answer).get("neighbors", ())}) or None

        await until_ready(self._process, attempt, name=self._name, log=files.log, timeout=_START_TIMEOUT)

    async def _bgpctl(self, *arguments: str) -> tuple[int, str]:
        """Exit status and answer, or its words of complaint."""
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                found = await ask(BGPCTL, "-s", str(self._socket), *arguments)
        except TimeoutError:
            return -1, f"no answer within {_QUERY_TIMEOUT:g} s"
        return found.status, found.output or found.errors

    async def _rib(self, which: str, session: RouterSession) -> frozenset[str]:
        arguments = ["-j", "show", "rib", *which.split(), str(session.remote_address)]
        status, answer = await self._bgpctl(*arguments)
        if status != 0:
            self._require_running()
        with contextlib.suppress(ValueError):
            table = json.loads(answer)
            # Without an established session there is no such neighbor in the RIB.
            if status == 0 or table.get("error") == "no such neighbor":
                return frozenset(str(route["prefix"]) for route in table.get("rib", ()))
        raise LabError(f"{self._name} refused {' '.join(arguments)!r}: {one_line(answer)}")

    def _report(self, session: RouterSession, neighbors: Mapping[str, Any]) -> SessionReport:
        found = neighbors.get(str(session.remote_address))
        if found is None:
            return absent(session)
        report = parse_neighbor(session.name, found)
        # OpenBGPD counts seconds back from now, which may differ by one from answer to answer.
        opens = found.get("stats", {}).get("message", {}).get("received", {}).get("open")
        since = self._change_times.of(session.name, (report.established, opens), lambda: _since(found))
        return replace(report, since=since)


def _require_user() -> None:
    for name in Openbgpd.users:
        try:
            pwd.getpwnam(name)
        except KeyError:
            raise LabError(f"OpenBGPD's user {name} is missing: apt-get install --reinstall openbgpd") from None


def _since(neighbor: Mapping[str, Any]) -> str:
    ago = neighbor.get("last_updown_sec", -1)
    return datetime.fromtimestamp(round(time.time()) - ago, UTC).isoformat() if ago >= 0 else ""


def parse_neighbor(name: str, neighbor: Mapping[str, Any]) -> SessionReport:
    """One neighbor of `bgpctl -j show neighbor`; `since` is left empty."""
    state = str(neighbor.get("state", "unknown"))
    if state == "Established":
        prefixes = neighbor.get("stats", {}).get("prefixes", {})
        return SessionReport(name, state, True, "", prefixes.get("received", 0), prefixes.get("sent", 0))
    errors = {"sent": neighbor.get("last_error_sent"), "received": neighbor.get("last_error_received")}
    reason = ", ".join(f"{how} {words}" for how, words in errors.items() if words)
    if neighbor.get("last_shutdown_reason"):
        reason += f' "{neighbor["last_shutdown_reason"]}"'
    return SessionReport(name, state, False, "", 0, 0, reason, bool(neighbor.get("config", {}).get("down")))


def parse_answer(session: RouterSession, neighbor: Mapping[str, Any]) -> RouterAnswer:
    """What `bgpctl -j show neighbor` tells of a neighbor's configuration; a hold time of 0 is that of the file."""
    report, config = parse_neighbor(session.name, neighbor), neighbor.get("config", {})
    families = config.get("capabilities", {}).get("multiprotocol")
    remote = str(neighbor.get("remote_as", ""))
    return RouterAnswer(
        state=report.state,
        established=report.established,
        reason=report.reason,
        shut_down=report.shut_down,
        remote_as=int(remote) if remote.isdecimal() else None,
        gtsm=config.get("ttl_security"),
        hold_time=config.get("holdtime") or None,
        family=f"{session.family.label} unicast" in families if families is not None else None,
        prefix_limit=config.get("max_prefix") or None,
    )


def mrt(config: RouterConfig, routes: Sequence[RouterRoute]) -> bytes:
    """Routes with their AS paths as an MRT table dump (RFC 6396 §4.3): bgpd.conf has no way to write a path."""
    router_id = IPv4Address(config.router_id)
    entries = []
    for route in routes:
        family, key = nlri.key(route.prefix)
        # Not looked at, but bgpctl wants them: ORIGIN, and a next hop of the family.
        hop = IPv4Address(0) if family is Family.IPV4 else IPv6Address(0)
        as_path = (AsSegment(SegmentKind.SEQUENCE, tuple(route.asns)),)
        entries.append(RibEntry(family, key, PathAttributes(as_path=as_path, next_hop=hop), 0))
    return b"".join(rib_dump(0, router_id, "", [(MrtPeer(config.asn, router_id, router_id), entries)]))


ROUTER = Openbgpd
