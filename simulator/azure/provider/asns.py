"""PeerAsns: asked for by a subscription, approved by Microsoft, needed by every peering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from simulator.azure.model.errors import ConflictError, Field, FieldName, InvalidError
from simulator.azure.model.resources import AsnState, PeerAsn
from simulator.azure.provider.asn_space import nobodys
from simulator.azure.provider.records import PeeringIndex
from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.topology.schema import Topology


class PeerAsns:
    """Every PeerAsn of every subscription."""

    def __init__(
        self,
        unit: UnitOfWork,
        index: PeeringIndex,
        topology: Topology,
        now: Callable[[], float],
        moved: Callable[[], None],
    ) -> None:
        """`moved` is called whenever the state of a PeerAsn has changed."""
        self._unit = unit
        self._index = index
        self._topology = topology
        self._now = now
        self._moved = moved

    def put(self, wanted: PeerAsn) -> tuple[PeerAsn, bool]:
        """Create, or replace the contacts and the name of; (PeerAsn, created). Raises RefusalError."""
        self.check(wanted)
        now, known = self._now(), self._unit.get(wanted.key, PeerAsn)
        if known is not None:
            changed = replace(known.written_again(wanted, now), peer_name=wanted.peer_name)
            self._unit.save(changed)
            return changed, False
        made = replace(wanted, state=AsnState.PENDING, since=now, created=now, changed=now)
        self._write(made, f"AS{made.asn} is to be approved by Microsoft")
        return made, True

    def check(self, wanted: PeerAsn) -> None:
        """Raise what `put` would raise. Nothing changes."""
        known = self._unit.get(wanted.key, PeerAsn)
        if known is not None and known.asn != wanted.asn:
            text = "The ASN of a PeerAsn cannot be changed: delete it and make another"
            raise InvalidError(text, Field(FieldName.ASN))
        if known is None and (fault := nobodys(wanted.asn, self._topology)):
            raise InvalidError(f"AS{wanted.asn} {fault}", Field(FieldName.ASN))

    def delete(self, key: str) -> bool:
        """Whether there was one. Raises RefusalError while a peering stands on it."""
        known = self._unit.get(key, PeerAsn)
        if known is None:
            return False
        user = next((each for each in self._index.records.values() if each.request.peer_asn.lower() == key), None)
        if user is not None:
            raise ConflictError(f"The PeerAsn is in use by {user.resource.id}: delete the peering first")
        with self._unit.transaction():
            self._tell(known, "None", "the subscription deleted it")
            self._unit.forget(known)
        return True

    def approve(self, asn: PeerAsn) -> PeerAsn:
        """Microsoft approves. Raises RefusalError unless it is Pending or Failed."""
        return self._decide(asn, AsnState.APPROVED, "", "Microsoft approved it")

    def reject(self, asn: PeerAsn, message: str) -> PeerAsn:
        """Microsoft refuses; `message` becomes the errorMessage. Raises RefusalError unless it is Pending."""
        text = message or "The ASN could not be validated."
        return self._decide(asn, AsnState.FAILED, text, f"Microsoft refused it: {text}")

    def _decide(self, asn: PeerAsn, state: AsnState, message: str, why: str) -> PeerAsn:
        if asn.state is state:
            raise ConflictError(f"{asn.id} is {state.value} already")
        if state is AsnState.FAILED and asn.state is AsnState.APPROVED:
            raise ConflictError(f"{asn.id} is Approved: only a Pending PeerAsn can be refused")
        now = self._now()
        decided = replace(asn, state=state, error_message=message, since=now, changed=now)
        self._write(decided, why)
        return decided

    def _write(self, asn: PeerAsn, why: str) -> None:
        with self._unit.transaction():
            self._tell(asn, asn.state.value, why)
            self._unit.save(asn)
        self._moved()

    def _tell(self, asn: PeerAsn, state: str, why: str) -> None:
        flat = {"peerAsn": asn.id, "asn": asn.asn, "to": state, "reason": why}
        self._unit.add_event(self._now(), "peer-asn-state", asn.id, flat)
