"""A session's policy: the rules of a profile, switched and parametrised by the topology, ready to judge."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from simulator.policy.data.policy_data import PolicyData
from simulator.policy.prefixes import NOWHERE
from simulator.policy.profiles import PROFILES, RuleSettings
from simulator.policy.rule import AsnTest, AttributeJudge, PolicyContext, PrefixTest, RouteJudge, Rule
from simulator.policy.rules import RULES
from simulator.policy.transform import ImportSettings, imported
from simulator.policy.verdict import Hits, RouteOutcome, Verdict
from simulator.session.messages import Family
from simulator.wire.path_attributes import PathAttributes

if TYPE_CHECKING:  # with the codec it is slow to import, for those who read no UPDATE
    from simulator.wire.outlines import Outline

__all__ = ["PROFILES", "Policy", "PolicyError", "RuleSettings", "check_settings", "parameters_of"]

_MOST_ASNS = 1 << 16
"""As many innocent ASNs are remembered; the Internet has a few more."""
_MOST_OUTLINES = 1 << 12
"""As many kinds of outlines are remembered that pass."""
_NO_HITS: dict[bytes, Hits] = {}
_NOBODY = PolicyContext(None, "192.0.2.1")


class PolicyError(ValueError):
    """A profile, a rule or a parameter that does not exist or makes no sense."""


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
                _check_type(name, key, given, known[key])
            _build(RULES[name], _NOBODY, _parameters(profile, name, value))


def _check_type(name: str, key: str, given: object, known: object) -> None:
    if type(given) is not type(known):
        raise PolicyError(f"rule '{name}': '{key}' is {type(known).__name__}, not {given!r}")
    if isinstance(given, list) and isinstance(known, list):
        for entry in given:
            if type(entry) is not type(known[0]):
                raise PolicyError(f"rule '{name}': '{key}' is a list of {type(known[0]).__name__}, not of {entry!r}")


def _parameters(profile: str, name: str, setting: bool | Mapping[str, Any]) -> dict[str, Any]:
    """The rule's parameters, the profile's, the topology's: the last one that says something holds."""
    ours = PROFILES[profile][name]
    layers = (layer for layer in (ours, setting) if not isinstance(layer, bool))
    found = dict(RULES[name].parameters)
    for layer in layers:
        found.update(layer)
    return found


def parameters_of(profile: str, name: str, settings: RuleSettings) -> dict[str, Any] | None:
    """A rule's parameters with these settings; None where the profile has no such rule, or it is off."""
    setting = settings.get(name, PROFILES[profile].get(name, False))
    return None if name not in PROFILES[profile] or setting is False else _parameters(profile, name, setting)


def _build(
    rule: Rule, context: PolicyContext, parameters: dict[str, Any]
) -> tuple[PrefixTest | None, AttributeJudge | AsnTest | None, RouteJudge | None]:
    try:
        return (
            rule.prefix(context, parameters) if rule.prefix else None,
            rule.attributes(context, parameters) if rule.attributes else None,
            rule.route(context, parameters) if rule.route else None,
        )
    except ValueError as error:
        raise PolicyError(f"rule '{rule.id}': {error}") from None


