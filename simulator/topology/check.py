"""What a schema cannot say of a topology: names that must resolve, addresses that must fit together."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simulator.topology.checks.contradictions import contradiction_problems
from simulator.topology.checks.external import external_problems
from simulator.topology.checks.members import member_problems
from simulator.topology.checks.names import name_problems
from simulator.topology.checks.nodes import node_problems, own_file_problems, unlinked_problems
from simulator.topology.checks.peerings import peering_problems
from simulator.topology.checks.policy import policy_problems
from simulator.topology.checks.routes import announcement_problems, unsayable_problems
from simulator.topology.checks.selection import selection_problems
from simulator.topology.problem import Problem
from simulator.topology.schema import Topology


def problems(
    topology: Topology, *, own_files: bool = True, formats: Mapping[str, str] = MappingProxyType({})
) -> list[Problem]:
    """Everything that is wrong with a topology that fits the schema, in the order of the file.

    `own_files`: the routers' own configuration files must be there. `formats`: peer → the language that its
    configuration is asked for in, other than its own router's.
    """
    found = [
        *node_problems(topology),
        *own_file_problems(topology, own_files),
        *name_problems(topology),
        *announcement_problems(topology),
        *peering_problems(topology),
        *selection_problems(topology),
    ]
    found += [*policy_problems(topology), *member_problems(topology)]
    return found or [
        *unlinked_problems(topology),
        *external_problems(topology),
        *unsayable_problems(topology, formats),
        *contradiction_problems(topology),
    ]
