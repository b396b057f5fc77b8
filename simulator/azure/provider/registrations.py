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
from simulator.azure.provider.asn_space import not_routed
from simulator.azure.provider.books import Books
from simulator.azure.provider.maps import Seen, registered_prefix_fault
from simulator.azure.provider.records import PeeringIndex, PeeringRecord
from simulator.azure.store.store import Json, Resource
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.network import Network
from simulator.engine.registrations import Registered
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.wire import nlri

ASN_TYPE: Final = "Microsoft.Peering/peerings/registeredAsns"
PREFIX_TYPE: Final = "Microsoft.Peering/peerings/registeredPrefixes"
PENDING, VERIFIED, FAILED = "Pending", "Verified", "Failed"
"""PrefixValidationState (REST specification). Warning, Invalid and Unknown are not used: nobody publishes when."""
NOT_THIS_TYPE: Final = "Operation is not supported for this peering type"
"""Recorded, of a peering that is not for Peering Service."""
NOT_ACTIVE: Final = "Operation is not supported until a connection of the peering is Active"
"""simulator: that it has to be Active is documented, what is answered until then is not."""


def is_pending_prefix(resource: Resource) -> bool:
    """Whether a registered prefix, or one of a peering service, waits for its validation."""
    return bool(resource.status["prefixValidationState"] == PENDING)


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


def seen_on(network: Network, plan: SessionPlan, prefix: IPv4Network) -> Seen:
    """What a session holds of a prefix, whatever its policy says of it."""
    _, key = nlri.key(str(prefix))
    held = network.route(plan, key) if network.is_provisioned(plan) and plan.family is Family.IPV4 else None
    return Seen(plan.peer_address, plan.edge.name, held.attributes.path if held is not None else None)


class RegistrationsInBooks:
    """What the network asks for its sessions: the registrations of their peering, as the books have them."""

    def __init__(self, books: Books, index: PeeringIndex) -> None:
        self._books = books
        self._index = index

    def at(self, plan: SessionPlan) -> Registered:
        """A session with a route server takes origins that any peering of its PeerAsn has registered, which may be
        none; where prefixes of its own peering are Verified, a session takes only those (simulator)."""
        record = self._index.owner(plan.connection)
        if record is None:
            return Registered()
        asns = None
        if record.request.flow is Flow.IXRS:
            mine = (each for other in self._index.sisters(record) for each in self._books.below(other.key, ASN_TYPE))
            asns = frozenset(each.document["properties"]["asn"] for each in mine)
        verified = [
            each.document["properties"]["prefix"]
            for each in self._books.below(record.key, PREFIX_TYPE)
            if each.status["prefixValidationState"] == VERIFIED
        ]
        return Registered(asns, verified)


