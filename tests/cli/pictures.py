"""The live view and the summary of made-up rehearsals, as text: what the snapshots beside it hold.

`python -m tests.cli.pictures` writes the snapshots anew; look at the difference before it is committed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from simulator.cli.summary import summary_lines
from simulator.cli.view import LiveView
from simulator.connection.connection import ConnectionTransition
from simulator.connection.states import Actor, ConnectionEvent, ConnectionState, Flow
from simulator.diagnosis.causes import BY_ID
from simulator.engine.log import CheckEnded, ConnectionMoved, Event, Remark
from simulator.gate import Direction, Withheld
from simulator.peer.events import BgpStateChanged, GateMoved, GateWithheld, NotificationExchanged
from simulator.report.model import GateReport, RehearsedConnection, Report
from simulator.session.messages import Notification, Open
from simulator.session.outputs import BgpTransition, NotificationSeen
from simulator.session.states import BgpState
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology
from simulator.views.check import Blocks, Cause, CheckView, Side, Status
from simulator.views.connection import StepView
from simulator.views.session import SessionView
from tests.topologies import build, document

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES: Final = (4, 50)
WIDTHS: Final = (60, 80, 120)
PHASES: Final = ("running", "failed", "passed", "warned")
HEIGHT: Final = 40
_LASTING = 14
"""Lines above the picture that a snapshot keeps."""

C, B, E = ConnectionState, BgpState, ConnectionEvent
_LIFE: Final = (
    (C.NONE, C.PENDING_APPROVAL, E.REQUESTED, "the peer requested a peering at Equinix Ashburn"),
    (
        C.PENDING_APPROVAL,
        C.APPROVED,
        E.APPROVED,
        "the PeerAsn is Approved and both addresses lie in the exchange's LAN",
    ),
    (C.APPROVED, C.PROVISIONING_STARTED, E.NOTIFIED, "the peer notified Microsoft that its sessions are configured"),
    (C.PROVISIONING_STARTED, C.PROVISIONING_COMPLETED, E.PROVISIONED, "both sessions are configured with DENY ALL"),
    (C.PROVISIONING_COMPLETED, C.VALIDATING, E.VALIDATION_STARTED, "the end-to-end validation started"),
)
_PASSED: Final = (C.VALIDATING, C.ACTIVE, E.VALIDATION_PASSED, "every blocking check passed: the policy is lifted")
_FAILED: Final = (
    C.VALIDATING,
    C.PROVISIONING_FAILED,
    E.VALIDATION_FAILED,
    "S2 IPv4 206.126.239.200 with 206.126.236.17: the router speaks for another AS than the PeerAsn's, AS64496: OPEN "
    "carries AS64511",
)
_REMOVED: Final = (
    (C.ACTIVE, C.PENDING_REMOVE, E.DEPROVISION_REQUESTED, "the peer asked for deprovisioning"),
    (C.PENDING_REMOVE, C.NONE, E.REMOVED, "every route is withdrawn, the sessions are closed"),
)
_UP: Final = (
    (B.IDLE, B.CONNECT, "AutomaticStart: the edge dials port 179"),
    (B.CONNECT, B.OPEN_SENT, "TCP is up, OPEN sent"),
    (B.OPEN_SENT, B.OPEN_CONFIRM, "OPEN received: AS64496, hold time 90 s, four-octet AS, route refresh"),
    (B.OPEN_CONFIRM, B.ESTABLISHED, "KEEPALIVE received"),
)
_REFUSED: Final = (B.OPEN_SENT, B.IDLE, "NOTIFICATION sent: 2/2 OPEN Message Error: Bad Peer AS")


def topology(connections: int) -> Topology:
    """So many connections: each peer has one to each of the two edges."""
    found: dict[str, Any] = document()
    (peer,), (peering,) = found["peers"], found["peerings"]
    found["peers"], found["peerings"] = [], []
    for number in range(connections // 2):
        name = "contoso" if not number else f"member-{number:02}"
        ends = {"ipv4": f"206.126.239.{200 + number}", "ipv6": f"2001:504:0:2:0:6:4496:{number + 1:x}"}
        found["peers"].append({**peer, "name": name, "asn": 64496 + number % 15, **ends})
        found["peerings"].append({**peering, "name": f"{name}-ashburn", "peer": name})
    return build(found)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a made-up rehearsal tells, and its report."""

    events: list[Event]
    report: Report


