"""Every kind of router that a topology can name: one line a kind."""

from __future__ import annotations

from collections.abc import Callable

from simulator.routers.base import Router
from simulator.routers.bird import Bird
from simulator.routers.simulated import Simulated

ROUTERS: dict[str, Callable[[], Router]] = {
    "simulated": Simulated,
    "bird": Bird,
}
