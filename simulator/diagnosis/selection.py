"""Which checks run: those that users select, leave out, make strict, and add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from simulator.diagnosis.catalogue import DEPROVISIONED, LIFTED, TRAFFIC, VALIDATION, WATCHED
from simulator.diagnosis.check import Check, When
from simulator.diagnosis.check_ids import CheckId
from simulator.views.check import Blocks, CheckView

CATALOGUE: Final = {
    When.VALIDATING: VALIDATION,
    When.LIFTED: LIFTED,
    When.TRAFFIC: TRAFFIC,
    When.ACTIVE: WATCHED,
    When.DEPROVISIONING: DEPROVISIONED,
}
ALWAYS: Final = frozenset({CheckId.D1, CheckId.D2})
"""They run whatever is selected: without them nothing would show that the policy was DENY ALL."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What users want of the catalogue. An id `R3` stands for every rule's check."""

    only: tuple[str, ...] = ()
    """These, and those that they rest on; all where it is empty."""
    exclude: tuple[str, ...] = ()
    strict: tuple[str, ...] = ()
    """They block where they would warn."""
    own: tuple[Check, ...] = ()
    """Checks that users added."""

    def of(self, when: When) -> tuple[Check, ...]:
        """The checks of one time, in the catalogue's order, users' own ones last."""
        found = (*CATALOGUE[when], *(check for check in self.own if check.when is when))
        wanted = self._wanted()
        return tuple(self._strict(check, when) for check in found if self._runs(check.id, wanted))

    def rejected(self, results: Iterable[CheckView], when: When) -> list[CheckView]:
        """Of the checks that rules make, R3 and on, those that run."""
        wanted = self._wanted()
        return [
            replace(result, blocks=_hard(when)) if _names(self.strict, result.id) else result
            for result in results
            if self._runs(result.id, wanted)
        ]

    def runs(self, check: str) -> bool:
        """Whether this check is made."""
        return self._runs(check, self._wanted())

    def _runs(self, check: str, wanted: frozenset[str]) -> bool:
        if check in ALWAYS:
            return True
        return (not wanted or _names(wanted, check)) and not _names(self.exclude, check)

    def _wanted(self) -> frozenset[str]:
        """`only`, with what each rests on."""
        needs = {check.id: check.needs for group in (*CATALOGUE.values(), self.own) for check in group}
        found: set[str] = set()
        waiting = [str(each) for each in self.only]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += map(str, needs.get(each, ()))
        return frozenset(found)

    def _strict(self, check: Check, when: When) -> Check:
        if not _names(self.strict, check.id):
            return check
        return replace(check, strict=True, blocks=_hard(when) if check.blocks is Blocks.WARN else check.blocks)


def _hard(when: When) -> Blocks:
    """What a failure blocks at this time: before the lift the lift itself."""
    return Blocks.ACTIVE if when is When.VALIDATING else Blocks.REHEARSAL


def _names(ids: Iterable[str], check: str) -> bool:
    """Whether a check is one of these; `R3` names `R3.bogon-prefix`."""
    return check in ids or check.partition(".")[0] in {each for each in ids if each == CheckId.R3}
