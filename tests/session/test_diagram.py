"""The FSM's diagram and table, as docs/bgp-fsm.md shows them."""

from __future__ import annotations

import re

from simulator.session.diagram import markdown, mermaid
from simulator.session.states import BgpState, FsmEvent
from simulator.session.table import TABLE


def test_the_diagram_has_every_state_and_every_move() -> None:
    edges = set(re.findall(r"^    (\w+) --> (\w+): ", mermaid(), re.MULTILINE))
    assert edges == {
        (source.value, rule.target.value)
        for source, rules in TABLE.items()
        for rule in rules.values()
        if rule.target is not source
    }
    assert {state for edge in edges for state in edge} == {state.value for state in BgpState}


def test_the_table_has_every_row_and_one_more_for_each_state() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("| ")][1:]
    assert len(rows) == sum(map(len, TABLE.values())) + len(BgpState)
    assert all(line.count("|") == 7 for line in rows)


def test_a_row_says_what_is_sent() -> None:
    text = markdown()
    assert "| OpenSent | bgp open | 19 | OpenConfirm | KEEPALIVE |" in text
    assert "| Established | send hold timer expires | 29 | Idle | NOTIFICATION 8/0 Send Hold Timer Expired |" in text
    assert f"| Established | {FsmEvent.ROUTE_REFRESH_MSG.name.replace('_', ' ').lower()} | – |" in text
    assert "| Idle | any other event | | Idle |  | ignored |" in text
