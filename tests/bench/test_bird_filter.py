"""The benchmark's BIRD does the same work: one condition for each rule that the `exchange` profile has to apply."""

from __future__ import annotations

from simulator.bench import bird_filter
from simulator.policy.profiles import PROFILES
from simulator.policy.rules import RULES


def test_every_rule_of_the_profile_has_a_condition() -> None:
    rules = {name for name, setting in PROFILES["exchange"].items() if setting and not RULES[name].needs}
    assert set(bird_filter.CONDITIONS) == rules - bird_filter.NOT_FOR_BIRD
    assert rules >= bird_filter.NOT_FOR_BIRD


def test_the_filter_has_them_all() -> None:
    text = bird_filter.receiver("198.51.100.1", "198.51.100.2")
    assert all(f"then reject; # {name}\n" in text for name in bird_filter.CONDITIONS)
    assert "10.0.0.0/8+" in text
