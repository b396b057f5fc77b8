"""BIRD keeps the contract of every router."""

from __future__ import annotations

from dataclasses import replace

from simulator.routers.bird import Bird
from simulator.session.messages import Family
from tests.routers.conformance import (
    EDGE_ROUTES,
    V6_NAME,
    Bench,
    RouterConformance,
    Subject,
    configuration,
    holds,
    until,
)


class TestConformance(RouterConformance):
    subject = Subject(make=Bird, title="BIRD", programs=("bird",), version="BIRD 2")

    async def test_more_routes_than_the_limit_end_the_session(self, bench: Bench) -> None:
        """BIRD may reset the connection before its Cease is read: BIRD itself is asked, not the NOTIFICATION."""
        config = configuration()
        first, second = config.sessions
        config = replace(config, sessions=(replace(first, max_prefixes=2), replace(second, max_prefixes=2)))
        router = await bench.start(config)
        edge = await bench.edge([*EDGE_ROUTES[Family.IPV4], *EDGE_ROUTES[Family.IPV6]])
        bench.provision(edge, router, config)
        reports = await until(router, lambda found: bool(found[0].reason) and found[1].established)
        assert not reports[0].established
        await holds(router, V6_NAME, EDGE_ROUTES[Family.IPV6])
