"""The kinds of peerings that can be started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulator.starting.direct import direct_plan
from simulator.starting.facts import ExchangeFacts, RouterFacts, StartError
from simulator.starting.ixrs import ixrs_plan
from simulator.starting.plan import StartPlan, Wishes, exchange_plan
from simulator.starting.reading import ROUTERS

PEERING_KINDS: Final = ("Exchange", "Direct", "IxRs")


def peering_kind(text: str) -> str:
    """By its name, whatever its case. Raises StartError."""
    found = next((kind for kind in PEERING_KINDS if kind.casefold() == text.strip().casefold()), None)
    if found is None:
        raise StartError(f"--kind '{text}': one of {', '.join(PEERING_KINDS)}")
    return found


def plan(wishes: Wishes, exports: Sequence[ExchangeFacts], own: RouterFacts | None) -> StartPlan:
    """One peering of the wished kind. Raises StartError."""
    if wishes.kind != "Direct" and wishes.links:
        raise StartError("--link: only a Direct peering has private links: say --kind direct")
    if wishes.kind != "IxRs" and wishes.router and wishes.router not in ROUTERS:
        raise StartError(f"--router {wishes.router}: it is the peer of an IxRs peering (else: {', '.join(ROUTERS)})")
    if wishes.kind == "Direct":
        return direct_plan(wishes, own)
    return ixrs_plan(wishes, exports, own) if wishes.kind == "IxRs" else exchange_plan(wishes, exports, own)
