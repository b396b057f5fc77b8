"""The judges of what both ends must agree on below BGP: T2 (MD5) and T3 (GTSM)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from simulator.diagnosis.check import UNSET, Finding, failed, passed, resting_on
from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.diagnosis.fact import Fact
from simulator.diagnosis.facts import facts_of

_MD5: Final = (Fact.OURS_KEY_WRONG, Fact.MD5_PEER_UNSIGNED, Fact.MD5_PEER_SIGNS, Fact.MD5_DIFFERS)
_GTSM: Final = (Fact.TTL_LOW_HERE, Fact.TTL_LOW_THERE)


def md5_agrees(session: SessionEvidence, observation: Observation) -> Finding:
    both = "both ends sign with the agreed key" if session.view.md5 else "no key at either end"
    return _agrees(session, observation, _MD5, both)


def gtsm_agrees(session: SessionEvidence, observation: Observation) -> Finding:
    both = "packets arrive with a TTL of 255, as agreed" if session.view.gtsm else "neither end asks for a TTL of 255"
    return _agrees(session, observation, _GTSM, both)


def _agrees(session: SessionEvidence, observation: Observation, against: Collection[Fact], both: str) -> Finding:
    if session.is_up:
        return passed(f"the session is up: {both}")
    if not observation.final:
        return UNSET
    found = facts_of(session, observation).evidence(*against)
    return failed(found) if found else resting_on("T1")
