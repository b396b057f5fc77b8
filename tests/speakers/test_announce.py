"""A speaker that announces something else while its sessions are up: what is gone is withdrawn, nothing is reset."""

from __future__ import annotations

from dataclasses import replace

from simulator.connection.states import ConnectionState
from simulator.engine.log import EventLog
from simulator.places.link import LinkKind
from simulator.rehearsal.script import Audience, Script
from simulator.routers.base import Reconfigurable
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from simulator.wire import nlri
from tests.topologies import build, document


async def test_routes_change_on_sessions_that_stay() -> None:
    found = document()
    found["peers"][0]["announce"] = [{"prefixes": ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]}]
    found["peerings"][0]["connections"] = [{"edge": "ash-edge-1"}]
    script = Script(build(found), LinkKind.LOOPBACK, EventLog(), Audience(), record=False)
    async with script.network, script.closing("the test is over"):
        (record,) = script.control.records.values()
        await script.turn_up([record])
        await script.until_judged(record)
        assert record.state is ConnectionState.ACTIVE
        peers, edges = script.network.peers, script.network.edges
        router = peers.router("contoso")
        assert isinstance(router, Reconfigurable)
        config = peers.configuration(record.peer)
        more = RouterRoute("203.0.113.0/24")
        v4 = next(plan for plan in record.plans if plan.family.label == "IPv4")

        async def announced(*prefixes: str) -> None:
            await script.until(
                lambda: {nlri.text(Family.IPV4, route.key) for route in edges.routes(v4)} == set(prefixes)
            )

        await router.announce(replace(config, routes=(*config.routes, more)))
        await announced("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
        kept = tuple(route for route in config.routes if route.prefix != "192.0.2.0/24")
        await router.announce(replace(config, routes=kept))
        await announced("198.51.100.0/24")
        assert {edges.view(plan).established_transitions for plan in record.plans} == {1}
        assert sum(view.received for view in map(edges.view, record.plans)) == 2
