"""The policies of the sessions that a table's routes came over, or would come over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Any, Final, Literal

from simulator.addresses import IpAddress
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.policy import Policy, PolicyError
from simulator.policy.prefixes import PrefixSet
from simulator.policy.profiles import PROFILES, RuleSettings
from simulator.policy.rules import MICROSOFT_AS, RULES, PolicyContext
from simulator.session.messages import Family, Role
from simulator.tables.table_entries import Announcer
from simulator.wire.attribute_checks import SessionAddresses

RuleOverrides = dict[str, bool | dict[str, Any]]
"""Rule id → whether it is on, or its parameters; as in a topology's `policy.rules`."""

_SETTING: Final = re.compile(r"([a-z0-9-]+)[=.:](.+)")
_BOOLEANS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NEXT_HOP: Final = "next-hop"
_LACKING: Final = {
    _NEXT_HOP: "the exchange LAN is not given",
    "first-as": "the peer's ASN is not given",
    "exchange-lan": "the exchange LAN is not given",
    "microsoft-prefix": "what AS8075 announces is not given",
} | {rule.id: f"there is no {rule.needs} data" for rule in RULES.values() if rule.needs}
"""Rules that judge by something that has to be given → what is missing when they do not judge."""
_NOBODY: Final = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """One session's policy, and the next hop of a route that has none: the peer's own address, where it is known."""

    policy: Policy
    next_hop: IpAddress | None
    unjudged: Mapping[str, str] = field(default_factory=dict)
    """Rules of the profile that do not judge, because nobody said what they judge by → what that is."""
    addresses: SessionAddresses = field(default_factory=SessionAddresses)
    """The session's addresses, if known: they decide which next hops a session can use at all."""


@dataclass(frozen=True, slots=True)
class SessionPolicies:
    """Makes the policies of sessions. Parameters that are not given come from the announcer, if the table names it."""

    profile: str
    settings: RuleOverrides = field(default_factory=dict)
    peer_as: int | None = None
    addresses: Mapping[Family, IpAddress] = field(default_factory=dict)
    lan: tuple[str, ...] = ()
    data: PolicyData = field(default_factory=PolicyData)
    own: PrefixSet = field(default_factory=PrefixSet)
    """What Microsoft itself announces; empty where nobody says."""
    local_as: int = MICROSOFT_AS
    role: Role | None = None

    def session(self, announcer: Announcer | None, family: Family) -> SessionPolicy:
        """The rule on next hops is off while nobody knows what they must be. Raises PolicyError."""
        address, asn = self.addresses.get(family), self.peer_as
        if announcer is not None:
            told = announcer.address
            if address is None and not told.is_unspecified and (told.version == 4) == (family is Family.IPV4):
                address = told
            asn = asn if asn is not None else announcer.asn or None
        settings, next_hop, lacking = dict(self.settings), address, dict(_LACKING)
        if address is None:
            if parameters(self.profile, _NEXT_HOP, settings).get("lan"):
                next_hop = self._on_lan(family)
            elif settings.get(_NEXT_HOP) is not False:
                settings[_NEXT_HOP] = False
                lacking[_NEXT_HOP] = "the peer's address is not given"
        context = PolicyContext(
            asn, str(address or _NOBODY[family]), self.local_as, self.lan, self.own, self.role, self.data
        )
        policy = Policy(self.profile, context, settings)
        unjudged = {rule: why for rule, why in lacking.items() if self._wanted(rule) and rule not in policy.judging}
        own = announcer.local if announcer is not None else None
        addresses = SessionAddresses(address.packed if address else b"", own.packed if own else b"")
        return SessionPolicy(policy, next_hop, unjudged, addresses)

    def _wanted(self, rule: str) -> bool:
        """Whether the profile has the rule and it is not switched off."""
        return self.settings.get(rule, PROFILES[self.profile].get(rule, False)) is not False

    def self_announced(self, family: Family) -> SessionPolicy:
        """The same for a route that the peer announces with itself as the next hop, whatever its address is."""
        made = self.session(None, family)
        if _NEXT_HOP not in made.unjudged:
            return made
        return replace(self, addresses={**self.addresses, family: ip_address(_NOBODY[family])}).session(None, family)

    def _on_lan(self, family: Family) -> IpAddress | None:
        """Any address of the exchange LAN."""
        lans = (ip_network(text) for text in self.lan)
        return next((lan[1] for lan in lans if (lan.version == 4) == (family is Family.IPV4)), None)


