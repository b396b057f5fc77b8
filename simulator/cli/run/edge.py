"""`turnup edge`: one stand-alone AS8075 speaker to point anything at."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from simulator.addresses import IpAddress
from simulator.cli.exit_codes import LAB, PASSED, USAGE, fail, warn
from simulator.cli.formats import RowFormat, cells, write_csv
from simulator.cli.route_columns import EVENTS
from simulator.connection.states import ConnectionState
from simulator.counts import count_of
from simulator.engine.rows import row
from simulator.judging import sessions as session_policies
from simulator.judging.options import JudgingOptions
from simulator.lab.interruption import on_signals
from simulator.peer.events import (
    MalformedUpdate,
    NeighborConfig,
    RoutesAnnounced,
    RoutesWithdrawn,
    SpeakerEvent,
    cease,
)
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.places.loopback import HostPlace
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.max_prefix import MaxPrefix, MaxPrefixAction
from simulator.policy.policy import Policy, verdict
from simulator.policy.prefixes import PrefixSet
from simulator.policy.profiles import RuleSettings
from simulator.policy.rules import PolicyContext
from simulator.rib.announcement import Announcement
from simulator.session.md5 import md5_fault
from simulator.session.messages import Cease, Family
from simulator.speakers.clock import Clock
from simulator.speakers.speaker import Speaker
from simulator.tables.json_lines import common_json, route_row
from simulator.tables.table_entries import Announcer
from simulator.topology.announced import everywhere
from simulator.topology.as8075 import MICROSOFT, own_prefixes
from simulator.topology.files import FileReadError, read_text
from simulator.topology.originate import advertised
from simulator.views.times import timestamp
from simulator.wire.route_syntax import parse_routes

_NOTHING: Final = "ANNOUNCES NOTHING: --announce FILE says what"
_LARGEST: Final = 64_000_000
"""Octets of --announce: a full table has 30,000,000 (simulator)."""


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """By what every session is judged."""

    profile: str
    rules: RuleSettings
    lan: tuple[str, ...]
    data: PolicyData
    own: PrefixSet

    def policy(self, peer_as: int | None, peer: IpAddress, local_as: int) -> Policy:
        context = PolicyContext(peer_as, str(peer), local_as, self.lan, self.own, data=self.data)
        return Policy(self.profile, context, self.rules)


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """The command's options, checked."""

    listen: Endpoint
    peer: IpAddress | None
    """None: anybody."""
    peer_as: int | None
    peer_port: int
    local_as: int
    state: ConnectionState
    md5: str | None
    gtsm: bool
    passive: bool
    policy: PolicyOptions
    max_prefix: MaxPrefix | None
    hold_time: int
    router_id: IPv4Address
    announcements: tuple[Announcement, ...]


@dataclass(frozen=True, slots=True)
class GivenOptions:
    """The command's options as they were given."""

    listen: str
    peer: str
    """An address, or `any`."""
    peer_as: str
    """An ASN, or `any`."""
    peer_port: int | None
    local_as: int
    state: str
    md5: str | None
    gtsm: bool
    passive: bool
    judging: JudgingOptions
    max_prefixes: int | None
    over_limit: str
    hold_time: int
    router_id: str | None
    announce: Path | None


def checked(given: GivenOptions) -> EdgeOptions:
    """Raises ValueError with the option and what is wrong with it, and FileReadError for --announce."""
    listen = endpoint(given.listen)
    peer = None if given.peer == "any" else address(given.peer)
    if peer is not None and peer.version != listen.host.version:
        raise ValueError(f"--peer {given.peer} and --listen {given.listen} are of different address families")
    if given.peer_as != "any" and not (given.peer_as.isdigit() and 1 <= int(given.peer_as) <= 4294967295):
        raise ValueError(f"--peer-as '{given.peer_as}' is no ASN (1 to 4294967295, or any)")
    if given.md5 and peer is None:
        raise ValueError("--md5 needs --peer: the kernel keeps MD5 keys by address")
    if given.md5 and (fault := md5_fault(given.md5)):
        raise ValueError(f"--md5 {fault}")
    if given.hold_time in (1, 2):
        raise ValueError("--hold-time is 0 or at least 3 seconds (RFC 4271 §4.2)")
    announced = read_announcements(given.announce, listen.host) if given.announce else default_announcements(given)
    return EdgeOptions(
        listen=listen,
        peer=peer,
        peer_as=None if given.peer_as == "any" else int(given.peer_as),
        peer_port=given.peer_port or listen.port,
        local_as=given.local_as,
        state=ConnectionState(given.state),
        md5=given.md5,
        gtsm=given.gtsm,
        passive=given.passive,
        policy=policy_options(given.judging, announced, given.local_as),
        max_prefix=max_prefix(given.max_prefixes, given.over_limit),
        hold_time=given.hold_time,
        router_id=_router_id(given.router_id, listen.host),
        announcements=announced,
    )


