"""Legacy peerings: they run from the start, without an Azure resource, until somebody converts them.

In the topology: `legacy: true` at a peering. What is published is that a conversion leaves the running session alone,
is answered with connections that are Active, and cannot be combined with modifications. The rest is the simulator's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final
from uuid import UUID, uuid5

from simulator.addresses import IpAddress
from simulator.azure.model.errors import ConflictError, NotSupportedError
from simulator.azure.model.peering import (
    ConnectionRequest,
    PeeringRequest,
    PeeringResource,
    Prefix,
    SessionRequest,
)
from simulator.azure.model.resources import PeerAsn
from simulator.azure.provider.address_plan import LAB_FACILITY, AddressPlan
from simulator.azure.provider.records import LiveConnection, PeeringRecord
from simulator.connection.connection import ConnectionTransition
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.topology.locations import ExchangeLocation, FacilityLocation
from simulator.topology.plan import FLOWS, plans_of
from simulator.topology.schema import ConnectionChoice, Peering

COMBINED: Final = "A legacy peering is converted as it is: modifications aren't supported in the same step"
"""Documented; the words are the simulator's."""
_NAMES: Final = UUID("8075aaaa-0000-4000-8000-000000000000")
"""The namespace of the connectionIdentifiers that legacy connections are listed with (simulator)."""

Pair = tuple[IpAddress, IpAddress]
"""Microsoft's address and the peer's."""


