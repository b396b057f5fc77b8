"""What a provider of Peering Service registers at its peering, and how the peering's lifted sessions are judged by it.

A registration is policy: it applies from a session's lift on, live and without a reset. A session that is not lifted
is judged without it, because an ASN can be registered only where a connection is Active.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Protocol

from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.registered import registered_prefixes
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Topology


@dataclass(frozen=True, slots=True)
class Registered:
    """What is registered at one peering."""

    asns: frozenset[int] | None = None
    """The origins that its sessions take, beside those of the topology's data; None: it need not register any."""
    prefixes: Collection[str] = ()
    """Where there are any, its sessions take only these."""

    def added_to(self, data: PolicyData) -> PolicyData:
        """The data that a lifted session of the peering is judged by."""
        if self.asns is not None:
            data = replace(data, registered_asns=self.asns | (data.registered_asns or frozenset()))
        return replace(data, registered_prefixes=registered_prefixes(self.prefixes)) if self.prefixes else data


class Registrations(Protocol):
    """Where registrations are kept."""

    def at(self, plan: SessionPlan) -> Registered:
        """What is registered at the peering of a session."""


class RegistrationsInMemory:
    """By the topology's peerings. What is registered at the peering with one route server changes no other peering."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._asns: dict[str, frozenset[int]] = {}

    def register(self, peering: str, asn: int) -> None:
        """Register a customer's ASN; the sessions of the peering are to be judged again."""
        self._asns[peering] = self._asns.get(peering, frozenset()) | {asn}

    def at(self, plan: SessionPlan) -> Registered:
        with_route_server = self._topology.peering(plan.peering).is_ixrs
        return Registered(self._asns.get(plan.peering, frozenset())) if with_route_server else Registered()