def _router_id(text: str | None, host: IpAddress) -> IPv4Address:
    """The BGP Identifier: the given one, or the address that we listen on. Raises ValueError."""
    if text is None:
        return host if isinstance(host, IPv4Address) and not host.is_unspecified else IPv4Address("10.80.75.1")
    found = IPv4Address(text)
    if not int(found):
        raise ValueError("--router-id 0.0.0.0 is no BGP Identifier (RFC 6286 §2.1)")
    return found


def endpoint(text: str) -> Endpoint:
    """`127.0.0.2:1790` or `[::1]:1790`. Raises ValueError with what is expected."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"'{text}' is not ADDRESS:PORT (as in 127.0.0.2:1790 or [::1]:1790)")
    return Endpoint(address(host), int(port))


def address(text: str) -> IpAddress:
    """Raises ValueError with what is expected."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"'{text}' is no IPv4 or IPv6 address") from None


def policy_options(judging: JudgingOptions, routes: Sequence[Announcement], local_as: int) -> PolicyOptions:
    """What the command's options say of the policy. Raises ValueError (PolicyError is one)."""
    profile = judging.profile or "exchange"
    rules, lan = session_policies.settings(judging, profile, {}), session_policies.lans(judging)
    found = session_policies.data(judging, PolicyData(), warn)
    options = PolicyOptions(profile, rules, lan, found, own_prefixes(routes, local_as))
    options.policy(None, IPv4Address("192.0.2.1"), local_as)  # so that a parameter that makes no sense is an error now
    return options


def max_prefix(limit: int | None, action: str) -> MaxPrefix | None:
    """How many prefixes the peer may announce; None: any number."""
    return None if limit is None else MaxPrefix(limit, MaxPrefixAction(action))


def read_announcements(path: Path, local: IpAddress) -> tuple[Announcement, ...]:
    """One route a line, in ExaBGP's syntax or as a bare prefix; `#` starts a comment.

    Raises ValueError with the line, and FileReadError.
    """
    routes = []
    lines = read_text(path, _LARGEST, "one route a line is wanted").splitlines()
    for number, text in enumerate(lines, 1):
        wanted = text.partition("#")[0].strip()
        if not wanted:
            continue
        syntax = wanted if " " in wanted else f"route {wanted} next-hop self"
        v4 = local if isinstance(local, IPv4Address) else IPv4Address("192.0.2.1")
        v6 = local if isinstance(local, ipaddress.IPv6Address) else ipaddress.IPv6Address("2001:db8::1")
        try:
            for route in parse_routes([syntax], next_hop_v4=v4, next_hop_v6=v6):
                routes.append(Announcement(route.family, advertised(route, (local,)), (route.key,)))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
    return tuple(routes)


def default_announcements(given: GivenOptions) -> tuple[Announcement, ...]:
    """The table that comes with turnup, where the speaker is AS8075 and no file says otherwise; else nothing."""
    return tuple(everywhere()) if given.local_as == MICROSOFT else ()


class Edge:
    """The running speaker and what it prints."""

    def __init__(self, options: EdgeOptions, write: Callable[[dict[str, Any]], None]) -> None:
        self._options = options
        self._write = write
        self._speaker: Speaker | None = None

    async def run(self, until: asyncio.Event) -> None:
        """Speak until the event is set; then close every session with a Cease. Raises LabError."""
        options, clock = self._options, Clock(asyncio.get_running_loop())
        place = HostPlace("edge", {})
        dynamic = self._anybody if options.peer is None else None
        speaker = Speaker("edge", place, clock, self._event, options.announcements, dynamic=dynamic)
        self._speaker = speaker
        try:
            where = await speaker.listen(options.listen.host, options.listen.port)
            counts = Counter(dict.fromkeys(Family, 0))
            counts.update({each.family: len(each.keys) for each in options.announcements})
            self._write(
                {
                    "event": "listening",
                    "address": str(where),
                    "localAs": options.local_as,
                    "connectionState": options.state.value,
                    "announces": {family.label: count for family, count in counts.items()},
                }
            )
            if options.peer is not None:
                speaker.add(self._config(where, options.peer))
                self._rule(str(options.peer))
            await until.wait()
        finally:
            await speaker.close(cease(Cease.ADMINISTRATIVE_SHUTDOWN, "turnup edge was stopped"))

    def _anybody(self, where: Endpoint, caller: IpAddress) -> NeighborConfig:
        config = self._config(where, caller)
        asyncio.get_running_loop().call_soon(self._rule, config.id)
        return config

    def _rule(self, session: str) -> None:
        """The operator's word stands for the validation: `--state Active` says that the peering was turned up."""
        if self._speaker is not None and self._speaker.has(session):
            active = self._options.state is ConnectionState.ACTIVE
            self._speaker.rule(session, self._options.state, session_validated=active)

    def _config(self, where: Endpoint, peer: IpAddress) -> NeighborConfig:
        options = self._options
        dial = options.peer is not None and not options.passive
        return NeighborConfig(
            id=str(peer),
            local_as=options.local_as,
            router_id=str(options.router_id),
            local_address=where.host,
            peer_address=peer,
            peer_as=options.peer_as,
            local=where,
            remote=Endpoint(peer, options.peer_port) if dial else None,
            policy=options.policy.policy(options.peer_as, peer, options.local_as),
            md5=options.md5,
            gtsm=options.gtsm,
            hold_time=options.hold_time,
            max_prefix=options.max_prefix,
        )

    def _event(self, event: SpeakerEvent) -> None:
        if isinstance(event, RoutesAnnounced):
            for found in self._verdicts(event):
                self._write(found)
            return
        told = row(event)
        if isinstance(event, RoutesWithdrawn):
            for prefix in told.pop("prefixes"):
                self._write({**told, "event": "route-withdrawn", "count": 1, "prefix": prefix})
            return
        if not isinstance(event, MalformedUpdate):
            told.pop("prefixes", None)  # of what the gate withheld: there may be a table of them
        told["connectionState"] = self._options.state.value
        self._write(told)

    def _verdicts(self, event: RoutesAnnounced) -> list[dict[str, Any]]:
        assert self._speaker is not None
        config, denied = self._speaker.config(event.session), not self._speaker.is_lifted(event.session)
        peer = Announcer(config.peer_as or 0, config.peer_address, local=config.local_address)
        common = {"time": timestamp(event.time), "session": event.session, **common_json(event.attributes.path, peer)}
        judged = ((key, verdict(event.hits_of(key), denied=denied)) for key in event.keys)
        return [route_row(event.family, key, found, common) for key, found in judged]


