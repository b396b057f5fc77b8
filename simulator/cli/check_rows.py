"""The checks as rows: what `turnup check` prints and docs/checks.md holds; and what `--check` selects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.cli.exit_codes import USAGE, fail
from simulator.diagnosis.causes import CAUSES
from simulator.diagnosis.check import Check, When
from simulator.diagnosis.check_ids import CheckId
from simulator.diagnosis.fact import ABNORMAL
from simulator.diagnosis.remedies import REMEDIES
from simulator.diagnosis.remedies import RULES as RULE_REMEDIES
from simulator.diagnosis.selection import CATALOGUE, Selection
from simulator.policy.rules import RULES
from simulator.topology.checks.selection import meant
from simulator.topology.own_checks import OwnCheckError, own_checks
from simulator.topology.schema import Topology
from simulator.topology.values import CHECKS
from simulator.views.check import Blocks, CheckView, Side, Status

FAILURE: Final = {
    Blocks.ACTIVE: "keeps the policy DENY ALL",
    Blocks.REHEARSAL: "fails the rehearsal",
    Blocks.WARN: "warns",
}


@dataclass(frozen=True, slots=True)
class ExplainingCause:
    """One of the causes that explain a check's failure."""

    id: str
    side: Side
    text: str
    remedy: str
    source: str
    here: bool
    """This check is the one that sees it; else it fails because a session does not come up, or not so far."""


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check of the catalogue, of a rule, or a user's own."""

    id: str
    title: str
    when: str
    only: str
    """Where it is made; empty for everywhere."""
    failure: str
    """What a failure does."""
    rests_on: tuple[str, ...]
    source: str
    runs: bool
    causes: tuple[ExplainingCause, ...]
    """What may be the cause of a failure."""


def check_rows(selected: Selection | None = None) -> list[CheckRow]:
    """Every check, in the catalogue's order. Raises OwnCheckError where users' checks cannot be taken."""
    selection = selected or Selection(own=own_checks(None))
    found: list[CheckRow] = []
    for when in When:
        running = {check.id: check for check in selection.of(when)}
        for check in (*CATALOGUE[when], *(own for own in selection.own if own.when is when)):
            found.append(_row(running.get(check.id, check), when, runs=check.id in running))
    return sorted([*found, *_rules(selection)], key=_place)


def _place(row: CheckRow) -> int:
    ids = [check.value for check in CheckId]
    base = row.id.partition(".")[0]
    return ids.index(base) if base in ids else len(ids)


def _row(check: Check, when: When, *, runs: bool) -> CheckRow:
    return CheckRow(
        str(check.id),
        check.title,
        when.value,
        check.only,
        FAILURE[check.blocks],
        tuple(map(str, check.needs)),
        check.source,
        runs,
        tuple(sorted(_causes(check), key=lambda cause: not cause.here)),
    )


def _causes(check: Check) -> Iterator[ExplainingCause]:
    for row in CAUSES:
        if check.id in row.explains:
            here = any(ABNORMAL.get(fact) == check.id for fact in row.told_by) or row.explains[0] == check.id
            text = row.told_by[0].value if row.text == "{told}" else _readable(row.text)
            yield ExplainingCause(row.id, row.side, text, _readable(REMEDIES[row.id]), row.source, here)


_GAPS: Final = {
    "edge": "Microsoft's address",
    "peer": "the peer's address",
    "family": "IPv4 or IPv6",
    "local_as": "8075",
    "expected": " of the PeerAsn",
    "mtu": "1500",
    "limit": "twice what Microsoft announces",
    "key": "the agreed MD5 key",
    "told": "what was seen",
    "length": "24, or /48 in IPv6",
}


def _readable(template: str) -> str:
    """A template with words in its gaps."""
    return re.sub(r"\{(\w+)\}", lambda gap: _GAPS.get(gap[1], gap[1]), template).replace("AS of", "the ASN of")


def _rules(selection: Selection) -> Iterator[CheckRow]:
    """One check for each rule of the policy."""
    for rule in RULES.values():
        title = f"No route is rejected because {rule.explanation}"
        view = CheckView(f"R3.{rule.id}", title, rule.source, Blocks.WARN, Status.FAILURE)
        kept = selection.rejected([view], When.VALIDATING)
        failure = FAILURE[kept[0].blocks if kept else Blocks.WARN]
        when, only = When.VALIDATING.value, "where its rule is on"
        remedy = _readable(RULE_REMEDIES.get(rule.id, RULE_REMEDIES["*"]))
        cause = ExplainingCause(rule.id, Side.PEER, rule.explanation, remedy, rule.source, here=True)
        yield CheckRow(view.id, title, when, only, failure, (), rule.source, bool(kept), (cause,))


def with_checks(topology: Topology, ids: Sequence[str]) -> Topology:
    """The topology with these checks alone; as it is where none is named."""
    if not ids:
        return topology
    require_known(ids, topology.checks.file)
    return topology.model_copy(update={"checks": topology.checks.model_copy(update={"only": [*ids]})})


def require_known(ids: Iterable[str], file: Path | None) -> None:
    """Ends the command where there is no such check."""
    try:
        known = (*CHECKS, *(check.id for check in own_checks(file)))
    except OwnCheckError as error:
        fail(USAGE, str(error))
    for each in ids:
        if each not in known and each != CheckId.R3:
            fail(USAGE, f"there is no check '{each}'{meant(each, known)}")


def table() -> str:
    """The catalogue as Markdown, for the documentation."""
    lines = ["| id | check | when | a failure | rests on | source |", "|---|---|---|---|---|---|"]
    for row in check_rows(Selection()):
        when = f"{row.when} ({row.only})" if row.only else row.when
        lines.append(f"| {row.id} | {row.title} | {when} | {row.failure} | {', '.join(row.rests_on)} | {row.source} |")
    return "\n".join(lines)
