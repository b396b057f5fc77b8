"""What the states of both axes have in common: none of them is comparable with a state of the other, nor with a name.

Both axes have a value called Active, and mean opposite things by it. Compared with `==` they would only be unequal, and
a test that says `session.state == ConnectionState.ACTIVE` would fail for ever without a word of why, or hold for ever
with `!=`. So the comparison itself is the error, and says what to write instead.

Members are single objects: `is`, a dictionary and a set never come here. They hash by identity, so that two different
members never have the same hash, and a container that holds states of both axes compares none of them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any


class AxisError(TypeError):
    """A state was compared with what is no state of its axis."""


class AxisState(Enum):
    """A state of one of the two axes."""

    # An enum's own hash is a Python call, and each message looks up its state and event.
    __hash__ = object.__hash__

    if not TYPE_CHECKING:
        # Hidden from mypy: it finds a comparison that can never hold by itself, but not where a class has its own.
        def __eq__(self, other: Any) -> Any:
            if self is other:
                return True
            kind = type(other)
            if kind is type(self):
                return False
            if isinstance(other, AxisState) or (kind is str and other in type(self)._value2member_map_):
                raise AxisError(f"{_said(self)} was compared with {_said(other)}: {_advice(self, other)}")
            return NotImplemented

    def __str__(self) -> str:
        return str(self.value)


def _said(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, AxisState) else f"the text {value!r}"


def _advice(state: AxisState, other: object) -> str:
    if isinstance(other, AxisState):
        return (
            "a connection state says how far the turn-up is, a BGP state what one session does; they are never equal, "
            "and both axes call a state Active. Ask the peering for its connection state and the session for its BGP "
            "state"
        )
    meant = type(state)(other)
    return f"a name does not say of which axis it is. Write {type(meant).__name__}.{meant.name}"
