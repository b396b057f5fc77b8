"""Which attributes each rule reads: what a format leaves out must silence every rule that would judge by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from ipaddress import ip_address
from itertools import product
from typing import Any

import pytest

from simulator.policy.data import irr
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.registered import registered_asns, registered_prefixes
from simulator.policy.data.vrp import VrpTable
from simulator.policy.policy import Policy
from simulator.policy.profiles import PROFILES
from simulator.policy.rules import RULES, PolicyContext
from simulator.session.messages import Family, Role
from simulator.tables import notation
from simulator.tables.missing_attributes import LOOKS
from simulator.wire import nlri
from simulator.wire.attribute_codec import PathAttributes

FIELDS = frozenset(field.name for field in fields(PathAttributes))
ALWAYS_THERE = {"as_path"}
DATA = PolicyData(
    vrp=VrpTable([(*nlri.key("41.0.0.0/16"), 1136, 16)]),
    irr=irr.read(b'{"prefixes": [{"prefix": "41.0.0.0/16", "exact": true}], "asns": [1136]}'),
    registered_prefixes=registered_prefixes(["41.0.0.0/16"]),
    registered_asns=registered_asns([1136]),
)
PREFIXES = ("41.0.0.0/16", "41.0.1.0/25", "10.0.0.0/8", "21.0.0.0/16", "0.0.0.0/0")
PREFIXES6 = ("2a00:1000::/32", "2a00:1001::/49", "::/0")
ROLES = (None, *Role)
PARAMETERS: dict[str, tuple[dict[str, Any], ...]] = {
    "next-hop": ({"lan": True},),
    "too-many-communities": ({"limit": 1},),
}
"""Rules that judge in another way by other parameters."""


class Watched(PathAttributes):
    """Knows which of its attributes were asked for, also by way of its properties."""

    read: set[str] = set()

    def __getattribute__(self, name: str) -> Any:
        if name in FIELDS:
            Watched.read.add(name)
        return super().__getattribute__(name)


def paths() -> Iterator[Watched]:
    """Each attribute there and not there, with each other: a rule may look at one only where another says something."""
    given: dict[str, tuple[Any, ...]] = {
        "as_path": tuple(map(notation.as_path, ("", "1103 1136", "1136 {1103 1136}", "1103 1103 64512 12076 3356"))),
        "next_hop": (None, *map(ip_address, ("192.0.2.1", "192.0.2.9", "2001:db8::1", "fe80::1", "::"))),
        "link_local": (None, ip_address("fe80::2")),
        "otc": (None, 1103, 1136),
        "communities": ((), (8075 << 16 | 8007,), (1, 2, 3)),
        "large_communities": ((), ((1, 2, 3),)),
        "extended_communities": ((), (b"\0\2\0\1\0\0\0\1",)),
    }
    for values in product(*given.values()):
        yield Watched(**dict(zip(given, values, strict=True)))
    more: dict[str, Any] = {
        "origin": 2,
        "med": 7,
        "local_pref": 100,
        "atomic_aggregate": True,
        "aggregator": (1136, ip_address("192.0.2.7")),
        "unknown": ((0xC0, 99, b"x"),),
    }
    for name, value in more.items():
        yield Watched(as_path=notation.as_path("1103 1136"), **{name: value})


def judged_by(rule: str) -> set[str]:
    """The attributes that a rule looks at, whatever the session and its parameters."""
    profile = next(name for name, rules in PROFILES.items() if rule in rules)
    others: dict[str, Any] = dict.fromkeys(PROFILES[profile], False)
    every = list(paths())
    Watched.read.clear()
    roles = ROLES if rule == "otc" else ROLES[:1]
    for peer, role, parameters in product(("192.0.2.1", "2001:db8::1"), roles, ({}, *PARAMETERS.get(rule, ()))):
        context = PolicyContext(1103, peer, lan=("192.0.2.0/24", "2001:db8::/64"), role=role, data=DATA)
        policy = Policy(profile, context, {**others, rule: parameters or True})
        for path in every:
            policy.judge_attributes(path)
            policy.judge_prefixes(Family.IPV4, [nlri.key(text)[1] for text in PREFIXES], path)
        for path in every[:50]:
            policy.judge_prefixes(Family.IPV6, [nlri.key(text)[1] for text in PREFIXES6], path)
    return set(Watched.read)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_attribute_that_a_rule_reads_is_in_the_table(rule: str) -> None:
    assert judged_by(rule) - ALWAYS_THERE == LOOKS.get(rule, set())


def test_the_paths_say_everything_that_can_be_said() -> None:
    said = {name for path in paths() for name in FIELDS if getattr(path, name) not in (None, (), False, 0)}
    assert said == FIELDS - {"discarded", "partial"}, "those two are of the octets, not of the route"
