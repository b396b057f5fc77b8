"""An Active peering is watched: a real BIRD flaps, loses its prefixes, comes back otherwise, sends routes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine import watching
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import CheckEnded, EventLog, WatchTold
from simulator.engine.rows import row
from simulator.engine.traffic import TrafficLab
from simulator.lab.netns import netns_place
from simulator.peer.events import RoutesAnnounced, RoutesWithdrawn
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.rehearsal.script import Audience, Script
from simulator.routers.bird.adapter import Bird
from simulator.views.check import CheckView, Status
from tests.lab_support import require_bird
from tests.patience import PATIENCE
from tests.rehearsal.test_rehearsal import bird_document
from tests.topologies import build

pytestmark = [pytest.mark.privileged, pytest.mark.router]

MICROSOFTS = "route 13.64.0.0/11 unreachable;"
LEAKED = "R3.microsoft-prefix"


class Stage:
    """A peering that is Active, with what its watch tells."""

    def __init__(self, script: Script) -> None:
        self.script = script
        (self.record,) = script.control.records.values()
        self._read = 0

    @property
    def router(self) -> Bird:
        found = self.script.network.peers.router("contoso")
        assert isinstance(found, Bird)
        return found

    @property
    def told(self) -> list[WatchTold]:
        return [event for event in self.script.log.entries if isinstance(event, WatchTold)]

    async def next(self) -> WatchTold:
        async with asyncio.timeout(PATIENCE):
            await self.script.until(lambda: len(self.told) > self._read)
        self._read += 1
        return self.told[self._read - 1]

    def count(self, kind: type[RoutesAnnounced] | type[RoutesWithdrawn]) -> int:
        return sum(isinstance(event, kind) for event in self.script.log.entries)

    async def until_seen(self, kind: type[RoutesAnnounced] | type[RoutesWithdrawn], count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.script.until(lambda: self.count(kind) >= count)

    async def name_of(self, family: str) -> str:
        """BIRD's own name of the session of a family."""
        listed = await self.router.command("show protocols")
        return next(line.split()[0] for line in listed.splitlines() if "BGP" in line and family in line)


@asynccontextmanager
async def active(found: dict[str, Any], *, traffic: bool = False) -> AsyncIterator[Stage]:
    require_bird()
    script = Script(build(found), LinkKind.NETNS, EventLog(), Audience(), record=False)
    hosts = TrafficLab(script.network, script.log).running() if traffic else nullcontext()
    async with script.network, hosts, script.closing("the test is over"):
        records: list[ConnectionRecord] = list(script.control.records.values())
        for record in await script.turn_up(records):
            assert await script.until_judged(record), record.connection.error_message
        yield Stage(script)


def one_edge(**changes: Any) -> dict[str, Any]:
    found = bird_document()
    del found["edges"][1]
    found["times"] = {"soak": 0.3, "deadline": 20, "connect-retry": 0.5}
    found["peers"][0] |= changes
    return found


async def test_a_session_that_is_shut_down_is_told_with_its_cause_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "STEADY", 1.0)
    async with active(one_edge()) as stage:
        name = await stage.name_of("ipv4")
        await stage.router.command(f"disable '{name}' \"maintenance\"")
        told = await stage.next()
        assert (told.result.id, told.over, told.session) == ("W1", False, f"{stage.record.id}/ipv4")
        assert told.result.causes[0].id == "shut-down"
        assert told.result.warns
        assert "maintenance" in " ".join(told.result.evidence)
        assert [check.id for check in stage.record.watched] == ["W1"]
        assert stage.record.state is ConnectionState.ACTIVE, "a flap moves no connection"
        assert row(told)["status"] == "failure"
        await stage.router.command(f"enable '{name}'")
        over = await stage.next()
        assert (over.result.id, over.over) == ("W1", True)
        assert row(over)["status"] == "over"
        assert stage.record.watched == []
        assert len(stage.told) == 2


async def test_traffic_that_is_lost_while_the_session_stays_up_is_told_with_its_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "TRAFFIC", 3.0)
    async with active(one_edge(), traffic=True) as stage:
        place = netns_place(stage.script.network.site.place("contoso"), "the test")
        link = place.interface_to(stage.record.plans[0].edge_address)
        switch = Path(f"/proc/sys/net/ipv4/conf/{link}/forwarding")

        def forward(yes: bool) -> None:
            place.run(lambda: switch.write_text(str(int(yes))))

        forward(False)
        await stage.script.workflow.watcher.settle(stage.record.id)
        assert stage.record.watched == [], "what has never passed is not lost"
        forward(True)
        await stage.script.workflow.watcher.settle(stage.record.id)
        forward(False)
        told = await stage.next()
        assert (told.result.id, told.over, told.session) == ("W6", False, f"{stage.record.id}/ipv4")
        assert [(cause.id, cause.explains) for cause in told.result.causes] == [("packets-dropped", ("W6",))]
        assert told.result.warns and "did not pass" in told.result.evidence[0]
        assert stage.record.state is ConnectionState.ACTIVE, "a loss moves no connection"
        forward(True)
        over = await stage.next()
        assert (over.result.id, over.over) == ("W6", True)


