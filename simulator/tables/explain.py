"""One route, every rule: what each says of it, also those that are off or have nothing to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulator.policy.policy import verdict as judged
from simulator.policy.profiles import PROFILES
from simulator.policy.rules import RULES
from simulator.policy.verdict import Hits, RouteOutcome
from simulator.session.messages import Family
from simulator.tables.session_policies import SessionPolicy, state
from simulator.tables.treat_as_withdraw import malformed
from simulator.wire.path_attributes import PathAttributes

Result = Literal["pass", "fail", "off", "not judged"]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule says of one route."""

    rule: str
    result: Result
    value: str
    """The offending value of a failure, or why nothing was judged."""
    explanation: str
    source: str
    euro_ix: str


def explain(
    session: SessionPolicy, family: Family, key: bytes, path: PathAttributes
) -> tuple[RouteOutcome, Hits, list[RuleResult]]:
    """The verdict of the lifted policy, every rule that fired, and every rule of the profile."""
    policy = session.policy
    found, refused = policy.verdict(family, key, path, denied=False), malformed(path, session.addresses)
    hits = found.hits if refused is None else (refused, *found.hits)
    values = {hit.rule: hit.value for hit in hits}
    results = []
    if refused is not None:
        results.append(RuleResult(refused.rule, "fail", refused.value, refused.explanation, "RFC 7606", ""))
    for name in PROFILES[policy.profile]:
        rule = RULES[name]
        result, value = _silent(session, name)
        if name in values:
            result, value = "fail", values[name]
        results.append(RuleResult(name, result, value, rule.explanation, rule.source, rule.euro_ix))
    return judged(hits, denied=False).outcome, hits, results


def _silent(session: SessionPolicy, name: str) -> tuple[Result, str]:
    """What a rule that did not fire says, and why."""
    if name in session.unjudged:
        return "not judged", session.unjudged[name]
    match state(session.policy, name):
        case "off":
            return "off", ""
        case "not judged":
            return "not judged", "there is nothing to judge by"
        case "on":
            return "pass", ""
