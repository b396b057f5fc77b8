"""Adj-RIB-In and Loc-RIB against models that recompute everything."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulator.policy.verdict import Hits
from simulator.rib.adj_in import AdjRibIn
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.loc import LocRib
from simulator.session.messages import Family
from tests.examples import examples
from tests.rib.support import HIT, PREFIX_HIT, attribute_set

V4, V6 = Family.IPV4, Family.IPV6
FEW = [bytes((24, 10, 0, n)) for n in range(6)]
FAMILIES = st.sampled_from(Family)
SOME = st.lists(st.sampled_from(FEW), max_size=8)
"""Repeats included: an UPDATE may name a prefix twice."""


class AdjRibInMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rib = AdjRibIn()
        self.model: dict[Family, dict[bytes, tuple[AttributeSet, Hits]]] = {family: {} for family in Family}

    @rule(family=FAMILIES, keys=SOME, refused=st.booleans(), hit=st.sets(st.sampled_from(FEW)))
    def announce(self, family: Family, keys: list[bytes], refused: bool, hit: set[bytes]) -> None:
        attributes = attribute_set(HIT if refused else (), 64496)
        hits = {key: PREFIX_HIT for key in keys if key in hit}
        added = len(set(keys) - self.model[family].keys())
        assert self.rib.announce(family, keys, attributes, hits) == added
        self.model[family].update({key: (attributes, hits.get(key, ())) for key in keys})

    @rule(family=FAMILIES, keys=SOME)
    def withdraw(self, family: Family, keys: list[bytes]) -> None:
        held = list(dict.fromkeys(key for key in keys if key in self.model[family]))
        assert self.rib.withdraw(family, keys) == held
        for key in held:
            del self.model[family][key]

    @rule()
    def clear(self) -> None:
        self.rib.clear()
        for table in self.model.values():
            table.clear()

    @invariant()
    def agrees(self) -> None:
        everything = [(f, k, a, p) for f, table in self.model.items() for k, (a, p) in table.items()]
        rejected = [row for row in everything if row[2].hits or row[3]]
        assert self.rib.received == len(everything)
        assert self.rib.rejected == len(rejected)
        assert self.rib.accepted == len(everything) - len(rejected)
        held = {(r.family, r.key): (r.attributes, r.hits) for r in self.rib.routes()}
        assert held == {(f, k): (a, p + a.hits) for f, k, a, p in everything}
        for family in Family:
            table = self.model[family]
            assert self.rib.keys(family) == table.keys()
            assert self.rib.acceptable(family) == {k: a for k, (a, p) in table.items() if not a.hits and not p}
            for key, (attributes, hits) in table.items():
                assert self.rib.hits(family, key) == hits + attributes.hits


AdjRibInMachine.TestCase.settings = settings(deadline=None, max_examples=examples(150), stateful_step_count=30)
TestAdjRibIn = AdjRibInMachine.TestCase


class LocRibMachine(RuleBasedStateMachine):
    """Two sessions on one table: what one does is none of the other's business."""

    def __init__(self) -> None:
        super().__init__()
        self.rib = LocRib()
        self.model: dict[tuple[str, Family], set[bytes]] = {}

    @initialize()
    def empty(self) -> None:
        assert self.rib.count("a") == 0 and self.rib.prefixes("a") == {family: frozenset() for family in Family}

    @rule(session=st.sampled_from("ab"), family=FAMILIES, keys=SOME)
    def take(self, session: str, family: Family, keys: list[bytes]) -> None:
        self.rib.take(session, family, dict.fromkeys(keys, attribute_set()))
        self.model.setdefault((session, family), set()).update(keys)

    @rule(session=st.sampled_from("ab"), family=FAMILIES, keys=SOME)
    def forget(self, session: str, family: Family, keys: list[bytes]) -> None:
        self.rib.forget(session, family, keys)
        self.model.setdefault((session, family), set()).difference_update(keys)

    @rule(session=st.sampled_from("ab"))
    def forget_all(self, session: str) -> None:
        self.rib.forget_all(session)
        for family in Family:
            self.model.pop((session, family), None)

    @invariant()
    def agrees(self) -> None:
        for session in "ab":
            wanted = {family: frozenset(self.model.get((session, family), ())) for family in Family}
            assert self.rib.prefixes(session) == wanted
            assert self.rib.count(session) == sum(map(len, wanted.values()))


LocRibMachine.TestCase.settings = settings(deadline=None, max_examples=examples(80), stateful_step_count=25)
TestLocRib = LocRibMachine.TestCase
