"""Peering Service, seen by the customer: the service, its prefixes, and who provides it where in this lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Final

from simulator.azure.model.errors import ConflictError, Field, FieldName
from simulator.azure.provider.books import Books
from simulator.azure.provider.maps import Seen, service_prefix_fault
from simulator.azure.provider.peerings import Peerings
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.provider.registrations import (
    ASN_TYPE,
    FAILED,
    PENDING,
    PREFIX_TYPE,
    VERIFIED,
    active_plans,
    for_peering_service,
    is_recovering,
    seen_on,
)
from simulator.azure.store.store import Json, Resource
from simulator.engine.network import Network
from simulator.session.messages import Family

TYPE: Final = "Microsoft.Peering/peeringServices"
PREFIX: Final = "Microsoft.Peering/peeringServices/prefixes"
NO_PROVIDER: Final = "Peering service provider not found"
INVALID: Final = "Peering service prefix is invalid"
WRONG_KEY: Final = "Peering service prefix key is not one of the provider's"
"""simulator: that the key has to match is documented, what is said otherwise is not."""
_EVENTS_KEPT: Final = 20
"""Of one prefix (simulator)."""


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """Who has a peering for Peering Service in this lab, and where."""

    name: str
    locations: tuple[str, ...]
    """Metros with an Active connection."""


class PeeringServices:
    """Every peering service of every subscription. Methods that change something raise RefusalError."""

    def __init__(
        self, books: Books, peerings: Peerings, network: Network, now: Callable[[], float], pending: Callable[[], None]
    ) -> None:
        """`pending` is told when a prefix waits for its validation."""
        self._books = books
        self._peerings = peerings
        self._network = network
        self._now = now
        self._pending = pending

    # --- providers ---

    def providers(self) -> list[ServiceProvider]:
        """The lab's own (simulator): everybody whose peering may carry Peering Service, by its PeerAsn's name."""
        found: dict[str, dict[str, bool]] = {}
        for record in self._peerings.records.values():
            if for_peering_service(record):
                metros = found.setdefault(self._name(record), {})
                if any(active_plans(record)):
                    metros[record.request.metro] = True
        return [ServiceProvider(name, tuple(metros)) for name, metros in sorted(found.items())]

    def provider(self, name: str) -> ServiceProvider | None:
        return next((each for each in self.providers() if each.name.lower() == name.strip().lower()), None)

    def _name(self, record: PeeringRecord) -> str:
        asn = self._books.resources[record.resource.status["peerAsn"]]
        return str(asn.document["properties"].get("peerName") or asn.id.rsplit("/", 1)[1])

    def _peerings_of(self, provider: str) -> Iterator[PeeringRecord]:
        for record in self._peerings.records.values():
            if for_peering_service(record) and self._name(record).lower() == provider.strip().lower():
                yield record

    # --- resources ---

    def put(self, type_: str, identifier: str, document: Json) -> tuple[Resource, bool]:
        """Create or replace a service or a test; (resource, created)."""
        known, now = self._books.resources.get(identifier.lower()), self._now()
        resource = Resource(identifier, type_, document, {}, now, now)
        if known is not None:
            resource = replace(known, document=document, changed=now)
        self._books.save(resource)
        return resource, known is None

    def patch(self, resource: Resource, tags: Json) -> Resource:
        """Replace the tags."""
        changed = replace(resource, document={**resource.document, "tags": tags}, changed=self._now())
        self._books.save(changed)
        return changed

    def delete(self, key: str) -> bool:
        """Whether there was one. What is below a service goes with it."""
        known = self._books.resources.get(key)
        if known is not None:
            self._books.forget(known)
        return known is not None

    def put_prefix(self, service: Resource, identifier: str, document: Json) -> tuple[Resource, bool]:
        """Add a prefix, or have it validated again (simulator: it has no `validate`); (resource, created)."""
        known, now = self._books.resources.get(identifier.lower()), self._now()
        for other in self._books.below(service.key, PREFIX):
            same = other.document["properties"]["prefix"] == document["properties"]["prefix"]
            if same and other.key != identifier.lower():
                text = f"{document['properties']['prefix']} is already a prefix of this service: {other.id}"
                raise ConflictError(text, Field(FieldName.PREFIX))
        resource = known or Resource(identifier, PREFIX, document, {}, now, now)
        resource = replace(resource, document=document, changed=now)
        self._move(resource, PENDING, "")
        return self._books.resources[resource.key], known is None

    def judge(self, resource: Resource) -> None:
        """Validate a Pending prefix by what the provider's sessions hold now."""
        service = self._books.resources[resource.key.rsplit("/", 2)[0]]
        wanted, of_service = resource.document["properties"], service.document["properties"]
        records = list(self._peerings_of(of_service.get("peeringServiceProvider") or ""))
        if any(map(is_recovering, records)):
            return  # it is asked again when the sessions are lifted
        fault = self._fault(wanted, of_service, records)
        self._move(resource, FAILED if fault else VERIFIED, fault)

    def _fault(self, wanted: Json, service: Json, records: list[PeeringRecord]) -> str:
        try:
            prefix = IPv4Network(wanted["prefix"])
        except ValueError:
            return INVALID
        if not records:
            return NO_PROVIDER
        keys = {
            each.status.get("peeringServicePrefixKey", "")
            for record in records
            for type_ in (ASN_TYPE, PREFIX_TYPE)
            for each in self._books.below(record.key, type_)
        }
        if (wanted.get("peeringServicePrefixKey") or "?").lower() not in keys:
            return WRONG_KEY
        primary = service.get("providerPrimaryPeeringLocation")
        backup = service.get("providerBackupPeeringLocation")
        return service_prefix_fault(
            prefix,
            self._seen(records, prefix, primary),
            self._seen(records, prefix, backup) if backup else None,
        )

    def _seen(self, records: list[PeeringRecord], prefix: IPv4Network, metro: str | None) -> list[Seen]:
        """At a metro; anywhere where the service names none (simulator)."""
        return [
            seen_on(self._network, plan, prefix)
            for record in records
            if not metro or record.request.metro.lower() == metro.lower()
            for plan in active_plans(record)
            if plan.family is Family.IPV4
        ]

    def _move(self, resource: Resource, state: str, fault: str) -> None:
        now, prefix = self._now(), resource.document["properties"]["prefix"]
        event = {"time": now, "state": state, "text": fault or f"{prefix} is {state}"}
        events = [*resource.status.get("events", ()), event][-_EVENTS_KEPT:]
        status: Json = {"prefixValidationState": state, "since": now, "events": events}
        status["learnedType"] = "ViaServiceProvider" if state == VERIFIED else "None"
        if fault:
            status["errorMessage"] = fault
        moved = replace(resource, status=status, changed=now)
        with self._books.transaction():
            flat = {"resource": resource.id, "to": state, "reason": event["text"]}
            self._books.tell(now, "peering-service-prefix", resource.id, flat)
            self._books.save(moved)
        self._pending()
