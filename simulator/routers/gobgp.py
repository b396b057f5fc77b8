"""GoBGP as the peer's router: configured by file, given its routes and asked by its own client over a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from simulator.lab.link import Endpoint, LabError, LinkKind, Place
from simulator.lab.netns import BGP_PORT
from simulator.lab.process import find_program, last_lines, stop, until_ready
from simulator.lab.state import SOCKET_PATH_LIMIT
from simulator.rib.adj_out import Announcement
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.simulated import announcements
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attributes import encode

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes about one."""
_SETTLED = 10
"""Answers without a change after which a user's file counts as read."""

_FAMILIES = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}
_STATES = ("Unknown", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")
_ESTABLISHED = 6
_NO_NEIGHBOR = "not found neighbor"
_TYPES = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}


class Gobgp:
    """One gobgpd. Sessions are recognised by neighbor address.

    GoBGP's file cannot hold routes: those of the configuration are injected once it runs, with a user's file too.
    """

    kind = "gobgp"

    def __init__(self) -> None:
        self._config: RouterConfig | None = None
        self._files: RouterFiles | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when GoBGP answers and has its routes. Raises LabError with its own words."""
        if place.kind is LinkKind.LOOPBACK:
            raise LabError(f"GoBGP on loopback ({config.name}) has no port 179: use link: netns")
        self._config, self._files = config, files
        if len(bytes(self._socket)) > SOCKET_PATH_LIMIT:
            raise LabError(f"{self._socket} is too long for a Unix socket: use a shorter directory")
        for program in ("gobgpd", "gobgp"):
            find_program(program)
        files.directory.mkdir(parents=True, exist_ok=True)
        path = config.file or files.directory / "gobgpd.toml"
        if config.file is None:
            path.write_text(configuration(config))
        elif not path.is_file():
            raise LabError(f"{path}: No such file or directory")
        routes = own_routes(config)
        # GoBGP takes no socket that is there already, left by one that was killed.
        self._socket.unlink(missing_ok=True)
        self._process = await place.spawn(self._argv(path), log=files.log)
        try:
            await self._until_ready(config, files)
            if routes:
                await self._inject(b"".join(mrt(routes)), nlri.text(routes[-1].family, routes[-1].keys[-1]))
        except BaseException:
            await self.stop()
            raise

    def endpoint(self, session: str) -> Endpoint:
        """GoBGP listens on port 179 of all its addresses. Raises LabError before the start."""
        return Endpoint(self._session(session).local_address, BGP_PORT)

    async def sessions(self) -> Sequence[SessionReport]:
        """What GoBGP says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if self._config is None or self._files is None or not self._config.sessions:
            return ()
        reasons = parse_reasons(self._files.log.read_text(errors="replace"))
        reports = []
        for session in self._config.sessions:
            address = str(session.remote_address)
            # Only the answer about one neighbor has the number of the routes that it was sent.
            found = await self._ask("neighbor", address, accept=_NO_NEIGHBOR)
            if found:
                reports.append(parse_neighbor(session, found, reasons.get(address, "")))
            else:
                absent = f"the configuration has no neighbor {address}"
                reports.append(SessionReport(session.name, "absent", False, "", 0, 0, absent))
        return tuple(reports)

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that GoBGP holds on this session, after its import policy."""
        table = await self._table(session, "adj-in")
        return frozenset(prefix for prefix, paths in table.items() if not all(path.get("filtered") for path in paths))

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that GoBGP sends us on this session; none while the session is down."""
        # GoBGP answers for a session that is down too: with what it would send.
        found = await self._ask("neighbor", str(self._session(session).remote_address), accept=_NO_NEIGHBOR)
        if not found or found["state"].get("session_state") != _ESTABLISHED:
            return frozenset()
        return frozenset(await self._table(session, "adj-out"))

    async def version(self) -> str:
        """`GoBGP 3.10.0`."""
        self._started()
        _, output = await _run("gobgpd", "--version")
        return "GoBGP " + output.split()[-1]

    async def command(self, *words: str) -> Any:
        """GoBGP's answer to any gobgp command, from its JSON. Raises LabError with GoBGP's words when it refuses."""
        return await self._ask(*words)

    async def stop(self) -> None:
        """Stop GoBGP and wait until it is gone; safe to call twice and after a failed start."""
        if self._process is not None:
            await stop(self._process)

    @property
    def _socket(self) -> Path:
        assert self._files is not None, "GoBGP was not started"
        return self._files.directory / "api.sock"

    def _started(self) -> tuple[RouterConfig, RouterFiles, asyncio.subprocess.Process]:
        if self._config is None or self._files is None or self._process is None:
            raise LabError("GoBGP was not started")
        return self._config, self._files, self._process

    def _session(self, name: str) -> RouterSession:
        if self._config is None:
            raise LabError("GoBGP was not started")
        return next(session for session in self._config.sessions if session.name == name)

    def _argv(self, path: Path) -> list[str]:
        kind = _TYPES.get(path.suffix.lower(), "toml")
        options = ["--config-file", str(path), "--config-type", kind, "--log-plain", "--pprof-disable"]
        return ["gobgpd", *options, "--api-hosts", f"unix://{self._socket}"]

    async def _until_ready(self, config: RouterConfig, files: RouterFiles) -> None:
        assert self._process is not None, "GoBGP was not started"
        awaited = {str(session.remote_address) for session in config.sessions}
        before: object = None
        same = 0

        async def attempt() -> bool | None:
            nonlocal before, same
            if not self._socket.exists():
                return None
            status, output = await _run("gobgp", *self._target, "--json", "global")
            if status or '"asn"' not in output:
                return None
            # The neighbors of its file come one by one behind that.
            status, output = await _run("gobgp", *self._target, "--json", "neighbor")
            found = {neighbor["conf"]["neighbor_address"] for neighbor in json.loads(output)} if not status else set()
            same, before = (same + 1 if found == before else 0), found
            return awaited <= found or (config.file is not None and same >= _SETTLED) or None

        name = f"GoBGP of {config.name}"
        try:
            await until_ready(self._process, attempt, name=name, log=files.log)
        except LabError as error:
            fatal = re.findall(r"level=fatal msg=(.*)", files.log.read_text(errors="replace"))
            if fatal and config.file is not None:
                raise LabError(f"{name} refused {config.file}: {fatal[-1]}") from None
            raise error from None

    async def _inject(self, dump: bytes, last: str) -> None:
        """All routes at once: the client reads them from a table dump (RFC 6396)."""
        config, files, process = self._started()
        name = f"GoBGP of {config.name}"
        path = files.directory / "routes.mrt"
        path.write_bytes(dump)
        # The client hangs up once it has read all, and what the daemon has not taken by then is lost: the end of the
        # file comes when the last route is there.
        client = await asyncio.create_subprocess_exec(
            *(str(find_program("gobgp")), *self._target, "mrt", "inject", "global", "/dev/stdin"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert client.stdin is not None
        family = _FAMILIES[Family.IPV6 if ":" in last else Family.IPV4]

        async def attempt() -> bool | None:
            if client.returncode is not None:
                assert client.stdout is not None
                words = _one_line((await client.stdout.read()).decode(errors="replace"))
                raise LabError(f"{name} refused the routes of {path}: {words}")
            status, output = await _run(
                "gobgp", *self._target, "--json", "global", "rib", last, "--address-family", family
            )
            paths = [] if status else json.loads(output).get(last, ())
            return any("neighbor-ip" not in path for path in paths) or None

        try:
            with contextlib.suppress(ConnectionError):
                client.stdin.write(dump)
                await client.stdin.drain()
            await until_ready(process, attempt, name=name, log=files.log, timeout=_QUERY_TIMEOUT)
        finally:
            client.stdin.close()
            if client.returncode is None:
                client.kill()
            await client.wait()

    @property
    def _target(self) -> tuple[str, str]:
        return "--target", f"unix://{self._socket}"

    async def _table(self, session: str, which: str) -> Mapping[str, Any]:
        found = self._session(session)
        words = ("neighbor", str(found.remote_address), which, "--address-family", _FAMILIES[found.family])
        table = await self._ask(*words, accept=f"session is not established|{_NO_NEIGHBOR}")
        return table if isinstance(table, dict) else {}

    async def _ask(self, *words: str, accept: str | None = None) -> Any:
        """The answer's JSON. An error whose words match `accept` counts as an empty answer."""
        config, files, process = self._started()
        name, text = f"GoBGP of {config.name}", " ".join(words)
        if process.returncode is not None:
            raise LabError(f"{name} has ended (exit status {process.returncode}): {last_lines(files.log)}")
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                status, output = await _run("gobgp", *self._target, "--json", *words)
        except TimeoutError:
            raise LabError(f"{name} did not answer {text!r} within {_QUERY_TIMEOUT:g} s") from None
        if status:
            if accept is not None and re.search(accept, output):
                return {}
            raise LabError(f"{name} refused {text!r}: {_one_line(output)}")
        return json.loads(output)


async def _run(program: str, *arguments: str) -> tuple[int, str]:
    """A short-lived child: its exit status and what it printed."""
    child = await asyncio.create_subprocess_exec(
        str(find_program(program)),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode or 0, output.decode(errors="replace")


def _one_line(text: str) -> str:
    return "; ".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


_LOG_FIELD = re.compile(r'([\w-]+)=("(?:[^"\\]|\\.)*"|\S*)')


def parse_reasons(log: str) -> dict[str, str]:
    """Neighbor address to the reason that GoBGP logged last for a session that ended or did not come up."""
    reasons: dict[str, str] = {}
    for line in log.splitlines():
        fields = {name: value.strip('"') for name, value in _LOG_FIELD.findall(line)}
        if fields.get("Topic") != "Peer" or "Key" not in fields:
            continue
        words = fields.get("msg", "")
        if "Reason" in fields:
            words = f"{words}: {fields['Reason']}"
        elif fields.get("level") == "info":
            continue
        reasons[fields["Key"]] = words
    return reasons


def parse_neighbor(session: RouterSession, neighbor: Mapping[str, Any], reason: str) -> SessionReport:
    """The answer to `gobgp -j neighbor ADDRESS`."""
    number = neighbor["state"].get("session_state", 0)
    times = neighbor["timers"].get("state", {})
    moment = times.get("uptime" if number == _ESTABLISHED else "downtime", {}).get("seconds")
    since = datetime.fromtimestamp(moment, UTC).isoformat() if moment else ""
    if number != _ESTABLISHED:
        return SessionReport(session.name, _STATES[number], False, since, 0, 0, reason)
    states = [family.get("state", {}) for family in neighbor.get("afi_safis", [])]
    received = sum(state.get("accepted", 0) for state in states)
    return SessionReport(
        session.name, _STATES[number], True, since, received, sum(state.get("advertised", 0) for state in states)
    )


def configuration(config: RouterConfig) -> str:
    """The whole gobgpd.toml."""
    return "\n".join(_lines(config)) + "\n"


def _lines(config: RouterConfig) -> Iterator[str]:
    yield f"# {config.name}, AS{config.asn}: written by turnup, replaced at the next start"
    yield "# its routes are not here: GoBGP is given them once it runs (routes.mrt)"
    yield "[global.config]"
    yield f"  as = {config.asn}"
    yield f'  router-id = "{config.router_id}"'
    yield "# everything in; out go only the routes of our own"
    yield "[global.apply-policy.config]"
    yield '  default-import-policy = "accept-route"'
    yield '  export-policy-list = ["own"]'
    yield '  default-export-policy = "reject-route"'
    yield "[[policy-definitions]]"
    yield '  name = "own"'
    yield "  [[policy-definitions.statements]]"
    yield "    [policy-definitions.statements.conditions.bgp-conditions]"
    yield '      route-type = "local"'
    yield "    [policy-definitions.statements.actions]"
    yield '      route-disposition = "accept-route"'
    for session in config.sessions:
        yield from _neighbor(config, session)


def _neighbor(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    yield "[[neighbors]]"
    yield "  [neighbors.config]"
    yield f'    neighbor-address = "{session.remote_address}"'
    yield f"    peer-as = {session.remote_as}"
    if session.md5 is not None:
        yield f"    auth-password = {json.dumps(session.md5, ensure_ascii=False)}"
    yield "  [neighbors.transport.config]"
    yield f'    local-address = "{session.local_address}"'
    if session.remote.port != BGP_PORT:
        yield f"    remote-port = {session.remote.port}"
    yield "  [neighbors.timers.config]"
    yield f"    hold-time = {config.hold_time}"
    yield f"    keepalive-interval = {config.hold_time // 3}"
    yield "    # a lab does not wait; GoBGP still does: up to 7.5 s for its first dial, 30 s after a session that ended"
    yield "    connect-retry = 1"
    if session.gtsm:
        yield "  [neighbors.ttl-security.config]"
        yield "    enabled = true"
        yield "    ttl-min = 255"
    yield "  # each session only has its own family"
    yield "  [[neighbors.afi-safis]]"
    yield "    [neighbors.afi-safis.config]"
    yield f'      afi-safi-name = "{_FAMILIES[session.family]}-unicast"'
    if session.max_prefixes is not None:
        yield "    [neighbors.afi-safis.prefix-limit.config]"
        yield f"      max-prefixes = {session.max_prefixes}"


_TABLE_DUMP_V2 = 13
_PEER_INDEX_TABLE = 1
_RIB = {Family.IPV4: 2, Family.IPV6: 4}
_REACH_UNSPECIFIED = struct.pack("!HBB16sB", 2, 1, 16, bytes(16), 0)
"""MP_REACH_NLRI (RFC 4760 §3) up to its NLRI: IPv6 unicast, next hop ::."""


def own_routes(config: RouterConfig) -> list[Announcement]:
    """The routes to inject, grouped by their attributes. Raises LabError for one that is none."""
    try:
        return announcements(config.routes)
    except ValueError as error:
        raise LabError(f"a route of {config.name} is none: {error}") from None


def mrt(routes: Iterable[Announcement]) -> Iterator[bytes]:
    """The routes as the records of a table dump."""
    # The peer that they come from is nobody, in AS 0: to GoBGP they are its own then.
    yield _record(_PEER_INDEX_TABLE, bytes(4) + struct.pack("!HH", 0, 1) + bytes((2,)) + bytes(12))
    numbers = itertools.count()
    for route in routes:
        # A next hop of zeros is ours, whatever that is on the session that the route is sent on.
        hop = IPv4Address(0) if route.family is Family.IPV4 else None
        attributes = encode(replace(route.attributes, next_hop=hop), asn4=True)
        for key in route.keys:
            block = attributes
            if route.family is Family.IPV6:
                reach = _REACH_UNSPECIFIED + key
                block += bytes((0x80, 14, len(reach))) + reach
            entry = struct.pack("!HIH", 0, 0, len(block)) + block
            yield _record(_RIB[route.family], struct.pack("!I", next(numbers)) + key + struct.pack("!H", 1) + entry)


def _record(subtype: int, body: bytes) -> bytes:
    return struct.pack("!IHHI", 0, _TABLE_DUMP_V2, subtype, len(body)) + body
