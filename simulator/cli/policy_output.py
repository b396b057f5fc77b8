"""How `turnup policy` prints: for a person, and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.policy.policy import verdict
from simulator.policy.verdict import Hits, RouteOutcome
from simulator.session.messages import Family
from simulator.tables.explain import RuleResult
from simulator.tables.input_formats import TITLES, InputFormat
from simulator.tables.json_lines import common_json, route_row
from simulator.tables.table_entries import TableRoutes, Unreadable
from simulator.tables.tally import Tally
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes


def print_json(told: Mapping[str, Any], indent: int | None = None) -> None:
    sys.stdout.write(json.dumps(told, indent=indent) + "\n")


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
            "euro-ix": result.euro_ix,
        }
        for result in results
    ]
    return {
        **route_row(family, key, verdict(hits, denied=False), common_json(path, None)),
        "peer-as": peer_as,
        "profile": profile,
        "rules": rules,
    }


def print_routes(routes: TableRoutes, hits: Mapping[bytes, Hits], *, everything: bool, as_json: bool) -> None:
    """The routes of one attribute set, a line each; without `everything` the rejected ones."""
    common = common_json(routes.path, routes.announcer) if as_json else {}
    lines = []
    for key in routes.keys:
        fired = hits.get(key, ())
        if not fired and not everything:
            continue
        prefix = nlri.text(routes.family, key)
        if as_json:
            lines.append(json.dumps(route_row(routes.family, key, verdict(fired, denied=False), common)))
        else:
            reasons = "".join(f"  {hit.rule} ({hit.value})" for hit in fired)
            lines.append(f"{prefix}  path {routes.path.as_path_text or '-'}{reasons}")
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_unreadable(entry: Unreadable) -> None:
    """One JSON object, which is read back as something unreadable again."""
    place = {"unit": entry.place.unit, "number": entry.place.number}
    print_json({"event": "unreadable", **place, "reason": entry.reason, "routes": entry.routes})


def print_summary(name: str, format_: InputFormat, tally: Tally) -> None:
    """Counts, then every rule that fired with examples, then what could not be read."""
    lines = [f"{name}: {TITLES[format_]}, {tally.routes} routes: {tally.accepted} accepted, {tally.rejected} rejected"]
    for family, (accepted, rejected) in tally.by_family.items():
        if accepted or rejected:
            lines.append(f"  {family.label}: {accepted} accepted, {rejected} rejected")
    if tally.taken_back and not tally.routes:
        lines.append("  nothing is left to judge")
    if tally.rules:
        lines.append("")
        width = max(map(len, tally.rules)) + 2
        for rule, seen in sorted(tally.rules.items(), key=lambda item: -item[1].count):
            more = ", …" if seen.count > len(seen.examples) else ""
            lines.append(f"  {rule:<{width}}{seen.count:>8}  {seen.explanation}: {', '.join(seen.examples)}{more}")
    if tally.not_best:
        lines.append(
            f"  {tally.not_best} routes were left out: the router did not choose them, so it announces them to nobody"
        )
    for why in dict.fromkeys(tally.unjudged.values()):
        rules = [rule for rule, said in tally.unjudged.items() if said == why]
        lines.append(f"  {', '.join(rules)} {'was' if len(rules) == 1 else 'were'} not judged: {why}")
    if tally.unreadable:
        lines.append(f"  {tally.unreadable} could not be read:")
        lines += [f"    {entry}" for entry in tally.named]
    for what, count in tally.skipped.items():
        lines.append(f"  {count} passed over: {what}")
    sys.stdout.write("\n".join(lines) + "\n")


def summary_json(format_: InputFormat, tally: Tally) -> dict[str, Any]:
    """The summary as one flat object, and lists of small ones."""
    families = {
        f"{what}-{family.label.lower()}": counts[at]
        for family, counts in tally.by_family.items()
        for at, what in enumerate(("accepted", "rejected"))
    }
    return {
        "format": format_.value,
        "routes": tally.routes,
        "accepted": tally.accepted,
        "rejected": tally.rejected,
        **families,
        "unreadable": tally.unreadable,
        "not-best": tally.not_best,
        "not-judged": [{"rule": rule, "reason": why} for rule, why in tally.unjudged.items()],
        "rules": [{"rule": rule, "count": seen.count, "examples": seen.examples} for rule, seen in tally.rules.items()],
        "unreadable-examples": [
            {"unit": entry.place.unit, "number": entry.place.number, "reason": entry.reason} for entry in tally.named
        ],
        "passed-over": [{"what": what, "count": count} for what, count in tally.skipped.items()],
    }
