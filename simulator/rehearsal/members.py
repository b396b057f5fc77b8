"""Whose ASN is registered at the IxRs peerings of a rehearsal.

In Azure the registration is a resource below the peering (`registeredAsns`), possible once a connection is Active. A
rehearsal plays it: from the lift on, sessions with a route server take only routes whose origin is registered there.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.network import Network
from simulator.policy.data.policy_data import PolicyData
from simulator.topology.plan import SessionPlan


class Registry:
    """Which customers' ASNs are registered, at which peering, while a rehearsal runs.

    What is registered at the peering with one route server changes nothing at the peering with the other.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._asns: dict[str, frozenset[int]] = {}
        """By peering."""
        self._lifted: dict[str, SessionPlan] = {}
        network.adjust, network.ruled = self._adjusted, self._ruled

    def register(self, peering: str, asn: int) -> None:
        """Its routes are taken from now on, on this peering's lifted sessions; nothing is reset."""
        self._asns[peering] = self._registered(peering) | {asn}
        for plan in self._lifted.values():
            if plan.peering == peering:
                self._network.judge_again(plan)

    def _registered(self, peering: str) -> frozenset[int]:
        return self._asns.get(peering, frozenset())

    def _adjusted(self, session: str, data: PolicyData) -> PolicyData:
        plan = self._lifted.get(session)
        if plan is None:
            return data
        return replace(data, registered_asns=self._registered(plan.peering) | (data.registered_asns or frozenset()))

    def _ruled(self, plan: SessionPlan, opens: bool) -> None:
        """Told before a gate opens. A registration outlives the denial of its session."""
        with_route_server = self._network.topology.peering(plan.peering).is_ixrs
        if opens and with_route_server and plan.id not in self._lifted:
            self._lifted[plan.id] = plan
            self._network.judge_again(plan)
