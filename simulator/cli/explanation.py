"""How `turnup policy explain` prints what each rule says of a route: for a person, and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

from simulator.cli.formats import RowColumns
from simulator.policy.policy import verdict
from simulator.policy.verdict import Hits, RouteOutcome
from simulator.session.messages import Family
from simulator.tables.explain import RuleResult
from simulator.tables.json_lines import common_json, route_row
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

RULES: Final[RowColumns] = (
    ("Rule", "rule"),
    ("Result", "result"),
    ("Value", "value"),
    ("Explanation", "explanation"),
    ("Source", "source"),
    ("Euro-IX", "euroIx"),
)
"""The columns of CSV."""


def print_explanation(
    family: Family,
    key: bytes,
    path: PathAttributes,
    peer_as: int | None,
    profile: str,
    outcome: RouteOutcome,
    results: Sequence[RuleResult],
) -> None:
    """Every rule on a line of its own, the verdict last."""
    who = f"AS{peer_as}" if peer_as is not None else "any peer"
    route = f"{nlri.text(family, key)}  path {path.as_path_text or '-'}  next hop {path.next_hop or 'self'}"
    lines = [f"{route}  from {who}, profile {profile}", ""]
    width = max((len(result.rule) for result in results), default=0) + 2
    lines += [f"  {result.rule:<{width}}{_in_words(result)}" for result in results]
    failed, passed = (sum(result.result == what for result in results) for what in ("fail", "pass"))
    lines += [
        "",
        f"{outcome.value}: {failed} of {failed + passed} rules" if failed else f"{outcome.value}: {passed} rules pass",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _in_words(result: RuleResult) -> str:
    if result.result == "fail":
        return f"FAIL  {result.explanation} ({result.value})  [{result.source}]"
    return f"{result.result}{f': {result.value}' if result.value else ''}"


def explanation_json(
    family: Family,
    key: bytes,
    path: PathAttributes,
    hits: Hits,
    peer_as: int | None,
    profile: str,
    results: Sequence[RuleResult],
) -> dict[str, Any]:
    """One object; `rules` has every rule, `reasons` those that failed."""
    rules = [
        {
            "rule": result.rule,
            "result": result.result,
            "value": result.value,
            "explanation": result.explanation,
            "source": result.source,
            "euroIx": result.euro_ix,
        }
        for result in results
    ]
    return {
        **route_row(family, key, verdict(hits, denied=False), common_json(path, None)),
        "peerAs": peer_as,
        "profile": profile,
        "rules": rules,
    }
