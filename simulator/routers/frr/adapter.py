"""FRR as the peer's router: zebra, staticd and bgpd as in production, asked through bgpd's vty socket as vtysh asks it.

So `network` asks for a route in the RIB, `redistribute` has what the kernel and `ip route` have, next hops are tracked,
and what is learned goes into the kernel of the router's namespace. A user's own file is loaded as FRR's start script
loads it, with bfdd and the modules that it asks for (`frr_parts`).
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
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar

from simulator.diagnosis.router_answer import PeerTrouble, RouterAnswer
from simulator.places import logs
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.places.process import Program, find_program, last_lines, stop, until_ready
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.console import RouterConsole
from simulator.routers.daemon import ChangeTimes, ConfigRefusedError, Daemon, absent, examples, lacks, silence
from simulator.routers.frr.config import render, render_change
from simulator.routers.frr.file import BFDD, BGPD, OWN_FILE, STATICD, VTYSH, ZEBRA
from simulator.routers.frr.parts import Parts, parts
from simulator.routers.own_file import OwnFile
from simulator.routers.parsing import one_line, read_file, write_file
from simulator.routers.reason import Reason
from simulator.session.messages import Family

_QUERY_TIMEOUT = 30.0
"""Seconds for one answer; a full answer of 20,000 routes takes below one."""
_START_TIMEOUT = 30.0
"""Seconds to read the configuration: 20,000 routes take below one."""

_SETTLED_WITHIN = 5.0
"""Seconds; FRR starts a neighbor after one. One that is shut down never starts."""

_AFI = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}
_AFI_JSON = {Family.IPV4: "ipv4Unicast", Family.IPV6: "ipv6Unicast"}

_POLICY_MISSING = ("inboundEbgpRequiresPolicy", "outboundEbgpRequiresPolicy")
"""FRR's words on RFC 8212, where it has no policy and so takes or sends nothing: `show bgp summary` says (Policy)."""

_SOCKET = "bgpd.vty"
_ETC = "etc"
"""The directory of vtysh's own configuration."""
_DEFAULT = "default"
"""FRR's name for no VRF."""


def _asks(directory: Path | str) -> tuple[str, ...]:
    """vtysh's options for the daemons of a directory."""
    return "--vty_socket", str(directory), "--config_dir", f"{directory}/{_ETC}"


