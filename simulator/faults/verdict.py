"""How a diagnosis compares with what was to come out. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.faults.schema import Expectation
from simulator.views.diagnosis import CauseView


class CellVerdict(StrEnum):
    """One cell of the table."""

    FIRST = "first"
    """Named first on every connection, by the side that has to act, and nothing that is not there."""
    EXTRA = "extra"
    """Named first, and a cause that is not there as well."""
    FOUND = "found"
    """Named, but something else first."""
    MISSED = "missed"
    INAPPLICABLE = "not applicable"
    ERROR = "error"
    """The lab itself failed."""

    @property
    def good(self) -> bool:
        return self in (CellVerdict.FIRST, CellVerdict.INAPPLICABLE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one fault with one router and family."""

    verdict: CellVerdict
    causes: tuple[str, ...] = ()
    """Each cause that was named, once, in its order."""
    detail: str = ""
    texts: tuple[str, ...] = field(default=())
    """What the diagnosis said of each."""
    findings: tuple[str, ...] = ()
    """What the checks that failed saw, without any cause."""
    asking: float | None = None
    """Seconds that the diagnosis took, from the deadline or from when a connection was known to fail: the longest."""


def judge(expected: Expectation, causes: Sequence[CauseView], active: bool, refusals: Sequence[str]) -> Outcome:
    """`causes` of all connections, in the order in which each has them; `active`: every connection became so."""
    named = tuple(dict.fromkeys(cause.id for cause in causes))
    texts = tuple(dict.fromkeys(f"{cause.id} ({cause.side.value}): {cause.text}" for cause in causes))
    if expected.refused is not None:
        if any(re.search(expected.refused, refusal) for refusal in refusals):
            return Outcome(CellVerdict.EXTRA if named else CellVerdict.FIRST, named or ("refused",), texts=texts)
        return Outcome(CellVerdict.MISSED, named, f"not refused in these words; {'; '.join(refusals)}", texts)
    wanted = {each.cause: each.side for each in expected.causes}
    missing = sorted(wanted.keys() - set(named))
    others = sorted(set(named) - wanted.keys() - set(expected.also))
    if missing:
        return Outcome(CellVerdict.MISSED, named, f"not named: {', '.join(missing)}", texts)
    first: dict[str, CauseView] = {}
    for cause in causes:
        first.setdefault(cause.connection, cause)
    late = [connection for connection, cause in first.items() if cause.id not in wanted]
    wrong = [f"{c.id}: {c.side.value}" for c in causes if c.id in wanted and c.side.value != wanted[c.id]]
    if wanted and late:
        return Outcome(CellVerdict.FOUND, named, f"{first[late[0]].id} comes first on {late[0]}", texts)
    if wrong:
        return Outcome(CellVerdict.FOUND, named, f"another side: {', '.join(wrong)}", texts)
    if others:
        return Outcome(CellVerdict.EXTRA, named, f"named as well: {', '.join(others)}", texts)
    if expected.active not in (None, active):
        return Outcome(CellVerdict.FOUND, named, f"the connections became {'' if active else 'not '}Active", texts)
    return Outcome(CellVerdict.FIRST, named, texts=texts)
