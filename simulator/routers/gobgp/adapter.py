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
from typing import Any, ClassVar

from simulator.diagnosis.router_answer import PeerTrouble, RouterAnswer
from simulator.mrt.table_dump_v2 import MrtPeer, peer_index, rib_record, rib_row
from simulator.places import logs
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.places.process import Answered, ask, find_program, kill, until_ready
from simulator.rib.announcement import Announcement
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.console import RouterConsole
from simulator.routers.daemon import ConfigRefusedError, Daemon, NeighborsRead, absent, lacks, silence
from simulator.routers.gobgp.config import FAMILIES, render
from simulator.routers.gobgp.file import GOBGP, GOBGPD, OWN_FILE, file_type
from simulator.routers.own_file import OwnFile
from simulator.routers.parsing import one_line
from simulator.routers.reason import Reason
from simulator.routers.simulated.adapter import announcements
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attribute_codec import encode

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes about one."""
_INJECTED = 8.0
"""Seconds until a route of its own is in the table of a GoBGP whose user's file may refuse it."""
_LOCAL = (None, "", "<nil>", "invalid IP")
"""What GoBGP says in place of the neighbor of a route of its own."""
"""Answers without a change after which a user's file counts as read."""

_STATES = ("Unknown", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")
_ESTABLISHED = 6
_NO_NEIGHBOR = "not found neighbor"

_SOCKET = "api.sock"


class Gobgp(Daemon):
    """One gobgpd. Sessions are recognised by neighbor address.

    GoBGP's file cannot hold routes: those of the configuration are injected once it runs, with a user's file too.
    """

    kind = "gobgp"
    own_file: ClassVar[OwnFile | None] = OWN_FILE
    console: ClassVar[RouterConsole | None] = RouterConsole(
        GOBGP, ("--target", f"unix://{{}}/{_SOCKET}"), is_dialogue=False
    )
    title = "GoBGP"
    no_loopback = "has no port 179"

    _refuses_own = False
    """Its routes were injected, and are not in its table."""

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when GoBGP answers and has its routes. Raises LabError with its own words."""
        self._begin(place, config, files, _SOCKET)
        for program in (GOBGPD, GOBGP):
            find_program(program)
        files.directory.mkdir(parents=True, exist_ok=True)
        path = config.file.absolute() if config.file is not None else files.directory / "gobgpd.toml"
        if config.file is None:
            path.write_text(render(config, files.directory))
        elif not path.is_file():
            raise LabError(f"{path}: No such file or directory")
        routes = own_routes(config)
        # GoBGP takes no socket that is there already, left by one that was killed.
        self._socket.unlink(missing_ok=True)
        self._process = await self._spawn(self._argv(path))
        try:
            await self._until_ready(config, files)
            if routes:
                await self._inject(b"".join(mrt(routes)), nlri.text(routes[-1].family, routes[-1].keys[-1]))
        except BaseException:
            await self.stop()
            raise

    async def sessions(self) -> Sequence[SessionReport]:
        """What GoBGP says of its sessions, in the order of the configuration; it counts before its import policy.

        Raises LabError when it is gone.
        """
        if not self._sessions():
            return ()
        _, files, _ = self._started()
        reasons = parse_reasons(logs.read(files.log))
        reports = []
        for session in self._sessions():
            address = str(session.remote_address)
            # Only the answer about one neighbor has the number of the routes that it was sent.
            found = await self._ask("neighbor", address, accept=_NO_NEIGHBOR)
            reports.append(parse_neighbor(session, found, reasons.get(address, "")) if found else absent(session))
        return tuple(reports)

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that GoBGP holds on this session, after its import policy."""
        found = self._session(session)
        # Its Adj-RIB-In does not tell what the policy refused; what is in the table was taken.
        table = await self._ask("global", "rib", "--address-family", FAMILIES[found.family])
        address = str(found.remote_address)
        return frozenset(
            prefix
            for prefix, paths in (table or {}).items()
            if any(path.get("neighbor-ip") == address for path in paths)
        )

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that GoBGP sends us on this session; none while the session is down."""
        # GoBGP answers for a session that is down too: with what it would send.
        found = await self._ask("neighbor", str(self._session(session).remote_address), accept=_NO_NEIGHBOR)
        if not found or found["state"].get("session_state") != _ESTABLISHED:
            return frozenset()
        return frozenset(await self._table(session, "adj-out"))

    async def answer(self, session: str) -> RouterAnswer | None:
        found = self._session(session)
        _, files, _ = self._started()
        address = str(found.remote_address)
        neighbor = await self._ask("neighbor", address, accept=_NO_NEIGHBOR)
        if not neighbor:
            return lacks(found)
        reason = parse_reasons(logs.read(files.log)).get(address, "")
        return self._completed(found, parse_answer(found, neighbor, reason))

    async def reasons(self, session: str) -> Sequence[Reason]:
        """What GoBGP's own table tells of a session on which it announces nothing."""
        found = self._session(session)
        table = await self._ask("global", "rib", "--address-family", FAMILIES[found.family]) or {}
        edges = {str(other.remote_address) for other in self._sessions()}
        own = [prefix for prefix, paths in table.items() if any(path.get("neighbor-ip") not in edges for path in paths)]
        if self._refuses_own and not own:
            words = "GoBGP's global import policy refuses every route, those of its own too"
            return [*self._misnamed(self._session(session)), Reason(PeerTrouble.IMPORT_POLICY, words)]
        meant = [prefix for prefix, paths in table.items() if any(path.get("neighbor-ip") in _LOCAL for path in paths)]
        return [*self._misnamed(self._session(session)), *silence(found, own, await self.exported(session), meant)]

    async def version(self) -> str:
        """`GoBGP 3.10.0`."""
        self._started()
        output = (await ask(GOBGPD, "--version")).output
        return "GoBGP " + output.split()[-1]

    async def command(self, *words: str) -> Any:
        """GoBGP's answer to any gobgp command, from its JSON. Raises LabError with GoBGP's words when it refuses."""
        return await self._ask(*words)

    @property
    def _socket(self) -> Path:
        return self._directory / _SOCKET

    def _argv(self, path: Path) -> list[str]:
        options = ["--config-file", str(path), "--config-type", file_type(path), "--log-plain", "--pprof-disable"]
        return [str(find_program(GOBGPD)), *options, "--api-hosts", f"unix://{self._socket}"]

    async def _until_ready(self, config: RouterConfig, files: RouterFiles) -> None:
        assert self._process is not None, "GoBGP was not started"
        read = NeighborsRead(config)

        async def attempt() -> bool | None:
            if not self._socket.exists():
                return None
            answered = await self._query("global")
            if answered.status or '"asn"' not in answered.output:
                return None
            # The neighbors of its file come one by one behind that.
            answered = await self._query("neighbor")
            neighbors = [] if answered.status else json.loads(answered.output)
            return read.all_of({neighbor["conf"]["neighbor_address"] for neighbor in neighbors}) or None

        name = self._name
        try:
            await until_ready(self._process, attempt, name=name, log=files.log)
        except LabError as error:
            fatal = re.findall(r"level=fatal msg=(.*)", logs.read(files.log))
            if fatal and config.file is not None:
                raise ConfigRefusedError(f"{name} refused {config.file}: {fatal[-1]}") from None
            raise error from None

    async def _inject(self, dump: bytes, last: str) -> None:
        """All routes at once: the client reads them from a table dump (RFC 6396)."""
        _, files, process = self._started()
        name = self._name
        path = files.directory / "routes.mrt"
        path.write_bytes(dump)
        # The client hangs up once it has read all, and what the daemon has not taken by then is lost: the end of the
        # file comes when the last route is there. It takes what one read brings for a whole record: each is written at
        # once, which a pipe takes whole or not at all (up to 4,096 octets).
        client = await asyncio.create_subprocess_exec(
            *(str(find_program(GOBGP)), *self._target, "mrt", "inject", "global", "/dev/stdin"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert client.stdin is not None
        family = FAMILIES[Family.IPV6 if ":" in last else Family.IPV4]

        async def attempt() -> bool | None:
            if client.returncode is not None:
                assert client.stdout is not None
                words = one_line((await client.stdout.read()).decode(errors="replace"))
                raise LabError(f"{name} refused the routes of {path}: {words}")
            answered = await self._query("global", "rib", last, "--address-family", family)
            paths = [] if answered.status else json.loads(answered.output).get(last, ())
            return any("neighbor-ip" not in path for path in paths) or None

        try:
            with contextlib.suppress(ConnectionError):
                client.stdin.transport.set_write_buffer_limits(high=0)
                for record in _records(dump):
                    client.stdin.write(record)
                    await client.stdin.drain()
            timeout = _QUERY_TIMEOUT if self._config is None or self._config.file is None else _INJECTED
            await until_ready(process, attempt, name=name, log=files.log, timeout=timeout)
        except LabError:
            if self._config is None or self._config.file is None or client.returncode is not None:
                raise
            self._refuses_own = True  # its global import policy is asked about its own routes too
        finally:
            client.stdin.close()
            await kill(client)

    @property
    def _target(self) -> tuple[str, str]:
        return "--target", f"unix://{self._socket}"

    async def _query(self, *words: str) -> Answered:
        return await ask(GOBGP, *self._target, "--json", *words)

    async def _table(self, session: str, which: str) -> Mapping[str, Any]:
        found = self._session(session)
        words = ("neighbor", str(found.remote_address), which, "--address-family", FAMILIES[found.family])
        table = await self._ask(*words, accept=f"session is not established|{_NO_NEIGHBOR}")
        return table if isinstance(table, dict) else {}

    async def _ask(self, *words: str, accept: str | None = None) -> Any:
        """The answer's JSON. An error whose words match `accept` counts as an empty answer."""
        self._require_running()
        name, text = self._name, " ".join(words)
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT):
                answered = await self._query(*words)
        except TimeoutError:
            raise LabError(f"{name} did not answer {text!r} within {_QUERY_TIMEOUT:g} s") from None
        if answered.status:
            if accept is not None and re.search(accept, answered.words):
                return {}
            raise LabError(f"{name} refused {text!r}: {one_line(answered.words)}")
        return json.loads(answered.output)


def _records(dump: bytes) -> Iterator[bytes]:
    """Each MRT record of a dump, with its head (RFC 6396 §2)."""
    at = 0
    while at < len(dump):
        end = at + 12 + int.from_bytes(dump[at + 8 : at + 12])
        yield dump[at:end]
        at = end


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


_ADMIN_DOWN = 1
"""Of `admin_state`; 0 is up, 2 shut because of the prefix limit."""


def parse_neighbor(session: RouterSession, neighbor: Mapping[str, Any], reason: str) -> SessionReport:
    """The answer to `gobgp -j neighbor ADDRESS`."""
    number = neighbor["state"].get("session_state", 0)
    times = neighbor["timers"].get("state", {})
    moment = times.get("uptime" if number == _ESTABLISHED else "downtime", {}).get("seconds")
    since = datetime.fromtimestamp(moment, UTC).isoformat() if moment else ""
    if number != _ESTABLISHED:
        shut_down = neighbor["state"].get("admin_state") == _ADMIN_DOWN
        return SessionReport(session.name, _STATES[number], False, since, 0, 0, reason, shut_down)
    states = [family.get("state", {}) for family in neighbor.get("afi_safis", [])]
    received = sum(state.get("accepted", 0) for state in states)
    return SessionReport(
        session.name, _STATES[number], True, since, received, sum(state.get("advertised", 0) for state in states)
    )


_PREFIX_LIMIT_DOWN = 2
_AFI = {Family.IPV4: 1, Family.IPV6: 2}
_UNICAST = 1


def parse_answer(session: RouterSession, neighbor: Mapping[str, Any], reason: str) -> RouterAnswer:
    """What `gobgp -j neighbor ADDRESS` tells of a neighbor's configuration."""
    report = parse_neighbor(session, neighbor, reason)
    conf, state = neighbor.get("conf", {}), neighbor.get("state", {})
    wanted = {"afi": _AFI[session.family], "safi": _UNICAST}
    family = next((f for f in neighbor.get("afi_safis", ()) if f.get("config", {}).get("family") == wanted), None)
    ttl, source = neighbor.get("ttl_security", {}), neighbor.get("transport", {}).get("local_address")
    return RouterAnswer(
        state=report.state,
        established=report.established,
        reason=report.reason,
        shut_down=report.shut_down,
        limit_hit=state.get("admin_state") == _PREFIX_LIMIT_DOWN,
        local_as=conf.get("local_asn"),
        remote_as=conf.get("peer_asn"),
        source=source if source not in ("", "0.0.0.0", "::", None) else None,
        md5=bool(conf.get("auth_password")),
        gtsm=bool(ttl.get("enabled")),
        hold_time=int(float(neighbor.get("timers", {}).get("config", {}).get("hold_time", 90))),
        family=family is not None,
        prefix_limit=(family or {}).get("prefix_limits", {}).get("max_prefixes") or None,
    )


_REACH_UNSPECIFIED = struct.pack("!HBB16sB", 2, 1, 16, bytes(16), 0)
"""MP_REACH_NLRI (RFC 4760 §3) up to its NLRI: IPv6 unicast, next hop ::."""


def own_routes(config: RouterConfig) -> list[Announcement]:
    """The routes to inject, grouped by their attributes. Raises LabError for text that is not a route."""
    try:
        return announcements(config.routes)
    except ValueError as error:
        raise LabError(f"{config.name} has a route that is not valid: {error}") from None


def mrt(routes: Iterable[Announcement]) -> Iterator[bytes]:
    """The routes as the records of a table dump."""
    # The peer that they come from is nobody, in AS 0: to GoBGP they are its own then.
    yield peer_index(0, IPv4Address(0), "", [MrtPeer(0, IPv4Address(0))])
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
            yield rib_record(0, next(numbers), route.family, key, [rib_row(0, 0, block)])


ROUTER = Gobgp
