"""A provider for tests: the shipped exchange on the loopback link, and requests to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address
from typing import Any
from uuid import UUID, uuid5

from simulator.azure.model.errors import RefusalError
from simulator.azure.model.peering import ConnectionRequest, PeeringRequest, PeeringResource, SessionRequest
from simulator.azure.model.resources import AsnState, PeerAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.provider.settings import Settings
from simulator.azure.store.store import Store
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.control import ConnectionRecord
from simulator.places.link import LinkKind
from simulator.session.messages import Family
from simulator.topology.schema import Topology
from simulator.views.session import SessionView
from tests.patience import PATIENCE
from tests.topologies import build, document

SUBSCRIPTION = "/subscriptions/lab"
ASN_ID = f"{SUBSCRIPTION}/providers/Microsoft.Peering/peerAsns/contoso"
PEERING_ID = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Peering/peerings/contoso"
AT_ONCE = Settings(removal=0)
BY_HAND = Settings(peer_asn_review=None, peering_review=None, notification=None, removal=None)
"""Its people; the automation goes on by itself."""
IPV4, IPV6 = "206.126.239.200", "2001:504:0:2:0:6:4496:1"
"""The shipped peer's addresses."""


def topology(**changes: Any) -> Topology:
    return build(document() | changes)


@contextlib.asynccontextmanager
async def provider(
    url: str, settings: Settings | None = AT_ONCE, lab: Topology | None = None, kind: LinkKind = LinkKind.LOOPBACK
) -> AsyncIterator[Provider]:
    """A running provider; with `settings` None those of the store."""
    store = Store.open(url)
    try:
        async with Provider(lab or topology(), kind, store, settings) as running:
            yield running
            assert not running.failure.done(), running.failure.result()
    finally:
        store.close()


def identifier(name: str) -> str:
    return str(uuid5(UUID(int=8075), name)).upper()


def request(*connections: ConnectionRequest, **changes: Any) -> PeeringRequest:
    wanted = connections or (connection(),)
    plain: dict[str, Any] = {"flow": Flow.EXCHANGE, "asn": 64496, "peer_asn": ASN_ID, "metro": "Ashburn"}
    return PeeringRequest(**plain | changes, connections=wanted)


def connection(
    name: str = "one", ipv4: str | None = IPV4, ipv6: str | None = IPV6, **changes: Any
) -> ConnectionRequest:
    sessions = {
        family: SessionRequest(ip_address(text))
        for family, text in ((Family.IPV4, ipv4), (Family.IPV6, ipv6))
        if text is not None
    }
    plain: dict[str, Any] = {"identifier": identifier(name), "facility": 1, "sessions": sessions}
    return ConnectionRequest(**plain | changes)


def peering(wanted: PeeringRequest, id_: str = PEERING_ID) -> PeeringResource:
    """What a client asks for."""
    return PeeringResource(id=id_, document=body(wanted), request=wanted)


def body(wanted: PeeringRequest) -> dict[str, Any]:
    """What a client would have written, as far as the provider looks at it."""
    return {
        "sku": {"name": "Basic_Exchange_Free"},
        "kind": "Exchange",
        "location": "eastus",
        "properties": {
            "peeringLocation": wanted.metro,
            "exchange": {
                "peerAsn": {"id": wanted.peer_asn},
                "connections": [{"connectionIdentifier": each.identifier} for each in wanted.connections],
            },
        },
    }


def put_asn(running: Provider, asn: int = 64496, name: str = "Contoso", id_: str = ASN_ID) -> PeerAsn:
    wanted = PeerAsn.from_document(id_, {"properties": {"peerAsn": asn, "peerName": name}})
    return running.asns.put(wanted)[0]


def ask_for_asn(running: Provider, asn: int = 64496) -> PeerAsn:
    return put_asn(running, asn)


def asn_state(running: Provider) -> AsnState:
    """That of the one PeerAsn of these tests."""
    asn = running.found(ASN_ID.lower(), PeerAsn)
    assert asn is not None
    return asn.state


def ask_for_peering(running: Provider, wanted: PeeringRequest | None = None) -> PeeringRecord:
    wanted = wanted or request()
    return running.put_peering(peering(wanted))[0]


async def approved_asn(running: Provider) -> None:
    ask_for_asn(running)
    await until(running, lambda: asn_state(running) is AsnState.APPROVED)


async def until(running: Provider, condition: Callable[[], bool], within: float = PATIENCE) -> None:
    """Wait, event by event, until something holds."""
    async with asyncio.timeout(within):
        while not condition():
            await running.log.next_event(0.05)


def records(running: Provider) -> list[ConnectionRecord]:
    return list(running.control.records.values())


async def until_all(running: Provider, state: ConnectionState, within: float = PATIENCE) -> None:
    """Until there are connections and all are in a state; Active only counts with every session lifted."""

    def there() -> bool:
        found = records(running)
        lifted = state is not ConnectionState.ACTIVE or all(len(each.validated) == len(each.plans) for each in found)
        return bool(found) and lifted and all(each.state is state for each in found)

    await until(running, there, within)


def open_gates(running: Provider) -> set[str]:
    plans = (plan for record in records(running) for plan in record.plans)
    return {
        plan.id
        for plan in plans
        if running.network.edges.is_provisioned(plan) and running.network.edges.view(plan).gate_open
    }


def leaks(running: Provider) -> int:
    return sum(count for gate in running.network.edges.gates for count in gate.leaked.values())


def record(running: Provider, name: str) -> ConnectionRecord:
    return running.control.records[name]


def views(running: Provider) -> dict[str, SessionView]:
    """Every provisioned session."""
    plans = (plan for found in records(running) for plan in found.plans)
    return {plan.id: running.network.edges.view(plan) for plan in plans if running.network.edges.is_provisioned(plan)}


def established_at(running: Provider, *sessions: str) -> dict[str, float | None]:
    return {name: view.established_at for name, view in views(running).items() if not sessions or name in sessions}


async def active(running: Provider, wanted: PeeringRequest | None = None) -> PeeringRecord:
    """An Approved PeerAsn and a peering whose sessions are all lifted."""
    await approved_asn(running)
    made = ask_for_peering(running, wanted)
    await until_all(running, ConnectionState.ACTIVE)
    return made


def refused(call: Callable[[], object], kind: type[RefusalError], words: str) -> None:
    """The call is refused with such an error and these words, and the provider goes on."""
    try:
        call()
    except RefusalError as error:
        assert (type(error), words in str(error)) == (kind, True), (kind, error)
    else:
        raise AssertionError(f"not refused: {words}")
