"""`turnup serve` and a peer that stops reading in the middle of its table: every way out of Active, and
its server's death.

The peer is a socket of the test's own: a router that the lab does not run. What its kernel has is its own; after the
deny nothing more may come.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionEvent, ConnectionState
from simulator.connection.table import TABLE
from simulator.peer.events import GateMoved
from simulator.places.endpoint import Endpoint
from simulator.places.loopback import LoopbackLink
from simulator.serving.server import listen, serving
from simulator.session.states import BgpState
from simulator.speakers.neighbor import Neighbor
from simulator.topology.segments import lan_of
from simulator.wire.update import end_of_rib
from tests.azure.provider import support
from tests.cli.serving import serving as process_serving
from tests.lab_support import eventually, neighbor_of
from tests.patience import PATIENCE
from tests.speakers.support import V4, RawPeer
from tests.speakers.test_slow_peers import all_that_comes, announcements, stop_reading, unread
from tests.topologies import build, document, write

ROUTES = 200_000
"""Twice what the two kernels hold: 256 KiB unsent, and a window of 128 KiB."""
ASN = 64496
PEERING = "/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering/peerings/contoso"
PEER_ASN = "/subscriptions/lab/providers/Microsoft.Peering/peerAsns/contoso"
SETTINGS = Settings(removal=0, mesh=False, allow_md5_updates=True)


def topology(**changes: Any) -> dict[str, Any]:
    """The shipped example of an external router with IPv4 alone, a second edge, and a table that no socket holds."""
    found = document("external")
    found["microsoft"]["announce"] = [{"generate": {"within": "32.0.0.0/4", "length": 24, "count": ROUTES}}]
    del found["microsoft"]["port"]
    found["edges"].append({"name": "edge-2", "ipv4": "192.0.2.76"})
    found["peerings"][0]["families"] = ["IPv4"]
    return found | changes


def body(*edges: str, **session: Any) -> dict[str, Any]:
    """Of a peering with a connection to each of these edges' addresses."""
    connections = [
        {
            "peeringDBFacilityId": 99999,
            "connectionIdentifier": support.identifier(edge),
            "bgpSession": {
                "peerSessionIPv4Address": "192.0.2.1",
                "microsoftSessionIPv4Address": edge,
                **(session if edge == EDGE_1 else {}),
            },
        }
        for edge in edges
    ]
    inner = {"peerAsn": {"id": PEER_ASN}, "connections": connections}
    return {
        "sku": {"name": "Basic_Exchange_Free"},
        "kind": "Exchange",
        "location": "lab",
        "properties": {"peeringLocation": "A lab exchange", "exchange": inner},
    }


EDGE_1, EDGE_2 = "192.0.2.75", "192.0.2.76"


async def call(client: httpx.AsyncClient, verb: str, path: str, found: Any = None) -> None:
    versions = {"api-version": "2025-05-01"} if path.startswith("/subscriptions") else {}
    answer = await client.request(verb, path, json=found, params=versions)
    assert answer.status_code < 300, (verb, path, answer.text)


class Lab:
    """A served lab, an HTTP client of it, and its peer."""

    def __init__(self, provider: Provider, client: httpx.AsyncClient) -> None:
        self.provider, self.client = provider, client

    async def act(self, name: str) -> None:
        await call(self.client, "POST", f"/lab/v1/connections/contoso/edge-1/{name}")

    @property
    def neighbor(self) -> Neighbor:
        """The session with edge-1."""
        (plan,) = self.provider.control.records["contoso/edge-1"].plans
        return neighbor_of(self.provider.network, plan)

    async def request(self, *edges: str, **session: Any) -> None:
        await call(self.client, "PUT", PEERING, body(*edges, **session))

    async def state(self) -> ConnectionState:
        record = self.provider.control.records.get("contoso/edge-1")
        return record.state if record is not None else ConnectionState.NONE

    async def until(self, state: ConnectionState) -> None:
        await eventually(self.state, lambda found: found is state, 20)

    async def peer(self, *, reads: bool) -> RawPeer:
        """A peer that is Established with edge-1 and has announced a route."""
        await self.until(ConnectionState.VALIDATING)
        await eventually(self._listens, lambda found: found, 20)
        config = self.neighbor.config
        return await established(config.local, str(config.peer_address), reads=reads)

    async def _listens(self) -> bool:
        (plan,) = self.provider.control.records["contoso/edge-1"].plans
        return self.provider.network.edges.is_provisioned(plan) and self.neighbor.bgp_state is BgpState.ACTIVE


async def established(where: Endpoint, address: str, *, reads: bool) -> RawPeer:
    peer = await RawPeer.dial(where, ip_address(address))
    await peer.greet(asn=ASN, hold=90)
    attributes = b"\x40\x01\x01\0" + b"\x40\x02\x06\x02\x01" + struct.pack("!I", ASN) + b"\x40\x03\x04"
    attributes += ip_address(address).packed  # an external router knows the addresses that carry its session
    update = b"\0\0" + struct.pack("!H", len(attributes)) + attributes + b"\x18\xc6\x33\x64"
    if not reads:
        stop_reading(peer)
    await peer.send(b"\xff" * 16 + struct.pack("!HB", 19 + len(update), 2) + update + end_of_rib(V4))
    return peer


@asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[Lab]:
    found = build(topology())
    async with support.provider(f"sqlite:///{tmp_path}/store.db", SETTINGS, found) as provider:
        with listen("127.0.0.1", 0) as sock:
            async with (
                serving(provider, sock, "") as url,
                httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client,
            ):
                lab = Lab(provider, client)
                await call(lab.client, "PUT", PEER_ASN, {"properties": {"peerAsn": ASN, "peerName": "contoso"}})
                yield lab


async def fail(lab: Lab) -> None:
    """What the provider does when its store fails."""
    lab.provider.control.deny_all()


WAYS: dict[str, Callable[[Lab], Awaitable[Any]]] = {
    **{
        name: lambda lab, name=name: lab.act(name)  # type: ignore[misc]
        for name in ("block", "deny", "deprovision", "revalidate", "request-type-change")
    },
    "delete": lambda lab: call(lab.client, "DELETE", PEERING),
    "remove the connection": lambda lab: lab.request(EDGE_2),
    "another MD5 key": lambda lab: lab.request(EDGE_1, EDGE_2, md5AuthenticationKey="another"),
    "the store fails": fail,
}


def test_these_are_all_the_events_that_end_active() -> None:
    """Whoever adds one to the table adds it here."""
    ending = {row.event for row in TABLE if row.source is ConnectionState.ACTIVE is not row.target}
    assert ending == {
        ConnectionEvent.BLOCKED,
        ConnectionEvent.DENIED,
        ConnectionEvent.DEPROVISION_REQUESTED,
        ConnectionEvent.REVALIDATION_REQUIRED,
        ConnectionEvent.TYPE_CHANGE_REQUESTED,
        ConnectionEvent.DELETED,
    }


@pytest.mark.parametrize("way", WAYS)
async def test_a_peer_that_does_not_read_gets_nothing_more(tmp_path: Path, way: str) -> None:
    async with served(tmp_path) as lab:
        await lab.request(EDGE_1, EDGE_2)
        async with await lab.peer(reads=False) as peer:
            await lab.until(ConnectionState.ACTIVE)
            here = lab.neighbor
            assert here.gate.is_open and 0 < here.view().sent < ROUTES == here.view().rendered
            had: list[int] = []

            def at_the_deny(event: object) -> None:
                if isinstance(event, GateMoved) and event.session == here.config.id and not event.is_open:
                    assert event.cut is not None and 0 < event.cut.handed < ROUTES
                    had.append(unread(peer))

            lab.provider.log.subscribe(at_the_deny)
            await WAYS[way](lab)
            assert len(had) == 1, "denied before the request is answered"
            count, octets = await all_that_comes(peer)
            assert count == had[0], "what the peer's kernel had, and no more"
            assert 0 < len(list(announcements(octets))) < ROUTES
            assert sum(sum(gate.leaked.values()) for gate in lab.provider.network.edges.gates) == 0


async def test_it_becomes_active_again_with_the_whole_table(tmp_path: Path) -> None:
    """Revalidated, then deleted and requested again: each time under DENY ALL first, and then all of it."""
    async with served(tmp_path) as lab:
        await lab.request(EDGE_1)
        for again in ("revalidate", "delete", ""):
            async with await lab.peer(reads=False) as peer:
                await lab.until(ConnectionState.ACTIVE)
                if again == "revalidate":
                    await lab.act(again)
                elif again:
                    await call(lab.client, "DELETE", PEERING)
                    await lab.until(ConnectionState.NONE)
                    await lab.request(EDGE_1)
                else:
                    peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
                    updates = await peer.updates_to_end_of_rib()
                    assert sum(len(parts.announced) for parts in updates) == 4 * ROUTES
                    assert lab.neighbor.view().sent == ROUTES


async def test_a_server_that_is_killed_takes_with_it_what_it_had_not_sent(tmp_path: Path) -> None:
    """`kill -9`: nobody is left to deny anything, and the next server begins with every gate shut."""
    found = topology()
    with socket.create_server(("127.0.0.1", 0)) as free:
        found["microsoft"]["port"] = free.getsockname()[1]
    write(found, tmp_path / "lab.yaml")
    lan = LoopbackLink(lan_of(build(found)))
    edge, ours = lan.place("edge-1").host(ip_address(EDGE_1)), lan.outside("contoso")
    assert ours is not None
    with process_serving(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=PATIENCE) as client:
            await call(client, "PATCH", "/lab/v1/settings", {"mesh": False})
            await call(client, "PUT", PEER_ASN, {"properties": {"peerAsn": ASN, "peerName": "contoso"}})
            await call(client, "PUT", PEERING, body(EDGE_1))

            async def session() -> dict[str, Any]:
                (row,) = (await client.get("/lab/v1/sessions")).json()
                return dict(row)

            await eventually(session, lambda row: row["bgpState"] == "Active", 20)
            where = Endpoint(edge, found["microsoft"]["port"])
            async with await established(where, str(ours.host(ip_address("192.0.2.1"))), reads=False) as peer:
                shown = await eventually(session, lambda row: row["gateOpen"] and row["sent"] > 0, 20)
                assert shown["sent"] < ROUTES
                server.process.send_signal(signal.SIGKILL)
                await asyncio.to_thread(server.process.wait, 30)
                mine = unread(peer)
                count, octets = await all_that_comes(peer)
                assert count == mine, "what the peer's kernel had, and no more"
                assert len(list(announcements(octets))) < ROUTES
