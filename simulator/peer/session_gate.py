"""One session's gate, as both halves of the session ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulator.gate import Direction, Gate
from simulator.peer.events import GateWithheld, NeighborConfig, SpeakerEvent


class SessionGate:
    """The gate and the session that it belongs to. The gate is Microsoft's: a simulated peer's router has none."""

    __slots__ = ("_family", "_gated", "gate")

    def __init__(self, config: NeighborConfig, tell: Callable[[SpeakerEvent], None]) -> None:
        """`tell` takes what the gate logs."""
        session = config.id
        self.gate = Gate(lambda withheld: tell(GateWithheld(session, withheld)))
        self._gated = config.gated
        self._family = config.family.label

    @property
    def is_open(self) -> bool:
        return not self._gated or self.gate.is_open

    @property
    def why(self) -> str:
        """Why it is shut, in words; empty when it is open."""
        return self.gate.why if self._gated else ""

    def passes(self, direction: Direction, keys: Iterable[bytes], now: float) -> bool:
        """Ask the gate for these NLRI, which counts them."""
        return not self._gated or self.gate.asks(direction, self._family, tuple(keys), now)

    def passed(self, direction: Direction, count: int) -> None:
        """Tell the counter behind the gate: so many NLRI went to the kernel or entered Loc-RIB."""
        if self._gated:
            self.gate.saw_beyond(direction, count)
