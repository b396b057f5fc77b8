"""Which connection of a peering a document means, with an identifier or without one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.azure.rest.plain import (
    GROUP,
    connections,
    direct_body,
    exchange_body,
    plain_lab,
    route_server_body,
    states,
)
from tests.topologies import mixed

PEERING = f"{GROUP}/peerings/p"
EDGES = ("206.126.236.17", "206.126.236.148")


def nameless(body: Any, *sessions: dict[str, str]) -> Any:
    """A document whose connections have no identifier: one for each of these sessions, beside what all have."""
    made = copy.deepcopy(body)
    inner = made["properties"].get("exchange") or made["properties"]["direct"]
    (one,) = inner["connections"]
    del one["connectionIdentifier"]
    inner["connections"] = [{**one, "bgpSession": {**one["bgpSession"], **each}} for each in sessions or ({},)]
    return made


@pytest.mark.parametrize(
    "body",
    [
        nameless(exchange_body()),
        nameless(exchange_body(), *({"microsoftSessionIPv4Address": edge} for edge in EDGES)),
        nameless(exchange_body(), *({"microsoftSessionIPv4Address": edge} for edge in reversed(EDGES))),
        nameless(exchange_body(), {}, {}),
        nameless(route_server_body()),
        nameless(direct_body()),
    ],
    ids=["meshed", "two that name edges", "the other way round", "two that name none", "route server", "link"],
)
async def test_the_same_document_again_changes_nothing(tmp_path: Path, body: Any) -> None:
    async with plain_lab(tmp_path, mixed()) as lab:
        await lab.asn()
        first = await lab.put(PEERING, body)
        assert first.status_code == 201, first.text
        before = [each["connectionIdentifier"] for each in connections(first.json())]
        again = await lab.put(PEERING, body)
        assert again.status_code == 200, again.text
        assert [each["connectionIdentifier"] for each in connections(again.json())] == before
        assert "PendingRemove" not in states(again.json())


@pytest.mark.parametrize("left_out", [0, 1])
async def test_what_is_left_out_of_a_peerings_own_document_is_removed(tmp_path: Path, left_out: int) -> None:
    """One that the mesh added too: GET shows it, so that a document without it is one that removes it."""
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        await lab.put(PEERING, exchange_body())
        shown = await lab.active(PEERING)
        assert connections((await lab.put(PEERING, shown)).json()) == connections(shown)
        del shown["properties"]["exchange"]["connections"][left_out]
        after = (await lab.put(PEERING, shown)).json()
        going = {
            each["bgpSession"]["microsoftSessionIPv4Address"]
            for each in connections(after)
            if each["connectionState"] == "PendingRemove"
        }
        assert going == {EDGES[left_out]}


async def test_what_the_mesh_added_stays_with_the_document_that_asked_for_it(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        await lab.put(PEERING, exchange_body())
        await lab.active(PEERING)
        after = await lab.put(PEERING, exchange_body(maxPrefixesAdvertisedV4=500))
        assert states(after.json()) == ["Active", "Active"]
        assert {each["bgpSession"]["maxPrefixesAdvertisedV4"] for each in connections(after.json())} == {500}
