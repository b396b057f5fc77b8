"""How `turnup policy check` prints the verdicts on a table: for a person, and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from simulator.cli.formats import JsonObject, RowFormat, cells, write_csv
from simulator.cli.route_columns import TABLE
from simulator.counts import count_of
from simulator.policy.policy import verdict
from simulator.policy.verdict import Hits
from simulator.tables.input_formats import TITLES, InputFormat
from simulator.tables.json_lines import common_json, route_row
from simulator.tables.table_entries import TableRoutes, Unreadable
from simulator.tables.tally import Tally
from simulator.wire import nlri


class TableWriter:
    """Prints verdicts as they come, and the summary."""

    def __init__(self, how: RowFormat, rejected: bool) -> None:
        """`rejected`: only the rejected routes; a table lists no others in any case."""
        self._how = how
        self._rejected = rejected
        if how is RowFormat.csv:
            write_csv([[heading for heading, _ in TABLE]])

    def routes(self, routes: TableRoutes, hits: Mapping[bytes, Hits]) -> None:
        """The routes of one attribute set, a line each."""
        if self._how is RowFormat.table:
            if self._rejected and hits:
                self._in_words(routes, hits)
            return
        common = common_json(routes.path, routes.announcer)
        self._rows(
            route_row(routes.family, key, verdict(fired, denied=False), common)
            for key in routes.keys
            if (fired := hits.get(key, ())) or not self._rejected
        )

    def unreadable(self, entry: Unreadable) -> None:
        """What is read back as something unreadable again; a table names it in its summary."""
        if self._how is not RowFormat.table:
            place = {"unit": entry.place.unit, "number": entry.place.number}
            self._rows([{"event": "unreadable", **place, "reason": entry.reason, "routes": entry.routes}])

    def summary(self, name: str, format_: InputFormat, tally: Tally) -> None:
        """CSV has none: each of its lines is a route."""
        if self._how is RowFormat.table:
            print_summary(name, format_, tally)
        elif self._how is RowFormat.json:
            self._rows([{"event": "summary", "file": name, **summary_json(format_, tally)}])

    def _in_words(self, routes: TableRoutes, hits: Mapping[bytes, Hits]) -> None:
        path = routes.path.as_path_text or "-"
        for key in routes.keys:
            if fired := hits.get(key, ()):
                reasons = "".join(f"  {hit.rule} ({hit.value})" for hit in fired)
                sys.stdout.write(f"{nlri.text(routes.family, key)}  path {path}{reasons}\n")

    def _rows(self, rows: Iterable[JsonObject]) -> None:
        if self._how is RowFormat.csv:
            write_csv(cells(row, TABLE) for row in rows)
        else:
            sys.stdout.write("".join(f"{json.dumps(row)}\n" for row in rows))


def print_summary(name: str, format_: InputFormat, tally: Tally) -> None:
    """Counts, then every rule that fired with examples, then what could not be read."""
    lines = [
        f"{name}: {TITLES[format_]}, {count_of(tally.routes, 'route')}: "
        f"{tally.accepted:,} accepted, {tally.rejected:,} rejected"
    ]
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
            f"  {count_of(tally.not_best, 'route was', 'routes were')} left out: "
            "what the router did not choose, it announces to nobody"
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
        f"{what}{family.label}": counts[place]
        for family, counts in tally.by_family.items()
        for place, what in enumerate(("accepted", "rejected"))
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
