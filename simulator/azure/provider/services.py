"""Peering Service, seen by the customer: the service, its prefixes, and who provides it where in this lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Final, TypeVar

from simulator.azure.model.errors import ConflictError, Field, FieldName
from simulator.azure.model.resources import (
    ConnectionMonitorTest,
    PeerAsn,
    PeeringService,
    PrefixState,
    RegisteredAsn,
    RegisteredPrefix,
    ServicePrefix,
)
from simulator.azure.provider.peerings import Peerings
from simulator.azure.provider.prefix_requirements import PrefixOnSession, service_prefix_fault
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.provider.registrations import active_plans, for_peering_service, is_recovering, prefix_on
from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.engine.network import Network
from simulator.session.messages import Family

NO_PROVIDER: Final = "Peering service provider not found"
INVALID: Final = "Peering service prefix is invalid"
WRONG_KEY: Final = "Peering service prefix key is not one of the provider's"
"""simulator: that the key has to match is documented, what is said otherwise is not."""
S = TypeVar("S", PeeringService, ConnectionMonitorTest)


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """Who has a peering for Peering Service in this lab, and where."""

    name: str
    locations: tuple[str, ...]
    """Metros with an Active connection."""


class PeeringServices:
    """Every peering service of every subscription. Methods that change something raise RefusalError."""

    def __init__(
        self,
        unit: UnitOfWork,
        peerings: Peerings,
        network: Network,
        now: Callable[[], float],
        pending: Callable[[], None],
    ) -> None:
        """`pending` is called when a prefix waits for its validation."""
        self._unit = unit
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
        asn = self._unit.get(record.request.peer_asn.lower(), PeerAsn)
        assert asn is not None, "a PeerAsn is not deleted while a peering stands on it"
        return asn.peer_name or asn.name

    def _peerings_of(self, provider: str) -> Iterator[PeeringRecord]:
        for record in self._peerings.records.values():
            if for_peering_service(record) and self._name(record).lower() == provider.strip().lower():
                yield record

    # --- resources ---

    def put(self, wanted: S) -> tuple[S, bool]:
        """Create or replace a service or a test; (resource, created)."""
        known, now = self._unit.get(wanted.key, type(wanted)), self._now()
        made = replace(wanted, created=known.created if known is not None else now, changed=now)
        if known is not None:
            made = replace(made, id=known.id)
        self._unit.save(made)
        return made, known is None

    def patch(self, service: PeeringService, tags: dict[str, str]) -> PeeringService:
        """Replace the tags."""
        self._unit.save(changed := service.with_tags(tags, self._now()))
        return changed

    def delete(self, key: str) -> bool:
        """Whether there was one. What is below a service goes with it."""
        known = self._unit.resources.get(key)
        if known is not None:
            self._unit.forget(known)
        return known is not None

    def put_prefix(self, service: PeeringService, wanted: ServicePrefix) -> tuple[ServicePrefix, bool]:
        """Add a prefix, or have it validated again (simulator: it has no `validate`); (resource, created)."""
        known, now = self._unit.get(wanted.key, ServicePrefix), self._now()
        for other in self._unit.below(service.key, ServicePrefix):
            if other.prefix == wanted.prefix and other.key != wanted.key:
                text = f"{wanted.prefix} is already a prefix of this service: {other.id}"
                raise ConflictError(text, Field(FieldName.PREFIX))
        if known is not None:
            wanted = replace(wanted, id=known.id, created=known.created, events=known.events)
        else:
            wanted = replace(wanted, created=now)
        return self._move(wanted, PrefixState.PENDING, ""), known is None

    def judge(self, prefix: ServicePrefix) -> None:
        """Validate a Pending prefix by what the provider's sessions hold now."""
        service = self._unit.get(prefix.parent, PeeringService)
        assert service is not None, "a prefix goes with its service"
        records = list(self._peerings_of(service.provider))
        if any(map(is_recovering, records)):
            return  # it is asked again when the sessions are lifted
        fault = self._fault(prefix, service, records)
        self._move(prefix, PrefixState.FAILED if fault else PrefixState.VERIFIED, fault)

    def _fault(self, wanted: ServicePrefix, service: PeeringService, records: list[PeeringRecord]) -> str:
        try:
            prefix = IPv4Network(wanted.prefix)
        except ValueError:
            return INVALID
        if not records:
            return NO_PROVIDER
        keys = {each.prefix_key for record in records for each in self._unit.below(record.key, RegisteredAsn)}
        keys |= {each.prefix_key for record in records for each in self._unit.below(record.key, RegisteredPrefix)}
        if (wanted.prefix_key or "?") not in keys:
            return WRONG_KEY
        primary = self._held(records, prefix, service.primary)
        return service_prefix_fault(
            prefix, primary, self._held(records, prefix, service.backup) if service.backup else None
        )

    def _held(self, records: list[PeeringRecord], prefix: IPv4Network, metro: str) -> list[PrefixOnSession]:
        """At a metro; anywhere where the service names none (simulator)."""
        return [
            prefix_on(self._network, plan, prefix)
            for record in records
            if not metro or record.request.metro.lower() == metro.lower()
            for plan in active_plans(record)
            if plan.family is Family.IPV4
        ]

    def _move(self, prefix: ServicePrefix, state: PrefixState, fault: str) -> ServicePrefix:
        moved = prefix.moved(state, fault, self._now())
        with self._unit.transaction():
            flat = {"resource": moved.id, "to": state.value, "reason": moved.events[-1].text}
            self._unit.add_event(moved.since, "peering-service-prefix", moved.id, flat)
            self._unit.save(moved)
        self._pending()
        return moved
