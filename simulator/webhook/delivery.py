"""What a webhook gets, how it is signed, and when a delivery is tried again. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.engine.log import Event, Notice, WatchTold
from simulator.engine.rows import row


@dataclass(frozen=True, slots=True)
class Destination:
    """Where deliveries go, and what signs them."""

    url: str
    secret: str = field(repr=False)

    @property
    def shown(self) -> str:
        """Without what may be secret: user, path and query."""
        scheme, _, rest = self.url.partition("://")
        host = rest.partition("/")[0].partition("?")[0].partition("#")[0]
        return f"{scheme}://{host.rpartition('@')[2]}"


SIGNATURE: Final = "X-Turnup-Signature"
DELIVERY: Final = "X-Turnup-Delivery"
EVENT: Final = "X-Turnup-Event"
ATTEMPTS: Final = 8
"""So often a delivery is tried: for about two minutes (simulator)."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
_AGAIN: Final = frozenset({408, 425, 429})
"""Refusals that pass by, as every 5xx does."""


def told(event: Event) -> dict[str, Any] | None:
    """What is delivered of an event: its row, as the event stream has it; None for what no webhook gets."""
    return row(event) if isinstance(event, Notice | WatchTold) else None


def body(found: dict[str, Any]) -> bytes:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, timestamp: int, octets: bytes) -> str:
    """`t=TIMESTAMP,v1=HEX`: HMAC-SHA256 of `TIMESTAMP.BODY`, as Stripe's webhooks have it.

    `timestamp` is of the attempt, in seconds since the epoch, so that a receiver can refuse what is old.
    """
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + octets, hashlib.sha256)
    return f"t={timestamp},v1={signed.hexdigest()}"


def is_taken(status: int) -> bool:
    return 200 <= status < 300


def may_pass(status: int) -> bool:
    """Whether a refusal may pass by. A redirect does not: what is signed for one receiver goes to no other."""
    return status >= 500 or status in _AGAIN


def pause_after(attempt: int) -> float | None:
    """Seconds until the next attempt, the first being 1; None: it is given up."""
    return None if attempt >= ATTEMPTS else min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)
