"""How `turnup policy check` prints the verdicts on a table: for a person, and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from simulator.cli.explanation import print_json
from simulator.policy.policy import verdict
from simulator.policy.verdict import Hits
from simulator.tables.input_formats import TITLES, InputFormat
from simulator.tables.json_lines import common_json, route_row
from simulator.tables.table_entries import TableRoutes, Unreadable
from simulator.tables.tally import Tally
from simulator.wire import nlri


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
        "notBest": tally.not_best,
        "notJudged": [{"rule": rule, "reason": why} for rule, why in tally.unjudged.items()],
        "rules": [{"rule": rule, "count": seen.count, "examples": seen.examples} for rule, seen in tally.rules.items()],
        "unreadableExamples": [
            {"unit": entry.place.unit, "number": entry.place.number, "reason": entry.reason} for entry in tally.named
        ],
        "passedOver": [{"what": what, "count": count} for what, count in tally.skipped.items()],
    }
