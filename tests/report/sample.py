"""Reports as a rehearsal would make them: one that passed, one that failed, one with many connections, one hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from typing import Any

from simulator.connection.states import ConnectionState, Flow
from simulator.report.model import GateReport, RehearsedConnection, Report
from simulator.session.messages import Family, Open
from simulator.session.states import BgpState
from simulator.views.check import Blocks, Cause, CheckView, Side, Status
from simulator.views.connection import StepView
from simulator.views.octets import Octets
from simulator.views.session import SessionView
from tests.report.wirebytes import session_segments

START = datetime(2026, 5, 4, 1, 58, 12, 204_117, tzinfo=UTC)
FINISH = 96.5


def at(seconds: float) -> float:
    return START.timestamp() + seconds


LIFE = (
    (0.412, "None", "PendingApproval", "PUT accepted: exchange connection to AS64496 at Ashburn"),
    (
        0.655,
        "PendingApproval",
        "Approved",
        "review: PeerAsn contoso is Approved, the addresses lie in the exchange LAN",
    ),
    (0.912, "Approved", "ProvisioningStarted", "the peer notified Microsoft that its BGP is configured"),
    (1.104, "ProvisioningStarted", "ProvisioningCompleted", "both sessions are configured with policy deny-all"),
    (1.105, "ProvisioningCompleted", "Validating", "end-to-end validation started"),
    (38.201, "Validating", "Active", "all blocking checks passed: deny-all lifted, profile exchange in force"),
    (82.0, "Active", "PendingRemove", "DELETE accepted"),
    (84.4, "PendingRemove", "None", "all routes withdrawn, sessions closed"),
)
FSM = (
    (1.1045, "Idle", "Connect", "ManualStart: the edge dials {peer}:179"),
    (3.21, "Connect", "OpenSent", "TCP established, OPEN sent"),
    (3.216, "OpenSent", "OpenConfirm", "OPEN received: AS64496, hold time 90, identifier 192.0.2.1"),
    (3.219, "OpenConfirm", "Established", "KEEPALIVE received"),
    (84.1, "Established", "Idle", "NOTIFICATION sent: Cease / Peer De-configured (6/3)"),
)


def life(until: int = len(LIFE), shift: float = 0.0) -> tuple[StepView, ...]:
    return tuple(moved(t + shift, old, new, why) for t, old, new, why in LIFE[:until])


def moved(seconds: float, old: str, new: str, why: str) -> StepView:
    """A step of the connection."""
    return StepView(at(seconds), ConnectionState(old), ConnectionState(new), why)


def changed(seconds: float, old: str, new: str, why: str, session: str) -> StepView:
    """A change of a session's BGP state."""
    return StepView(at(seconds), BgpState(old), BgpState(new), why, session)


def fsm(session: SessionView, shift: float = 0.0, until: int = len(FSM)) -> tuple[StepView, ...]:
    return tuple(
        changed(t + shift, old, new, why.format(peer=session.peer_address), session.id)
        for t, old, new, why in FSM[:until]
    )


def session(peer: str, local: str, bgp: BgpState = BgpState.IDLE, up: int = 1, routes: int = 1250) -> SessionView:
    counts = (routes, routes - 7, 7, 312) if routes else (0, 0, 0, 0)
    family = Family.IPV6 if ":" in peer else Family.IPV4
    return SessionView(
        id=f"{family.label}:{peer}",
        local_address=ip_address(local),
        peer_address=ip_address(peer),
        family=family,
        bgp_state=bgp,
        established_transitions=up,
        established_at=None,
        negotiated_families=frozenset(),
        negotiated_hold_time=None,
        local_open=Open(8075, 90, IPv4Address("192.0.2.254")),
        peer_open=None,
        peer_as=64496,
        dialled=None,
        last_error="",
        notifications=(),
        received=counts[0],
        accepted=counts[1],
        rejected=counts[2],
        sent=counts[3],
        rendered=counts[3],
        taken=0,
        gate_open=False,
        gate_why="",
        withheld_in=0,
        withheld_out=0,
        leaked_in=0,
        leaked_out=0,
        withdrawn_by_us=0,
        md5=False,
        gtsm=False,
    )


