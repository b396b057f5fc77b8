"""What a scenario's faults ask that no running lab, or not this one, can have: told before anything is started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulator.faults.injection import why_not
from simulator.faults.load import load, shipped
from simulator.faults.schema import RehearsedFault
from simulator.places.link import LinkKind
from simulator.scenarios.needs import link_of
from simulator.scenarios.schema import StepOptions
from simulator.scenarios.steps import AskedFault, AskedMend
from simulator.topology.document import Position
from simulator.topology.kinds import KINDS, RunBy
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Peer, Topology
from simulator.topology.suggest import did_you_mean, listed


def unfit(asked: AskedFault, topology: Topology, at: Position) -> Iterator[tuple[Position, str]]:
    """Why a fault cannot be put in, each with its place in the file."""
    place = (*at, "name")
    if asked.name not in (known := shipped()):
        hint = did_you_mean(asked.name, known) or " (turnup fault list has them all)"
        yield place, f"there is no fault '{asked.name[:60]}'{hint}"
        return
    fault = load(asked.name)
    if reason := why_not(fault):
        yield place, f"{fault.name} is not for a lab that runs: {reason}"
        return
    if asked.of is not None and asked.of in {customer.name for customer in topology.customers}:
        yield (*at, "of"), f"{asked.of} is a customer behind a route server: only a peer has faults put in"
        return
    for peer in topology.peers:
        mine = [plan for plan in plans(topology) if plan.peer.name == peer.name and _is_meant(asked, plan)]
        families = [each for each in fault.families if any(plan.family.label == each for plan in mine)]
        if mine and (not families or asked.family not in (None, *families)):
            which = f"on {listed(families)} alone" if families else f"on none: it is of {listed(fault.families)}"
            yield (*at, "family" if asked.family else "name"), f"{peer.name} can have {fault.name} {which}"
        elif mine and (why := _impossible(fault, peer, topology)):
            yield place, f"{peer.name} cannot have {fault.name}: {why}"


def _is_meant(asked: AskedFault, plan: SessionPlan) -> bool:
    names = (None, plan.peer.name, plan.connection, plan.peering)
    return asked.of in names and asked.edge in (None, plan.edge.name)


def _impossible(fault: RehearsedFault, peer: Peer, topology: Topology) -> str:
    """What the link or the router lacks for a fault; empty where it lacks nothing."""
    if any(action.of_link for action in fault.actions) and link_of(topology) is LinkKind.LOOPBACK:
        return "it is of the link, and loopback has none of its own: say link: netns in the topology"
    kind = peer.router_kind
    if any(action.process for action in fault.actions) and KINDS[kind].run_by is not RunBy.DAEMON:
        return f"a {kind} router has no process of its own: take bird, frr, gobgp, openbgpd or exabgp"
    if fault.change("simulated").announce is not None and kind != "simulated":
        return f"a {kind} announces what its own configuration says: use the step announce, or a simulated router"
    return ""


def mends_nothing(steps: Sequence[StepOptions], at: Position) -> Iterator[tuple[Position, str]]:
    """What is mended, and never was broken."""
    put_in = {each.name for _, each in _arguments(steps, at) if isinstance(each, AskedFault)}
    for place, asked in _arguments(steps, at):
        if isinstance(asked, AskedMend) and (asked.name not in (None, *put_in) or not put_in):
            hint = f" (there are: {listed(sorted(put_in))})" if put_in else ": a step `fault` comes first"
            what = f"the fault '{asked.name}'" if asked.name else "a fault"
            yield place, f"no step puts {what} in{hint}"


def _arguments(steps: Sequence[StepOptions], at: Position) -> Iterator[tuple[Position, object]]:
    for number, step in enumerate(steps):
        yield (*at, number, step.name), step.argument
        yield from _arguments(step.inner or (), (*at, number, "steps"))
