"""The gate: the one rule that joins the two axes, and the valve that enforces it.

NLRI passes a session, in or out, only while its peering connection is Active *and* that session has been validated.
The gate stands at the last point before the socket and the first point after Adj-RIB-In. It fails closed: a new gate
is shut, and without a ruling it denies. Provisioning alone rules on it; speakers only ask.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from simulator.connection.states import ConnectionState


def nlri_may_pass(connection_state: ConnectionState | None, session_validated: bool) -> bool:
    """The rule itself."""
    return connection_state is ConnectionState.ACTIVE and session_validated is True


class Direction(Enum):
    """Seen from AS8075's edge."""

    IN = "in"
    OUT = "out"

    # Members are single objects, and an enum's own hash is a Python call: the gate counts by direction in every UPDATE.
    __hash__ = object.__hash__


class Change(Enum):
    """What a ruling did to the gate."""

    LIFTED = "lifted"
    DENIED = "denied"
    NOTHING = "nothing"


class Withheld(NamedTuple):
    """One entry of the gate's log: NLRI that it held back and that would have passed."""

    time: float
    """Seconds since the epoch."""
    direction: Direction
    family: str
    nlri: tuple[bytes, ...]
    """Prefix keys (length octet and prefix octets)."""
    why: str


class Gate:
    """One session's gate.

    `withheld` counts every NLRI held back that would otherwise have been sent or taken, once for each time it tried to
    pass. `leaked` counts NLRI that something put on the wire or into Loc-RIB past a shut gate: it is measured behind
    the gate, and anything but 0 is a defect.
    """

    __slots__ = ("_connection_state", "_log", "_shut", "_validated", "leaked", "passed", "withheld")

    def __init__(self, log: Callable[[Withheld], None] | None = None) -> None:
        self._connection_state: ConnectionState | None = None
        self._validated = False
        self._log = log
        self._shut = self._why_shut()
        self.withheld = {Direction.IN: 0, Direction.OUT: 0}
        self.passed = {Direction.IN: 0, Direction.OUT: 0}
        self.leaked = {Direction.IN: 0, Direction.OUT: 0}

    @property
    def is_open(self) -> bool:
        return nlri_may_pass(self._connection_state, self._validated)

    def rule(self, connection_state: ConnectionState | None, *, session_validated: bool) -> Change:
        """Provisioning's ruling: where the connection stands and whether this session was validated."""
        before = self.is_open
        self._connection_state = connection_state
        self._validated = session_validated
        self._shut = self._why_shut()
        after = self.is_open
        if before == after:
            return Change.NOTHING
        return Change.LIFTED if after else Change.DENIED

    def asks(self, direction: Direction, family: str, nlri: tuple[bytes, ...] | list[bytes], now: float) -> bool:
        """May these NLRI pass now? Counts them either way, and logs them when they may not."""
        if nlri_may_pass(self._connection_state, self._validated):
            self.passed[direction] += len(nlri)
            return True
        self.withheld[direction] += len(nlri)
        if self._log is not None and nlri:
            self._log(Withheld(now, direction, family, tuple(nlri), self._shut))
        return False

    def saw_beyond(self, direction: Direction, nlri: int) -> None:
        """Told by the counter *behind* the gate: this many NLRI were announced on the wire or entered Loc-RIB."""
        if not self.is_open:
            self.leaked[direction] += nlri

    @property
    def why(self) -> str:
        """Why the gate is shut, in words; empty when it is open."""
        return "" if self.is_open else self._shut

    def _why_shut(self) -> str:
        if self._connection_state is None:
            return "the connection's state is unknown"
        if self._connection_state is not ConnectionState.ACTIVE:
            return f"the connection is {self._connection_state}"
        return "the session has not been validated"


class GateCounts:
    """What several gates have counted together."""

    __slots__ = ("leaked", "passed", "withheld")

    def __init__(self) -> None:
        self.withheld, self.passed, self.leaked = (dict.fromkeys(Direction, 0) for _ in range(3))

    def add(self, gate: Gate | GateCounts) -> None:
        for direction in Direction:
            self.withheld[direction] += gate.withheld[direction]
            self.passed[direction] += gate.passed[direction]
            self.leaked[direction] += gate.leaked[direction]
