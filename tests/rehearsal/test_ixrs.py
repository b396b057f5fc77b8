"""IxRs peerings rehearsed: routes come through a pair of route servers, and only registered origins are taken."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine import peers
from simulator.engine.log import ConnectionMoved, Event
from simulator.engine.member_config import customer_config
from simulator.peer.events import NotificationExchanged
from simulator.places.link import LinkKind
from simulator.rehearsal.looking_glass import LookingGlass
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.rehearsal.script import Audience
from simulator.routers.base import RouterConfig
from simulator.session.messages import Family
from simulator.topology.load import load
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Topology
from simulator.views.check import Status
from simulator.wire import nlri
from tests.lab_support import require_bird, require_netns, require_program
from tests.topologies import SHIPPED, build, document, shipped, write

ECHO = {Family.IPV4: "192.0.2.192/26", Family.IPV6: "2001:db8:e::/48"}
"""What the customer announces that is not registered."""
ECHO_AS = 64505
ROOT = SHIPPED.parent


def lab() -> dict[str, Any]:
    found = document("route-server")
    found["times"] = {"soak": 1, "deadline": 20, "active": 0.2}
    return found


class Watched:
    """A rehearsal that is stopped once everything is Active, and of which every event is looked at."""

    def __init__(self, topology: Topology, kind: LinkKind, unregistered: dict[Family, str]) -> None:
        self.played = Rehearsal(topology, kind, audience=Audience(self._pause))
        self._at = ""
        self._then: Callable[[], None] = lambda: None
        self.ever_taken: set[str] = set()
        """Sessions that ever had a route of the customer that is not registered in their Loc-RIB."""
        self._keys = {family: nlri.key(prefix)[1] for family, prefix in unregistered.items()}
        self.played.log.subscribe(self._look)

    def _look(self, event: Event) -> None:
        self.ever_taken |= {plan.id for plan in self.sessions if self._keys[plan.family] in self.taken(plan)}

    @property
    def sessions(self) -> list[SessionPlan]:
        network = self.played.network
        return [plan for plan in network.edges.plans if network.edges.is_provisioned(plan)]

    def taken(self, plan: SessionPlan) -> set[bytes]:
        return {key for _, key, _ in self.played.network.edges.taken(plan)}

    def rules(self, plan: SessionPlan) -> list[str]:
        """Why the unregistered customer's route is refused on a session. LookupError where it is not there."""
        route = self.played.network.edges.route(plan, self._keys[plan.family])
        if route is None:
            raise LookupError(plan.id)
        return [hit.rule for hit in route.hits]

    def resets(self) -> list[Any]:
        """What changes when a session is reset."""
        views = [self.played.network.edges.view(plan) for plan in self.sessions]
        notes = [event for event in self.played.log.entries if isinstance(event, NotificationExchanged)]
        return [len(notes), *((view.id, view.established_at, view.established_transitions) for view in views)]

    def at(self, step: str, look: Callable[[], None]) -> None:
        """Look before this step."""
        self._at, self._then = step, look

    async def _pause(self, step: str, what: str) -> None:
        if step == self._at:
            self._then()


async def finished(running: Awaitable[Any], seconds: float = 90) -> Any:
    async with asyncio.timeout(seconds):
        return await running


# --- both topologies ---


async def test_the_pair_is_rehearsed_and_an_unregistered_customer_is_seen_and_never_taken() -> None:
    watched = Watched(build(lab()), LinkKind.LOOPBACK, ECHO)
    seen: dict[str, list[str]] = {}
    watched.at("deprovision", lambda: seen.update({plan.id: watched.rules(plan) for plan in watched.sessions}))
    report = await finished(watched.played.run())
    assert report.outcome == "passed", report.errors
    assert seen == {
        f"example-ix-{number}/rs{number}/edge-{edge}/{family}": ["registered-origin"]
        for number in (1, 2)
        for edge in (1, 2)
        for family in ("ipv4", "ipv6")
    }
    assert watched.ever_taken == set()
    for connection in report.connections:
        assert tuple(map(str, connection.reached[-3:])) == ("Active", "PendingRemove", "None")
        counts = {s.id: (s.accepted, s.established_transitions) for s in connection.sessions}
        assert len(counts) == 4 and set(counts.values()) == {(4, 1)}
    assert (report.gate.nlri_sent_while_denied, report.gate.routes_taken_while_denied) == (0, 0)


