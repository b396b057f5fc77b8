"""What a case needs of this machine, and what of it is missing."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Final

from simulator.lab.privilege import netns_problem
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.places.process import find_program
from simulator.topology.schema import Topology

PROGRAMS: Final = {"bird": "BIRD", "frr": "BGPD", "gobgp": "GOBGPD", "openbgpd": "BGPD"}
"""Kind of router → the name of its program in its room; ExaBGP is a library that is always there."""


def lacking(topology: Topology) -> str:
    """The router or the privilege that is missing here, and what to do; empty where all is there."""
    for node in (*topology.peers, *topology.customers):
        if node.router_kind in PROGRAMS and (why := missing(node.router_kind)):
            return why
    if link_of(topology) is not LinkKind.LOOPBACK and (why := _netns_problem() or ""):
        return why
    return ""


def link_of(topology: Topology) -> LinkKind:
    """What the lab stands on: `auto` is loopback where every router is simulated."""
    real = any(not node.router_abilities.on_loopback for node in (*topology.peers, *topology.customers))
    if topology.link == "interface":
        return LinkKind.INTERFACE
    return LinkKind.NETNS if real or topology.link == "netns" else LinkKind.LOOPBACK


_netns_problem = functools.cache(netns_problem)


@functools.cache
def missing(kind: str) -> str:
    """What a kind of router lacks here; empty where its program is there."""
    program = getattr(import_module(f"simulator.routers.{kind}.file"), PROGRAMS[kind])
    try:
        find_program(program)
    except LabError as error:
        return str(error)
    return ""