async def test_prefixes_that_are_lost_and_come_back_and_a_route_that_flaps() -> None:
    async with active(one_edge()) as stage:
        for number in range(watching.OFTEN):
            await stage.router.command("disable static_v4")
            await stage.until_seen(RoutesWithdrawn, number + 1)
            if number < watching.OFTEN - 1:
                announced = stage.count(RoutesAnnounced)
                await stage.router.command("enable static_v4")
                await stage.until_seen(RoutesAnnounced, announced + 1)
        told = {(event := await stage.next()).result.id: event for _ in range(2)}
        assert set(told) == {"W2", "W5"}
        assert told["W2"].result.causes[0].id == "prefixes-lost"
        assert told["W5"].result.causes[0].id == "prefix-flaps"
        assert "192.0.2.0/24" in " ".join(told["W5"].result.evidence)
        await stage.router.command("enable static_v4")
        over = await stage.next()
        assert (over.result.id, over.over) == ("W2", True)
        await stage.script.workflow.operate(stage.record, "revalidate")
        over = await stage.next()
        assert (over.result.id, over.over) == ("W5", True), "what is denied is not watched"
        assert stage.record.watched == []


async def test_a_session_that_comes_back_with_another_hold_time() -> None:
    async with active(one_edge()) as stage:
        file = next(stage.script.network.site.directory.rglob("bird.conf"))
        file.write_text(file.read_text().replace("hold time 90;", "hold time 30;"))
        await stage.router.command(f'configure "{file}"')
        told = {(each := await stage.next()).result.id + each.session[-1]: each for _ in range(4)}
        assert set(told) == {"W14", "W16", "W44", "W46"}
        assert told["W44"].result.evidence == ("IPv4 206.126.239.200: hold time: 90 s before, 30 s now",)
        assert told["W44"].result.causes[0].id == "agreement-changed"


async def test_a_peer_that_announces_microsofts_routes_after_the_lift() -> None:
    """As one does that exports all when the other edge is lifted: no rehearsal that sees it passes without a word."""
    found = bird_document()
    found["traffic"] = False  # its route of Microsoft's prefix leads nowhere: A2 would say so

    def told() -> list[WatchTold]:
        return [event for event in played.log.entries if isinstance(event, WatchTold)]

    async def leak(_report: object) -> None:
        """Once A1 and A3 have ended, and nobody but the watch looks on."""
        router = played.network.peers.router("contoso")
        assert isinstance(router, Bird)
        file = next(played.network.site.directory.rglob("bird.conf"))
        text = file.read_text()
        for v in ("v4", "v6"):
            text = text.replace(f"export filter to_microsoft_{v};", "export all;")
        file.write_text(text.replace("protocol static static_v4 {", f"protocol static static_v4 {{ {MICROSOFTS}"))
        await router.command(f'configure "{file}"')
        async with asyncio.timeout(PATIENCE):
            while {each.connection for each in told() if each.result.id == LEAKED} != set(played.control.records):
                await played.log.next_event(1)

    played = Rehearsal(build(found), LinkKind.NETNS, audience=Audience(hold=leak))
    report = await asyncio.wait_for(played.run(), 2 * PATIENCE)
    assert report.outcome == "passed"
    for connection in report.connections:
        warned = {check.id: check for check in connection.checks if check.warns}
        assert LEAKED in warned, warned.keys()
        assert warned[LEAKED].causes[0].id == "microsoft-prefix"
        assert len([check for check in connection.checks if check.id == LEAKED]) == 1
    assert {event.result.id for event in told()} >= {LEAKED}
    assert not [e for e in played.log.entries if isinstance(e, CheckEnded) and e.result.id.startswith("W")]


async def test_a_healthy_rehearsal_is_told_nothing() -> None:
    require_bird()
    found = bird_document()
    found["times"] = {"soak": 0.3, "deadline": 20, "active": 2}
    played = Rehearsal(build(found), LinkKind.NETNS)
    report = await asyncio.wait_for(played.run(), PATIENCE)
    assert report.outcome == "passed"
    assert not [event for event in played.log.entries if isinstance(event, WatchTold)]
    checks: list[CheckView] = [check for connection in report.connections for check in connection.checks]
    assert all(check.status is not Status.FAILURE for check in checks)