class RegisteredResources:
    """Every registered ASN and prefix. Methods that change something raise RefusalError, and then nothing has."""

    def __init__(
        self,
        books: Books,
        index: PeeringIndex,
        network: Network,
        now: Callable[[], float],
        pending: Callable[[], None],
    ) -> None:
        """`pending` is called when a prefix waits for its validation."""
        self._books = books
        self._index = index
        self._network = network
        self._now = now
        self._pending = pending
        index.when_forgotten(self._judge_again)  # what it had registered counts no more at its sisters

    # --- ASNs ---

    def put_asn(self, record: PeeringRecord, identifier: str, document: Json, asn: int) -> tuple[Resource, bool]:
        """Register a customer's ASN; (resource, created). It is registered once in a subscription: its key, and what
        it lets in, are the same at every peering of the PeerAsn (documented: the key is for every location)."""
        self._must_be_active(record, record.request.flow is Flow.IXRS)
        known = self._books.resources.get(identifier.lower())
        if known is not None:
            if known.document["properties"]["asn"] != asn:
                text = "The asn of a registered ASN cannot be changed: the key is its own"
                raise InvalidError(text, Field(FieldName.CUSTOMER_ASN))
            self._books.save(resource := replace(known, document=document, changed=self._now()))
            return resource, False
        if fault := not_routed(asn, self._network.topology):
            raise InvalidError(f"AS{asn} {fault}", Field(FieldName.CUSTOMER_ASN))
        subscription = identifier.lower().split("/resourcegroups/")[0]
        for other in self._books.below(subscription, ASN_TYPE):
            if other.document["properties"]["asn"] == asn:
                here = other.key.startswith(f"{record.key}/")
                where = "this peering" if here else f"the peering {other.id.split('/peerings/')[1].split('/')[0]}"
                text = f"AS{asn} is already registered at {where}, as {other.id.rsplit('/', 1)[1]}"
                raise ConflictError(text, Field(FieldName.CUSTOMER_ASN))
        now = self._now()
        resource = Resource(identifier, ASN_TYPE, document, {"peeringServicePrefixKey": str(uuid4())}, now, now)
        with self._books.transaction():
            self._tell(resource, f"AS{asn} is registered")
            self._books.save(resource)
        self._judge_again(record)
        return resource, True

    def delete(self, record: PeeringRecord, key: str) -> bool:
        """Whether there was such an ASN or prefix. What was accepted by it is judged again."""
        known = self._books.resources.get(key)
        if known is None:
            return False
        with self._books.transaction():
            self._tell(known, f"{_what(known)} is not registered any more")
            self._books.forget(known)
        self._judge_again(record)
        return True

    # --- prefixes ---

    def put_prefix(
        self, record: PeeringRecord, identifier: str, document: Json, prefix: IPv4Network
    ) -> tuple[Resource, bool]:
        """Register a prefix; (resource, created). It is Pending until it was validated."""
        self._must_be_active(record, for_peering_service(record))
        known = self._books.resources.get(identifier.lower())
        if known is not None:
            if IPv4Network(known.document["properties"]["prefix"]) != prefix:
                raise InvalidError("The prefix of a registered prefix cannot be changed", Field(FieldName.PREFIX))
            self._books.save(resource := replace(known, document=document, changed=self._now()))
            return resource, False
        for other in self._books.resources.values():
            if other.type == PREFIX_TYPE and IPv4Network(other.document["properties"]["prefix"]) == prefix:
                where = other.id.split("/peerings/")[1].split("/")[0]
                text = f"{prefix} is already registered, at the peering {where}"
                raise ConflictError(text, Field(FieldName.PREFIX))
        now = self._now()
        status = {"prefixValidationState": PENDING, "since": now}
        self._write(resource := Resource(identifier, PREFIX_TYPE, document, status, now, now), f"{prefix} is queued")
        return resource, True

    def validate(self, resource: Resource) -> Resource:
        """Queue a prefix for another validation. Its key stays."""
        status = {**resource.status, "prefixValidationState": PENDING, "since": self._now(), "asked": True}
        status.pop("errorMessage", None)
        again = replace(resource, status=status, changed=self._now())
        self._write(again, f"{_what(again)} is queued again")
        return again

    def judge(self, resource: Resource) -> None:
        """Validate a Pending prefix by what every IPv4 session of its peering holds now."""
        record = self._index.records[resource.key.rsplit("/", 2)[0]]
        if is_recovering(record):
            return  # it is asked again when the sessions are lifted
        prefix = IPv4Network(resource.document["properties"]["prefix"])
        plans = [plan for plan in active_plans(record) if plan.family is Family.IPV4]
        irr = self._network.data.data.irr if self._network.data is not None else None
        fault = registered_prefix_fault(
            prefix, [seen_on(self._network, plan, prefix) for plan in plans], irr, record.request.asn
        )
        kept = resource.status.get("peeringServicePrefixKey")
        status: Json = {"prefixValidationState": FAILED if fault else VERIFIED, "since": self._now()}
        if fault:
            status["errorMessage"] = fault
        if kept or not fault:
            status["peeringServicePrefixKey"] = kept or str(uuid4())
        self._write(replace(resource, status=status, changed=self._now()), fault or f"{prefix} is verified")
        self._judge_again(record)

    def _judge_again(self, record: PeeringRecord) -> None:
        for sister in self._index.sisters(record):
            for live in sister.connections:
                for plan in live.record.plans:
                    self._network.judge_again(plan)

    # --- inside ---

    def _must_be_active(self, record: PeeringRecord, right_type: bool) -> None:
        if not right_type:
            raise NotSupportedError(NOT_THIS_TYPE)
        if not any(live.record.state is ConnectionState.ACTIVE for live in record.connections):
            raise NotSupportedError(NOT_ACTIVE)

    def _write(self, resource: Resource, why: str) -> None:
        with self._books.transaction():
            self._tell(resource, why)
            self._books.save(resource)
        self._pending()

    def _tell(self, resource: Resource, why: str) -> None:
        flat = {"resource": resource.id, "reason": why}
        if resource.type == PREFIX_TYPE:
            flat["to"] = resource.status["prefixValidationState"]
        self._books.tell(self._now(), "registration", resource.id, flat)


def _what(resource: Resource) -> str:
    properties = resource.document["properties"]
    return f"AS{properties['asn']}" if resource.type == ASN_TYPE else str(properties["prefix"])