def print_json(told: dict[str, Any]) -> None:
    """One JSON object a line, at once."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def print_csv(told: dict[str, Any]) -> None:
    """One line of CSV, at once."""
    write_csv([cells(told, EVENTS)])
    sys.stdout.flush()


def print_text(told: dict[str, Any]) -> None:
    """The same for a person."""
    kind, when = told["event"], str(told.get("time", ""))[11:23]
    session = told.get("session", "")
    match kind:
        case "listening":
            noun = "prefix" if sum(told["announces"].values()) == 1 else "prefixes"
            counts = " and ".join(f"{count} {family}" for family, count in told["announces"].items() if count)
            text = f"AS{told['localAs']} edge listens on {told['address']}, connection state {told['connectionState']}"
            text += f"; it announces {counts} {noun} once that is Active" if counts else f"; it {_NOTHING}"
        case "bgp-state":
            text = f"BGP {told['from']} → {told['to']}  [connection {told['connectionState']}]  {told['reason']}"
        case "route":
            reasons = "".join(f"  {reason['rule']} ({reason['value']})" for reason in told["reasons"])
            text = f"route {told['prefix']}  path {told['asPath'] or '-'}  {told['verdict']}{reasons}"
        case "route-withdrawn":
            text = f"route {told['prefix']} withdrawn {told['malformed']}".rstrip()
        case "notification":
            text = f"NOTIFICATION {told['direction']}: {told['text']}"
        case "gate-withheld":
            text = f"gate withheld {told['count']} NLRI {told['direction']}: {told['reason']}"
        case "gate-lifted":
            text = f"policy lifted: {told['nlriSent']} NLRI sent, {count_of(told['routesTaken'], 'route')} taken"
        case "malformed-update":
            what = "UPDATE" if told["attribute"] is None else f"attribute {told['attribute']}"
            prefixes = f" ({', '.join(told['prefixes'])})" if told["prefixes"] else ""
            text = f"malformed {what}: {told['reason']}: {told['outcome']} [{told['clause']}]{prefixes}"
        case "prefix-limit":
            over = "more than the peer may announce" if told["level"] == "exceeded" else "near the limit"
            text = f"prefix limit {told['level']}: {told['count']} of {told['limit']}, {over}: {told['action']}"
        case "message-ignored":
            text = f"ignored: {told['reason']}"
        case "end-of-rib":
            text = f"End-of-RIB {told['family']}"
        case "unknown-peer" | "caller-refused":
            again = f", heard again from {told['again'][11:19]} on" if told["again"] else ""
            text, session = f"refused: {told['why']}{again}", told["address"]
        case _:
            text = kind
    sys.stdout.write(f"{when:<12}  {session:<18}  {text}\n")
    sys.stdout.flush()


def edge(given: GivenOptions, how: RowFormat) -> int:
    """The command: runs until a signal ends it; returns the exit code."""
    try:
        options = checked(given)
    except FileReadError as error:
        fail(USAGE, f"--announce {given.announce}: {error}")
    except ValueError as error:
        fail(USAGE, str(error))
    show = {RowFormat.json: print_json, RowFormat.csv: print_csv, RowFormat.table: print_text}[how]
    if how is RowFormat.csv:
        write_csv([[heading for heading, _ in EVENTS]])

    async def run() -> None:
        stop = asyncio.Event()
        with on_signals(stop.set):
            await Edge(options, show).run(stop)

    try:
        asyncio.run(run())
    except LabError as error:
        fail(LAB, str(error))
    return PASSED
