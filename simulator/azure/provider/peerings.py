"""Peerings: what may be requested, changed and deleted, and what each of these does to the connections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from simulator.addresses import IpAddress
from simulator.azure.model.errors import (
    ConflictError,
    Field,
    FieldName,
    InvalidError,
    NotApprovedError,
    UnknownPeerAsnError,
)
from simulator.azure.model.peering import ConnectionRequest, PeeringRequest, PeeringResource
from simulator.azure.model.resources import AsnState, PeerAsn
from simulator.azure.provider.address_plan import AddressPlan
from simulator.azure.provider.changes import ConnectionChange, changes, matched, must_be_removable, same_peering
from simulator.azure.provider.legacy import LegacyPeerings, pairs
from simulator.azure.provider.records import LiveConnection, PeeringIndex, PeeringRecord
from simulator.azure.provider.route_server_pair import must_leave_one
from simulator.azure.provider.settings import CurrentSettings
from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.connection.states import ConnectionState, Conversion, Flow
from simulator.connection.table import ADDRESS_CONFLICT_MESSAGE
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan

NOT_UNIQUE: Final = "Connection are not unique"
"""Recorded."""
_S = ConnectionState
_HOLDS_NOTHING: Final = (_S.NONE, _S.PENDING_APPROVAL, _S.PROVISIONING_FAILED, _S.EXTERNAL_BLOCKER)
"""States in which an address is held only by a session that is there (simulator)."""


Running = tuple[ConnectionRequest, ConnectionRecord]
"""A legacy connection as it is asked for, and as it runs."""


@dataclass(frozen=True, slots=True)
class Modification:
    """What a request does to a peering that is there."""

    removed: list[LiveConnection]
    changed: list[ConnectionChange]
    added: tuple[ConnectionRequest, ...]


class Peerings:
    """Every peering of every subscription. All methods raise RefusalError, and then nothing has changed."""

    def __init__(
        self,
        unit: UnitOfWork,
        index: PeeringIndex,
        control: ControlPlane,
        address_plan: AddressPlan,
        clock: Clock,
        current: CurrentSettings,
    ) -> None:
        self._unit = unit
        self._control = control
        self._address_plan = address_plan
        self._clock = clock
        self._current = current
        self.legacy = LegacyPeerings(control, address_plan)
        self.records = index.records
        self._index, self._owners = index, index.owners

    def owner(self, connection: str) -> PeeringRecord | None:
        return self._index.owner(connection)

    def live(self, connection: str) -> LiveConnection | None:
        return self._index.live(connection)

    # --- request and change ---

    def put(self, wanted: PeeringResource) -> tuple[PeeringRecord, bool]:
        """Request a peering, or change it; (peering, created)."""
        known = self.records.get(wanted.key)
        if known is None:
            return self._create(wanted), True
        self._change(known, wanted)
        return known, False

    def check(self, wanted: PeeringResource) -> None:
        """Raise what `put` would raise, but for the state of the PeerAsn (`must_be_approved`). Nothing changes."""
        known = self.records.get(wanted.key)
        if known is None:
            self._creation(wanted.request)
        else:
            self._modification(known, wanted.request)

    def _creation(self, wanted: PeeringRequest) -> tuple[PeeringRequest, dict[str, Running]]:
        """The request as it is completed, and which of its connections are legacy ones that run."""
        done = self._completed(wanted, ())
        return done, self.legacy.adopted(done)

    def _create(self, resource: PeeringResource) -> PeeringRecord:
        self.must_be_approved(resource.request.peer_asn)
        done, adopted = self._creation(resource.request)
        now = self._clock.now()
        request = replace(done, connections=())
        resource = replace(resource, request=request, created=now, changed=now)
        record = PeeringRecord(resource)
        with self._unit.transaction():
            self._unit.save(resource)
            self.records[record.key] = record
            for connection in done.connections:
                if connection.identifier in adopted:
                    self._adopt(record, *adopted[connection.identifier])
                    continue
                live = self._take_in(record, connection)
                self._control.request(live.record, f"at {done.metro}")
        return record

    def _adopt(self, record: PeeringRecord, request: ConnectionRequest, running: ConnectionRecord) -> None:
        """A legacy connection becomes one of this peering's, as it runs, once Microsoft has reviewed that."""
        record.connections.append(LiveConnection(request, running, len(record.connections)))
        self._owners[running.id] = record
        self.legacy.request(running)
        if self._current.settings.conversion_review == 0:
            self.convert(running)

    def convert(self, running: ConnectionRecord) -> None:
        """Microsoft approves the conversion of a legacy connection. Raises TransitionRefusedError."""
        self.legacy.convert(running, self._owners[running.id].name)

    def _modification(self, record: PeeringRecord, wanted: PeeringRequest) -> Modification:
        same_peering(record, wanted)
        named = {connection.identifier for connection in wanted.connections}
        if len(named) != len(wanted.connections):
            raise InvalidError(NOT_UNIQUE, Field(FieldName.CONNECTIONS), recorded=True)
        kept = {live.id for live, _ in matched(record, wanted)}
        gone = [live for live in record.connections if live.id not in kept]
        removed = [live for live in gone if live.record.state is not ConnectionState.PENDING_REMOVE]
        for live in removed:
            must_be_removable(live, self._clock.now())
        fresh = [each for each in wanted.connections if record.connection(each.identifier) is None]
        changed = changes(record, wanted, self._address_plan, self._current.settings)
        self._one_route_server_at_a_time(
            [each.live for each in changed.values() if each.request.md5 != each.live.request.md5]
        )
        known = [changed[live.id].request if live.id in changed else live.request for live in record.connections]
        done = self._completed(replace(wanted, connections=tuple(fresh)), known, record)
        return Modification(removed, [change for change in changed.values() if change.described], done.connections)

    def _change(self, record: PeeringRecord, resource: PeeringResource) -> None:
        asked = self._modification(record, resource.request)
        with self._unit.transaction():
            request = replace(record.request, location=resource.request.location)
            written = record.resource.written_again(resource, self._clock.now())
            record.resource = replace(written, request=request)
            self._unit.save(record.resource)
            for live in asked.removed:
                self._control.delete(live.record)
            for each in asked.changed:
                each.live.request = each.request  # so that the journal writes it
                plans = self._plans(record, each.live.id, each.request)
                self._control.extend(each.live.record, plans, each.event, ", ".join(each.described))
            for connection in asked.added:
                live = self._take_in(record, connection)
                self._control.request(live.record, f"at {record.request.metro}")
            self._forget_gone(record)

    def _one_route_server_at_a_time(self, renewed: list[LiveConnection]) -> None:
        """A session with another MD5 key is made again. Refuses to do that to all of an exchange's route servers."""
        with_route_server = [live for live in renewed if live.record.flow is Flow.IXRS]
        if len(with_route_server) > 1:
            text = "The md5AuthenticationKey of one route server is changed at a time: its session is made again"
            raise ConflictError(text)
        for live in with_route_server:
            self.must_leave_one(live.record)

    def must_leave_one(self, record: ConnectionRecord) -> None:
        """Refuses to take the last one of an exchange's route servers out of service."""
        must_leave_one(record, self._control.records.values())

    def _completed(
        self, wanted: PeeringRequest, known: Iterable[ConnectionRequest], record: PeeringRecord | None = None
    ) -> PeeringRequest:
        """Microsoft's side filled in, and nothing that is taken."""
        elsewhere = [live for other in self.records.values() if other is not record for live in other.connections]
        identifiers = {live.request.identifier for live in elsewhere}
        for connection in wanted.connections:
            if connection.identifier in identifiers:
                text = f"ConnectionIdentifier:{connection.identifier} is already being used in peering."
                raise InvalidError(text, connection.at(FieldName.IDENTIFIER), recorded=True)
        field = Field(FieldName.CONNECTIONS)
        if len({connection.identifier for connection in wanted.connections}) != len(wanted.connections):
            raise InvalidError(NOT_UNIQUE, field, recorded=True)
        known = list(known)
        taken = [*known, *(live.request for live in elsewhere)]
        done = self._address_plan.completed(wanted, taken, self._current.settings.mesh)
        taken_pairs = [pair for each in (*known, *done.connections) for pair in pairs(each)]
        if len(set(taken_pairs)) != len(taken_pairs):
            raise InvalidError(NOT_UNIQUE, field, recorded=True)
        if wanted.flow is Flow.IXRS:
            _each_route_server_once([*known, *done.connections])
        for connection in done.connections:  # what cannot be planned is refused before anything is written
            self._address_plan.plans("", "", wanted.flow, wanted.asn, connection)
        return done

    def must_be_approved(self, peer_asn: str) -> None:
        """Refuses the ARM id of a PeerAsn that is not there, or not Approved."""
        asn = self._unit.get(peer_asn.lower(), PeerAsn)
        if asn is None:
            text = "PeerAsn does not exist with the given name"
            raise UnknownPeerAsnError(text, Field(FieldName.PEER_ASN), recorded=True)
        if asn.state is not AsnState.APPROVED:
            raise NotApprovedError(
                f"The PeerAsn {asn.name} (AS{asn.asn}) is {asn.state.value}: "
                "a peering can be requested only on an ASN with ValidationState Approved",
                Field(FieldName.PEER_ASN),
                recorded=True,
            )

    def conflict_of(self, live: LiveConnection) -> str:
        """Why its addresses cannot be had, as an errorMessage; empty when they can.

        That another ASN has one is published (REST specification), also its words for IPv4. That one edge has one
        session with an address is BGP's, and the words are the simulator's.
        """
        ends = {(plan.edge_address, plan.peer_address) for plan in live.record.plans}
        for each in self._holding(live):
            if each.record.peer.asn == live.record.peer.asn:
                theirs = ((plan.edge_address, plan.peer_address) for plan in each.record.plans)
                if shared := next((end for end in theirs if end in ends), None):
                    return f"{shared[1]} already has a session with {shared[0]}, of the connection {each.id}"
            elif taken := _claims(live) & _claims(each):
                (_, address) = min(taken, key=str)
                return ADDRESS_CONFLICT_MESSAGE.replace("IPv4", f"IPv{address.version}")
        return ""

    def _holding(self, live: LiveConnection) -> Iterator[LiveConnection]:
        """The other connections that were granted their addresses, or have sessions."""
        owned = (each for record in self.records.values() for each in record.connections)
        for each in (*self.legacy.running(), *owned):
            granted = each.record.state not in _HOLDS_NOTHING or self._control.has_sessions(each.record)
            if granted and each.id != live.id:
                yield each

    # --- connections ---

    def _take_in(self, record: PeeringRecord, request: ConnectionRequest) -> LiveConnection:
        name = self._connection_name(record, request)
        position = 1 + max((live.position for live in record.connections), default=-1)
        return self.hold(record, request, name, position)

    def hold(self, record: PeeringRecord, request: ConnectionRequest, name: str, position: int) -> LiveConnection:
        """Make a connection known here and at the control plane, in state None."""
        plans = self._plans(record, name, request)
        (made,) = self._control.add(plans, record.request.flow)
        live = LiveConnection(request, made, position)
        record.connections.append(live)
        self._owners[name] = record
        return live

    def _plans(self, record: PeeringRecord, name: str, request: ConnectionRequest) -> list[SessionPlan]:
        return self._address_plan.plans(record.name, name, record.request.flow, record.request.asn, request)

    def _connection_name(self, record: PeeringRecord, request: ConnectionRequest) -> str:
        """`peering/edge`, which reads well; with a part of the identifier where that is taken."""
        session = next(iter(request.sessions.values()))
        edge = self._address_plan.edge_name(session)
        for name in (f"{record.name}/{edge}", f"{record.name}/{edge}-{request.identifier[:8].lower()}"):
            if name not in self._control.records:  # neither here nor a legacy peering's
                return name
        return f"{record.name}/{edge}-{request.identifier.lower()}"

    # --- the end ---

    def patch(self, record: PeeringRecord, tags: dict[str, str]) -> None:
        """Replace the tags."""
        self._unit.save(resource := record.resource.with_tags(tags, self._clock.now()))
        record.resource = resource

    def delete(self, key: str) -> bool:
        """Whether there was one. What was never provisioned is gone at once; the rest is PendingRemove for a while."""
        record = self.records.get(key)
        if record is None:
            return False
        legacy, owned = self.removable(record)
        with self._unit.transaction():
            for live in legacy:  # it never became this resource's: it runs on
                self.legacy.take_back(live.record)
                record.connections.remove(live)
                del self._owners[live.id]
            for live in owned:
                self._control.delete(live.record)
            self._forget_gone(record)
        return True

    def removable(self, record: PeeringRecord) -> tuple[list[LiveConnection], list[LiveConnection]]:
        """The legacy connections that a deletion gives back, and those that it removes. Refuses where a state does not
        allow it; nothing changes."""
        lives = [live for live in record.connections if live.record.state is not ConnectionState.PENDING_REMOVE]
        legacy = [live for live in lives if live.record.connection.conversion is not Conversion.NONE]
        owned = [live for live in lives if live not in legacy]
        for live in owned:
            must_be_removable(live, self._clock.now())
        return legacy, owned

    def remove(self, connection: ConnectionRecord) -> None:
        """The sessions of a connection in PendingRemove are closed: it is gone."""
        owner = self._owners.get(connection.id)
        with self._unit.transaction():
            self._control.forget(connection)
            if owner is not None:
                self._forget_gone(owner)

    def _forget_gone(self, record: PeeringRecord) -> None:
        """Drop the connections that are gone; with the last of them the peering goes."""
        for live in list(record.connections):
            if live.record.state is ConnectionState.NONE:
                record.connections.remove(live)
                del self._owners[live.id]
                del self._control.records[live.id]
        if not record.connections:
            self._unit.forget(record.resource)
            self._index.forget(record)


def _each_route_server_once(connections: Iterable[ConnectionRequest]) -> None:
    """A connection with a route server has a session to every edge, whichever of Microsoft's addresses it names."""
    peers = [session.peer for each in connections for session in each.sessions.values()]
    if twice := next((peer for peer in peers if peers.count(peer) > 1), None):
        text = f"{NOT_UNIQUE}: {twice} is in two, and one has its sessions with all of Microsoft's edges"
        raise InvalidError(text, Field(FieldName.CONNECTIONS))


def _claims(live: LiveConnection) -> set[tuple[IpAddress | None, IpAddress]]:
    """The addresses that are its alone: on the LAN the peer's, on a link of two both ends."""
    direct = live.record.flow is Flow.DIRECT
    return {(ours if direct else None, theirs) for ours, theirs in pairs(live.request)}
