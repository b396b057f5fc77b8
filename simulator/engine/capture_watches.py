"""What the captures see of one connection's own sessions, from a moment on."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.diagnosis.evidence import CaptureProof
from simulator.engine.network import Network
from simulator.lab.capture import Capture
from simulator.lab.streams import Ends, Watch
from simulator.packets.kinds import PacketsSeen
from simulator.topology.plan import SessionPlan


class Watches:
    """One watch for each link that carries sessions of the connection. End them, or they go on."""

    def __init__(self, network: Network, plans: Iterable[SessionPlan]) -> None:
        self._network = network
        self._plans: dict[Capture, list[SessionPlan]] = {}
        self.skipped = ""
        """Why nothing is watched; empty where every session is."""
        for plan in plans:
            capture = network.captures.of(plan)
            if capture is None:
                self.skipped = network.captures.problem or "none is running"
            else:
                self._plans.setdefault(capture, []).append(plan)
        self._watches: dict[Capture, Watch] = {}
        for capture, mine in self._plans.items():
            pairs = [(plan.edge_address, plan.peer_address) for plan in mine]
            self._watches[capture] = capture.watch(pairs, self._written(mine, whole=True))
        self._conversations = {
            plan.id: (capture, capture.listen(plan.edge_address, plan.peer_address))
            for capture, mine in self._plans.items()
            for plan in mine
        }

    def seen(self) -> dict[str, PacketsSeen]:
        """By session: its packets up to now."""
        return {id_: capture.heard(conversation) for id_, (capture, conversation) in self._conversations.items()}

    def end(self) -> None:
        for capture, conversation in self._conversations.values():
            capture.forget(conversation)
        for capture, watch in self._watches.items():
            capture.leave(watch)

    async def proof(self) -> CaptureProof:
        """What all of them prove together, up to now."""
        proofs = [
            await capture.prove_absence(watch, self._written(self._plans[capture]))
            for capture, watch in self._watches.items()
        ]
        return CaptureProof(
            conclusive=all(proof.conclusive for proof in proofs),
            reason="; ".join(proof.reason for proof in proofs if not proof.conclusive),
            nlri=sum(proof.nlri for proof in proofs),
            packets=sum(proof.packets for proof in proofs),
        )

    def _written(self, plans: Iterable[SessionPlan], *, whole: bool = False) -> dict[Ends, int]:
        """How many octets were ever written to each running TCP connection of these sessions, as the kernel says.

        `whole`: up to where a message begins, so that what follows can be read.
        """
        found: dict[Ends, int] = {}
        for plan in plans:
            if self._network.edges.is_provisioned(plan):
                written = self._network.edges.written(plan, whole=whole)
                found |= {Ends(*ends): octets for ends, octets in written.items()}
        return found
