"""The verdicts on a whole table: counts, reasons with examples, and each route if wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from simulator.counts import count_of
from simulator.policy.verdict import Hits
from simulator.session.messages import Family
from simulator.tables import notation
from simulator.tables.missing_attributes import MissingAttributes
from simulator.tables.session_policies import SessionPolicy
from simulator.tables.table_entries import Announcer, FilePosition, Skipped, TableEntry, TableRoutes, Unreadable
from simulator.tables.treat_as_withdraw import malformed
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

_EXAMPLES: Final = 3
_NAMED: Final = 10
"""Unreadable lines and records that are named; the rest are counted."""
_BY_THE_END: Final = frozenset({"rpki-invalid", "rpki-unknown", "irr-origin", "registered-origin", "as-path-empty"})
"""Rules that look at the end of a path. What any other refuses of its beginning, it refuses of the whole."""
_KEPT: Final = 32_768
"""Verdicts on attribute sets that are kept."""


@dataclass(slots=True)
class RuleCount:
    """How often a rule fired, and where first."""

    explanation: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """The counts of one table."""

    accepted: int = 0
    rejected: int = 0
    by_family: dict[Family, list[int]] = field(default_factory=lambda: {family: [0, 0] for family in Family})
    """Accepted and rejected routes."""
    rules: dict[str, RuleCount] = field(default_factory=dict)
    unreadable: int = 0
    """Routes that could not be read; a line or record counts as one where nobody can tell."""
    named: list[Unreadable] = field(default_factory=list)
    taken_back: int = 0
    """Routes that the file itself takes back; counted in `skipped` too."""
    skipped: dict[str, int] = field(default_factory=dict)
    """What holds no route, and routes that the file itself takes back → how many."""
    not_best: int = 0
    unjudged: dict[str, str] = field(default_factory=dict)
    """Rules that did not judge, on some session, because nobody said what they judge by → what that is."""

    @property
    def routes(self) -> int:
        return self.accepted + self.rejected

    @property
    def clean(self) -> bool:
        """Whether there was a route, and every route was read and accepted."""
        return bool(self.accepted) and not self.rejected and not self.unreadable


@dataclass(slots=True)
class _Known:
    """A session, and its verdicts on attribute sets so far."""

    session: SessionPolicy
    paths: dict[int, tuple[PathAttributes, Hits]] = field(default_factory=dict)
    lacking: set[MissingAttributes] = field(default_factory=set)
    """The attributes that the formats left out, for the routes in the tally."""

    def path_hits(self, path: PathAttributes) -> Hits:
        found = self.paths.get(id(path))
        if found is None:
            if len(self.paths) >= _KEPT:
                self.paths.clear()
            found = self.paths[id(path)] = (path, self._judged(path))
        return found[1]

    def _judged(self, path: PathAttributes) -> Hits:
        refused = malformed(path, self.session.addresses)
        hits = self.session.policy.judge_attributes(path)
        return hits if refused is None else (refused, *hits)


@dataclass(slots=True)
class Judge:
    """Judges a table as it streams by. `session` gives the session that a route came over."""

    session: Callable[[Announcer | None, Family], SessionPolicy]
    export_as: int | None = None
    """Judge the routes as this AS would announce them: itself in front, itself as next hop, the chosen routes only."""
    told: Callable[[Unreadable], None] | None = None
    """Gets each thing that is unreadable as it comes by."""
    tally: Tally = field(default_factory=Tally)
    _sessions: dict[tuple[Announcer | None, Family], _Known] = field(default_factory=dict)
    # By identity: hashing an address or an attribute set costs as much as judging it. What is held keeps its id.
    _recent: dict[tuple[int, bool], tuple[Announcer | None, _Known]] = field(default_factory=dict)

    def judge(self, entries: Iterable[TableEntry]) -> Iterator[tuple[TableRoutes, dict[bytes, Hits]]]:
        """Count everything; yields each group of routes with the keys that are rejected."""
        for entry in entries:
            if isinstance(entry, TableRoutes):
                if self.export_as is not None:
                    if not entry.best:
                        self.tally.not_best += len(entry.keys)
                        continue
                    entry = _exported(entry, self.export_as)
                hits = self._hits(entry)
                if entry.cut:
                    entry, hits = self._certain(entry, hits)
                if entry.keys:
                    self._count(entry, hits)
                    yield entry, hits
            elif isinstance(entry, Unreadable):
                self._unreadable(entry)
            elif isinstance(entry, Skipped):
                self.tally.skipped[entry.what] = self.tally.skipped.get(entry.what, 0) + entry.count
                self.tally.taken_back += entry.count if entry.taken_back else 0

    def _unreadable(self, entry: Unreadable) -> None:
        self.tally.unreadable += entry.routes
        if len(self.tally.named) < _NAMED:
            self.tally.named.append(entry)
        if self.told is not None:
            self.told(entry)

    def _certain(self, routes: TableRoutes, hits: dict[bytes, Hits]) -> tuple[TableRoutes, dict[bytes, Hits]]:
        """Those routes of a path that was cut short that are refused whatever its end is; the others are unreadable."""
        sure = {key: tuple(hit for hit in fired if hit.rule not in _BY_THE_END) for key, fired in hits.items()}
        keys = tuple(key for key in routes.keys if sure.get(key))
        if open_ := len(routes.keys) - len(keys):
            reason = f"{routes.cut} cut the AS path short after {count_of(len(routes.path.asns), 'ASN')}"
            self._unreadable(Unreadable(routes.place or FilePosition("route", 1), reason, open_))
        return replace(routes, keys=keys), sure

    def _hits(self, routes: TableRoutes) -> dict[bytes, Hits]:
        family, path = routes.family, routes.path
        known = self._known(routes.announcer, family)
        session = known.session
        if path.next_hop is None and session.next_hop is not None:
            path = replace(path, next_hop=session.next_hop)
        by_path = known.path_hits(path)
        if routes.lacks.rules:
            by_path = self._without(routes.lacks, by_path, known)
        hits = session.policy.judge_prefixes(family, routes.keys, path)
        if by_path:
            hits = {key: hits.get(key, ()) + by_path for key in routes.keys}
        return hits

    def _count(self, routes: TableRoutes, hits: dict[bytes, Hits]) -> None:
        tally, family = self.tally, routes.family
        # A table may hold a prefix twice (ADD-PATH): routes are counted, not prefixes.
        rejected = sum(key in hits for key in routes.keys) if hits else 0
        tally.rejected += rejected
        tally.accepted += len(routes.keys) - rejected
        tally.by_family[family][0] += len(routes.keys) - rejected
        tally.by_family[family][1] += rejected
        for key in routes.keys if hits else ():
            for hit in hits.get(key, ()):
                seen = tally.rules.setdefault(hit.rule, RuleCount(hit.explanation))
                seen.count += 1
                if len(seen.examples) < _EXAMPLES:
                    seen.examples.append(f"{nlri.text(family, key)} ({hit.value})")

    def _without(self, lacks: MissingAttributes, hits: Hits, known: _Known) -> Hits:
        """Only the hits of rules that can judge what the format says; the summary names the other rules."""
        if lacks not in known.lacking:
            known.lacking.add(lacks)
            self.tally.unjudged |= dict.fromkeys(sorted(lacks.rules & known.session.policy.judging), lacks.why)
        return tuple(hit for hit in hits if hit.rule not in lacks.rules)

    def _known(self, announcer: Announcer | None, family: Family) -> _Known:
        which = (id(announcer), family is Family.IPV6)
        recent = self._recent.get(which)
        if recent is None:
            known = self._sessions.get((announcer, family))
            if known is None:
                known = self._sessions[announcer, family] = _Known(self.session(announcer, family))
                self.tally.unjudged |= known.session.unjudged
            if len(self._recent) >= _KEPT:
                self._recent.clear()
            recent = self._recent[which] = (announcer, known)
        return recent[1]


def _exported(routes: TableRoutes, asn: int) -> TableRoutes:
    path = routes.path
    announced = replace(
        path, as_path=notation.prepended(asn, path.as_path), next_hop=None, link_local=None, local_pref=None
    )
    return replace(routes, path=announced, announcer=None)
