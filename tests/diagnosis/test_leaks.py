"""A leak is named before anything else, and it is Microsoft's side that has to act."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simulator.diagnosis.evidence import CaptureProof, PeerTable
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.session.messages import Family
from simulator.views.check import Side
from simulator.views.diagnosis import diagnosis
from tests.diagnosis.test_catalogue import DOWN, HEALTHY, evidence, observe, run

LEAKS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], str, str]] = [
    ("written", {"leaked_out": 3}, {}, {}, "D1", "3 NLRI left the edge"),
    ("captured", {}, {}, {"capture": CaptureProof(True, "", 2, 9)}, "D1", "2 NLRI left the edge"),
    ("taken", {"taken": 4}, {}, {}, "D2", "4 routes reached Loc-RIB"),
    ("held there", {}, {"peer_table": PeerTable(frozenset({"13.64.0.0/11"}))}, {}, "D3", "holds 1 route"),
]


@pytest.mark.parametrize(("name", "view", "session", "whole", "check", "words"), LEAKS, ids=[leak[0] for leak in LEAKS])
def test_a_leak_comes_first(
    name: str, view: dict[str, Any], session: dict[str, Any], whole: dict[str, Any], check: str, words: str
) -> None:
    down = evidence(replace(DOWN, id="c/ipv6", family=Family.IPV6), answer=RouterAnswer("Idle", "x", shut_down=True))
    found = diagnosis("c", run(observe(evidence(replace(HEALTHY, **view), **session), down, **whole)).values())
    assert [(each.id, each.side) for each in found] == [("gate-leak", Side.MICROSOFT), ("shut-down", Side.PEER)]
    assert check in found[0].explains and not found[0].warns
    assert words in found[0].text
    assert found[0].remedy
