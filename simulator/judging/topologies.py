"""What a topology says of a peer's sessions and their policy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from simulator.engine.datafiles import DataFileRead, DataFiles
from simulator.judging.options import TopologyFaultsError
from simulator.places.errors import LabError
from simulator.policy.attribute_rules import ROLES
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.profiles import PROFILES, RuleSettings
from simulator.session.messages import Family
from simulator.tables.session_policies import SessionPolicies
from simulator.topology.announced import announced_by
from simulator.topology.as8075 import own_prefixes
from simulator.topology.load import TopologyError, load
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology


def peer_of(topology: Topology, name: str | None) -> str:
    """The peer that is meant. Raises ValueError that names those that there are."""
    names = [peer.name for peer in topology.peers]
    known = f"the topology has: {', '.join(names)}"
    if name is None:
        if len(names) > 1:
            raise ValueError(f"--peer is missing: {known}")
        name = names[0]
    if name not in names:
        raise ValueError(f"--peer {name}: there is no such peer ({known})")
    if not any(peering.peer == name for peering in topology.peerings):
        raise ValueError(f"--peer {name}: it has no peering in this topology")
    return name


def of_topology(
    path: Path, name: str | None, profile: str | None, warn: Callable[[str], None]
) -> tuple[SessionPolicies, RuleSettings]:
    """What a topology says of a peer's sessions, and the rules that it sets; `warn` gets what is left out of its data
    files. Raises ValueError."""
    try:
        topology = load(path)
    except TopologyError as error:
        raise TopologyFaultsError([str(fault) for fault in error.faults]) from None
    peer = peer_of(topology, name)
    mine = [plan for plan in plans(topology) if plan.peer.name == peer]
    if profile is None:
        profiles = sorted({plan.profile for plan in mine})
        if len(profiles) > 1:
            raise ValueError(
                f"{peer} has peerings of several profiles: say --profile {' or --profile '.join(profiles)}"
            )
        profile = profiles[0]
    mine = [plan for plan in mine if plan.profile == profile] or mine
    microsoft = topology.microsoft
    own = [route for edge in topology.edges for route in announced_by(topology, edge)]
    rules = {rule: setting for rule, setting in topology.policy.rules.items() if rule in PROFILES.get(profile, ())}
    made = SessionPolicies(
        profile,
        peer_as=topology.peer(peer).asn,
        addresses={family: found for family in Family if (found := _only_address(mine, family)) is not None},
        lan=tuple(dict.fromkeys(lan for plan in mine for lan in plan.lan)),
        data=_data_of(topology, warn),
        own=own_prefixes(own, microsoft.asn),
        local_as=microsoft.asn,
        role=ROLES[microsoft.role] if microsoft.role else None,
    )
    return made, rules


def _only_address(mine: list[SessionPlan], family: Family) -> IPv4Address | IPv6Address | None:
    """The peer's session address; None where its links have different ones, so that a next hop cannot be judged."""
    found = {plan.peer_address for plan in mine if plan.family is family}
    return found.pop() if len(found) == 1 else None


def _data_of(topology: Topology, warn: Callable[[str], None]) -> PolicyData:
    def read(event: DataFileRead) -> None:
        if event.left_out:
            warn(f"{event.file}: {event.left_out}")

    files = DataFiles(topology.policy.data, lambda: 0.0, read)
    try:
        asyncio.run(files.load())
    except LabError as error:
        raise ValueError(str(error)) from None
    return files.data