@pytest.mark.privileged
@pytest.mark.router
async def test_a_real_route_server_with_real_customers_is_rehearsed() -> None:
    require_bird()
    require_program("/usr/lib/frr/bgpd")
    require_program("gobgpd")
    delta = {Family.IPV4: "198.51.100.192/26", Family.IPV6: "2001:db8:d::/48"}
    watched = Watched(shipped("route-server-bird"), LinkKind.NETNS, delta)
    seen: dict[str, list[str]] = {}
    watched.at("deprovision", lambda: seen.update({plan.id: watched.rules(plan) for plan in watched.sessions}))
    report = await finished(watched.played.run(), 150)
    assert report.outcome == "passed", report.errors
    assert list(seen.values()) == [["registered-origin"]] * 2
    assert watched.ever_taken == set()
    assert report.router["rs1"].startswith("BIRD 2")
    assert report.router["gamma"].startswith("GoBGP 3")
    (connection,) = report.connections
    assert [(s.received, s.accepted) for s in connection.sessions] == [(4, 3)] * 2
    assert [check.status for check in connection.checks if check.id == "A5"] == [Status.SUCCESS]


@pytest.mark.privileged
@pytest.mark.router
async def test_a_real_route_server_that_keeps_microsofts_routes_from_a_member_is_found(tmp_path: Path) -> None:
    require_bird()
    found = document("route-server-bird")
    text = (SHIPPED / "rs1.bird.conf").read_text()
    kept = "ipv4 { export filter { for_member(64501); }; }"
    assert kept in text
    (tmp_path / "rs1.bird.conf").write_text(text.replace(kept, "ipv4 { export none; }"))
    found["customers"] = found["customers"][:1]
    found["peerings"][0].pop("expect", None)
    found["times"] = {"soak": 0.2, "deadline": 90}
    topology = load(write(found, tmp_path / "lab.yaml"))
    report = await finished(Rehearsal(topology, LinkKind.NETNS).run())
    (check,) = (check for check in report.connections[0].checks if check.id == "A5")
    assert (check.status, check.stops) == (Status.FAILURE, False)
    assert "alpha lacks 3 of 3 prefixes" in check.evidence[0]
    assert [cause.id for cause in check.causes] == ["rs-keeps-routes"]


# --- registering ---


async def test_registering_lets_the_routes_through_without_a_session_reset() -> None:
    watched = Watched(build(lab()), LinkKind.LOOPBACK, ECHO)
    counts: list[set[int]] = []

    def register() -> None:
        before = watched.resets()
        counts.append({len(watched.taken(plan)) for plan in watched.sessions})
        for peering in ("example-ix-1", "example-ix-2"):
            watched.played.register(peering, ECHO_AS)
        counts.append({len(watched.taken(plan)) for plan in watched.sessions})
        assert watched.resets() == before
        assert all(watched.rules(plan) == [] for plan in watched.sessions)

    watched.at("deprovision", register)
    report = await finished(watched.played.run())
    assert counts == [{4}, {5}]
    assert report.outcome == "passed", report.errors
    assert watched.ever_taken == {plan.id for plan in watched.played.network.edges.plans}


async def test_what_is_registered_at_one_peering_changes_nothing_at_the_other() -> None:
    watched = Watched(build(lab()), LinkKind.LOOPBACK, ECHO)
    watched.at("deprovision", lambda: watched.played.register("example-ix-1", ECHO_AS))
    report = await finished(watched.played.run())
    assert report.outcome == "passed", report.errors
    assert {session.split("/")[0] for session in watched.ever_taken} == {"example-ix-1"}