class Policy:
    """Judges attribute sets, and prefixes that share one. A route is accepted when neither judgement has a hit."""

    def __init__(
        self,
        profile: str,
        context: PolicyContext,
        settings: RuleSettings | None = None,
        taking: ImportSettings | None = None,
        *,
        suspects: Iterable[range] = (),
    ) -> None:
        """`taking` says what is done to an accepted route, `suspects` which ASNs a rule beside the profile's looks for.

        Raises PolicyError for unknown names.
        """
        settings = settings or {}
        check_settings(profile, settings)
        self.profile = profile
        self.context = context
        self.settings = settings
        self.taking = taking or ImportSettings()
        self._prefix: list[tuple[Rule, PrefixTest]] = []
        self._attributes: list[tuple[Rule, AttributeJudge]] = []
        self._but_asns: list[tuple[Rule, AttributeJudge]] = []
        """Those of them that look at more than ASNs."""
        suspected = [*suspects]
        self._route: list[tuple[Rule, RouteJudge]] = []
        self.by_outlines = True
        """Whether `acquits` may be asked: no rule looks at more of a path than ASNs or its outline."""
        self._passing: set[tuple[int, int, int, bytes]] = set()
        """First AS, numbers of ASNs and communities, other octets: all that rules by outline look at, and do pass."""
        for name, default in PROFILES[profile].items():
            setting = settings.get(name, default)
            if setting is False:
                continue
            rule = RULES[name]
            prefix, attributes, route = _build(rule, context, _parameters(profile, name, setting))
            if prefix is not None:
                self._prefix.append((rule, prefix))
            if isinstance(attributes, AsnTest):
                self._attributes.append((rule, attributes.judge))
                suspected += attributes.suspects
            elif attributes is not None:
                self._attributes.append((rule, attributes))
                self._but_asns.append((rule, attributes))
                self.by_outlines = self.by_outlines and rule.by_outline
            if route is not None:
                self._route.append((rule, route))
        self._suspicions: Suspicions = suspicions(tuple(suspected))
        self._innocent = self._suspicions.innocent
        self.joins_paths = bool(self._route)
        """Whether prefixes are judged together with their paths."""
        self._suspects4: tuple[bytes, ...] | None = None
        self._suspects6: tuple[bytes, ...] | None = None

    def with_data(self, data: PolicyData) -> Policy:
        """The same policy by other data."""
        return Policy(self.profile, replace(self.context, data=data), self.settings, self.taking)

    @property
    def judging(self) -> frozenset[str]:
        """The ids of the rules that judge here: they are on, and have the data that they need."""
        return frozenset(rule.id for judges in (self._prefix, self._attributes, self._route) for rule, _ in judges)

    def of_peer(self, peer_as: int) -> Policy:
        """The same policy of a session whose peer turned out to have this ASN."""
        if self.context.peer_as == peer_as:
            return self
        return Policy(self.profile, replace(self.context, peer_as=peer_as), self.settings, self.taking)

    def judge_attributes(self, path: PathAttributes) -> Hits:
        """Every attribute rule that fires."""
        segments = path.as_path
        asns = segments[0].asns if len(segments) == 1 else path.asns
        hits: Hits = ()
        innocent = self._innocent.issuperset(asns) or self._suspicions.clear(asns)
        for rule, judge in self._but_asns if innocent else self._attributes:
            value = judge(path, asns)
            if value is not None:
                hits = (*hits, rule.hit(value))
        return hits

    def acquits(self, outline: Outline) -> bool:
        """Whether it is known that no attribute rule fires for paths of this outline."""
        asns, communities, others = outline
        return (asns[0], len(asns), communities, others) in self._passing and (
            self._innocent.issuperset(asns) or self._suspicions.clear(asns)
        )

    def learn(self, outline: Outline) -> None:
        """No attribute rule fires for a path of this outline."""
        asns, communities, others = outline
        if len(self._passing) >= _MOST_OUTLINES:
            self._passing.clear()
        self._passing.add((asns[0], len(asns), communities, others))

    def judge_prefix(self, family: Family, key: bytes, path: PathAttributes) -> Hits:
        """Every prefix and route rule that fires for this prefix with this path."""
        return self.judge_prefixes(family, (key,), path).get(key, ())

    def judge_prefixes(self, family: Family, keys: Sequence[bytes], path: PathAttributes) -> dict[bytes, Hits]:
        """Those of the prefixes, which share a path, that a prefix or route rule refuses, each with every such rule."""
        if family is Family.IPV4:
            suspects = self._suspects4
            if suspects is None:
                suspects = self._suspects4 = self._screen(family)
        else:
            suspects = self._suspects6
            if suspects is None:
                suspects = self._suspects6 = self._screen(family)
        found = _NO_HITS
        doubtful = [key for key in keys if not key[0] or suspects[key[0]][key[1]]]
        if doubtful:
            found = self._judge_doubtful(family, doubtful)
        for rule, judge in self._route:
            for key, value in judge(family, keys, path):
                if found is _NO_HITS:
                    found = {}
                before = found.get(key, ())
                if not before or before[-1].rule != rule.id:  # an UPDATE may name a prefix twice
                    found[key] = (*before, rule.hit(value))
        return found

    def clears_field(self, field: bytes, keys: Sequence[bytes]) -> bool:
        """Whether no rule refuses any key of this NLRI field, whatever its path. False: `judge_prefixes` has to say.

        Prefixes of one length are looked at all at once.
        """
        if self._route:
            return False
        length, size = field[0], len(keys[0])
        suspects = self._suspects4
        if suspects is None:
            suspects = self._suspects4 = self._screen(Family.IPV4)
        return (
            length >= 8  # or a first octet may have stray bits
            and field[::size] == field[:1] * len(keys)
            and 1 not in field[1::size].translate(suspects[length])
        )

    def _judge_doubtful(self, family: Family, keys: Sequence[bytes]) -> dict[bytes, Hits]:
        found: dict[bytes, Hits] = {}
        for key in keys:
            hits: Hits = ()
            for rule, test in self._prefix:
                value = test.judge(family, key)
                if value is not None:
                    hits = (*hits, rule.hit(value))
            if hits:
                found[key] = hits
        return found

    def _screen(self, family: Family) -> tuple[bytes, ...]:
        """By prefix length and first octet: whether any prefix rule might refuse such a prefix."""
        which = 0 if family is Family.IPV4 else 1
        low = max((test.shortest[which] for _, test in self._prefix), default=0)
        high = min((test.longest[which] for _, test in self._prefix), default=family.max_length)
        columns = [test.members.of(family).shortest for _, test in self._prefix if test.members is not None]
        return screens(tuple(columns), low, high, family.max_length)

    def verdict(self, family: Family, key: bytes, path: PathAttributes, *, denied: bool) -> Verdict:
        """The verdict on a route; `denied`: DENY ALL is in force."""
        return verdict(self.judge_prefix(family, key, path) + self.judge_attributes(path), denied=denied)

    def imported(self, path: PathAttributes) -> PathAttributes:
        """An accepted path as Loc-RIB has it."""
        return imported(path, self.taking, self.context)


