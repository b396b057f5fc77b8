"""What a topology expects has to be something that can come."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from simulator.diagnosis.check_ids import CheckId
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import Topology
from simulator.topology.values import CHECKS

_REJECTED = f"{CheckId.R3}."


def expectation_problems(topology: Topology) -> Iterator[Problem]:
    """Ids of checks that no catalogue has: a rehearsal would wait for them in vain."""
    known = [*CHECKS]
    for index, peering in enumerate(topology.peerings):
        where: Path = ("peerings", index, "expect")
        lists = {"failing-checks": peering.expect.failing_checks, "warnings": peering.expect.warnings}
        for key, ids in lists.items():
            for position, given in enumerate(ids or ()):
                if given not in known:
                    yield Problem((*where, key, position), f"there is no check '{given}'{_meant(given, known)}")


def _meant(given: str, known: list[str]) -> str:
    if given == CheckId.R3:
        return f": name the rule, as in {_REJECTED}bogon-prefix"
    for text in (given, given.upper(), f"{_REJECTED}{given}"):
        if close := get_close_matches(text, known, 1, 0.75):
            return f": did you mean {close[0]}?"
    return " (docs/checks.md has them all)"
