"""What a provider of Peering Service registers at its peering: its customers' ASNs, and prefixes.

How sessions are judged by it is the engine's (`simulator.engine.registrations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Final
from uuid import uuid4

from simulator.azure.model.errors import ConflictError, Field, FieldName, InvalidError, NotSupportedError
from simulator.azure.model.resources import PrefixState, RegisteredAsn, RegisteredPrefix
from simulator.azure.provider.asn_space import not_routed
from simulator.azure.provider.prefix_requirements import PrefixOnSession, registered_prefix_fault
from simulator.azure.provider.records import PeeringIndex, PeeringRecord
from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.network import Network
from simulator.engine.registrations import Registered
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.wire import nlri

NOT_THIS_TYPE: Final = "Operation is not supported for this peering type"
"""Recorded, of a peering that is not for Peering Service."""
NOT_ACTIVE: Final = "Operation is not supported until a connection of the peering is Active"
"""simulator: that it has to be Active is documented, what is answered until then is not."""


def for_peering_service(record: PeeringRecord) -> bool:
    """Whether a peering may carry Peering Service: with a route server, for voice, or marked useForPeeringService."""
    request = record.request
    marked = any(live.request.peering_service for live in record.connections)
    return request.flow is Flow.IXRS or request.direct_type == "Voice" or (request.flow is Flow.DIRECT and marked)


def active_plans(record: PeeringRecord) -> Iterator[SessionPlan]:
    """Every session of a peering's Active connections."""
    for live in record.connections:
        if live.record.state is ConnectionState.ACTIVE:
            yield from live.record.plans


def is_recovering(record: PeeringRecord) -> bool:
    """After a restart, until the sessions of its Active connections have come back and were validated again."""
    active = (live.record for live in record.connections if live.record.state is ConnectionState.ACTIVE)
    return any(not connection.validated for connection in active)


def prefix_on(network: Network, plan: SessionPlan, prefix: IPv4Network) -> PrefixOnSession:
    """What a session holds of a prefix, whatever its policy says of it."""
    _, key = nlri.key(str(prefix))
    held = network.edges.route(plan, key) if network.edges.is_provisioned(plan) and plan.family is Family.IPV4 else None
    return PrefixOnSession(plan.peer_address, plan.edge.name, held.attributes.path if held is not None else None)


class StoredRegistrations:
    """What the network asks for its sessions: the registrations of their peering, as they are stored."""

    def __init__(self, unit: UnitOfWork, index: PeeringIndex) -> None:
        self._unit = unit
        self._index = index

    def at(self, plan: SessionPlan) -> Registered:
        """A session with a route server takes origins that any peering of its PeerAsn has registered, which may be
        none; where prefixes of its own peering are Verified, a session takes only those (simulator)."""
        record = self._index.owner(plan.connection)
        if record is None:
            return Registered()
        asns = None
        if record.request.flow is Flow.IXRS:
            mine = (
                each for other in self._index.sisters(record) for each in self._unit.below(other.key, RegisteredAsn)
            )
            asns = frozenset(each.asn for each in mine)
        below = self._unit.below(record.key, RegisteredPrefix)
        verified = [str(each.prefix) for each in below if each.state is PrefixState.VERIFIED]
        return Registered(asns, verified)


