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
import re
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from simulator.lab.link import Endpoint, LabError, LinkKind, Place
from simulator.lab.netns import BGP_PORT
from simulator.lab.process import find_program, last_lines, stop, until_ready
from simulator.lab.state import SOCKET_PATH_LIMIT
from simulator.routers.base import RouterConfig, RouterFiles, RouterRoute, RouterSession, SessionReport
from simulator.session.messages import Family

BGPD = "/usr/sbin/bgpd"
BGPCTL = "/usr/sbin/bgpctl"

_USER = "_openbgpd"
_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes below one."""
_START_TIMEOUT = 30.0
"""Seconds to read the configuration: 20,000 routes take below one."""

_MD5_KEY_MAX = 79

_MRT_TABLE_DUMP_V2 = 13
_MRT_PEER_INDEX_TABLE = 1
_MRT_RIB = {4: 2, 6: 4}

_FAMILY = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}


class Openbgpd:
    """One bgpd. Sessions are recognised by neighbor address."""

    kind = "openbgpd"

    def __init__(self) -> None:
        self._config: RouterConfig | None = None
        self._files: RouterFiles | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._since: dict[str, tuple[tuple[object, ...], str]] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when bgpd answers. Raises LabError with OpenBGPD's own words."""
        if place.kind is LinkKind.LOOPBACK:
            raise LabError(
                f"OpenBGPD on loopback ({config.name}) has no port 179 and no address of its own: use link: netns"
            )
        self._config, self._files = config, files
        if len(bytes(self._socket)) > SOCKET_PATH_LIMIT:
            raise LabError(f"{self._socket} is too long for a Unix socket: use a shorter directory")
        bgpd = find_program(BGPD)
        find_program(BGPCTL)
        text = configuration(config) if config.file is None else _read(config.file)
        files.directory.mkdir(parents=True, exist_ok=True)
        path = files.directory / "bgpd.conf"
        path.touch(mode=0o600)  # bgpd refuses a file that others may read
        path.write_text(f'{text}\n# where bgpctl asks\nsocket "{self._socket}"\n')
        jail = [sys.executable, "-I", "-S", "-c", _JAIL, str(self._passwd(files.directory))]
        self._process = await place.spawn([*jail, str(bgpd), "-d", "-f", str(path)], log=files.log)
        name = f"OpenBGPD of {config.name}"
        try:
            try:
                await until_ready(self._process, self._answers, name=name, log=files.log, timeout=_START_TIMEOUT)
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

    def endpoint(self, session: str) -> Endpoint:
        """OpenBGPD listens on port 179 of all its addresses. Raises LabError before the start."""
        return Endpoint(self._session(session).local_address, BGP_PORT)

    async def sessions(self) -> Sequence[SessionReport]:
        """What OpenBGPD says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if self._config is None or not self._config.sessions:
            return ()
        answer = json.loads(await self.command("-j", "show", "neighbor"))
        neighbors = {neighbor.get("remote_addr"): neighbor for neighbor in answer.get("neighbors", ())}
        return tuple(self._report(session, neighbors) for session in self._config.sessions)

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
        if self._config is None or self._process is None:
            raise LabError("OpenBGPD was not started")
        status, answer = await self._bgpctl(*arguments)
        if status != 0:
            self._require_running()
            raise LabError(f"OpenBGPD of {self._config.name} refused {' '.join(arguments)!r}: {_one_line(answer)}")
        return answer

    async def stop(self) -> None:
        """Stop bgpd and wait until it is gone; safe to call twice and after a failed start."""
        if self._process is not None:
            await stop(self._process)

    @property
    def _socket(self) -> Path:
        assert self._files is not None, "OpenBGPD was not started"
        return self._files.directory / "bgpd.sock"

    def _session(self, name: str) -> RouterSession:
        if self._config is None:
            raise LabError("OpenBGPD was not started")
        return next(session for session in self._config.sessions if session.name == name)

    def _require_running(self) -> None:
        assert self._config is not None and self._files is not None and self._process is not None
        status = self._process.returncode
        if status is not None:
            name = f"OpenBGPD of {self._config.name}"
            raise LabError(f"{name} has ended (exit status {status}): {last_lines(self._files.log)}")

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
        assert self._config is not None
        raise LabError(f"OpenBGPD of {self._config.name} refused {' '.join(arguments)!r}: {_one_line(answer)}")

    def _report(self, session: RouterSession, neighbors: Mapping[str, Any]) -> SessionReport:
        found = neighbors.get(str(session.remote_address))
        if found is None:
            absent = f"the configuration has no neighbor {session.remote_address}"
            return SessionReport(session.name, "absent", False, "", 0, 0, absent)
        report = parse_neighbor(session.name, found)
        # OpenBGPD counts seconds back from now, which may differ by one from answer to answer.
        opens = found.get("stats", {}).get("message", {}).get("received", {}).get("open")
        identity = (report.established, opens)
        known = self._since.get(session.name)
        since = known[1] if known is not None and known[0] == identity else _since(found)
        self._since[session.name] = (identity, since)
        return SessionReport(
            session.name, report.state, report.established, since, report.received, report.exported, report.reason
        )


def _enter() -> None:
    """Run by itself in the child, standard library only: see the passwd file given as /etc/passwd, become the program.

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

    passwd, *argv = sys.argv[1:]
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


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from None


