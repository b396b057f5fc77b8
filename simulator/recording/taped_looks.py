"""What was seen from outside at each look at a lab, and what users' own files answered, is taken down here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from simulator.diagnosis.check import When
from simulator.diagnosis.evidence import Observation
from simulator.engine.control import ConnectionRecord
from simulator.engine.gathering import Gathered
from simulator.engine.validating import Validator
from simulator.recording.codec import encode
from simulator.recording.records import SEEN, SEEN_OF_SESSION
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView

_MARKS: Final = 4096
"""Looks and views that are remembered while somebody may still refer to them (simulator)."""


class TapedLooks:
    """The looks of one lab, by their numbers."""

    def __init__(self, write: Callable[..., None], without_secrets: Callable[[Any], Any]) -> None:
        self._write, self._without_secrets = write, without_secrets
        self._marks: OrderedDict[int, tuple[object, int]] = OrderedDict()
        """By `id`: views and results that have a number."""
        self._numbers = 0
        self._observed: Observation | None = None
        self._remedies: list[Any] = []

    def numbers_of(self, results: Iterable[CheckView]) -> list[int]:
        """The looks that these results come from."""
        return list(dict.fromkeys(map(self._number, results)))

    def follow(self, validator: Validator) -> None:
        """Every look from now on."""
        views, observe, judge, late = validator.views, validator._observe, validator.judge, validator.judge_late
        mender = validator._mender

        def seen(record: ConnectionRecord) -> Any:
            found = views(record)
            self._write("b", self._mark(found), record.id, [plan.id for plan in record.plans])
            return found

        def observed(*args: Any, **more: Any) -> Observation:
            self._observed = observe(*args, **more)
            return self._observed

        def judged(when: When, record: ConnectionRecord, gathered: Gathered, *, final: bool) -> list[CheckView]:
            self._remedies = []
            found = judge(when, record, gathered, final=final)
            looked = {
                "since": gathered.since,
                "expected": dict(gathered.expected),
                "lifted": gathered.lifted,
            }
            self._looked(when.name, record, self._number(gathered.before), {**looked, "final": final}, found)
            return found

        def judged_late(record: ConnectionRecord, before: Mapping[str, Any]) -> list[CheckView]:
            self._remedies = []
            found = late(record, before)
            self._looked("LATE", record, self._number(before), {}, found)
            return found

        def mending(plan: SessionPlan, *more: Any) -> Any:
            found = mender(plan, *more)
            if found is None or plan.peer.router_choice.config is None:
                return found
            return _HeardMender(found, lambda asked, answer: self._remedies.append([plan.id, asked, answer]))

        for name, method in (
            ("views", seen),
            ("_observe", observed),
            ("judge", judged),
            ("judge_late", judged_late),
            ("_mender", mending),
        ):
            setattr(validator, name, method)

    def _looked(
        self, when: str, record: ConnectionRecord, before: int, gathered: dict[str, Any], found: list[CheckView]
    ) -> None:
        assert self._observed is not None, "a judgement follows an observation"
        number = self._mark(found)
        for each in found:
            self._keep(each, number)
        seen = self._observed
        facts = {
            "of": _differing(seen, SEEN),
            "sessions": {each.view.id: _differing(each, SEEN_OF_SESSION) for each in seen.sessions},
            "remedies": self._remedies,
        }
        plans = [plan.id for plan in record.plans]
        self._write("l", number, when, record.id, plans, before, gathered, self._without_secrets(facts))

    def _mark(self, value: object) -> int:
        self._numbers += 1
        self._keep(value, self._numbers)
        return self._numbers

    def _keep(self, value: object, number: int) -> None:
        self._marks[id(value)] = value, number
        if len(self._marks) > _MARKS:
            self._marks.popitem(last=False)

    def _number(self, value: object) -> int:
        """0 for what has none."""
        found = self._marks.get(id(value))
        return found[1] if found is not None and found[0] is value else 0


class _HeardMender:
    """A session's mender that reads its user's own file; what it answers is taken down, the file itself is not."""

    def __init__(self, inner: Any, answered: Callable[[list[Any], str], None]) -> None:
        self._inner, self._answered = inner, answered

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def ask(*given: Any) -> Any:
            answer = found(*given)
            self._answered([name, *map(encode, given)], answer)
            return answer

        return ask


def _differing(value: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: encode(getattr(value, name)) for name in names}
