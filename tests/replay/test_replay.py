"""Recorded sessions are played again without sockets: the same inputs give the same effects, line by line.

`python -m tests.replay` writes the effects of every recording anew, `python -m tests.replay record` the recordings.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.routers.registry import ROUTERS
from tests.replay.session import Player, read, recordings

_LARGEST = 100_000
"""Octets of a file."""


@pytest.mark.parametrize("folder", recordings(), ids=lambda folder: folder.name)
def test_a_recorded_session_gives_the_same_effects(folder: Path) -> None:
    setup, inputs, expected = read(folder)
    found = list(Player(setup).effects(inputs))
    for number, (line, wanted) in enumerate(zip(found, expected, strict=False), 1):
        assert json.loads(line) == json.loads(wanted), f"line {number} of {folder.name}/effects.jsonl"
    assert len(found) == len(expected)


@pytest.mark.parametrize("folder", recordings(), ids=lambda folder: folder.name)
def test_a_recording_has_a_lift_a_withdrawal_and_a_deny(folder: Path) -> None:
    _, _, lines = read(folder)
    effects = [json.loads(line) for line in lines]
    named = {each.get("effect") for each in effects}
    assert named >= {"BgpStateChanged", "RoutesAnnounced", "GateWithheld", "RoutesWithdrawn", "octets"}
    moved = [each["is"] for each in effects if each.get("effect") == "GateMoved"]
    assert [each["is_open"] for each in moved] == [True, False]
    assert all(each["sent"] and each["taken"] for each in moved), "both halves were lifted, and denied again"
    view = effects[-1]["view"]
    assert (view["leaked_in"], view["leaked_out"], view["sent"], view["taken"]) == (0, 0, 0, 0)


@pytest.mark.parametrize("folder", recordings(), ids=lambda folder: folder.name)
def test_recordings_are_small(folder: Path) -> None:
    assert max(path.stat().st_size for path in folder.glob("*.jsonl")) < _LARGEST


def test_each_kind_of_router_is_recorded_in_both_families() -> None:
    kinds = {kind for kind in ROUTERS if kind not in ("external", "route-server")}
    assert {folder.name for folder in recordings()} == {f"{kind}-{v}" for kind in kinds for v in ("ipv4", "ipv6")}