def parameters(profile: str, rule: str, settings: RuleSettings) -> dict[str, Any]:
    """A rule's parameters: its own, the profile's, the settings'; the last one that says something holds."""
    layers = (RULES[rule].parameters, PROFILES[profile].get(rule), settings.get(rule))
    return {key: value for layer in layers if isinstance(layer, Mapping) for key, value in layer.items()}


def state(policy: Policy, rule: str) -> Literal["on", "off", "not judged"]:
    """Whether a policy judges by a rule of its profile: it may be off, or have nothing to judge by."""
    if policy.settings.get(rule, PROFILES[policy.profile][rule]) is False:
        return "off"
    return "on" if rule in policy.judging else "not judged"


def read_settings(
    profile: str, texts: Iterable[str], base: RuleSettings | None = None, *, allow_documentation: bool = False
) -> RuleOverrides:
    """`base` and on top of it `prefix-too-long=off`, `as-path-too-long=limit=10`: off, on, or one parameter each.

    Raises PolicyError.
    """
    if profile not in PROFILES:
        raise PolicyError(f"no policy profile '{profile}' (there are: {', '.join(PROFILES)})")
    settings: RuleOverrides = {
        name: value if isinstance(value, bool) else dict(value) for name, value in (base or {}).items()
    }
    for text in texts:
        match = _SETTING.fullmatch(text.strip())
        if match is None:
            raise PolicyError(f"'{text}' is no rule setting: write RULE=off, or RULE=PARAMETER=VALUE")
        name, value = match.groups()
        if name not in PROFILES[profile]:
            raise PolicyError(f"profile '{profile}' has no rule '{name}' (it has: {', '.join(PROFILES[profile])})")
        if value.lower() in _BOOLEANS:
            settings[name] = _BOOLEANS[value.lower()]
            continue
        parameter, equals, given = value.partition("=")
        if not equals:
            raise PolicyError(f"rule '{name}' takes on, off or PARAMETER=VALUE, not '{value}'")
        before = settings.get(name, {})
        settings[name] = {**(before if isinstance(before, dict) else {}), parameter: _value(name, parameter, given)}
    if allow_documentation:
        for name in PROFILES[profile]:
            given_so_far = settings.get(name, {})
            if "documentation" in RULES[name].parameters and isinstance(given_so_far, dict):
                settings[name] = {"documentation": False, **given_so_far}
    return settings


def _value(rule: str, parameter: str, text: str) -> Any:
    """As the type that the rule's own parameter has. Raises PolicyError."""
    known = RULES[rule].parameters
    if parameter not in known:
        raise PolicyError(f"rule '{rule}' has no parameter '{parameter}' (it has: {', '.join(known) or 'none'})")
    example = known[parameter]
    try:
        return _as_type(example, text)
    except (ValueError, KeyError):
        raise PolicyError(f"rule '{rule}': '{parameter}' is {type(example).__name__}, not '{text}'") from None


def _as_type(example: Any, text: str) -> Any:
    if isinstance(example, bool):
        return _BOOLEANS[text.lower()]
    if isinstance(example, int):
        return int(text)
    if isinstance(example, list | tuple):
        parts = [part for part in text.split(",") if part]
        numbers = all(part.isdigit() for part in parts) and all(isinstance(item, int) for item in example)
        return type(example)(int(part) if numbers else part for part in parts)
    return type(example)(text)
