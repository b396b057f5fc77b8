"""The checks that a topology names have to be there: those to run, and those that it expects to fail or to warn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from simulator.diagnosis.check_ids import CheckId
from simulator.diagnosis.selection import ALWAYS
from simulator.topology.own_checks import OwnCheckError, own_checks
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import Topology
from simulator.topology.values import CHECKS

_REJECTED = f"{CheckId.R3}."


def selection_problems(topology: Topology) -> Iterator[Problem]:
    """Ids of checks that no catalogue has: a rehearsal would wait for them in vain, or leave out what nobody meant."""
    try:
        known = (*CHECKS, *(check.id for check in own_checks(topology.checks.file)))
    except OwnCheckError as error:
        yield Problem(("checks", "file") if topology.checks.file else (), str(error))
        return
    for where, ids in _lists(topology):
        of_rules = where[0] == "checks"  # R3 stands for all of them
        for position, given in enumerate(ids):
            if given not in known and not (of_rules and given == CheckId.R3):
                yield Problem((*where, position), f"there is no check '{given}'{meant(given, known)}")
            elif where[-1] == "exclude" and given in ALWAYS:
                yield Problem((*where, position), f"{given} always runs: it shows that nothing passed under DENY ALL")


def _lists(topology: Topology) -> Iterator[tuple[Path, Sequence[str]]]:
    for key in ("only", "exclude", "strict"):
        yield ("checks", key), getattr(topology.checks, key)
    for index, peering in enumerate(topology.peerings):
        where: Path = ("peerings", index, "expect")
        yield (*where, "failing-checks"), peering.expect.failing_checks
        yield (*where, "warnings"), peering.expect.warnings or ()


def meant(given: str, known: Sequence[str]) -> str:
    """What an unknown id may stand for."""
    if given == CheckId.R3:
        return f": name the rule, as in {_REJECTED}bogon-prefix"
    for text in (given, given.upper(), f"{_REJECTED}{given}"):
        if close := get_close_matches(text, known, 1, 0.75):
            return f": did you mean {close[0]}?"
    return " (`turnup check list` has them all)"
