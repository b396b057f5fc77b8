"""Whose ASN is registered at the IxRs peerings of a rehearsal.

In Azure the registration is a resource below the peering (`registeredAsns`), possible once a connection is Active. A
rehearsal plays it: from the lift on, sessions with a route server take only routes whose origin is registered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from simulator.policy.data.policy_data import PolicyData
from simulator.provisioning.network import Network
from simulator.provisioning.planning import SessionPlan


class Registry:
    """Which customers' ASNs are registered while a rehearsal runs."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._asns: frozenset[int] = frozenset()
        self._lifted: dict[str, SessionPlan] = {}
        self._mine: set[str] = set()
        network.adjust, network.ruled = self._adjusted, self._ruled

    def follow(self, plans: Iterable[SessionPlan]) -> None:
        """These are sessions with a route server."""
        self._mine |= {plan.id for plan in plans}

    def register(self, asn: int) -> None:
        """Its routes are taken from now on, on sessions that are lifted; nothing is reset."""
        self._asns |= {asn}
        for plan in self._lifted.values():
            self._network.judge_again(plan)

    def _adjusted(self, session: str, data: PolicyData) -> PolicyData:
        if session not in self._lifted:
            return data
        return replace(data, registered_asns=self._asns | (data.registered_asns or frozenset()))

    def _ruled(self, plan: SessionPlan, opens: bool) -> None:
        """Told before a gate opens. A registration outlives the denial of its session."""
        if opens and plan.id in self._mine and plan.id not in self._lifted:
            self._lifted[plan.id] = plan
            self._network.judge_again(plan)
