"""A whole rehearsal, on loopback with the simulated peer and in namespaces with a real BIRD."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.engine.edges import Edges
from simulator.engine.log import ConnectionMoved, Event
from simulator.engine.validating import Validator
from simulator.peer.events import BgpStateChanged, GateMoved, NotificationExchanged
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.report.model import Report
from simulator.routers.bird.adapter import Bird
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.topology.as8075 import table
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView, Status
from tests.lab_support import require_bird
from tests.patience import PATIENCE
from tests.topologies import build, document

IPV4, IPV6 = (sum((":" in row.prefix) is six for row in table().prefixes) for six in (False, True))
"""How many prefixes AS8075 announces where the topology chooses none."""
LIFE = (
    "PendingApproval",
    "Approved",
    "ProvisioningStarted",
    "ProvisioningCompleted",
    "Validating",
    "Active",
    "PendingRemove",
    "None",
)


def rehearsal(found: dict[str, Any], kind: LinkKind = LinkKind.LOOPBACK) -> Rehearsal:
    return Rehearsal(build(found), kind, record_octets=True)


async def run(found: dict[str, Any], kind: LinkKind = LinkKind.LOOPBACK) -> tuple[Rehearsal, Report]:
    played = rehearsal(found, kind)
    report = await asyncio.wait_for(played.run(), 60)
    return played, report


def checks(report: Report, connection: int = 0) -> dict[str, CheckView]:
    return {check.id: check for check in report.connections[connection].checks}


def failing(report: Report) -> list[list[str]]:
    return [[c.id for c in connection.checks if c.status is Status.FAILURE] for connection in report.connections]


async def test_the_documented_life_cycle_on_real_sessions() -> None:
    _, report = await run(document())
    assert report.outcome == "passed", report.errors
    assert [tuple(map(str, connection.reached)) for connection in report.connections] == [LIFE, LIFE]
    for connection in report.connections:
        assert {check.status for check in connection.checks} == {Status.SUCCESS, Status.SKIPPED}
        assert [check.id for check in connection.checks if check.status is Status.SKIPPED] == ["L1", "A2"]
        by_family = {session.family: session for session in connection.sessions}
        assert (by_family[Family.IPV4].received, by_family[Family.IPV4].accepted, by_family[Family.IPV4].sent) == (
            3,
            3,
            IPV4,
        )
        assert (by_family[Family.IPV6].received, by_family[Family.IPV6].accepted, by_family[Family.IPV6].sent) == (
            2,
            2,
            IPV6,
        )
        assert all(session.established_transitions == 1 for session in connection.sessions)
        assert all(session.bgp_state is BgpState.IDLE for session in connection.sessions)
    assert (report.gate.nlri_sent_while_denied, report.gate.routes_taken_while_denied) == (0, 0)
    assert report.gate.nlri_withheld == 2 * (IPV4 + IPV6 + 3 + 2)
    assert report.segments, "the wire was recorded"


async def test_what_happens_happens_in_order() -> None:
    played, _ = await run(document())
    story = [event for event in played.log.entries if _of_first_session(event)]
    words = [_word(event) for event in story]
    assert words == [
        *("PendingApproval", "Approved", "ProvisioningStarted"),
        *("bgp Connect", "ProvisioningCompleted", "Validating"),
        *("bgp OpenSent", "bgp OpenConfirm", "bgp Established"),
        *("Active", "lifted", "PendingRemove", "denied", "notification 6/2", "bgp Idle", "None"),
    ]


def _of_first_session(event: Event) -> bool:
    session = "contoso-ashburn/ash-edge-1/ipv4"
    match event:
        case ConnectionMoved(connection, _):
            return connection == "contoso-ashburn/ash-edge-1"
        case BgpStateChanged() | GateMoved() | NotificationExchanged():
            return event.session == session
        case _:
            return False


def _word(event: Event) -> str:
    match event:
        case ConnectionMoved(_, step):
            return step.target.value
        case BgpStateChanged(_, change):
            return f"bgp {change.target.value}"
        case GateMoved():
            return "lifted" if event.is_open else "denied"
        case NotificationExchanged(_, seen):
            return f"notification {seen.notification.code}/{seen.notification.subcode}"
        case _:
            raise AssertionError(event)


FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("wrong local AS", {"peer-side": {"asn": 64497}}, "S1", "local-as-wrong"),
    ("wrong remote AS", {"peer-side": {"remote-as": 8076}}, "S1", "remote-as-wrong"),
    ("IPv6 session missing", {"peer-side": {"families": ["IPv4"]}}, "T1", "session-missing"),
    ("MD5 at Microsoft only", {"md5": "k", "peer-side": {"md5": ""}}, "T1", "md5-missing"),
    ("max-prefix exceeded", {"max-prefixes": {"ipv4": 2}}, "R2", "too-many"),
]


@pytest.mark.parametrize(("name", "change", "check", "cause"), FAULTS, ids=[case[0] for case in FAULTS])
async def test_a_fault_ends_in_provisioning_failed_with_its_cause(
    name: str, change: dict[str, Any], check: str, cause: str
) -> None:
    found = document()
    found["times"]["deadline"] = 1.5
    found["peerings"][0] |= change
    _, report = await run(found)
    assert report.outcome == "failed"
    assert [each[0] for each in failing(report)] == [check] * 2
    for connection in report.connections:
        assert connection.connection_state is ConnectionState.PROVISIONING_FAILED
        assert connection.error_message.startswith(check)
        assert next(c for c in connection.checks if c.id == check).causes[0].id == cause
    assert report.gate.nlri_sent_while_denied == report.gate.routes_taken_while_denied == 0


async def test_an_expected_fault_passes() -> None:
    found = document()
    found["times"]["deadline"] = 1.5
    found["peerings"][0] |= {
        "peer-side": {"asn": 64497},
        "expect": {"state": "ProvisioningFailed", "failing-checks": ["S1"]},
    }
    _, report = await run(found)
    assert report.outcome == "passed", report.errors
    found["peerings"][0]["expect"]["failing-checks"] = ["R2"]
    _, report = await run(found)
    assert report.outcome == "failed"
    assert "R2 was expected to fail and did not" in report.errors[0]


async def test_unexpected_counts_fail_the_rehearsal() -> None:
    found = document()
    found["peerings"][0]["expect"]["accepted"] = 4
    _, report = await run(found)
    assert report.outcome == "failed"
    assert report.errors[0] == "contoso-ashburn/ash-edge-1/ipv4: 3 routes accepted, expected 4"
    assert [tuple(map(str, connection.reached)) for connection in report.connections] == [LIFE, LIFE]


async def test_a_peer_asn_that_is_not_approved_is_refused_before_anything_starts() -> None:
    found = document()
    found["peers"][0]["asn-state"] = "Pending"
    played, report = await run(found)
    assert report.outcome == "failed"
    assert all("the PeerAsn is not Approved yet" in error for error in report.errors)
    assert not any(isinstance(event, BgpStateChanged) for event in played.log.entries)


async def test_documentation_prefixes_are_bogons_unless_the_lab_says_otherwise() -> None:
    found = document()
    found["times"]["deadline"] = 1.5
    del found["policy"]["rules"]["bogon-prefix"]
    found["peerings"][0]["expect"] = {}
    _, report = await run(found)
    assert failing(report) == [["R1", "R3.bogon-prefix"]] * 2
    assert checks(report)["R1"].causes[0].id == "bogon-prefix"


async def test_two_peers_and_two_rehearsals_at_once() -> None:
    found = document()
    found["peers"].append(
        {
            "name": "fabrikam",
            "asn": 64511,
            "ipv4": "206.126.239.201",
            "announce": ["route 192.0.2.128/25 next-hop self"],
        }
    )
    found["peerings"].append({"name": "fabrikam", "peer": "fabrikam", "families": ["IPv4"]})
    found["policy"]["rules"]["prefix-too-long"] = False
    (_, one), (_, two) = await asyncio.gather(run(found), run(found))
    assert [one.outcome, two.outcome] == ["passed", "passed"], (one.errors, two.errors)
    assert len(one.connections) == 4


async def test_20000_routes_both_ways() -> None:
    found = document()
    many = {"generate": {"within": "41.0.0.0/8", "length": 24, "count": 20000}}
    found["peers"][0]["announce"] = [many, {"prefixes": ["2001:db8::/32"]}]
    found["microsoft"]["announce"] = [{"generate": {"within": "101.0.0.0/8", "length": 24, "count": 20000}}]
    found["peerings"][0] |= {"expect": {"accepted": 20000}, "max-prefixes": {"ipv4": 20000}}
    _, report = await run(found)
    assert report.outcome == "passed", report.errors
    session = report.connections[0].sessions[0]
    assert (session.received, session.accepted, session.sent) == (20000, 20000, 20000)


async def test_cancelling_takes_the_lab_down() -> None:
    found = document()
    found["times"]["soak"] = 600
    found["times"]["deadline"] = 1200
    played = rehearsal(found)
    up = asyncio.Event()
    played.log.subscribe(lambda event: up.set() if _is_up(event) else None)
    task = asyncio.ensure_future(played.run())
    await asyncio.wait_for(up.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ended = [e for e in played.log.entries if isinstance(e, NotificationExchanged) and e.seen.sent]
    assert {str(event.seen.notification)[:3] for event in ended} == {"6/2"}, "every session was closed with a Cease"
    assert not played.network.site.directory.exists()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_defect_in_the_workflow_ends_the_rehearsal_with_every_session_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(self: Validator, record: ConnectionRecord) -> list[CheckView]:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Validator, "validate", broken)
    played = rehearsal(document())
    with pytest.raises(ZeroDivisionError, match="a defect"):
        await asyncio.wait_for(played.run(), PATIENCE)
    assert not any(isinstance(event, GateMoved) for event in played.log.entries)
    assert not played.network.site.directory.exists()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_sessions_that_cannot_be_configured_are_the_labs_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Edges, plan: SessionPlan) -> None:
        raise LabError("the edge has no room for another session")

    monkeypatch.setattr(Edges, "provision", full)
    _, report = await run(document())
    assert (report.outcome, report.errors[0]) == ("error", "the edge has no room for another session")
    assert {str(connection.connection_state) for connection in report.connections} <= {"ProvisioningFailed"}


def _is_up(event: Event) -> bool:
    return isinstance(event, BgpStateChanged) and event.transition.target is BgpState.ESTABLISHED


# --- a real BIRD ---


def bird_document() -> dict[str, Any]:
    require_bird()
    found = document("exchange-bird")
    found["times"] = {"soak": 1, "deadline": 30, "active": 1}
    return found


class Watcher:
    """Asks BIRD itself, at the moments that matter, while a rehearsal runs."""

    def __init__(self, played: Rehearsal) -> None:
        self.played = played
        self._moments: asyncio.Queue[ConnectionState] = asyncio.Queue()
        self._established = asyncio.Event()
        played.log.subscribe(self._take)

    def _take(self, event: Event) -> None:
        if isinstance(event, ConnectionMoved) and event.connection.endswith("ash-edge-1"):
            self._moments.put_nowait(event.transition.target)
        if _is_up(event) and isinstance(event, BgpStateChanged) and event.session.endswith("ash-edge-1/ipv4"):
            self._established.set()

    async def reached(self, state: ConnectionState) -> None:
        while await asyncio.wait_for(self._moments.get(), PATIENCE) is not state:
            pass

    async def established(self) -> None:
        await asyncio.wait_for(self._established.wait(), PATIENCE)

    @property
    def bird(self) -> Bird:
        router = self.played.network.peers.router("contoso")
        assert isinstance(router, Bird)
        return router

    async def since(self) -> str:
        return (await self.bird.sessions())[0].since

    async def count(self, session: str = "contoso-ashburn/ash-edge-1/ipv4") -> int:
        return len(await self.bird.received(session))


@pytest.mark.privileged
@pytest.mark.router
async def test_birdc_sees_nothing_before_active_all_after_and_an_unbroken_session() -> None:
    played = rehearsal(bird_document(), LinkKind.NETNS)
    watcher = Watcher(played)
    task = asyncio.ensure_future(played.run())
    await watcher.reached(ConnectionState.VALIDATING)
    await watcher.established()
    before, since = await watcher.count(), await watcher.since()
    shown = await watcher.bird.command("show route where source = RTS_BGP")
    await watcher.reached(ConnectionState.ACTIVE)
    counts = [await watcher.count()]
    while counts[-1] != 5:
        counts.append(await watcher.count())
    after = await watcher.since()
    report = await asyncio.wait_for(task, 60)
    assert (before, shown.strip()) == (0, "")
    assert since == after, "the session was not reset by the lift"
    assert report.outcome == "passed", report.errors
    assert checks(report)["D1"].evidence[1].partition(": ")[2].startswith("gap-free capture")
    assert [tuple(map(str, connection.reached)) for connection in report.connections] == [LIFE, LIFE]
    assert report.router["contoso"].startswith("BIRD 2")


@pytest.mark.privileged
@pytest.mark.router
async def test_md5_and_gtsm_with_bird_and_each_at_one_end_only() -> None:
    found = bird_document()
    found["times"] = {"soak": 0.5, "deadline": 6}
    found["peerings"][0] |= {"md5": "s3cret", "gtsm": True}
    _, report = await run(found, LinkKind.NETNS)
    assert report.outcome == "passed", report.errors
    found["times"]["deadline"] = 4
    for change, check, cause in (
        ({"peer-side": {"md5": "other"}}, "T1", "md5"),
        ({"md5": None, "peer-side": {"md5": "s3cret"}}, "T1", "md5-not-agreed"),
        ({"md5": None, "gtsm": False, "peer-side": {"gtsm": True}}, "S5", "gtsm-at-peer"),
    ):
        wrong = found | {"peerings": [found["peerings"][0] | change]}
        _, report = await run(wrong, LinkKind.NETNS)
        assert [each[0] for each in failing(report)] == [check] * 2, change
        assert checks(report)[check].causes[0].id == cause
        assert "s3cret" not in repr(report), "keys stay out of reports"


async def _bird_killed_at(moment: Callable[[Watcher], Any]) -> tuple[Rehearsal, Report]:
    found = bird_document()
    found["times"] = {"soak": 1, "deadline": 5, "active": 3}
    played = rehearsal(found, LinkKind.NETNS)
    watcher = Watcher(played)
    task = asyncio.ensure_future(played.run())
    await moment(watcher)
    await watcher.bird.stop()
    return played, await asyncio.wait_for(task, 60)


@pytest.mark.privileged
@pytest.mark.router
async def test_a_router_killed_while_validating_never_becomes_active() -> None:
    played, report = await _bird_killed_at(Watcher.established)
    assert report.outcome == "failed"
    assert {connection.connection_state for connection in report.connections} == {ConnectionState.PROVISIONING_FAILED}
    assert not any(isinstance(event, GateMoved) for event in played.log.entries), "the policy was never lifted"


@pytest.mark.privileged
@pytest.mark.router
async def test_a_router_killed_while_active_leaves_the_connection_state_alone() -> None:
    async def active(watcher: Watcher) -> None:
        await watcher.reached(ConnectionState.ACTIVE)

    played, report = await _bird_killed_at(active)
    assert report.outcome == "failed"
    moves = [
        e.transition for e in played.log.entries if isinstance(e, ConnectionMoved) and e.connection.endswith("edge-1")
    ]
    after = moves[[step.target for step in moves].index(ConnectionState.ACTIVE) + 1 :]
    assert [step.target for step in after] == [ConnectionState.PENDING_REMOVE, ConnectionState.NONE]
    assert after[0].reason == "the peering is set for deprovisioning", "the session's end did not move the connection"
    down = [
        e for e in played.log.entries if isinstance(e, BgpStateChanged) and e.transition.source is BgpState.ESTABLISHED
    ]
    assert down
