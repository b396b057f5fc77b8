"""Pages of a session with many routes: right in every order, and no look walks a table that was walked."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine.edges import Edges
from simulator.portal.route_order import COLUMNS, RouteOrders, RouteQuery
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Topology
from tests.azure.provider import support as provider_support
from tests.portal.support import PAGE, put_asn, put_peering, text_of, until, until_all
from tests.serving.support import served
from tests.topologies import document

ROUTES = 700


def many() -> Topology:
    """Routes with lengths and origins of all kinds, some rejected by a rule about prefixes, some by one about paths."""
    chance = random.Random(5)
    prefixes = [f"{chance.randrange(20, 90)}.{n >> 8}.{n & 255}.0/{chance.choice((24, 24, 25))}" for n in range(ROUTES)]
    announced = [
        {"prefixes": prefixes[start::3], "as-path": [[], [3356], [3356, 23456, 65551]][start]} for start in range(3)
    ]
    return provider_support.topology(peers=[document("exchange")["peers"][0] | {"announce": announced}])


def expected(edges: Edges, plan: SessionPlan, wanted: RouteQuery) -> list[bytes]:
    """The same, sorted in the plainest way."""
    found = [
        route
        for route in edges.routes(plan)
        if wanted.shown == "received" or bool(route.hits) is (wanted.shown == "rejected")
        if wanted.asn is None or wanted.asn in route.attributes.path.asns
        if not wanted.rule or any(hit.rule == wanted.rule for hit in route.hits)
    ]
    column = COLUMNS[wanted.column]
    found.sort(key=lambda route: (column(route.attributes.path, route.hits), route.key[1:], route.key[0]))
    return [route.key for route in (reversed(found) if wanted.descending else found)]


async def test_every_order_is_that_of_a_sorted_table_and_a_table_is_walked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks: list[str] = []
    attributes = Edges.attributes
    async with served(tmp_path, topology=many()) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider, "contoso-ashburn", {"peerSessionIPv4Address": provider_support.IPV4})
        await until_all(lab.provider, ConnectionState.ACTIVE)
        edges = lab.provider.network.edges
        plan = next(plan for each in lab.provider.control.records.values() for plan in each.plans)

        def walked(self: Edges, plan: SessionPlan) -> Any:
            walks.append(plan.id)
            return attributes(self, plan)

        monkeypatch.setattr(Edges, "attributes", walked)
        orders = RouteOrders(edges)
        rules = {hit.rule for route in edges.routes(plan) for hit in route.hits}
        assert len(rules) > 1
        for shown in ("received", "rejected", "accepted"):
            for column in COLUMNS:
                for descending in (False, True):
                    for asn, rule in ((None, ""), (3356, ""), (None, min(rules))):
                        wanted = RouteQuery(shown, "", asn, rule, column, descending)
                        walks.clear()
                        found = await orders.find(plan, wanted, None)
                        pages = [found[start : start + 37] for start in range(0, ROUTES, 37)]
                        assert [route.key for page in pages for route in page] == expected(edges, plan, wanted), wanted
                        assert len(found) == sum(map(len, pages))
                        assert await orders.find(plan, wanted, None) is found
                        assert len(walks) == 1
        asked = RouteQuery("received", "", None, "", "prefix", False)
        before = await orders.find(plan, asked, None)
        assert (await lab.client.post("/lab/v1/faults", json={"name": "nothing-to-announce"})).status_code == 200
        await until(lab.provider, lambda: edges.view(plan).received == 0)
        assert (len(before), len(await orders.find(plan, asked, None))) == (ROUTES, 0)
        assert before[:50] == []  # a page that was walked before does not show what is gone
        assert "'x' is no ASN" in text_of((await lab.client.get(f"{PAGE}/routes?asn=x")).text)


async def test_a_long_configuration_is_shown_by_its_beginning_and_its_file_is_whole(tmp_path: Path) -> None:
    async with served(tmp_path, topology=many()) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        for router in ("bird", "vyos"):
            page = text_of((await lab.client.get(f"{PAGE}/configuration?format={router}")).text)
            file = (await lab.client.get(f"{PAGE}/configuration/file?format={router}")).text
            assert "It announces 700 routes. This page shows it with the first 300" in page
            shown = [each for each in range(ROUTES) if f".{each >> 8}.{each & 255}.0/2" in page]
            assert len(shown) == 300 and all(f".{each >> 8}.{each & 255}.0/2" in file for each in range(ROUTES))
