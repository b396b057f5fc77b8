"""The judges of the time while a peering is Active: W1 to W6, from what the watch has seen."""

from __future__ import annotations

from simulator.counts import count_of
from simulator.diagnosis.check import Finding, failed, passed, skipped
from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.diagnosis.session_checks import notes_of, state
from simulator.diagnosis.traffic_checks import missing
from simulator.diagnosis.watched import Watched

_NOTHING = Watched()


def _seen(session: SessionEvidence) -> Watched:
    return session.watched or _NOTHING


def stays_up(session: SessionEvidence, observation: Observation) -> Finding:
    seen = _seen(session)
    if not seen.flaps:
        return passed(f"BGP state {state(session)}")
    often = f"went down {count_of(seen.flaps, 'time')}" if seen.flaps > 1 else "went down"
    return failed([f"{often}, BGP state {state(session)} now: {seen.why_down}", *notes_of(session)])


def keeps_prefixes(session: SessionEvidence, observation: Observation) -> Finding:
    lost = _seen(session).lost
    if lost is None:
        return passed(f"{session.view.received} received")
    return failed([f"the peer announces {count_of(lost[1], 'prefix', 'prefixes')}; there were {lost[0]}"])


def keeps_below_limit(session: SessionEvidence, observation: Observation) -> Finding:
    crowded = _seen(session).crowded
    if crowded is None:
        return passed(f"{session.view.received:,} of at most {count_of(session.max_prefixes, 'prefix', 'prefixes')}")
    count, limit = crowded
    return failed(
        [
            f"{count:,} of at most {count_of(limit, 'prefix', 'prefixes')}: "
            f"{'beyond' if count > limit else 'near'} the limit"
        ]
    )


def agrees_on_the_same(session: SessionEvidence, observation: Observation) -> Finding:
    changed = _seen(session).changed
    return failed(changed) if changed else passed("the peer's OPEN is what it was")


def prefixes_stay(session: SessionEvidence, observation: Observation) -> Finding:
    seen = _seen(session)
    if not seen.flapping:
        return passed("no prefix comes and goes")
    return failed(
        [
            f"{prefix} was withdrawn {count_of(count, 'time')} within {seen.window:g} s"
            for prefix, count in seen.flapping
        ]
    )


def traffic_passes(session: SessionEvidence, observation: Observation) -> Finding:
    if session.traffic is None:
        return skipped("no traffic is tried")
    wrong = list(missing(session))
    return failed(wrong) if wrong else passed("datagrams pass both ways")