def rehearsed(lab: Topology, phase: str) -> Rehearsed:
    """`running`: in the middle; `failed`: every 12th connection fails, of two mistakes; `passed`: all are removed at
    the end; `warned`: so too, and every third one will be bitten later."""
    by_connection: dict[str, list[SessionPlan]] = {}
    for plan in plans(lab):
        by_connection.setdefault(plan.connection, []).append(plan)
    events: list[Event] = [Remark(0.0, "the lab is built: 2 edges, simulated routers")]
    connections = []
    for number, (name, sessions) in enumerate(by_connection.items()):
        broken = phase in ("running", "failed") and number % 12 == 1
        warns = phase == "warned" and number % 3 == 0
        until = number % 7 if phase == "running" and not broken else 9
        told = list(_life(name, sessions, until, float(number), broken=broken, warns=warns))
        events += told
        connections.append(_connection(name, sessions, broken, told))
    gate = GateReport(0, 0, 12 * len(by_connection))
    outcome = "failed" if phase == "failed" else "passed"
    return Rehearsed(
        events,
        Report(
            lab.name, "failed" if outcome == "failed" else "passed", 0, 60, "loopback", {}, tuple(connections), gate
        ),
    )


def _life(
    name: str, sessions: list[SessionPlan], until: int, when: float, *, broken: bool, warns: bool
) -> Iterator[Event]:
    for number, step in enumerate(_LIFE[:until]):
        yield _moved(name, when + number / 10, *step)
    if until < len(_LIFE):
        return
    for plan in sessions:
        for number, (source, target, why) in enumerate(_UP[: 2 if broken else 4]):
            yield BgpStateChanged(plan.id, BgpTransition(when + 1 + number / 10, source, target, why))
        if broken:
            yield NotificationExchanged(plan.id, NotificationSeen(when + 1.5, True, Notification(2, 2)))
            yield BgpStateChanged(plan.id, BgpTransition(when + 1.5, *_REFUSED))
        else:
            for _ in range(6):
                held = Withheld(
                    when + 1.6, Direction.OUT, plan.family.label, (b"\x08\x0a",) * 2, "connection Validating: DENY ALL"
                )
                yield GateWithheld(plan.id, held)
    checks = failed_checks(sessions[0]) if broken else passed_checks()
    for check in [*checks, *(warned_checks(sessions[0]) if warns else [])]:
        yield CheckEnded(when + 2, name, check)
    yield _moved(name, when + 2.1, *(_FAILED if broken else _PASSED))
    if broken:
        return
    for plan in sessions:
        yield GateMoved(plan.id, when + 2.1, True, 5, 3)
    if until > 6:
        for number, step in enumerate(_REMOVED):
            yield _moved(name, when + 3 + number / 10, *step)


def _moved(
    name: str, when: float, source: ConnectionState, target: ConnectionState, event: ConnectionEvent, why: str
) -> ConnectionMoved:
    return ConnectionMoved(name, ConnectionTransition(when, source, target, event, Actor.AUTOMATION, why, "doc"))


def passed_checks() -> list[CheckView]:
    titles = {
        "T1": "TCP to the peer's BGP port is up",
        "S1": "The peer sends an OPEN",
        "S2": "The OPEN carries the ASN of the PeerAsn",
        "D1": "Nothing is sent while the policy is DENY ALL",
        "R1": "At least one route would be accepted",
    }
    sound = [
        CheckView(id_, title, "RFC 4271", Blocks.ACTIVE, Status.SUCCESS, ("seen",)) for id_, title in titles.items()
    ]
    lan = CheckView(
        "L1", "The peer answers on the LAN", "simulator", Blocks.ACTIVE, Status.SKIPPED, ("no LAN on loopback",)
    )
    return [lan, *sound]


def failed_checks(plan: SessionPlan) -> list[CheckView]:
    causes = (
        Cause(
            "local-as-wrong",
            f"the router speaks for another AS than the PeerAsn's, AS{plan.peer.asn}: OPEN carries AS64511",
            f"router bgp 64496\n neighbor {plan.edge_address} remote-as 8075\n no bgp confederation",
            explains=("S2",),
            evidence=(f"OPEN carries AS64511; the PeerAsn is AS{plan.peer.asn}",),
            remedy_language="frr",
            rank=1,
            shared=BY_ID["local-as-wrong"].of_several,
        ),
        Cause(
            "two-macs",
            f"two devices answer for {plan.peer_address}",
            f"find the second device that answers for {plan.peer_address} and remove the address from it",
            Side.LINK,
            explains=("S2",),
            evidence=(f"52:54:00:aa:00:01, 52:54:00:aa:00:02 answer for {plan.peer_address}",),
            rank=2,
            shared=BY_ID["two-macs"].of_several,
        ),
    )
    seen = (f"{plan.family.label} {plan.peer_address}: OPEN with AS64511, 4 times in 30 s, and never with another ASN",)
    wrong = CheckView(
        "S2", "The OPEN carries the ASN of the PeerAsn", "Microsoft Learn", Blocks.ACTIVE, Status.FAILURE, seen, causes
    )
    rest = CheckView(
        "R1",
        "At least one route would be accepted",
        "simulator",
        Blocks.ACTIVE,
        Status.SKIPPED,
        ("rests on S2",),
        (),
        ("S2",),
    )
    return [*(check for check in passed_checks() if check.id in ("L1", "T1", "S1")), wrong, rest]


