"""Which link a lab stands on: the topology's or the option's, and what this user may have."""

from __future__ import annotations

import os
import sys

from simulator.cli.exit_codes import LAB, USAGE, fail
from simulator.lab.host_interface import check_all
from simulator.lab.privilege import MARK, netns_problem, reexec_in_userns, userns_problem
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.topology.checks.external import unreachable
from simulator.topology.schema import Customer, Peer, Topology
from simulator.topology.segments import cables_of, lan_of


def choose_link(topology: Topology, wanted: str | None) -> LinkKind:
    """The link to use; replaces this process by one in a user namespace where only that gives the privilege."""
    choice, real = wanted or topology.link, _real_routers(topology)
    if choice == "auto" and not real and any(peer.is_external for peer in topology.peers):
        return LinkKind.LOOPBACK
    for fault in unreachable(topology, "netns" if choice == "auto" else choice):
        fail(USAGE, fault.text)
    if choice == "interface":
        return _interface_link(topology)
    if choice == "loopback":
        return _loopback(real)
    problem = enter_namespaces()
    if not problem:
        return LinkKind.NETNS
    if choice == "auto" and not real:
        return LinkKind.LOOPBACK
    return fail(LAB, f"link netns: {problem}")


def enter_namespaces() -> str:
    """Why this process can make no network namespaces, empty where it can; replaces it by one in a user namespace where
    only that gives the privilege.
    """
    problem = netns_problem()
    if problem is not None and MARK not in os.environ and userns_problem() is None:
        reexec_in_userns(sys.argv[1:])
    return problem or ""


def choose_server_link(topology: Topology, wanted: str | None) -> LinkKind:
    """The same for a server. In a user namespace its own address could not be reached from outside."""
    choice, real = wanted or topology.link, _real_routers(topology)
    if any(peer.is_external for peer in topology.peers) or choice == "interface":
        return choose_link(topology, choice)
    if choice == "loopback":
        return _loopback(real)
    problem = netns_problem()
    if problem is None:
        return LinkKind.NETNS
    if choice == "auto" and not real:
        return LinkKind.LOOPBACK
    return fail(LAB, f"link netns: {problem}: a server needs root for it")


def _real_routers(topology: Topology) -> list[Peer | Customer]:
    return [peer for peer in (*topology.peers, *topology.customers) if not peer.router_abilities.on_loopback]


def _loopback(real: list[Peer | Customer]) -> LinkKind:
    if real:
        router = f"router '{real[0].router_kind}' of {real[0].name}"
        fail(USAGE, f"{router} needs real addresses and port 179: use --link netns")
    return LinkKind.LOOPBACK


def _interface_link(topology: Topology) -> LinkKind:
    """Root is needed, and not that of a user namespace: nobody else may attach anything to the host's interfaces."""
    try:
        check_all(lan_of(topology), cables_of(topology))
    except LabError as error:
        fail(LAB, f"link interface: {error}")
    if MARK in os.environ or (problem := netns_problem()) is not None:
        why = "" if MARK in os.environ else f": {problem}"
        fail(LAB, f"link interface needs root, to attach the lab to an interface of this host{why}")
    return LinkKind.INTERFACE
