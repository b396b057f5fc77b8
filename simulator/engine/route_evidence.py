"""What a peer's routes tell: which rules reject them, and which of them come and go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from simulator.diagnosis.evidence import RejectedRoutes
from simulator.engine.log import EventLog
from simulator.peer.events import RoutesAnnounced
from simulator.policy.rule import SIMULATOR
from simulator.policy.rules import RULES
from simulator.rib.adj_in import HeldRoute
from simulator.wire import nlri

_EXAMPLES: Final = 5
_VALUE: Final = re.compile(r"^(?:AS)?([0-9A-Fa-f.:]+)")
"""The next hop, or the AS number, that a rule's value begins with."""
_FLAPS: Final = 2
"""Withdrawals of one prefix within a validation from which on it flaps: one may be a correction (simulator)."""


def rejected(routes: Iterable[HeldRoute], received: int) -> tuple[RejectedRoutes, ...]:
    """The rules that reject some of a session's routes. `received`: how many there are."""
    counts: Counter[str] = Counter()
    beside: dict[str, Counter[str]] = {}
    explanations: dict[str, str] = {}
    examples: dict[str, list[str]] = {}
    values: dict[str, list[str]] = {}
    for route in routes:
        for hit in route.hits:
            counts[hit.rule] += 1
            explanations[hit.rule] = hit.explanation
            if len(route.hits) > 1:
                beside.setdefault(hit.rule, Counter()).update(other.rule for other in route.hits)
            shown = examples.setdefault(hit.rule, [])
            if len(shown) < _EXAMPLES:
                values.setdefault(hit.rule, []).extend(_VALUE.findall(hit.value)[:1])
                shown.append(f"{nlri.text(route.family, route.key)} ({hit.value})")
    return tuple(
        RejectedRoutes(
            rule,
            RULES[rule].source if rule in RULES else SIMULATOR,  # the prefix limit is no rule of the policy
            explanations[rule],
            count,
            tuple(examples[rule]),
            all=count == received,
            values=tuple(dict.fromkeys(values.get(rule, ()))),
            always_with=frozenset(
                other for other, together in beside.get(rule, {}).items() if together == count and other != rule
            ),
        )
        for rule, count in counts.items()
    )


def flaps(log: EventLog, since: float) -> Mapping[str, Mapping[str, int]]:
    """Session → prefix → how often it was withdrawn, of those that were withdrawn and announced more than once."""
    withdrawn: dict[str, Counter[bytes]] = {}
    families = {}
    for event in log.withdrawals:
        if event.time >= since:
            withdrawn.setdefault(event.session, Counter()).update(event.keys)
            families[event.session] = event.family
    found = {
        session: {key: times for key, times in counts.items() if times >= _FLAPS}
        for session, counts in withdrawn.items()
    }
    again = {
        (event.session, key)
        for event in (log.entries if any(found.values()) else ())
        if isinstance(event, RoutesAnnounced) and event.time >= since and found.get(event.session)
        for key in event.keys
    }
    return {
        session: {nlri.text(families[session], key): times for key, times in keys.items() if (session, key) in again}
        for session, keys in found.items()
    }
