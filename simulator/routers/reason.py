"""Why a session is down, or announces nothing or not all, as far as the router and its user's file tell."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.diagnosis.router_answer import PeerTrouble


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a session is down, or announces nothing or not all, as far as the router and its user's file tell."""

    cause: PeerTrouble
    text: str
    prefixes: tuple[str, ...] = ()
    """What it keeps back of the router's own, or has no route to."""