def check(
    id_: str,
    title: str,
    status: str,
    source: str,
    blocks: str,
    evidence: tuple[str, ...] = (),
    causes: tuple[Cause, ...] = (),
) -> CheckView:
    return CheckView(id_, title, source, Blocks(blocks), Status(status), evidence, causes)


def passed_checks() -> tuple[CheckView, ...]:
    learn = "Microsoft Learn: walkthrough-exchange-all"

    def ok(id_: str, title: str, source: str, *evidence: str) -> CheckView:
        return check(id_, title, "success", source, "active", evidence)

    return (
        ok(
            "L1",
            "The peer address answers on the exchange LAN, from one MAC",
            "simulator",
            "192.0.2.1 is-at 52:54:00:aa:00:01 (packets 3, 4)",
        ),
        check(
            "L2", "Path MTU is 1500 with DF", "success", "simulator", "warn", ("1472 octets of ICMP payload answered",)
        ),
        ok("T1", "TCP to the peer's port is open", "RFC 4271 §8", "192.0.2.1:179 open, the edge dials"),
        ok("S1", "OPEN carries the ASN of the PeerAsn", learn, "OPEN: AS64496, PeerAsn contoso: AS64496"),
        ok("S3", "Hold time is acceptable", "RFC 4271 §4.2", "hold time 90 s"),
        ok(
            "S5", "Established and stable through the soak", "simulator", "35.0 s Established, 0 flaps, 0 NOTIFICATIONs"
        ),
        ok(
            "D1",
            "Nothing sent: no NLRI left this side",
            learn,
            "gate log: 0 sent, 617 withheld",
            "capture: 0 UPDATEs with NLRI from 192.0.2.254",
        ),
        ok("D2", "Nothing taken: Loc-RIB and FIB hold nothing of this peer", learn, "Loc-RIB: 0 routes from 192.0.2.1"),
        ok("R1", "At least one route would be accepted", "simulator", "1,243 of 1,250 would be accepted"),
        check(
            "R3",
            "No route has a prefix longer than /24",
            "failure",
            "BCP 194 (RFC 7454 §6.1.3)",
            "warn",
            ("203.0.113.128/25 rejected: prefix too long (1101:1)",),
            (
                Cause(
                    "prefix-too-long",
                    "the peer announces more specific prefixes than /24",
                    "ip prefix-list TO-MS seq 5 deny 0.0.0.0/0 ge 25",
                    Side.PEER,
                    explains=("R3",),
                    remedy_language="frr",
                    rank=50,
                ),
            ),
        ),
        check(
            "S6",
            "Both sessions of a redundant connection are up",
            "skipped",
            "simulator",
            "active",
            ("the connection is not redundant",),
        ),
        check(
            "A3",
            "The lift cost no session reset",
            "success",
            "RFC 4271 §8.2.2",
            "rehearsal",
            ("0 resets, 0 NOTIFICATIONs, 0 withdraws",),
        ),
    )


def connection(number: int, shift: float = 0.0) -> RehearsedConnection:
    sessions = (
        session(f"192.0.2.{number}", "192.0.2.254"),
        session(f"2001:db8:42::{number:x}", "2001:db8:42::ffff", routes=312),
    )
    return RehearsedConnection(
        id=f"ash-{number}",
        peering="contoso-ashburn",
        peer="Contoso",
        peer_as=64496,
        kind=Flow.EXCHANGE,
        profile="exchange",
        connection_state=ConnectionState.NONE,
        shown_state=ConnectionState.NONE,
        error_message="",
        sessions=sessions,
        timeline=(*life(shift=shift), *fsm(sessions[0], shift), *fsm(sessions[1], shift + 0.35)),
        checks=tuple(each for each in passed_checks() if number % 2 or each.id != "R3"),
    )


REMEDY = """neighbor 192.0.2.254 {
    local-as 64496;     # the ASN of PeerAsn contoso
    peer-as 8075;
}"""


LOCAL_AS = Cause(
    "local-as-wrong",
    "the router speaks for another AS than the PeerAsn's, AS64496: OPEN carries AS64511",
    REMEDY,
    Side.PEER,
    explains=("S1", "S5"),
    evidence=("OPEN from 192.0.2.2: AS64511; the PeerAsn is AS64496",),
    remedy_language="openbgpd",
    rank=1,
)


