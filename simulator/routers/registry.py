"""Every kind of router that a topology can name: one line a kind."""

from __future__ import annotations

from collections.abc import Callable

from simulator.routers.base import Router
from simulator.routers.bird.adapter import Bird
from simulator.routers.exabgp.adapter import Exabgp
from simulator.routers.external import External
from simulator.routers.frr.adapter import Frr
from simulator.routers.gobgp.adapter import Gobgp
from simulator.routers.openbgpd.adapter import Openbgpd
from simulator.routers.route_server import SimulatedRouteServer
from simulator.routers.simulated import Simulated

ROUTERS: dict[str, Callable[[], Router]] = {
    "simulated": Simulated,
    "bird": Bird,
    "frr": Frr,
    "gobgp": Gobgp,
    "openbgpd": Openbgpd,
    "exabgp": Exabgp,
    "external": External,
    "route-server": SimulatedRouteServer,
}