class Suspicions:
    """Which ASNs some rule suspects; and those of which it is known that none does, because paths share most."""

    def __init__(self, blocks: tuple[range, ...]) -> None:
        bounds: list[int] = []
        for block in sorted(blocks, key=lambda block: block.start):
            if bounds and block.start <= bounds[-1]:
                bounds[-1] = max(bounds[-1], block.stop)
            else:
                bounds += [block.start, block.stop]
        self._bounds = bounds
        """An ASN is inside a block when an odd number of these is not above it."""
        self.innocent: set[int] = set()

    def clear(self, asns: tuple[int, ...]) -> bool:
        """Whether no rule suspects any of these; remembers those."""
        innocent, bounds = self.innocent, self._bounds
        for asn in asns:
            if asn not in innocent:
                if bisect_right(bounds, asn) & 1:
                    return False
                if len(innocent) < _MOST_ASNS:
                    innocent.add(asn)
        return True


suspicions: Final = lru_cache(maxsize=64)(Suspicions)
"""One for all policies that suspect the same ASNs, as those of an exchange's sessions do."""


def _screens(columns: tuple[bytes, ...], low: int, high: int, longest: int) -> tuple[bytes, ...]:
    """By prefix length and first octet: whether a prefix has less than `low` or more than `high` bits, or as many as
    one of the columns says for its first octet."""
    shortest = bytes(map(min, zip(*columns, strict=True))) if columns else bytes((NOWHERE,)) * 256
    everything = bytes((1,)) * 256
    tables: dict[bytes, bytes] = {}
    rows = []
    for length in range(longest + 1):
        row = bytes([bound <= length for bound in shortest]) if low <= length <= high else everything
        rows.append(tables.setdefault(row, row))
    return tuple(rows)


screens: Final = lru_cache(maxsize=64)(_screens)
"""The policies of an exchange's sessions have the same."""


def verdict(hits: Hits, *, denied: bool) -> Verdict:
    """The verdict for these hits: DENY ALL withholds a route that the policy itself would accept."""
    if hits:
        return Verdict(RouteOutcome.REJECT, hits)
    return Verdict(RouteOutcome.WITHHOLD if denied else RouteOutcome.ACCEPT)
