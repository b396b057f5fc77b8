"""Another policy over a full Adj-RIB-In: the counts and verdicts are those of a table that never had another one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.policy.verdict import Hits
from simulator.rib.adj_in import AdjRibIn
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family
from tests.rib.support import HIT, PREFIX_HIT, attribute_set, keys


@given(data=st.data(), family=st.sampled_from(Family))
def test_judging_again_is_judging_afresh(data: st.DataObject, family: Family) -> None:
    held = data.draw(st.lists(keys(family), unique=True, max_size=8))
    sets = [attribute_set(data.draw(st.sampled_from([(), HIT])), n + 1) for n in range(3)]
    owner = {key: data.draw(st.sampled_from(sets)) for key in held}

    def some() -> dict[bytes, Hits]:
        return {key: PREFIX_HIT for key in held if data.draw(st.booleans())}

    def after(before: AttributeSet) -> AttributeSet:
        wanted = verdicts[before]
        return before if wanted == before.hits else AttributeSet(before.path, wanted)

    first, second = some(), some()
    verdicts = {each: data.draw(st.sampled_from([(), HIT])) for each in sets}
    table = AdjRibIn()
    for key in held:
        table.announce(family, [key], owner[key], {k: v for k, v in first.items() if k == key})
    before = set(table.acceptable(family))
    refused, accepted = table.judge_again(
        family, after, lambda asked, _: {key: second[key] for key in asked if key in second}
    )
    acceptable = set(table.acceptable(family))
    expected = {key for key in held if not verdicts[owner[key]] and key not in second}
    assert acceptable == expected
    assert set(refused) == before - expected and set(accepted) == expected - before
    assert (table.received, table.accepted, table.rejected) == (len(held), len(expected), len(held) - len(expected))
    for key in held:
        assert table.hits(family, key) == second.get(key, ()) + verdicts[owner[key]]
    table.withdraw(family, held)
    assert (table.received, table.rejected) == (0, 0)
