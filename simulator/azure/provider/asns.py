"""PeerAsns: asked for by a subscription, approved by Microsoft, needed by every peering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from simulator.azure.model.errors import ConflictError, Field, FieldName, InvalidError
from simulator.azure.provider.asn_space import nobodys
from simulator.azure.provider.books import Books
from simulator.azure.store.store import Json, Resource
from simulator.topology.schema import Topology

TYPE: Final = "Microsoft.Peering/peerAsns"
PENDING, APPROVED, FAILED = "Pending", "Approved", "Failed"
"""ValidationState (REST specification)."""


def is_pending(resource: Resource) -> bool:
    """Whether a PeerAsn waits for Microsoft."""
    return bool(resource.status["validationState"] == PENDING)


class PeerAsns:
    """Every PeerAsn of every subscription."""

    def __init__(self, books: Books, topology: Topology, now: Callable[[], float], moved: Callable[[], None]) -> None:
        """`moved` is called whenever the state of a PeerAsn has changed."""
        self._books = books
        self._topology = topology
        self._now = now
        self._moved = moved

    def put(self, identifier: str, document: Json, asn: int) -> tuple[Resource, bool]:
        """Create, or replace the contacts and the name of; (resource, created). Raises RefusalError."""
        now, known = self._now(), self._books.resources.get(identifier.lower())
        if known is not None:
            if known.document["properties"]["peerAsn"] != asn:
                text = "The ASN of a PeerAsn cannot be changed: delete it and make another"
                raise InvalidError(text, Field(FieldName.ASN))
            self._books.save(resource := replace(known, document=document, changed=now))
            return resource, False
        if fault := nobodys(asn, self._topology):
            raise InvalidError(f"AS{asn} {fault}", Field(FieldName.ASN))
        status = {"validationState": PENDING, "since": now}
        resource = Resource(identifier, TYPE, document, status, now, now)
        self._write(resource, f"AS{asn} is to be approved by Microsoft")
        return resource, True

    def delete(self, key: str) -> bool:
        """Whether there was one. Raises RefusalError while a peering stands on it."""
        known = self._books.resources.get(key)
        if known is None:
            return False
        users = [each.id for each in self._books.resources.values() if each.status.get("peerAsn") == key]
        if users:
            raise ConflictError(f"The PeerAsn is in use by {users[0]}: delete the peering first")
        with self._books.transaction():
            self._tell(known, "None", "the subscription deleted it")
            self._books.forget(known)
        return True

    def approve(self, resource: Resource) -> Resource:
        """Microsoft approves. Raises RefusalError unless it is Pending or Failed."""
        return self._decide(resource, APPROVED, "", "Microsoft approved it")

    def reject(self, resource: Resource, message: str) -> Resource:
        """Microsoft refuses; `message` becomes the errorMessage. Raises RefusalError unless it is Pending."""
        text = message or "The ASN could not be validated."
        return self._decide(resource, FAILED, text, f"Microsoft refused it: {text}")

    def _decide(self, resource: Resource, state: str, message: str, why: str) -> Resource:
        if resource.status["validationState"] == state:
            raise ConflictError(f"{resource.id} is {state} already")
        if state == FAILED and resource.status["validationState"] == APPROVED:
            raise ConflictError(f"{resource.id} is Approved: only a Pending PeerAsn can be refused")
        status = {"validationState": state, "since": self._now()}
        if message:
            status["errorMessage"] = message
        decided = replace(resource, status=status, changed=self._now())
        self._write(decided, why)
        return decided

    def _write(self, resource: Resource, why: str) -> None:
        with self._books.transaction():
            self._tell(resource, resource.status["validationState"], why)
            self._books.save(resource)
        self._moved()

    def _tell(self, resource: Resource, state: str, why: str) -> None:
        asn = resource.document["properties"]["peerAsn"]
        flat = {"peer-asn": resource.id, "asn": asn, "to": state, "reason": why}
        self._books.tell(self._now(), "peer-asn-state", resource.id, flat)
