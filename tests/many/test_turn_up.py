"""Samples of the commands that turn up many peers: to Active, killed half-way, and a clean stop."""

from __future__ import annotations

import pytest

from tests.lab_support import require_netns
from tests.many.turn_up import kill, kill_rehearsal, rehearse


@pytest.mark.parametrize(("count", "link"), [(60, "loopback"), (12, "netns")])
def test_many_come_up_and_stop_cleanly(count: int, link: str) -> None:
    if link == "netns":
        require_netns()
    assert rehearse(count, link) == []


async def test_a_server_that_is_killed_half_way_begins_with_every_gate_shut() -> None:
    assert await kill(30) == []


def test_clean_finds_what_a_rehearsal_left_that_was_killed_half_way() -> None:
    require_netns()
    assert kill_rehearsal(12, "netns") == []
