"""A session's policy: the rules of a profile, switched and parametrised by the topology, ready to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.policy.rules import RULES, AttributeJudge, PolicyContext, PrefixJudge, Rule
from simulator.policy.verdict import Hits
from simulator.session.messages import Family
from simulator.wire.attributes import PathAttributes

PROFILES: dict[str, tuple[str, ...]] = {"exchange": tuple(RULES)}
"""Profile → rule ids."""

RuleSettings = Mapping[str, bool | Mapping[str, Any]]
"""Rule id → False to switch it off, or its parameters."""


class PolicyError(ValueError):
    """A profile, a rule or a parameter that does not exist."""


def check_settings(profile: str, settings: RuleSettings) -> None:
    """Raise PolicyError, with the possible names, for anything that no rule of the profile knows."""
    if profile not in PROFILES:
        raise PolicyError(f"no policy profile '{profile}' (there are: {', '.join(PROFILES)})")
    for name, value in settings.items():
        if name not in PROFILES[profile]:
            raise PolicyError(f"profile '{profile}' has no rule '{name}' (it has: {', '.join(PROFILES[profile])})")
        if not isinstance(value, bool | Mapping):
            raise PolicyError(f"rule '{name}' takes true, false or its parameters, not {value!r}")
        if not isinstance(value, bool):
            for key, given in value.items():
                known = RULES[name].parameters
                if key not in known:
                    raise PolicyError(f"rule '{name}' has no parameter '{key}' (it has: {', '.join(known) or 'none'})")
                if type(given) is not type(known[key]):
                    raise PolicyError(f"rule '{name}': '{key}' is {type(known[key]).__name__}, not {given!r}")


class Policy:
    """Judges attribute sets and prefixes. A route is accepted when neither judgement has a hit."""

    def __init__(self, profile: str, context: PolicyContext, settings: RuleSettings | None = None) -> None:
        """Raises PolicyError for unknown names."""
        settings = settings or {}
        check_settings(profile, settings)
        self._prefix: list[tuple[Rule, PrefixJudge]] = []
        self._attributes: list[tuple[Rule, AttributeJudge]] = []
        for name in PROFILES[profile]:
            rule, setting = RULES[name], settings.get(name, True)
            if setting is False:
                continue
            parameters = rule.parameters | (dict(setting) if isinstance(setting, Mapping) else {})
            if rule.prefix is not None:
                self._prefix.append((rule, rule.prefix(context, parameters)))
            if rule.attributes is not None:
                self._attributes.append((rule, rule.attributes(context, parameters)))

    def judge_prefix(self, family: Family, key: bytes) -> Hits:
        """Every prefix rule that fires."""
        return self.judge_prefixes(family, (key,)).get(key, ())

    def judge_prefixes(self, family: Family, keys: Sequence[bytes]) -> dict[bytes, Hits]:
        """The keys for which a prefix rule fires, each with every such rule."""
        found: dict[bytes, Hits] = {}
        for rule, judge in self._prefix:
            # A dict, because an UPDATE may name a prefix twice.
            fired = {key: value for key in keys if (value := judge(family, key)) is not None}
            for key, value in fired.items():
                found[key] = (*found.get(key, ()), rule.hit(value))
        return found

    def judge_attributes(self, path: PathAttributes) -> Hits:
        """Every attribute rule that fires."""
        return tuple(rule.hit(value) for rule, judge in self._attributes if (value := judge(path)) is not None)
