"""What `turnup policy check --json` printed, of any version of turnup: routes with the verdicts of then."""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.counts import count_of
from simulator.policy.verdict import Hit, Hits, RouteOutcome
from simulator.tables import json_lines
from simulator.tables.alike_lines import read_lines
from simulator.tables.table_entries import Announcer, FilePosition, TableEntry, TableRoutes, Unreadable
from simulator.tables.tally import Judge
from simulator.tables.verdict_diff import ChangedRoute, DiffTally, changed_rules
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

_KEPT: Final = 8192
"""Attribute sets that are remembered: lines that differ in their prefix alone are read once."""
_OWN: Final = ("event", "family", "prefix", "verdict", "reasons")
"""Keys of one route; what stands beside them, many routes share."""
_OUTCOMES: Final = frozenset(outcome.value for outcome in RouteOutcome)


@dataclass(frozen=True, slots=True)
class JudgedRoutes(TableRoutes):
    """Routes with the verdict that they had."""

    then: Hits = ()


@dataclass(slots=True)
class VerdictFile:
    """One such file as it streams by, against a judge of today."""

    new: Judge
    tally: DiffTally = field(default_factory=DiffTally)
    listed: int = 0
    """Routes with a verdict."""
    judged: int | None = None
    """Routes that were judged then, as the file's own last line says; None: there is no such line."""
    _paths: dict[bytes, tuple[PathAttributes, Announcer | None]] = field(default_factory=dict)

    @property
    def shortfall(self) -> str:
        """What of the file cannot be compared, in words; empty where it is whole."""
        if self.judged is None:
            return "it has no summary at its end: it may have been cut"
        if self.judged != self.listed:
            judged = count_of(self.judged, "route that was judged", "routes that were judged")
            return f"it lists {self.listed:,} of the {judged} (--rejected?)"
        return ""

    def changed(self, entries: Iterable[TableEntry]) -> Iterator[ChangedRoute]:
        """Count everything; yields the routes whose verdict, or the rules behind it, are not those of then."""
        for routes, now in self.new.judge(entries):
            if isinstance(routes, JudgedRoutes):
                if not now and not routes.then:
                    continue
                for key in routes.keys:
                    found = ChangedRoute(routes, key, routes.then, now.get(key, ()))
                    if changed_rules(found):
                        self.tally.add(found)
                        yield found

    def read(self, chunks: Iterable[bytes]) -> Iterator[TableEntry]:
        """The routes of the file; what is not one is unreadable."""
        for entry in read_lines(chunks, self._line):
            if isinstance(entry, JudgedRoutes):
                self.listed += len(entry.keys)
            yield entry

    def _line(self, line: str, place: FilePosition) -> Iterator[TableEntry]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            yield Unreadable(place, "no JSON")
            return
        event = found.get("event") if isinstance(found, dict) else None
        if event == "summary":
            routes = found.get("routes")
            self.judged = routes if isinstance(routes, int) else None
        elif event == "route":
            try:
                yield self._route(found, place)
            except ValueError as error:
                yield Unreadable(place, str(error))
        else:
            yield json_lines.read_object(found, place)

    def _route(self, found: dict[str, Any], place: FilePosition) -> JudgedRoutes:
        """Raises ValueError."""
        then = _then(found)
        shared = [(key, value) for key, value in found.items() if key not in _OWN]
        try:
            known = marshal.dumps(shared, 2)
        except ValueError:
            raise ValueError("this JSON is nested too deeply") from None
        kept = self._paths.get(known)
        if kept is None:
            if len(self._paths) >= _KEPT:
                self._paths.clear()
            read = json_lines.route(found, place)
            kept = self._paths[known] = (read.path, read.announcer)
        family, key = nlri.key(str(found.get("prefix")))
        return JudgedRoutes(family, (key,), *kept, place=place, then=then)


def is_verdict_line(line: str) -> bool:
    """Does a file that begins with this line hold verdicts?"""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and (
        (found.get("event") == "route" and "verdict" in found) or found.get("event") in ("unreadable", "summary")
    )


def _then(found: dict[str, Any]) -> Hits:
    """Raises ValueError."""
    verdict, reasons = found.get("verdict"), found.get("reasons")
    if verdict not in _OUTCOMES or not isinstance(reasons, list):
        raise ValueError("there is no verdict")
    hits = []
    for reason in reasons:
        if not isinstance(reason, dict) or not isinstance(reason.get("rule"), str):
            raise ValueError("a reason has no rule")
        hits.append(Hit(reason["rule"], str(reason.get("value", "")), ""))
    if (verdict == RouteOutcome.REJECT.value) != bool(hits):
        raise ValueError(f"the verdict is {verdict}, and it has {len(hits)} reasons")
    return tuple(hits)