async def test_nobody_is_registered_before_the_connection_is_active() -> None:
    """A connection that does not become Active never takes anything, whatever is registered at it."""
    found = lab()
    found["times"]["deadline"] = 3
    found["peerings"][0]["max-prefixes"] = {"ipv4": 2}
    found["peerings"][0]["expect"] = {"state": "ProvisioningFailed", "failing-checks": ["R2"]}
    played = Rehearsal(build(found), LinkKind.LOOPBACK)
    report = await finished(played.run())
    assert report.outcome == "passed", report.errors
    failed, other = report.connections
    assert ConnectionState.ACTIVE not in failed.reached and ConnectionState.ACTIVE in other.reached
    assert {(s.accepted, s.sent) for s in other.sessions} == {(4, 3), (4, 2)}
    assert report.gate.routes_taken_while_denied == 0
    registered = [text for text in map(str, played.log.entries) if "is registered" in text]
    assert len(registered) == 4 and all("example-ix-2" in text for text in registered)


# --- the pair ---


async def test_the_pair_is_deprovisioned_one_after_the_other() -> None:
    played = Rehearsal(build(lab()), LinkKind.LOOPBACK)
    report = await finished(played.run())
    assert report.outcome == "passed", report.errors
    steps = [
        (event.connection, event.transition.target)
        for event in played.log.entries
        if isinstance(event, ConnectionMoved)
        and event.transition.target in (ConnectionState.PENDING_REMOVE, ConnectionState.NONE)
    ]
    assert steps == [
        ("example-ix-1/rs1", ConnectionState.PENDING_REMOVE),
        ("example-ix-1/rs1", ConnectionState.NONE),
        ("example-ix-2/rs2", ConnectionState.PENDING_REMOVE),
        ("example-ix-2/rs2", ConnectionState.NONE),
    ]


# --- left standing ---


@pytest.mark.parametrize("lifted", [True, False])
async def test_the_looking_glass_shows_all_customers(lifted: bool) -> None:
    made = LookingGlass(build(lab()), LinkKind.LOOPBACK, "rs1", lift=lifted)
    tables = await finished(made.run())
    assert made.problems == []
    families = ("ipv4", "ipv6")
    assert [table.session for table in tables] == [
        f"example-ix-1/rs1/edge-{edge}/{family}" for edge in (1, 2) for family in families
    ]
    for table in tables:
        # A route server passes the routes of one edge on to the other, which sees its own AS in the path.
        members = [held for held in table.routes if all(hit.rule != "as-path-loop" for hit in held.verdict.hits)]
        assert lifted or len(members) == len(table.routes)
        outcomes = {held.prefix: held.verdict.outcome.value for held in members}
        assert len(outcomes) == 5
        refused = {prefix for prefix, outcome in outcomes.items() if outcome == "reject"}
        assert refused == ({ECHO[table.family]} if lifted else set())
        assert table.sent == ((3 if table.family is Family.IPV4 else 2) if lifted else 0)


def test_turnup_routes_tells_why_the_unregistered_customer_is_refused(tmp_path: Path) -> None:
    command = ["routes", SHIPPED / "route-server.yaml", "--peer", "rs1", "--state", "Active", "--rejected"]
    result = subprocess.run(
        [sys.executable, "-m", "simulator", *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("AS64505 is not registered") == 4
    refused = [line.split()[0] for line in result.stdout.splitlines() if "unicast" in line]
    assert [prefix for prefix in refused if prefix in ECHO.values()] == list(ECHO.values()) * 2


@pytest.mark.parametrize("kind", [LinkKind.LOOPBACK, pytest.param(LinkKind.NETNS, marks=pytest.mark.privileged)])
@pytest.mark.parametrize("theirs", ["s3cret", "another"])
async def test_customers_have_md5_with_the_route_servers(
    kind: LinkKind, theirs: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if kind is LinkKind.NETNS:
        require_netns()
    found = lab()
    found["times"]["deadline"] = 20 if theirs == "s3cret" else 3
    for customer in found["customers"]:
        customer["md5"] = "s3cret"
    configured = customer_config

    def otherwise(*arguments: Any) -> RouterConfig:
        config = configured(*arguments)
        assert {session.md5 for session in config.sessions} == {"s3cret"}
        return replace(config, sessions=tuple(replace(session, md5=theirs) for session in config.sessions))

    monkeypatch.setattr(peers, "customer_config", otherwise)
    report = await Rehearsal(build(found), kind, False, tmp_path / "capture.pcap").run()
    received = {session.received for connection in report.connections for session in connection.sessions}
    assert (report.outcome == "passed") is (theirs == "s3cret"), report.errors
    assert (received == {0}) is (theirs != "s3cret")