def warned_checks(plan: SessionPlan) -> list[CheckView]:
    cause = Cause(
        "hold-time-short",
        "the hold time agreed is short: a busy router may flap (OPEN offers a hold time of 6 s; agreed are 6 s)",
        f"configure a hold time of 90 s for neighbor {plan.edge_address} (at least 9 s)",
        explains=("S3",),
        evidence=("OPEN offers a hold time of 6 s; agreed are 6 s",),
        rank=40,
        shared=BY_ID["hold-time-short"].of_several,
    )
    title = "The hold time is acceptable"
    return [CheckView("S3", title, "RFC 4271 §4.2", Blocks.WARN, Status.FAILURE, cause.evidence, (cause,))]


def _connection(name: str, sessions: list[SessionPlan], broken: bool, told: list[Event]) -> RehearsedConnection:
    timeline = [StepView.of_connection(event.transition) for event in told if isinstance(event, ConnectionMoved)]
    timeline += [StepView.of_session(e.session, e.transition) for e in told if isinstance(e, BgpStateChanged)]
    checks = [event.result for event in told if isinstance(event, CheckEnded)]
    state = next((s.to for s in reversed(timeline) if isinstance(s.to, ConnectionState)), ConnectionState.NONE)
    return RehearsedConnection(
        id=name,
        peering=sessions[0].peering,
        kind=Flow.EXCHANGE,
        profile="exchange",
        peer=sessions[0].peer.name,
        peer_as=sessions[0].peer.asn,
        connection_state=state,
        shown_state=state,
        error_message=_FAILED[3] if broken else "",
        sessions=tuple(_session(plan, broken) for plan in sessions),
        timeline=tuple(sorted(timeline, key=lambda step: step.time)),
        checks=tuple(checks),
    )


def _session(plan: SessionPlan, broken: bool) -> SessionView:
    received, accepted, sent = (0, 0, 0) if broken else (1250, 1243, 312)
    return SessionView(
        id=plan.id,
        local_address=plan.edge_address,
        peer_address=plan.peer_address,
        family=plan.family,
        bgp_state=B.IDLE,
        established_transitions=0 if broken else 1,
        established_at=None,
        negotiated_families=frozenset(),
        negotiated_hold_time=None,
        local_open=Open(8075, 90, plan.edge.identifier),
        peer_open=None,
        peer_as=plan.peer.asn,
        dialled=None,
        last_error="",
        notifications=(),
        received=received,
        accepted=accepted,
        rejected=received - accepted,
        sent=sent,
        rendered=sent,
        taken=accepted,
        gate_open=False,
        gate_why="",
        withheld_in=0,
        withheld_out=0,
        leaked_in=0,
        leaked_out=0,
        withdrawn_by_us=0,
        md5=False,
        gtsm=False,
        edge=plan.edge.name,
    )


def console(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, height=HEIGHT, force_terminal=True, color_system=None)


def live(lab: Topology, events: list[Event], width: int) -> tuple[list[Text], list[Text]]:
    """The lines that stay, and the picture below them."""
    clock = [0.0]
    view = LiveView(lab, console(width), lambda: clock[0])
    for event in events:
        view.take(event)
    clock[0] = 12.5
    return view.lasting(), view.picture()


def picture(size: int, width: int, phase: str) -> str:
    """What a terminal of this width shows at last."""
    lab = topology(size)
    found = rehearsed(lab, phase)
    lasting, shown = live(lab, found.events, width)
    lines = lasting[-_LASTING:] + (shown if phase == "running" else summary_lines(console(width), found.report))
    return "".join(f"{line.plain.rstrip()}\n" for line in lines)


def path(size: int, width: int, phase: str) -> Path:
    return SNAPSHOTS / f"{phase}-{size}-connections-{width}-columns.txt"


def main() -> None:
    SNAPSHOTS.mkdir(exist_ok=True)
    for size in SIZES:
        for width in WIDTHS:
            for phase in PHASES:
                path(size, width, phase).write_text(picture(size, width, phase), encoding="utf-8")


if __name__ == "__main__":
    main()
