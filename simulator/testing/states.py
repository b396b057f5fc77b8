"""States as a test sees them: each compares with its own axis alone.

Both axes have an Active, and they mean opposite things. A test that compares one with the other, or either with a bare
word, would pass or fail for the wrong reason: here that is an error which says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from simulator.connection.states import ConnectionState
from simulator.session.states import BgpState

S = TypeVar("S", ConnectionState, BgpState)

_AXES = {
    ConnectionState: "ConnectionState, the life cycle of the peering connection",
    BgpState: "BgpState, the BGP FSM of one session (RFC 4271)",
}


class MixedAxesError(TypeError):
    """A state was compared with, or waited for as, one of the other axis: the message says which is meant where."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenState(Generic[S]):
    """A state at the moment at which it was looked at."""

    value: S

    def __eq__(self, other: object) -> bool:
        """Raises MixedAxesError for a state of the other axis, and for a word that does not say of which it is."""
        theirs = other.value if isinstance(other, SeenState) else other
        return self.value is of_axis(type(self.value), theirs, "is compared with")

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return repr(self.value)


def of_axis(axis: type[S], given: Any, what: str) -> S:
    """The given state, of this axis. Raises MixedAxesError."""
    if isinstance(given, axis):
        return given
    if isinstance(given, str):
        words = f"the word {given!r}, which does not say of which axis it is"
    elif isinstance(given, (ConnectionState, BgpState)):
        words = f"{given!r}: {_AXES[type(given)]}"
    else:
        words = repr(given)
    active = " Both axes have an Active, and they mean opposite things." if str(given) == "Active" else ""
    raise MixedAxesError(f"a state of {_AXES[axis]}, {what} {words}.{active} Say {axis.__name__}.…")
