"""The data that rules read beside the route and the session: everything that comes from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.policy.data.irr import IrrLists
from simulator.policy.data.peeringdb import PrefixCounts
from simulator.policy.data.registered import RegisteredPrefixes
from simulator.policy.data.vrp import VrpTable


@dataclass(frozen=True, slots=True)
class PolicyData:
    """None: no such data was configured, and the rules that need it are silent. Empty data refuses everything."""

    vrp: VrpTable | None = None
    irr: IrrLists | None = None
    registered_prefixes: RegisteredPrefixes | None = None
    registered_asns: frozenset[int] | None = None
    peeringdb: Mapping[int, PrefixCounts] = field(default_factory=dict)
    """ASN → what PeeringDB says that the network announces."""