class Frr(Daemon):
    """One FRR. Sessions are recognised by neighbor address, in whatever VRF."""

    kind = "frr"
    own_file: ClassVar[OwnFile | None] = OWN_FILE
    console: ClassVar[RouterConsole | None] = RouterConsole(VTYSH, _asks("{}"), is_dialogue=True)
    title = "FRR"
    no_loopback = "refuses a NEXT_HOP in 127.0.0.0/8"
    users = ("frr", "frrvty")

    def __init__(self) -> None:
        super().__init__()
        self._changes = 0
        """Of its routes, while it runs."""
        self._helpers: list[asyncio.subprocess.Process] = []
        self._change_times = ChangeTimes()
        self._parts = Parts()
        self._vrfs: dict[str, str] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        """Configure and start; returns when bgpd answers. Raises LabError with FRR's own words."""
        self._begin(place, config, files, _SOCKET)
        for program in (ZEBRA, STATICD, BGPD):
            find_program(program)
        (files.directory / _ETC).mkdir(parents=True, exist_ok=True)
        (files.directory / _ETC / "vtysh.conf").touch()
        text = render(config, files.directory) if config.file is None else read_file(config.file)
        self._parts = Parts() if config.file is None else parts(config.file, text)
        # Each daemon has a file, be it an empty one: else it reads that of this machine.
        none, path = files.directory / "none.conf", files.directory / "bgpd.conf"
        none.write_text("")
        path.write_text(text if config.file is None else "")
        seen = len(logs.read(files.log)) if files.log.exists() else 0
        name = self._name
        try:
            for program in (ZEBRA, STATICD, *((BFDD,) if self._parts.bfdd else ())):
                await self._start_helper(program, none)
            self._process = await self._spawn([*self._argv(BGPD, path), "--skip_runas"])
            await until_ready(self._process, self._answers, name=name, log=files.log, timeout=_START_TIMEOUT)
            if config.file is None:
                refused = _refused(logs.read(files.log)[seen:])
                if refused:
                    raise LabError(f"{name} refused {path}: {refused}")
            elif refused := await self._boot(text):
                raise ConfigRefusedError(f"{name} refused {config.file}: {refused}")
            await self._settle()
        except BaseException:
            await self.stop()
            raise

    async def sessions(self) -> Sequence[SessionReport]:
        """What FRR says of its sessions, in the order of the configuration. Raises LabError when it is gone."""
        if not self._sessions():
            return ()
        instances = json.loads(await self.command("show bgp vrf all neighbors json"))
        return tuple(self._report(session, instances) for session in self._sessions())

    async def received(self, session: str) -> frozenset[str]:
        """The prefixes from us that FRR holds on this session, after its import policy."""
        return frozenset((await self._table(session, "routes")).get("routes") or ())

    async def exported(self, session: str) -> frozenset[str]:
        """The prefixes that FRR sends us on this session; none while the session is down."""
        return frozenset((await self._table(session, "advertised-routes")).get("advertisedRoutes") or ())

    async def answer(self, session: str) -> RouterAnswer | None:
        found = self._session(session)
        instances = json.loads(await self.command("show bgp vrf all neighbors json"))
        address = str(found.remote_address)
        neighbor = next((each[address] for each in instances.values() if isinstance(each.get(address), dict)), None)
        if neighbor is None:
            return lacks(found)
        return self._completed(found, parse_answer(found, neighbor))

    async def reasons(self, session: str) -> Sequence[Reason]:
        """What FRR's own tables tell of a session on which it announces nothing, or not every `network`."""
        found = self._session(session)
        table = await self._json(f"show bgp {self._vrf(found)}{_AFI[found.family]} unicast json")
        away, own = parse_unsent(table.get("routes") or {}, {str(other.remote_address) for other in self._sessions()})
        reasons = self._misnamed(self._session(session))
        if away:
            what = f"FRR's RIB has no usable route to {examples(away)}"
            text = f"{what}: `network` announces nothing without one (bgp network import-check)"
            reasons.append(Reason(PeerTrouble.NETWORK_NOT_IN_RIB, text, tuple(away)))
        if own or not away:
            reasons += silence(found, own, await self.exported(session), parse_networks(table.get("routes") or {}))
        return reasons

    async def version(self) -> str:
        """`FRR 8.4.4`."""
        return "FRR " + (await self.command("show version")).split()[1]

    async def announce(self, config: RouterConfig) -> None:
        """Announce other routes, as an operator types it into vtysh. Raises LabError with FRR's words."""
        before, _, _ = self._started()
        if before.file is not None:
            raise LabError(f"{self._name} runs its user's own file: what it announces is written there")
        known = set(before.routes)
        more = [route for route in config.routes if route not in known]
        left = {route.prefix for route in config.routes}
        gone = [route.prefix for route in before.routes if route.prefix not in left]
        self._changes += 1
        if refused := await self._boot(render_change(config, more, gone, self._changes)):
            raise LabError(f"{self._name} refused the change of its routes: {refused}")
        self._config = config

    async def command(self, text: str) -> str:
        """FRR's answer to any vtysh command. Raises LabError with FRR's words when it refuses."""
        _, files, _ = self._started()
        name = self._name
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT), self._asking:
                status, answer = await exchange(self._socket, text)
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

    def remarks(self) -> Sequence[str]:
        return [*super().remarks(), *self._parts.remarks]

    def _argv(self, program: Program, path: Path) -> list[str]:
        """A daemon of FRR with its file, its sockets and its modules."""
        directory, daemon = self._directory, Path(program.path).name
        return [
            *(str(find_program(program)), "--config_file", str(path), "--vty_socket", str(directory)),
            *("--socket", str(directory / "zserv.api"), "--pid_file", str(directory / f"{daemon}.pid")),
            *("--vty_port", "0", "--log", "stdout", *self._parts.options(daemon)),
        ]

    async def _start_helper(self, program: Program, path: Path) -> None:
        assert self._files is not None, "FRR was not started"
        daemon, log = Path(program.path).name, self._files.log
        sockets = [self._directory / f"{daemon}.vty"] + ([self._directory / "zserv.api"] if program == ZEBRA else [])
        for socket in sockets:
            socket.unlink(missing_ok=True)
        # They must have a user and be of FRR's vty group. The user is ours: the lab's directory is.
        argv = [*self._argv(program, path), "--user", "root", "--group", "frrvty"]
        if program == BFDD:
            argv += ["--bfdctl", str(self._directory / "bfdd.sock")]
        self._helpers.append(await self._spawn(argv))

        async def there() -> bool | None:
            return all(socket.exists() for socket in sockets) or None

        await until_ready(self._helpers[-1], there, name=f"{self._name} ({daemon})", log=log)

    async def _settle(self) -> None:
        """Until bgpd knows from zebra how it reaches its neighbors: sessions that come up before, it drops again."""
        awaited = {str(session.remote_address) for session in self._sessions()}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLED_WITHIN):
                while awaited:
                    instances = json.loads(await self.command("show bgp vrf all neighbors json"))
                    there = {
                        address: vrf for vrf, neighbors in instances.items() for address in awaited & set(neighbors)
                    }
                    known = ""
                    for vrf in set(there.values()):
                        known += await self.command(f"show bgp {'' if vrf == _DEFAULT else f'vrf {vrf} '}nexthop")
                    awaited = {address for address in there if not re.search(rf"^ {re.escape(address)} ", known, re.M)}
                    await asyncio.sleep(0.02 if awaited else 0)

    async def _answers(self) -> bool | None:
        with contextlib.suppress(OSError, EOFError):
            return (await exchange(self._socket, "show version"))[0] == 0 or None
        return None

    async def _boot(self, text: str) -> str:
        """Load the user's file as FRR's own start script does: vtysh gives each daemon its lines. What was refused."""
        write_file(self._directory / _ETC / "frr.conf", text)
        output = self._directory / "vtysh.log"
        output.unlink(missing_ok=True)
        argv = [str(find_program(VTYSH)), *_asks(self._directory), "--boot"]
        child = await self._spawn(argv, log=output)
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                status = await child.wait()
        except TimeoutError:
            return f"not read within {_START_TIMEOUT:g} s"
        finally:
            await stop(child)
        words = logs.read(output)
        return one_line(words) if status or re.search(r"^line \d+: ", words, re.MULTILINE) else ""

    async def _table(self, session: str, which: str) -> Mapping[str, Any]:
        found = self._session(session)
        scope = f"{self._vrf(found)}{_AFI[found.family]} unicast"
        return await self._json(f"show bgp {scope} neighbors {found.remote_address} {which} json")

    async def _json(self, command: str) -> dict[str, Any]:
        try:
            answer = json.loads(await self.command(command))
        except ValueError:  # words: there is no such neighbor, or none with this family
            return {}
        return answer if isinstance(answer, dict) else {}

    def _vrf(self, session: RouterSession) -> str:
        """`vrf IX ` where FRR has the session in one, as far as it was seen."""
        vrf = self._vrfs.get(session.name, _DEFAULT)
        return "" if vrf == _DEFAULT else f"vrf {vrf} "

    def _report(self, session: RouterSession, instances: Mapping[str, Any]) -> SessionReport:
        address = str(session.remote_address)
        vrf = next((name for name, neighbors in instances.items() if address in neighbors), _DEFAULT)
        found = instances.get(vrf, {}).get(address)
        if not isinstance(found, dict):
            return absent(session)
        self._vrfs[session.name] = vrf
        report = parse_neighbor(session, found)
        # FRR counts seconds back from now, which may differ by one from answer to answer.
        identity = (report.established, found.get("connectionsEstablished"), found.get("connectionsDropped"))
        since = self._change_times.of(session.name, identity, lambda: _since(found, report.established))
        return replace(report, since=since)