def failed_connection(number: int = 2) -> RehearsedConnection:
    whole = connection(number)
    sessions = (
        replace(
            whole.sessions[0],
            bgp_state=BgpState.ACTIVE,
            established_transitions=0,
            received=0,
            accepted=0,
            rejected=0,
            sent=0,
        ),
        replace(whole.sessions[1], bgp_state=BgpState.ESTABLISHED, received=0, accepted=0, rejected=0, sent=0),
    )
    flaps: list[StepView] = []
    for turn in range(4):
        base = 1.1045 + turn * 9
        for delay, old, new, why in (
            (0.0, "Active" if turn else "Idle", "Connect", "ConnectRetryTimer expired" if turn else "ManualStart"),
            (0.004, "Connect", "OpenSent", "TCP established, OPEN sent"),
            (
                0.011,
                "OpenSent",
                "Idle",
                "NOTIFICATION sent: OPEN Message Error / Bad Peer AS (2/2): AS64511, not AS64496",
            ),
            (4.0, "Idle", "Active", "IdleHoldTimer expired: waits to be dialled"),
        ):
            flaps.append(changed(base + delay, old, new, why, sessions[0].id))
    checks = (
        check(
            "S1",
            "OPEN carries the ASN of the PeerAsn",
            "failure",
            "Microsoft Learn: walkthrough-exchange-all",
            "active",
            ("OPEN from 192.0.2.2: AS64511, PeerAsn contoso: AS64496 (packet 41)", "4 times in 36 s, never otherwise"),
            (
                LOCAL_AS,
                Cause(
                    "two-macs",
                    "two devices answer for 192.0.2.2",
                    "find the second device that answers for 192.0.2.2 and remove the address from it",
                    Side.LINK,
                    explains=("S1", "S5"),
                    evidence=("52:54:00:aa:00:01, 52:54:00:aa:00:02 answer for 192.0.2.2",),
                    rank=2,
                ),
            ),
        ),
        check(
            "S5",
            "Established and stable through the soak",
            "failure",
            "simulator",
            "active",
            ("IPv4: 0 of 35 s Established, 4 NOTIFICATIONs sent",),
            (LOCAL_AS,),
        ),
        check(
            "D3",
            "Nothing arrived: the peer's own table holds nothing of ours",
            "error",
            "simulator",
            "active",
            ("birdc: Unable to connect to server control socket",),
        ),
        check("R1", "At least one route would be accepted", "unset", "simulator", "active"),
        *(each for each in passed_checks() if each.id in ("L1", "L2", "T1", "R3", "S6", "D1")),
    )
    last = moved(61.5, "Validating", "ProvisioningFailed", "validation failed: S1, S5, D3")
    return replace(
        whole,
        connection_state=ConnectionState.PROVISIONING_FAILED,
        shown_state=ConnectionState.PROVISIONING_FAILED,
        sessions=sessions,
        timeline=(*life(5), last, *flaps, *fsm(sessions[1], 0.35, until=4)),
        checks=checks,
        error_message="Session validation failed: S1 OPEN carries the ASN of the PeerAsn",
    )


def segments() -> tuple[Octets, ...]:
    start = START.timestamp()
    return (
        *session_segments(start + 3.2, "192.0.2.254", "192.0.2.1", port=40001),
        *session_segments(start + 3.5, "2001:db8:42::ffff", "2001:db8:42::1", port=40002),
    )


def passed_report() -> Report:
    connections = (connection(1), connection(2, shift=0.6))
    return Report(
        topology="topologies/exchange-ashburn.yaml",
        outcome="passed",
        started=at(0),
        finished=at(FINISH),
        link="loopback",
        router={"Contoso": "BIRD 2.0.12", "AS8075 edge": "turnup 0.1.0 (ExaBGP 5.0.15 wire)"},
        connections=connections,
        gate=GateReport(0, 0, 1234),
        events=tuple(
            {
                "time": entry.time,
                "axis": entry.axis,
                "from": str(entry.from_),
                "to": str(entry.to),
                "reason": entry.reason,
            }
            for item in connections
            for entry in item.timeline
        ),
        segments=segments(),
        notes=("Exchange LAN 192.0.2.0/24 is documentation space: the bogon rule for it is off.",),
    )


def failed_report() -> Report:
    return replace(passed_report(), outcome="failed", connections=(connection(1), failed_connection(2)))


