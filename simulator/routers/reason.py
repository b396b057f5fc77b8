"""Why a session is down, or announces nothing or not all, as far as the router and its user's file tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a session is down, or announces nothing or not all, as far as the router and its user's file tell."""

    cause: str
    """An id of `simulator.diagnosis.remedies`."""
    text: str
