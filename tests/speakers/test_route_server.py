"""The route server as a speaker: clients that speak octets, a gate for each, and what each of them gets and when."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

import pytest

from simulator.addresses import IpAddress
from simulator.peer.events import GateWithheld, NeighborConfig, PrefixLimit, RoutesAnnounced, RoutesWithdrawn, cease
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.places.loopback import HostPlace
from simulator.policy.max_prefix import MaxPrefix, MaxPrefixAction
from simulator.policy.rules import PolicyContext
from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.policy import ClientPolicy
from simulator.session.messages import Role, RouteRefresh
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.route_server import RouteServer
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import MessageType
from simulator.wire.route_refresh import BEGIN, END, decode_refresh
from simulator.wire.update import UpdateParts, pack_announcements, pack_withdrawals, split_update
from tests.speakers.support import (
    EDGE4,
    LAB_RULES,
    LOOPBACK6,
    TIMES,
    V4,
    V6,
    RawPeer,
    Scene,
    deny,
    gate_moves,
    lift,
    prefixes,
    raw_open,
    scene,
)

RS_AS = 64500
BASE = ip_address("127.8.1.0")


def asn(number: int) -> int:
    return 60000 + number


@dataclass
class Client:
    """A client of the route server, from both sides."""

    number: int
    session: Neighbor
    peer: RawPeer
    address: IpAddress

    def attributes(self, *path: int, **more: Any) -> bytes:
        hop = self.address if self.address.version == 4 else None
        as_path = (AsSegment(SegmentKind.SEQUENCE, (asn(self.number), *path)),)
        return encode(PathAttributes(as_path=as_path, next_hop=hop, **more), asn4=True)

    async def announce(self, keys: Sequence[bytes], *path: int, **more: Any) -> bytes:
        """Returns the attribute octets that it sent."""
        raw = self.attributes(*path, **more)
        family = self.session.config.family
        await self.peer.send(b"".join(m for m, _ in pack_announcements(family, raw, self.address.packed, keys, 4096)))
        return raw

    async def withdraw(self, keys: Sequence[bytes]) -> None:
        family = self.session.config.family
        await self.peer.send(b"".join(message for message, _ in pack_withdrawals(family, keys, 4096)))

    async def gets(self) -> UpdateParts:
        """The next UPDATE."""
        return split_update(await self.peer.expect(MessageType.UPDATE))

    async def gets_end_of_rib(self) -> list[UpdateParts]:
        return await self.peer.updates_to_end_of_rib(self.session.config.family)


@dataclass
class Exchange:
    scene: Scene
    server: RouteServer
    where: Endpoint
    peers: contextlib.AsyncExitStack

    async def client(
        self, number: int, *, lifted: bool = True, greeting: dict[str, Any] | None = None, **options: Any
    ) -> Client:
        address = BASE + number
        extra = {name: options.pop(name) for name in ("refuses", "blackholes") if name in options}
        session = self.server.add(self.config(number, self.where, address, **options), **extra)
        peer = await self.peers.enter_async_context(await RawPeer.dial(self.where, address))
        await peer.greet(asn=asn(number), identifier=f"10.0.1.{number}", **(greeting or {}))
        await self.scene.established(session)
        made = Client(number, session, peer, address)
        if lifted:
            lift(session)
            await made.gets_end_of_rib()
        return made

    def config(self, number: int, where: Endpoint, address: IpAddress, **options: Any) -> NeighborConfig:
        context = PolicyContext(asn(number), str(address), RS_AS, role=options.get("role"))
        given: dict[str, Any] = {
            "id": f"c{number}",
            "local_as": RS_AS,
            "router_id": "10.0.0.1",
            "local_address": where.host,
            "peer_address": address,
            "peer_as": asn(number),
            "local": where,
            "remote": None,
            "policy": ClientPolicy(context, LAB_RULES),
            "times": TIMES,
        }
        return NeighborConfig(**(given | options))

    async def clients(self, count: int, **options: Any) -> list[Client]:
        return [await self.client(number, **options) for number in range(1, count + 1)]

    async def holds(self, client: Client, count: int) -> None:
        await self.scene.holds(client.session, count)


@contextlib.asynccontextmanager
async def exchange(**settings: Any) -> AsyncIterator[Exchange]:
    async with scene() as told, contextlib.AsyncExitStack() as peers:
        clock = Clock(asyncio.get_running_loop())
        server = RouteServer("rs", HostPlace("rs", {}), clock, told.emit, RouteServerSettings(RS_AS, **settings))
        told.speakers.append(server)
        yield Exchange(told, server, await server.listen(EDGE4), peers)
        for neighbor in server.neighbors:
            view = neighbor.view()
            assert (view.leaked_in, view.leaked_out) == (0, 0)


def keys_of(parts: UpdateParts) -> list[bytes]:
    return nlri.split(parts.announced, V4)


def withdrawn(parts: UpdateParts) -> list[bytes]:
    return nlri.split(parts.withdrawn, V4)


# --- deny-all, and the lift of each client by itself ---


async def test_a_denied_client_is_heard_and_told_nothing() -> None:
    keys = prefixes(V4, 4)
    async with exchange() as at:
        one = await at.client(1)
        two = await at.client(2, lifted=False)
        await one.announce(keys[:2])
        await two.announce(keys[2:])
        await at.holds(one, 2)
        await at.holds(two, 2)
        view = two.session.view()
        assert (view.accepted, view.taken, view.withheld_in) == (2, 0, 2)
        assert (view.rendered, view.sent, view.withheld_out) == (2, 0, 2)
        assert one.session.view().rendered == 0, "the other is denied"
        assert two.peer.octets == b""
        held_back = {e.withheld.direction.value: e.withheld.nlri for e in at.scene.of(GateWithheld, "c2")}
        assert held_back == {"in": keys[2:], "out": keys[:2]}


async def test_a_lift_gives_and_takes() -> None:
    keys = prefixes(V4, 4)
    async with exchange() as at:
        one, two = await at.client(1), await at.client(2, lifted=False)
        sent = await one.announce(keys[:2], 3000, med=7)
        await two.announce(keys[2:])
        await at.holds(one, 2)
        await at.holds(two, 2)
        lift(two.session)
        (update,) = await two.gets_end_of_rib()
        assert (update.attributes, keys_of(update)) == (sent, list(keys[:2])), "octets in are octets out"
        assert keys_of(await one.gets()) == list(keys[2:])
        assert gate_moves(at.scene, "c2") == [(True, 2, 2)]
        view = two.session.view()
        assert (view.sent, view.rendered, view.taken) == (2, 2, 2)


async def test_a_deny_withdraws_both_ways_and_costs_no_session() -> None:
    keys = prefixes(V4, 4)
    async with exchange() as at:
        one, two, three = await at.clients(3)
        await one.announce(keys[:2])
        await two.announce(keys[2:])
        for client, other in ((one, keys[2:]), (two, keys[:2])):
            assert keys_of(await client.gets()) == list(other)
        assert {*keys_of(await three.gets()), *keys_of(await three.gets())} == set(keys)
        deny(two.session)
        assert set(withdrawn(await two.gets())) == set(keys[:2])
        assert withdrawn(await one.gets()) == list(keys[2:])
        assert withdrawn(await three.gets()) == list(keys[2:])
        assert gate_moves(at.scene, "c2")[-1] == (False, 2, 2)
        view = two.session.view()
        assert (view.bgp_state, view.received, view.taken) == (BgpState.ESTABLISHED, 2, 0)
        assert (view.sent, view.withdrawn_by_us) == (0, 2)
        lift(two.session)
        (update,) = await two.gets_end_of_rib()
        assert keys_of(update) == list(keys[:2])
        assert keys_of(await one.gets()) == list(keys[2:])


async def test_what_has_happened_but_was_not_told_is_not_told_past_a_deny() -> None:
    """The change and the deny come in one turn of the event loop."""
    keys = prefixes(V4, 3)
    async with exchange() as at:
        one, two = await at.clients(2)
        await one.announce(keys[:2])
        assert keys_of(await two.gets()) == list(keys[:2])
        agreed = one.session.peer._session.negotiated
        for message, _ in (
            *pack_withdrawals(V4, keys[:1], 4096),
            *pack_announcements(V4, one.attributes(), b"", keys[2:], 4096),
        ):
            one.session.peer.inbound.update(message[19:], agreed, 0.0)
        deny(two.session)
        gone = withdrawn(await two.gets())
        while not {*keys[:2]} <= set(gone):
            gone += withdrawn(await two.gets())
        view = two.session.view()
        assert (view.sent, view.rendered, view.withdrawn_by_us, view.withheld_out) == (0, 2, 1, 1)
        await at.server.close()
        rest = [split_update(body) for kind, body in await two.peer.rest() if kind == MessageType.UPDATE]
        assert [keys_of(parts) for parts in rest if parts.announced] == []


# --- routes come and go ---


async def test_a_client_that_is_gone_is_withdrawn_from_all_others() -> None:
    keys = prefixes(V4, 3)
    async with exchange() as at:
        one, two, three = await at.clients(3)
        await one.announce(keys)
        for client in (two, three):
            assert keys_of(await client.gets()) == list(keys)
        one.peer.writer.transport.abort()
        for client in (two, three):
            assert withdrawn(await client.gets()) == list(keys)
        assert two.session.view().sent == 0


async def test_the_second_best_replaces_the_best_that_goes() -> None:
    keys = prefixes(V4, 1)
    async with exchange() as at:
        one, two, three = await at.clients(3)
        best = await one.announce(keys)
        assert (await three.gets()).attributes == best
        assert (await two.gets()).attributes == best
        second = await two.announce(keys, 3000)
        assert (await one.gets()).attributes == second
        await one.withdraw(keys)
        assert (await three.gets()).attributes == second
        assert withdrawn(await two.gets()) == list(keys)
        assert three.session.view().sent == 1


async def test_control_communities_and_refusals() -> None:
    keys = prefixes(V4, 2)
    async with exchange() as at:
        one, two, three = await at.client(1), await at.client(2), await at.client(3, refuses=[asn(2)])
        await one.announce(keys[:1], large_communities=((RS_AS, 0, asn(2)), (RS_AS, 101, asn(3))))
        found = await three.gets()
        assert found.attributes == encode(
            PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (asn(1),) * 2),), next_hop=one.address), asn4=True
        )
        await two.announce(keys[1:])
        assert keys_of(await one.gets()) == list(keys[1:])
        assert [client.session.view().sent for client in (one, two, three)] == [1, 0, 1]
        assert {k: path.asns for k, path in at.server.advertised("c3").items()} == {keys[0]: (asn(1),) * 2}
        assert at.server.advertised("c2") == {}


async def test_what_the_import_policy_refuses_goes_nowhere_until_another_policy_takes_it() -> None:
    keys = prefixes(V4, 2)
    async with exchange() as at:
        one, two = await at.clients(2)
        await one.announce(keys[:1], 64512)
        await one.announce(keys[1:])
        assert keys_of(await two.gets()) == list(keys[1:])
        view = one.session.view()
        assert (view.received, view.accepted, view.taken) == (2, 1, 1)
        context = PolicyContext(asn(1), str(one.address), RS_AS)
        one.session.apply_policy(ClientPolicy(context, {**LAB_RULES, "bogon-asn": False}))
        update = await two.gets()
        assert (update.attributes, keys_of(update)) == (one.attributes(64512), list(keys[:1])), "octets in, octets out"
        one.session.apply_policy(ClientPolicy(context, LAB_RULES))
        assert withdrawn(await two.gets()) == list(keys[:1])


async def test_the_next_hop_is_the_clients_own() -> None:
    keys = prefixes(V4, 2)
    async with exchange() as at:
        one, two = await at.clients(2)
        hop = ip_address("198.51.100.9")
        path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (asn(1),)),), next_hop=hop)
        stolen = pack_announcements(V4, encode(path, asn4=True), b"", keys[:1], 4096)[0][0]
        await one.peer.send(stolen)
        await one.announce(keys[1:])
        assert keys_of(await two.gets()) == list(keys[1:])
        assert {hit.rule for hit in one.session.adj_in.hits(V4, keys[0])} == {"next-hop"}


async def test_max_prefix_of_one_client() -> None:
    keys = prefixes(V4, 3)
    async with exchange() as at:
        one = await at.client(1, max_prefix=MaxPrefix(2, MaxPrefixAction.CEASE, restart=60))
        two = await at.client(2)
        await one.announce(keys[:2])
        assert keys_of(await two.gets()) == list(keys[:2])
        await one.announce(keys[2:])
        assert (await one.peer.refused()).subcode == 1
        gone: set[bytes] = set()
        while not gone >= set(keys[:2]):
            gone |= set(withdrawn(await two.gets()))
        assert two.session.view().sent == 0
        assert at.scene.of(PrefixLimit, "c1")


async def test_route_refresh() -> None:
    keys = prefixes(V4, 2)
    async with exchange() as at:
        one, two = await at.clients(2)
        await one.announce(keys)
        await two.gets()
        messages = await two.peer.answered()
        marks = [decode_refresh(messages[index][1]) for index in (0, -1)]
        assert marks == [RouteRefresh(V4, BEGIN), RouteRefresh(V4, END)]
        assert [keys_of(split_update(body)) for kind, body in messages if kind == MessageType.UPDATE] == [list(keys)]
        assert two.session.view().sent == 2


async def test_a_client_that_comes_back_gets_everything_again() -> None:
    keys = prefixes(V4, 2)
    async with exchange() as at:
        one, two = await at.clients(2)
        await one.announce(keys)
        await two.gets()
        two.peer.writer.transport.abort()
        await at.scene.until(lambda: two.session.view().bgp_state is BgpState.IDLE, "Idle")
        assert (two.session.view().sent, two.session.view().rendered) == (0, 0)
        await at.scene.until(lambda: two.session.view().bgp_state is BgpState.ACTIVE, "listening again")
        async with await RawPeer.dial(at.where, two.address) as again:
            await again.greet(asn=asn(2), identifier="10.0.1.2")
            (update,) = await again.updates_to_end_of_rib()
            assert keys_of(update) == list(keys)


async def test_a_full_table_and_its_withdrawal() -> None:
    """More changes than are told at once."""
    keys = prefixes(V4, 3000)
    async with exchange() as at:
        one, two, three = await at.clients(3)
        for at_once in range(0, 3000, 3):
            await one.announce(keys[at_once : at_once + 3], 3000 + at_once % 50)
        for client in (two, three):
            got: list[bytes] = []
            while len(got) < 3000:
                got += keys_of(await client.gets())
            assert set(got) == set(keys)
        await one.withdraw(keys)
        for client in (two, three):
            gone: list[bytes] = []
            while len(gone) < 3000:
                gone += withdrawn(await client.gets())
            assert set(gone) == set(keys) and client.session.view().sent == 0


async def test_roles_and_otc() -> None:
    """RFC 9234: ours is `rs`; what we send is marked, and what a client sends marked is a leak."""
    keys = prefixes(V4, 2)
    async with exchange() as at:
        client: dict[str, Any] = {"role": Role.ROUTE_SERVER, "greeting": {"role": Role.RS_CLIENT}}
        one, two = await at.client(1, **client), await at.client(2, **client)
        await one.announce(keys[:1], otc=3000)
        await one.announce(keys[1:])
        update = await two.gets()
        assert keys_of(update) == list(keys[1:])
        assert update.attributes == one.attributes(otc=RS_AS)
        assert {hit.rule for hit in one.session.adj_in.hits(V4, keys[0])} == {"otc"}


async def test_a_role_that_does_not_fit_is_refused() -> None:
    async with exchange() as at:
        at.server.add(at.config(1, at.where, BASE + 1, role=Role.ROUTE_SERVER))
        async with await RawPeer.dial(at.where, BASE + 1) as peer:
            await peer.send(raw_open(asn=asn(1), role=Role.PEER))
            await peer.expect(MessageType.OPEN)
            notification = await peer.refused()
            assert (notification.code, notification.subcode) == (2, 11)


async def test_clients_of_two_and_of_four_octets() -> None:
    keys = prefixes(V4, 1)
    async with exchange() as at:
        one = await at.client(1)
        two = await at.client(2, greeting={"asn4": False})
        three = await at.client(3, greeting={"extended_message": False})
        sent = await one.announce(keys, 200000)
        assert (await three.gets()).attributes == sent
        path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (asn(1), 200000)),), next_hop=one.address)
        assert (await two.gets()).attributes == encode(path, asn4=False)


async def test_ipv6() -> None:
    keys = prefixes(V6, 2)
    async with exchange() as at:
        clients = []
        for number in (1, 2):  # told apart by the port that they call
            where = await at.server.listen(LOOPBACK6)
            session = at.server.add(at.config(number, where, LOOPBACK6))
            peer = await at.peers.enter_async_context(await RawPeer.dial(where))
            await peer.greet(V6, asn=asn(number), identifier=f"10.0.1.{number}")
            await at.scene.established(session)
            lift(session)
            clients.append(Client(number, session, peer, LOOPBACK6))
            await clients[-1].gets_end_of_rib()
        one, two = clients
        sent = await one.announce(keys)
        update = await two.gets()
        assert update.reach is not None
        assert (update.attributes, update.reach.next_hop) == (sent, IPv6Address("::1").packed)
        assert nlri.split(update.reach.nlri, V6) == list(keys)
        await one.withdraw(keys[:1])
        update = await two.gets()
        assert update.unreach is not None and nlri.split(update.unreach.nlri, V6) == list(keys[:1])


async def test_a_client_without_the_session_s_family_is_refused() -> None:
    async with exchange() as at:
        session = at.server.add(at.config(2, at.where, BASE + 2))
        async with await RawPeer.dial(at.where, BASE + 2) as peer:
            await peer.send(raw_open(V6, asn=asn(2), identifier="10.0.1.2"))
            await peer.expect(MessageType.OPEN)
            notification = await peer.refused()
            assert (notification.code, notification.subcode) == (2, 7)
            assert session.view().established_transitions == 0


async def test_a_client_is_removed() -> None:
    keys = prefixes(V4, 1)
    async with exchange() as at:
        one, two = await at.clients(2)
        await one.announce(keys)
        assert keys_of(await two.gets()) == list(keys)
        await at.server.remove("c1", cease(3))
        assert withdrawn(await two.gets()) == list(keys)
        again = await at.client(1)
        await again.announce(keys)
        assert keys_of(await two.gets()) == list(keys)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"local_as": 64501}, "rs: session c2 is AS64501's, not AS64500's"),
        ({"peer_as": None}, "rs: session c2 needs its client's ASN"),
        ({"id": "c1"}, "rs: session c1 exists already"),
        ({"local": Endpoint(EDGE4, 1)}, "rs: nothing listens on 127.8.0.1:1 for session c2"),
    ],
)
async def test_a_session_that_cannot_be_one_of_its(changes: dict[str, Any], why: str) -> None:
    async with exchange() as at:
        at.server.add(at.config(1, at.where, BASE + 1))
        config = at.config(2, at.where, BASE + 2)
        with pytest.raises(LabError) as refused:
            at.server.add(NeighborConfig(**{**{f: getattr(config, f) for f in config.__slots__}, **changes}))
        assert str(refused.value) == why
        at.server.add(config)
        assert [neighbor.config.id for neighbor in at.server.neighbors] == ["c1", "c2"]


async def test_events_are_those_of_any_speaker() -> None:
    keys = prefixes(V4, 2)
    async with exchange() as at:
        one, two = await at.clients(2)
        await one.announce(keys)
        await one.withdraw(keys[:1])
        await two.gets()
        assert withdrawn(await two.gets()) == list(keys[:1])
        assert [e.keys for e in at.scene.of(RoutesAnnounced, "c1")] == [keys]
        assert [e.keys for e in at.scene.of(RoutesWithdrawn, "c1")] == [keys[:1]]
