"""The faults of a malformed UPDATE (RFC 7606): one `UpdateFault` for each, with the octets and the clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from simulator.session.messages import ErrorCode, Notification
from simulator.wire.framing import ProtocolError


class ErrorHandling(IntEnum):
    """How an error is handled, the strongest way last (RFC 7606 §2, §3 h)."""

    DISCARD = 1
    TREAT_AS_WITHDRAW = 2
    AFI_SAFI_DISABLE = 3
    SESSION_RESET = 4

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS: Final = {
    ErrorHandling.DISCARD: "attribute discard",
    ErrorHandling.TREAT_AS_WITHDRAW: "treat-as-withdraw",
    ErrorHandling.AFI_SAFI_DISABLE: "AFI/SAFI disable",
    ErrorHandling.SESSION_RESET: "session reset",
}
# Subcodes whose data field is the erroneous attribute (RFC 4271 §6.3).
_WITH_ATTRIBUTE: Final = (2, 4, 5, 6, 8, 9)


@dataclass(frozen=True, slots=True)
class UpdateFault:
    """One defect of an UPDATE."""

    outcome: ErrorHandling
    code: int | None
    """The attribute's type code; None when the defect is not in an attribute."""
    reason: str
    clause: str
    """The clause that asks for this outcome, for example `RFC 7606 §7.1`."""
    octets: bytes
    """The attribute, field or block as received."""
    subcode: int = 1
    """Of the NOTIFICATION (3, UPDATE Message Error), should the session be reset."""
    afi_safi: tuple[int, int] | None = None
    """Of an incorrect MP attribute: what AFI/SAFI disable is about."""

    @property
    def notification(self) -> Notification:
        data = self.octets if self.subcode in _WITH_ATTRIBUTE else b""
        return Notification(ErrorCode.UPDATE_MESSAGE, self.subcode, data)


def strongest(faults: Sequence[UpdateFault]) -> UpdateFault:
    """The first of those with the strongest outcome (RFC 7606 §3 h)."""
    return max(faults, key=lambda fault: fault.outcome)


class AttributeFault(Exception):  # noqa: N818  (it is a verdict that callers handle, not a failure)
    """Path attributes that must not be used: treat-as-withdraw or worse. `faults` names every defect in them."""

    def __init__(self, faults: Sequence[UpdateFault]) -> None:
        self.faults = tuple(faults)
        self.fault = strongest(self.faults)
        super().__init__(self.fault.reason)

    @property
    def outcome(self) -> ErrorHandling:
        return self.fault.outcome

    @property
    def reason(self) -> str:
        return self.fault.reason


class UpdateError(ProtocolError):
    """An UPDATE that RFC 7606 answers with a session reset. `faults` names every defect found up to that one."""

    def __init__(self, faults: Sequence[UpdateFault]) -> None:
        self.faults = tuple(faults)
        worst = strongest(self.faults)
        super().__init__(worst.notification, f"{worst.reason} ({worst.clause})")
