"""OpenBGPD as the peer's router: one bgpd, configured by file, asked through bgpctl.

bgpd drops its privileges into the home directory of user `_openbgpd`, which is one for the whole machine and which an
ordinary user's namespace does not have: `_enter` shows it a home, and a user, of the lab's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import pwd
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from simulator.lab.link import LabError, Place
from simulator.lab.process import find_program, until_ready
from simulator.routers.base import RouterConfig, RouterFiles, RouterRoute, RouterSession, SessionReport
from simulator.routers.configs.openbgpd import control_socket, lab_socket, render
from simulator.routers.daemon import Daemon, Moments, absent, one_line, read_file

BGPD = "/usr/sbin/bgpd"
BGPCTL = "/usr/sbin/bgpctl"

_USER = "_openbgpd"
_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes below one."""
_START_TIMEOUT = 30.0
"""Seconds to read the configuration: 20,000 routes take below one."""

_MRT_TABLE_DUMP_V2 = 13
_MRT_PEER_INDEX_TABLE = 1
_MRT_RIB = {4: 2, 6: 4}


class Openbgpd(Daemon):
    """One bgpd. Sessions are recognised by neighbor address."""

    kind = "openbgpd"
    title = "OpenBGPD"

    def __init__(self) -> None:
        super().__init__()
        self._moments = Moments()

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when bgpd answers. Raises LabError with OpenBGPD's own words."""
        self._begin(place, config, files, "bgpd.sock")
        bgpd = find_program(BGPD)
        find_program(BGPCTL)
        if config.file is None:
            text, home = render(config, files.directory), files.directory
        else:
            text, home = f"{read_file(config.file)}\n{lab_socket(files.directory)}\n", config.file.parent.absolute()
        files.directory.mkdir(parents=True, exist_ok=True)
        path = files.directory / "bgpd.conf"
        path.touch(mode=0o600)  # bgpd refuses a file that others may read
        path.write_text(text)
        # bgpd looks for what its file includes in the directory that it is started in.
        jail = [sys.executable, "-I", "-S", "-c", _JAIL, str(self._passwd(files.directory)), str(home)]
        self._process = await place.spawn([*jail, str(bgpd), "-d", "-f", str(path)], log=files.log)
        try:
            try:
                await until_ready(self._process, self._answers, name=self._name, log=files.log, timeout=_START_TIMEOUT)
            except LabError as error:
                raise LabError(str(error).replace(str(path), str(config.file or path))) from None
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

    @staticmethod
    def _passwd(directory: Path) -> Path:
        """bgpd's user with a home below `directory`; in a namespace of one user it is that one."""
        try:
            user = pwd.getpwnam(_USER)
        except KeyError:
            raise LabError(f"OpenBGPD's user {_USER} is missing: apt-get install --reinstall openbgpd") from None
        uid, gid = (0, 0) if _single_user() else (user.pw_uid, user.pw_gid)
        home = directory / "empty"
        home.mkdir(mode=0o755, exist_ok=True)
        path = directory / "passwd"
        path.write_text(f"{_USER}:x:{uid}:{gid}:OpenBGPD of turnup:{home}:/usr/sbin/nologin\n")
        return path

    async def _answers(self) -> bool | None:
        return (await self._bgpctl("show", "summary"))[0] == 0 or None

    async def _bgpctl(self, *arguments: str) -> tuple[int, str]:
        """Exit status and answer, or its words of complaint."""
        child = await asyncio.create_subprocess_exec(
            *(BGPCTL, "-s", str(self._socket), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                output, errors = await child.communicate()
        except TimeoutError:
            return -1, f"no answer within {_QUERY_TIMEOUT:g} s"
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        assert child.returncode is not None
        return child.returncode, (output or errors).decode(errors="replace")

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
        since = self._moments.of(session.name, (report.established, opens), lambda: _since(found))
        return replace(report, since=since)


def _enter() -> None:
    """Run by itself in the child, standard library only: see the passwd file given as /etc/passwd, go to the directory
    given, become the program.

    A user namespace of an ordinary user also forbids setgroups(), even to the groups one has; bgpd insists on it, so
    there it is answered with success and does nothing.
    """
    import ctypes
    import os
    import platform
    import struct
    import sys

    new_mounts, private, recursive, bind = 0x20000, 0x40000, 0x4000, 0x1000
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int, what: str) -> None:
        if result != 0:
            sys.exit(f"cannot {what}: {os.strerror(ctypes.get_errno())}")

    passwd, home, *argv = sys.argv[1:]
    os.chdir(home)
    check(libc.unshare(new_mounts), "have mounts of its own")
    check(libc.mount(b"none", b"/", None, ctypes.c_ulong(recursive | private), None), "keep its mounts to itself")
    check(libc.mount(os.fsencode(passwd), b"/etc/passwd", None, ctypes.c_ulong(bind), None), "mount /etc/passwd")
    with open("/proc/self/setgroups") as file:  # noqa: PTH123 - pathlib is slow to import
        denied = file.read().strip() == "deny"
    if denied:
        number = {"x86_64": 116, "aarch64": 159, "riscv64": 159, "ppc64le": 81, "s390x": 206}.get(platform.machine())
        if number is None:
            sys.exit(f"on {platform.machine()} bgpd needs root: an ordinary user's namespace has no setgroups()")
        # load the system call's number; equal to setgroups: SECCOMP_RET_ERRNO with errno 0; else SECCOMP_RET_ALLOW
        steps = ((0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000), (0x06, 0, 0, 0x7FFF0000))
        code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
        program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
        pr_set_seccomp, filter_mode = 22, ctypes.c_ulong(2)
        check(libc.prctl(pr_set_seccomp, filter_mode, program, 0, 0), "filter system calls")
    os.execv(argv[0], argv)


_JAIL = f"{inspect.getsource(_enter)}\n_enter()\n"


def _single_user() -> bool:
    """True in a user namespace that an ordinary user made: it has one user and forbids setgroups()."""
    with contextlib.suppress(OSError):
        return Path("/proc/self/setgroups").read_text().strip() == "deny"
    return False


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
    return SessionReport(name, state, False, "", 0, 0, reason)


def mrt(config: RouterConfig, routes: Sequence[RouterRoute]) -> bytes:
    """Routes with their AS paths as an MRT table dump (RFC 6396 §4.3): bgpd.conf has no way to write a path."""
    router_id = bytes(map(int, config.router_id.split(".")))
    peer = struct.pack("!B4s4sI", 2, router_id, router_id, config.asn)
    records = [_record(_MRT_PEER_INDEX_TABLE, router_id + struct.pack("!HH", 0, 1) + peer)]
    for number, route in enumerate(routes):
        network = ip_network(route.prefix)
        octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
        # Not looked at, but bgpctl wants them: ORIGIN, AS_PATH and a next hop of the family.
        path = struct.pack(f"!BB{len(route.as_path)}I", 2, len(route.as_path), *route.as_path)
        hop = bytes(4) if network.version == 4 else bytes((16, *bytes(16)))
        attributes = bytes((0x40, 1, 1, 0)) + struct.pack("!BBH", 0x50, 2, len(path)) + path
        attributes += bytes((0x40, 3, len(hop)) if network.version == 4 else (0x80, 14, len(hop))) + hop
        head = struct.pack("!IB", number, network.prefixlen) + octets
        entry = struct.pack("!HHIH", 1, 0, 0, len(attributes)) + attributes
        records.append(_record(_MRT_RIB[network.version], head + entry))
    return b"".join(records)


def _record(subtype: int, body: bytes) -> bytes:
    return struct.pack("!IHHI", 0, _MRT_TABLE_DUMP_V2, subtype, len(body)) + body
