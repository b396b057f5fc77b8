"""What a scenario asks that its lab cannot give: names that are not there, states that cannot be reached, and so on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from simulator.connection.states import ConnectionState, Flow
from simulator.connection.table import TABLE
from simulator.policy.profiles import PROFILES
from simulator.scenarios.conditions import AskedRoute, Conditions, RefusedRoute, asked
from simulator.scenarios.fault_checks import mends_nothing, unfit
from simulator.scenarios.model import Variant
from simulator.scenarios.schema import ScenarioFile, StepOptions
from simulator.scenarios.steps import AskedFault, AskedLimits, AskedPrefixes, AskedRoutes
from simulator.scenarios.values import Subject
from simulator.topology.document import Position
from simulator.topology.originate import announcements
from simulator.topology.plan import FLOWS
from simulator.topology.schema import Topology
from simulator.topology.suggest import did_you_mean, listed, prefix_meant
from simulator.wire import nlri

_Problem = tuple[Position, str]
_PREFIXES: Final = ("accepts", "withholds", "rejects", "lacks", "router-has", "router-lacks")


def problems(scenario: ScenarioFile, topology: Topology, variant: Variant) -> Iterator[_Problem]:
    """Each with its place in the file; of the steps that are taken with these values of the matrix."""
    yield from _of_steps(scenario.steps, topology, variant, ("steps",))
    yield from mends_nothing(scenario.steps, ("steps",))


def _of_steps(steps: Sequence[StepOptions], topology: Topology, variant: Variant, at: Position) -> Iterator[_Problem]:
    for number, step in enumerate(steps):
        here = (*at, number)
        if not variant.suits(step.only_for):
            continue
        if step.meanwhile is not None:
            for each, conditions in enumerate(step.meanwhile.never):
                yield from _of_conditions(conditions, topology, (*here, "meanwhile", "never", each))
        yield from _of_steps(step.inner or (), topology, variant, (*here, "steps"))
        place = (*here, step.name)
        if isinstance(step.argument, Conditions):
            yield from _of_conditions(step.argument, topology, place)
        elif isinstance(step.argument, Subject):
            yield from _of_subject(step.argument, topology, place)
            yield from _of_argument(step.argument, topology, place)
            if isinstance(step.argument, AskedFault):
                yield from unfit(step.argument, topology, place)


def _of_argument(argument: Subject, topology: Topology, at: Position) -> Iterator[_Problem]:
    if isinstance(argument, AskedRoutes):
        nodes = [node for node in (*topology.peers, *topology.customers) if argument.of in (None, node.name)]
        try:
            announcements(argument.routes, (nodes or topology.peers)[0])
        except ValueError as error:
            yield (*at, "routes"), str(error)
    elif isinstance(argument, AskedPrefixes):
        yield from _of_prefixes(argument.prefixes, (*at, "prefixes"))
    elif isinstance(argument, AskedLimits) and argument.ipv4 is None and argument.ipv6 is None:
        yield at, "no limit is named: ipv4 or ipv6, or both"


def names(topology: Topology) -> list[str]:
    """Subject a step or an expectation can be `of`."""
    peerings = [peering.name for peering in topology.peerings]
    connections = [name for peering in topology.peerings for name, _ in topology.connections(peering)]
    nodes = [node.name for node in (*topology.peers, *topology.customers)]
    return list(dict.fromkeys((*peerings, *connections, *nodes)))


def _of_subject(subject: Subject, topology: Topology, at: Position) -> Iterator[_Problem]:
    if subject.of is not None and subject.of not in (known := names(topology)):
        hint = did_you_mean(subject.of, known) or f" (there are: {listed(known)})"
        yield (*at, "of"), f"the topology has no connection, peering or peer '{subject.of}'{hint}"
    edges = [edge.name for edge in topology.edges]
    if subject.edge is not None and subject.edge not in edges:
        hint = did_you_mean(subject.edge, edges) or f" (there are: {listed(edges)})"
        yield (*at, "edge"), f"the topology has no edge '{subject.edge}'{hint}"


def _of_conditions(conditions: Conditions, topology: Topology, at: Position) -> Iterator[_Problem]:
    yield from _of_subject(conditions, topology, at)
    for kind, value in asked(conditions):
        place = (*at, kind.name)
        if kind.name == "connection-state":
            yield from _unreachable(value, topology, place)
        elif kind.name in _PREFIXES:
            texts = [each.prefix if isinstance(each, AskedRoute) else each for each in value]
            yield from _of_prefixes(texts, place)
            yield from _of_rules(value, topology, place)
        elif kind.name == "traffic" and topology.link == "loopback":
            yield place, "the loopback link carries no traffic of hosts: say link: netns in the topology"


def _flows(topology: Topology) -> list[Flow]:
    return list(dict.fromkeys(FLOWS[peering.kind] for peering in topology.peerings))


def _unreachable(states: Sequence[ConnectionState], topology: Topology, at: Position) -> Iterator[_Problem]:
    flows = _flows(topology)
    reachable = {state for flow in flows for state in _reachable(flow)}
    for state in states:
        if state not in reachable:
            kinds = " and ".join(str(flow) for flow in flows)
            yield at, f"no {kinds} peering is ever {state}: its life cycle has no step to it (see docs/life-cycle.md)"


def _reachable(flow: Flow) -> set[ConnectionState]:
    """The states that a life cycle of this kind can come to, by whatever steps."""
    found, before = {ConnectionState.NONE}, set[ConnectionState]()
    while found != before:
        before = set(found)
        found |= {row.target for row in TABLE if flow in row.flows and row.source in before}
    return found


def _of_prefixes(texts: Sequence[str], at: Position) -> Iterator[_Problem]:
    for text in texts:
        try:
            nlri.key(text)
        except ValueError:
            meant = prefix_meant(text)
            yield at, f"'{text[:60]}' is no prefix" + (f": did you mean {meant}?" if meant else ", as 192.0.2.0/24 is")


def _of_rules(routes: Sequence[Any], topology: Topology, at: Position) -> Iterator[_Problem]:
    profiles = list(dict.fromkeys(topology.profile(peering) for peering in topology.peerings))
    for route in routes:
        rule = route.rule if isinstance(route, RefusedRoute) else None
        if rule is not None and not any(rule in PROFILES[profile] for profile in profiles):
            yield at, f"profile '{' and '.join(profiles)}' has no rule '{rule}': it never refuses a route"