class LegacyPeerings:
    """Every legacy connection that was not converted yet."""

    def __init__(self, control: ControlPlane, address_plan: AddressPlan) -> None:
        self._control = control
        self._address_plan = address_plan
        self._topology = address_plan.topology
        self._kept: dict[str, list[LiveConnection]] = {}
        """By the topology peering's name."""

    def start(
        self,
        histories: Mapping[str, Sequence[ConnectionTransition]],
        follow: Callable[[ConnectionRecord], None],
    ) -> None:
        """Find what was never found before, and take up the rest where its history ends. Call after the recovery."""
        for peering in [each for each in self._topology.peerings if each.legacy]:
            grouped = groupby(plans_of(self._topology, peering), key=lambda plan: plan.connection)
            for position, (name, plans) in enumerate(grouped):
                if name in self._control.records:
                    continue  # converted: an Azure resource has it
                (record,) = self._control.add(tuple(plans), FLOWS[peering.kind])
                for step in histories.get(name, ()):
                    record.connection.take(step)
                if name not in histories:
                    self._control.find_legacy(record)
                if record.state is ConnectionState.NONE:
                    del self._control.records[name]  # converted and removed, in an earlier run
                    continue
                request = self._request(peering, position, record)
                self._kept.setdefault(peering.name, []).append(LiveConnection(request, record, position))
                follow(record)

    def listed(self, asn: PeerAsn, metro: str, flow: Flow) -> Iterator[PeeringRecord]:
        """The legacy peerings of a PeerAsn at a metro, as if they were resources already."""
        for name in list(self._kept):
            peering, live = self._topology.peering(name), self._running(name)
            if not live or FLOWS[peering.kind] is not flow or live[0].record.peer.asn != asn.asn:
                continue
            if self._metro(peering).lower() == metro.lower():
                yield self._as_record(peering, asn, live)

    def adopted(self, wanted: PeeringRequest) -> dict[str, tuple[ConnectionRequest, ConnectionRecord]]:
        """The running connections that a completed request converts, by connectionIdentifier; empty: it converts none.

        Raises RefusalError where it would change what runs, or leave a part of it behind.
        """
        ours = {pair: live for live in self.running() for pair in pairs(live.request)}
        found: dict[str, tuple[ConnectionRequest, ConnectionRecord]] = {}
        strangers = False
        for connection in wanted.connections:
            running = {id(live): live for pair in pairs(connection) if (live := ours.get(pair)) is not None}
            same_asn = [live for live in running.values() if live.record.peer.asn == wanted.asn]
            if not same_asn:
                strangers = True
                continue
            (live, *more) = same_asn
            if more or set(pairs(live.request)) != set(pairs(connection)) or _differs(live.request, connection):
                raise NotSupportedError(COMBINED)
            if live.record.state is not ConnectionState.ACTIVE:
                raise ConflictError(f"the legacy connection {live.id} is {live.record.state}")
            kept = {
                family: replace(session, max_prefixes=live.request.sessions[family].max_prefixes)
                for family, session in connection.sessions.items()
            }
            found[connection.identifier] = replace(connection, sessions=kept, md5=live.request.md5), live.record
        if not found:
            return {}
        taken = {record.id for _, record in found.values()}
        whole = {live.id for name in self._kept for live in self._running(name) if self._shares(name, taken)}
        if strangers or whole != taken:
            raise NotSupportedError(COMBINED)
        return found

    def request(self, record: ConnectionRecord) -> None:
        """An Azure resource asks for it. Its sessions are not touched, now or later."""
        for name, lives in self._kept.items():
            self._kept[name] = [live for live in lives if live.record is not record]
        record.peer_asn_approved = True  # that of the request; the topology may say otherwise
        self._control.request_conversion(record)

    def convert(self, record: ConnectionRecord, peering: str) -> None:
        """It belongs to the Azure resource from now on."""
        record.plans = tuple(replace(plan, peering=peering) for plan in record.plans)
        self._control.convert_legacy(record)

    def take_back(self, record: ConnectionRecord) -> None:
        """The resource that asked for it is gone: it can be asked for again."""
        self._control.withdraw_conversion(record)
        for peering in [each for each in self._topology.peerings if each.legacy]:
            grouped = groupby(plans_of(self._topology, peering), key=lambda plan: plan.connection)
            for position, (name, _) in enumerate(grouped):
                if name == record.id:
                    record.plans = tuple(replace(plan, peering=peering.name) for plan in record.plans)
                    live = LiveConnection(self._request(peering, position, record), record, position)
                    kept = self._kept.setdefault(peering.name, [])
                    kept.append(live)
                    kept.sort(key=lambda each: each.position)

    def running(self) -> Iterator[LiveConnection]:
        """Every legacy connection that was not converted."""
        for name in self._kept:
            yield from self._running(name)

    # --- inside ---

    def _running(self, peering: str) -> list[LiveConnection]:
        return [live for live in self._kept[peering] if live.record.state is not ConnectionState.NONE]

    def _shares(self, peering: str, connections: set[str]) -> bool:
        return any(live.id in connections for live in self._kept[peering])

    def _choice(self, peering: Peering, position: int) -> ConnectionChoice:
        return self._topology.choices(peering)[position]

    def _metro(self, peering: Peering) -> str:
        return self._address_plan.metro_of(self._choice(peering, 0)) if peering.is_direct else self._address_plan.metro

    def _request(self, peering: Peering, position: int, record: ConnectionRecord) -> ConnectionRequest:
        choice, exchange = self._choice(peering, position), self._address_plan.exchange
        facility = choice.facility if peering.is_direct else exchange.peeringdb_ix if exchange is not None else None
        sessions = {}
        for plan in record.plans:
            prefixes = choice.prefixes if peering.is_direct else self._topology.lan.prefixes
            prefix: Prefix = next(prefix for prefix in prefixes if plan.edge_address in prefix)
            limit = plan.max_prefix.limit if plan.max_prefix_given else None
            sessions[plan.family] = SessionRequest(plan.peer_address, plan.edge_address, prefix, limit)
        return ConnectionRequest(
            identifier=str(uuid5(_NAMES, record.id)).upper(),
            facility=facility or LAB_FACILITY,
            sessions=sessions,
            md5=record.plans[0].md5,
            bandwidth=choice.bandwidth if peering.is_direct else 0,
            provider=choice.session_address_provider,
        )

    def _as_record(self, peering: Peering, asn: PeerAsn, live: list[LiveConnection]) -> PeeringRecord:
        flow, metro = FLOWS[peering.kind], self._metro(peering)
        places: list[ExchangeLocation | FacilityLocation] = [
            *self._address_plan.exchanges(),
            *self._address_plan.facilities(),
        ]
        request = PeeringRequest(
            flow,
            live[0].record.peer.asn,
            asn.id,
            metro,
            direct_type="Edge" if peering.is_direct else "",
            sku=f"Basic_{peering.kind}_Free",
            location=next((place.azure_region for place in places if place.metro == metro), ""),
        )
        subscription = asn.id.split("/providers/")[0]
        since = live[0].record.connection.history[0].time
        resource = PeeringResource(
            id=f"{subscription}/providers/{PeeringResource.TYPE}/{peering.name}",
            request=request,
            created=since,
            changed=since,
        )
        return PeeringRecord(resource, live)


def pairs(request: ConnectionRequest) -> list[Pair]:
    """The ends of a request's sessions, as far as it names both."""
    return [
        (session.microsoft, session.peer)
        for session in request.sessions.values()
        if session.microsoft is not None and session.peer is not None
    ]


def _differs(running: ConnectionRequest, wanted: ConnectionRequest) -> bool:
    """Whether a request asks for another key or other limits than those that run. What it leaves out stays."""
    if wanted.md5 is not None and wanted.md5 != (running.md5 or ""):
        return True
    if wanted.bandwidth and wanted.bandwidth != running.bandwidth:
        return True
    for family, session in wanted.sessions.items():
        given, runs = session.max_prefixes, running.sessions[family].max_prefixes
        if given is not None and given != runs:
            return True
    return False