def fault_report() -> Report:
    """A rehearsed fault that came out as the topology expects."""
    wanted = replace(failed_connection(), expected_state=ConnectionState.PROVISIONING_FAILED, expected_failures=("S1",))
    return replace(passed_report(), connections=(wanted,))


def warned_report() -> Report:
    """A rehearsal that passed, with what will bite later on its first connection."""
    short = Cause(
        "hold-time-short",
        "the hold time agreed is short: a busy router may flap (OPEN offers a hold time of 6 s; agreed are 6 s)",
        "protocol bgp ms_v4 {\n    hold time 90;\n}",
        Side.PEER,
        explains=("S3",),
        evidence=("OPEN offers a hold time of 6 s; agreed are 6 s",),
        remedy_language="bird",
        rank=40,
    )
    warning = check("S3", "The hold time is acceptable", "failure", "RFC 4271 §4.2", "warn", short.evidence, (short,))
    first = connection(1)
    checks = (warning, *(each for each in first.checks if each.id != "S3"))
    return replace(passed_report(), connections=(replace(first, checks=checks), connection(2)))


def two_mistakes_report(count: int = 1) -> Report:
    """Two independent mistakes on each of some connections, and a warning."""
    warning = warned_report().connections[0].checks[0]
    broken = (failed_connection(number) for number in range(2, 2 + count))
    connections = tuple(replace(each, checks=(*each.checks, warning)) for each in broken)
    return replace(passed_report(), outcome="failed", connections=connections)


def many_report(count: int = 40) -> Report:
    connections = tuple(
        replace(failed_connection(n), peer=f"Peer {n}")
        if n in (17, 31)
        else replace(connection(n, n / 50), peer=f"Peer {n}")
        for n in range(1, count + 1)
    )
    return replace(passed_report(), outcome="failed", connections=connections)


def broken_report() -> Report:
    """The lab failed before any connection was made."""
    return replace(
        passed_report(),
        outcome="error",
        connections=(),
        segments=(),
        events=(),
        gate=GateReport(0, 0, 0),
        errors=(
            "bird: not found in PATH; apt install bird2, or choose router: gobgp for peer Contoso",
            "nothing was started",
        ),
    )


HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</title></style></svg></pre><h1>owned</h1>",
    "{{ 7 * 7 }}{% raw %}&amp;<!-- ]]>",
    "line one\nline two\r\nline three\ttab",
    "\x00\x01\x1b[31mred\x07\x7f\x9b2J\ud800\ufffe\u2028\u202eevil",
    "A" * 10_000,
    "",
)


def hostile_report(text: str) -> Report:
    """Every string of a report is the given one, wherever a string may be anything."""
    cause = Cause(text, text, text, explains=(text,), evidence=(text,), remedy_language=text)
    bad = CheckView(text, text, text, Blocks.ACTIVE, Status.FAILURE, (text, text), (cause, cause))
    checks = (
        bad,
        replace(bad, status=Status.ERROR),
        replace(bad, status=Status.SKIPPED),
        replace(bad, blocks=Blocks.WARN),
        replace(bad, status=Status.SUCCESS),
        replace(bad, status=Status.UNSET),
    )
    changes = (
        moved(1, "Validating", "Active", text),
        changed(1, "Idle", "Connect", text, text),
        changed(2, "Idle", "Active", text, "no such session"),
    )
    sessions = (replace(session("192.0.2.1", "192.0.2.254"), id=text, last_error=text, gate_why=text),)
    item = replace(
        connection(1),
        id=text,
        peering=text,
        peer=text,
        profile=text,
        sessions=sessions,
        timeline=changes,
        checks=checks,
        error_message=text,
    )
    other = replace(item, id=f"{text}2", checks=tuple(replace(check, causes=()) for check in checks))
    anything: dict[str, Any] = {"text": text, text: float("nan"), "object": object(), "nested": [{1: {2}}]}
    return Report(
        topology=text,
        outcome="failed",
        started=at(0),
        finished=at(3),
        link=text,
        router={text: text},
        connections=(item, item, other),
        gate=GateReport(1, 2, 3),
        errors=(text, text),
        events=(anything,),
        segments=(Octets(float("nan"), text, 1, text, 179, b"x"),),
        capture="",
        notes=(text,),
    )
