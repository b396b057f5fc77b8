"""Settings that cannot hold together: each is right by itself, and with both of them no rehearsal could pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from simulator.diagnosis.check_ids import CheckId
from simulator.diagnosis.selection import Selection
from simulator.policy.policy import parameters_of
from simulator.policy.rules import RULES
from simulator.session.messages import Family
from simulator.topology.links import LinkQuality
from simulator.topology.own_checks import selection
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import Peering, Topology

_ROUND_TRIPS: Final = 2
"""Before a session is Established: TCP's, and that of the OPENs, which the KEEPALIVE follows at once (RFC 4271 §8)."""


_FROM_FILES: Final = ("vrp", "irr")
"""Data of rules that nothing but a file tells; what is registered may be registered later."""


def times_problem(topology: Topology) -> str:
    """Why no session could pass its validation, whatever it does; empty where one can."""
    soak, deadline = topology.times.soak, topology.deadline
    if soak <= deadline:
        return ""
    return (
        f"a validation ends after {deadline:g} s (deadline), before a session can have been Established for "
        f"{soak:g} s (soak): give a longer deadline or a shorter soak"
    )


def _times(topology: Topology) -> Iterator[Problem]:
    if text := times_problem(topology):
        yield Problem(("times", "deadline" if "deadline" in topology.times.model_fields_set else "soak"), text)


def _latency(topology: Topology) -> Iterator[Problem]:
    """On loopback no link has a latency."""
    left = topology.deadline - topology.times.soak
    if topology.link not in ("netns", "interface") or left < 0:
        return
    for index, peering in enumerate(topology.peerings):
        where: Path = ("peerings", index)
        for position, choice in enumerate(topology.choices(peering)):
            links: list[LinkQuality] = [topology.edge(choice.edge), topology.peer(peering.peer)]
            least = sum(each.latency - each.jitter for each in ([choice] if peering.is_direct else links)) / 1000
            if 2 * _ROUND_TRIPS * least > left:
                spot = (*where, "connections", position) if peering.connections is not None else where
                text = f"{_ROUND_TRIPS} round trips to '{choice.edge}' take {2 * _ROUND_TRIPS * least:g} s"
                yield Problem(
                    spot,
                    f"{text}: with a soak of {topology.times.soak:g} s its session cannot pass within "
                    f"{topology.deadline:g} s: give a longer deadline or less latency",
                )


def _checks(topology: Topology) -> Iterator[Problem]:
    excluded = topology.checks.exclude
    for key in ("only", "strict"):
        for position, given in enumerate(getattr(topology.checks, key)):
            if given in excluded:
                yield Problem(
                    ("checks", key, position), f"{given} is left out by checks.exclude: name it in one of them"
                )


def _expected_checks(topology: Topology) -> Iterator[Problem]:
    """Checks that are to fail, and are not made."""
    chosen = selection(topology)
    for index, peering in enumerate(topology.peerings):
        for position, given in enumerate(peering.expect.failing_checks):
            if why := _not_made(given, topology, peering, chosen):
                text = f"{given} is expected to fail, and is not made: {why}"
                yield Problem(("peerings", index, "expect", "failing-checks", position), text)


def _not_made(check: str, topology: Topology, peering: Peering, chosen: Selection) -> str:
    if not chosen.runs(check):
        return "`checks` of this topology leaves it out"
    if check == CheckId.A2 and topology.traffic is False:
        return "traffic: false"
    kind, _, rule = check.partition(".")
    if kind != CheckId.R3:
        return ""
    profile = topology.profile(peering)
    if parameters_of(profile, rule, topology.policy.rules) is None:
        return f"rule {rule} is off in profile '{profile}' (policy.rules)"
    needs = RULES[rule].needs
    if needs in _FROM_FILES and getattr(topology.policy.data, needs) is None:
        return f"rule {rule} has nothing to judge by: name its data as policy.data.{needs}"
    return ""


def _expected_counts(topology: Topology) -> Iterator[Problem]:
    """More routes expected than the session's limit lets in."""
    for index, peering in enumerate(topology.peerings):
        expect, limits = peering.expect, peering.max_prefixes
        if expect.state != "Active" or limits.action == "warn":
            continue
        wanted = {Family.IPV4: ("accepted", expect.accepted), Family.IPV6: ("accepted-ipv6", expect.accepted_ipv6)}
        for family, (key, count) in wanted.items():
            if count is not None and count > limits.of(family):
                most = f"max-prefixes with action: {limits.action} lets in at most {limits.of(family)}"
                text = f"{count} accepted routes are expected on an {family.label} session, and {most}"
                yield Problem(("peerings", index, "expect", key), text)


def _lengths(topology: Topology) -> Iterator[Problem]:
    """A longest prefix that is shorter than the shortest."""
    for profile in dict.fromkeys(topology.profile(peering) for peering in topology.peerings):
        rules = topology.policy.rules
        long, short = (parameters_of(profile, f"prefix-too-{key}", rules) for key in ("long", "short"))
        if long is None or short is None:
            continue
        for key in ("ipv4", "ipv6"):
            if long[key] < short[key]:
                rule = next(each for each in ("prefix-too-long", "prefix-too-short") if each in rules)
                text = f"a /{long[key]} at most (prefix-too-long) and a /{short[key]} at least (prefix-too-short)"
                yield Problem(("policy", "rules", rule, key), f"{text}: no prefix passes both")


def _traffic(topology: Topology) -> Iterator[Problem]:
    if topology.traffic and topology.link == "loopback":
        yield Problem(("traffic",), "the loopback link has no hosts: traffic: true needs link: netns")


CONTRADICTIONS: Final[tuple[Callable[[Topology], Iterator[Problem]], ...]] = (
    _times,
    _latency,
    _checks,
    _expected_checks,
    _expected_counts,
    _lengths,
    _traffic,
)


def contradiction_problems(topology: Topology) -> Iterator[Problem]:
    """Of a topology that has no other problem."""
    for each in CONTRADICTIONS:
        yield from each(topology)