def _one_line(text: str) -> str:
    return "; ".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


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


def configuration(config: RouterConfig) -> str:
    """The whole bgpd.conf but for its control socket. Raises LabError for what OpenBGPD has no way to write."""
    return "\n".join(_lines(config)) + "\n"


def _lines(config: RouterConfig) -> Iterator[str]:
    groups = _groups(config.routes)
    yield f"# {config.name}, AS{config.asn}: written by turnup, replaced at the next start"
    yield f"AS {config.asn}"
    yield f"router-id {config.router_id}"
    yield f"holdtime {config.hold_time}"
    yield "# a lab does not wait: redial after a second"
    yield "connect-retry 1"
    yield "# what is learned goes into no kernel"
    yield "fib-update no"
    yield "# sessions export from here, and only what this router originates gets in"
    yield "rde rib own"
    yield ""
    yield "# the routes that this router originates, by their attributes"
    for number, routes in enumerate(groups.values(), 1):
        yield f"prefix-set routes-{number} {{"
        yield from (f"\t{route.prefix}" for route in routes)
        yield "}"
    for number, (path, _) in enumerate(groups, 1):
        if path:
            yield f"# routes-{number} have an AS path behind ours: bgpctl network mrt file routes.mrt"
        else:
            yield f"network prefix-set routes-{number}"
    for session in config.sessions:
        yield ""
        yield from _neighbor(config, session)
    yield ""
    yield "allow from any"
    yield "deny rib own from any"
    yield "allow to any"
    yield "# on the way out: bgpd itself keeps back a route that has no-export before, and sends only a MED set here"
    for number, (_, settings) in enumerate(groups, 1):
        if settings:
            yield f"match to any prefix-set routes-{number} set {{ {' '.join(settings)} }}"


def _groups(routes: Sequence[RouterRoute]) -> dict[tuple[bool, tuple[str, ...]], list[RouterRoute]]:
    """Routes by what bgpd.conf says of them: whether they have an AS path of their own, and their attribute set."""
    groups: dict[tuple[bool, tuple[str, ...]], list[RouterRoute]] = {}
    for route in routes:
        settings = [f"community {_community(community, 2, route)}" for community in route.communities]
        settings += [f"large-community {_community(community, 3, route)}" for community in route.large_communities]
        if route.med is not None:
            settings.append(f"med {route.med}")
        groups.setdefault((bool(route.as_path), tuple(settings)), []).append(route)
    return groups


def _community(text: str, count: int, route: RouterRoute) -> str:
    numbers = text.split(":")
    if len(numbers) == count and all(number.isdecimal() for number in numbers):
        return text
    if count == 2 and re.fullmatch(r"[A-Za-z-]+", text):
        return text.upper().replace("-", "_")  # bgpd knows NO_EXPORT and its like, and complains of others
    raise LabError(f"route {route.prefix}: {text!r} is no community of {count} numbers")


def _neighbor(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    yield f"# {session.name}" if session.name.isprintable() else "# session"
    yield f"neighbor {session.remote.host} {{"
    yield f"\tremote-as {session.remote_as}"
    if session.remote.port != BGP_PORT:
        yield f"\tport {session.remote.port}"
    # With a local address bgpd signs what it dials but not what it accepts: only where it has a choice.
    if len({other.local_address for other in config.sessions if other.family is session.family}) > 1:
        yield f"\tlocal-address {session.local_address}"
    for family, name in _FAMILY.items():
        yield f"\tannounce {name} {'unicast' if family is session.family else 'none'}"
    yield "\trib own"
    if session.max_prefixes is not None:
        yield f"\tmax-prefix {session.max_prefixes}"
    if session.gtsm:
        yield "\tttl-security yes"
    if session.md5 is not None:
        if not 1 <= len(session.md5.encode()) <= _MD5_KEY_MAX:
            raise LabError(f"session {session.name}: OpenBGPD takes an MD5 key of 1 to {_MD5_KEY_MAX} octets")
        # Quoting cannot express every key, hexadecimal can.
        if re.fullmatch(r"[A-Za-z0-9_.-]+", session.md5):
            yield f'\ttcp md5sig password "{session.md5}"'
        else:
            yield f'\ttcp md5sig key "{session.md5.encode().hex()}"'
    yield "}"


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