class RegisteredResources:
    """Every registered ASN and prefix. Methods that change something raise RefusalError, and then nothing has."""

    def __init__(
        self,
        unit: UnitOfWork,
        index: PeeringIndex,
        network: Network,
        now: Callable[[], float],
        pending: Callable[[], None],
    ) -> None:
        """`pending` is called when a prefix waits for its validation."""
        self._unit = unit
        self._index = index
        self._network = network
        self._now = now
        self._pending = pending
        index.when_forgotten(self._judge_again)  # what it had registered counts no more at its sisters

    # --- ASNs ---

    def put_asn(self, record: PeeringRecord, wanted: RegisteredAsn) -> tuple[RegisteredAsn, bool]:
        """Register a customer's ASN; (resource, created). It is registered once in a subscription: its key, and what
        it lets in, are the same at every peering of the PeerAsn (documented: the key is for every location)."""
        self._must_be_active(record, record.request.flow is Flow.IXRS)
        known, now = self._unit.get(wanted.key, RegisteredAsn), self._now()
        if known is not None:
            if known.asn != wanted.asn:
                text = "The asn of a registered ASN cannot be changed: the key is its own"
                raise InvalidError(text, Field(FieldName.CUSTOMER_ASN))
            self._unit.save(changed := known.written_again(wanted, now))
            return changed, False
        if fault := not_routed(wanted.asn, self._network.topology):
            raise InvalidError(f"AS{wanted.asn} {fault}", Field(FieldName.CUSTOMER_ASN))
        subscription = wanted.key.split("/resourcegroups/")[0]
        for other in self._unit.below(subscription, RegisteredAsn):
            if other.asn == wanted.asn:
                where = "this peering" if other.parent == record.key else f"the peering {_peering_of(other)}"
                text = f"{wanted} is already registered at {where}, as {other.name}"
                raise ConflictError(text, Field(FieldName.CUSTOMER_ASN))
        made = replace(wanted, prefix_key=str(uuid4()), created=now, changed=now)
        with self._unit.transaction():
            self._tell(made, f"{made} is registered")
            self._unit.save(made)
        self._judge_again(record)
        return made, True

    def delete(self, record: PeeringRecord, key: str) -> bool:
        """Whether there was such an ASN or prefix. What was accepted by it is judged again."""
        known = self._unit.get(key, RegisteredAsn) or self._unit.get(key, RegisteredPrefix)
        if known is None:
            return False
        with self._unit.transaction():
            self._tell(known, f"{known} is not registered any more")
            self._unit.forget(known)
        self._judge_again(record)
        return True

    # --- prefixes ---

    def put_prefix(self, record: PeeringRecord, wanted: RegisteredPrefix) -> tuple[RegisteredPrefix, bool]:
        """Register a prefix; (resource, created). It is Pending until it was validated."""
        self._must_be_active(record, for_peering_service(record))
        known, now = self._unit.get(wanted.key, RegisteredPrefix), self._now()
        if known is not None:
            if known.prefix != wanted.prefix:
                raise InvalidError("The prefix of a registered prefix cannot be changed", Field(FieldName.PREFIX))
            self._unit.save(changed := known.written_again(wanted, now))
            return changed, False
        for other in self._unit.all(RegisteredPrefix):
            if other.prefix == wanted.prefix:
                text = f"{wanted.prefix} is already registered, at the peering {_peering_of(other)}"
                raise ConflictError(text, Field(FieldName.PREFIX))
        self._write(made := replace(wanted, since=now, created=now, changed=now), f"{wanted} is queued")
        return made, True

    def validate(self, prefix: RegisteredPrefix) -> RegisteredPrefix:
        """Queue a prefix for another validation. Its key stays."""
        now = self._now()
        again = replace(prefix, state=PrefixState.PENDING, error_message="", since=now, asked=True, changed=now)
        self._write(again, f"{again} is queued again")
        return again

    def judge(self, registered: RegisteredPrefix) -> None:
        """Validate a Pending prefix by what every IPv4 session of its peering holds now."""
        record = self._index.records[registered.parent]
        if is_recovering(record):
            return  # it is asked again when the sessions are lifted
        plans = [plan for plan in active_plans(record) if plan.family is Family.IPV4]
        irr = self._network.data.data.irr if self._network.data is not None else None
        held = [prefix_on(self._network, plan, registered.prefix) for plan in plans]
        fault = registered_prefix_fault(registered.prefix, held, irr, record.request.asn)
        now = self._now()
        judged = replace(
            registered,
            state=PrefixState.FAILED if fault else PrefixState.VERIFIED,
            error_message=fault,
            prefix_key=registered.prefix_key or ("" if fault else str(uuid4())),
            since=now,
            asked=False,
            changed=now,
        )
        self._write(judged, fault or f"{judged} is verified")
        self._judge_again(record)

    def _judge_again(self, record: PeeringRecord) -> None:
        for sister in self._index.sisters(record):
            for live in sister.connections:
                for plan in live.record.plans:
                    self._network.edges.judge_again(plan)

    # --- inside ---

    def _must_be_active(self, record: PeeringRecord, right_type: bool) -> None:
        if not right_type:
            raise NotSupportedError(NOT_THIS_TYPE)
        if not any(live.record.state is ConnectionState.ACTIVE for live in record.connections):
            raise NotSupportedError(NOT_ACTIVE)

    def _write(self, prefix: RegisteredPrefix, why: str) -> None:
        with self._unit.transaction():
            self._tell(prefix, why)
            self._unit.save(prefix)
        self._pending()

    def _tell(self, resource: RegisteredAsn | RegisteredPrefix, why: str) -> None:
        flat = {"resource": resource.id, "reason": why}
        if isinstance(resource, RegisteredPrefix):
            flat["to"] = resource.state.value
        self._unit.add_event(self._now(), "registration", resource.id, flat)


def _peering_of(resource: RegisteredAsn | RegisteredPrefix) -> str:
    """The name of the peering, as it was written."""
    return resource.id.rsplit("/", 3)[1]