async def exchange(path: Path, text: str) -> tuple[int, str]:
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


def _refused(log: str) -> str:
    """What bgpd logged about lines of its file; it goes on without them."""
    return "; ".join(re.findall(r"\b\S[^\[\]\n]* on config line \d+: .*", log))


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
    shut_down = bool(neighbor.get("adminShutDown"))
    return SessionReport(session.name, state, False, "", 0, 0, ": ".join(filter(None, reason)), shut_down)


_LIMIT_REACHED = 0x0601
"""Cease, Maximum Number of Prefixes Reached (RFC 4486 §4)."""


def parse_answer(session: RouterSession, neighbor: Mapping[str, Any]) -> RouterAnswer:
    """What `show bgp neighbors json` tells of a neighbor's configuration."""
    report = parse_neighbor(session, neighbor)
    families = neighbor.get("addressFamilyInfo", {})
    family = families.get(_AFI_JSON[session.family])
    hold = neighbor.get("bgpTimerConfiguredHoldTimeMsecs")
    sent = str(neighbor.get("lastErrorCodeSubcode", ""))
    limit_hit = bool(neighbor.get("prefixOverflow") or (family or {}).get("prefixOverflow"))
    return RouterAnswer(
        state=report.state,
        established=report.established,
        reason=report.reason,
        shut_down=report.shut_down,
        limit_hit=limit_hit or (bool(sent) and int(sent, 16) == _LIMIT_REACHED),
        local_as=neighbor.get("localAs"),
        remote_as=neighbor.get("remoteAs"),
        source=neighbor.get("updateSource") if _is_address(neighbor.get("updateSource")) else None,
        md5=bool(neighbor.get("authenticationEnabled")),
        hold_time=hold // 1000 if hold is not None else None,
        family=family is not None,
        prefix_limit=(family or {}).get("prefixAllowedMax"),
        no_import_policy=_POLICY_MISSING[0] in (family or {}),
        no_export_policy=_POLICY_MISSING[1] in (family or {}),
    )


def _is_address(text: object) -> bool:
    try:
        ip_address(str(text))
    except ValueError:
        return False
    return True


def parse_unsent(routes: Mapping[str, Any], from_edges: set[str]) -> tuple[list[str], list[str]]:
    """(prefixes of `network` lines without a usable route behind them, prefixes that may be announced) of a table.

    What came from one of the addresses `from_edges` is neither.
    """
    away, own = [], []
    for prefix, paths in routes.items():
        mine = [path for path in paths if path.get("peerId") not in from_edges]
        if any(path.get("valid") for path in mine):
            own.append(prefix)
        elif mine:
            away.append(prefix)
    return away, own


def parse_networks(routes: Mapping[str, Any]) -> list[str]:
    """The prefixes of `network` lines that are in a table: of the router's own, and of origin IGP."""
    return [
        prefix
        for prefix, paths in routes.items()
        if any(path.get("peerId") == "(unspec)" and path.get("origin") == "IGP" for path in paths)
    ]


ROUTER = Frr
