"""How Microsoft's side behaves: what may be set, what is due when, and that it is remembered."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simulator.azure.provider.settings import REALISTIC, Settings
from simulator.connection.states import ConnectionState
from tests.azure.provider import support

DELAYS = ("peer_asn_review", "peering_review", "notification", "removal", "prefix_validation")


@given(
    delay=st.sampled_from(DELAYS),
    seconds=st.none() | st.floats(0, 1e7),
    scale=st.floats(1e-3, 1e6),
    since=st.floats(0, 2e9),
)
def test_what_is_by_hand_is_never_due_and_the_rest_is_due_in_scaled_time(
    delay: str, seconds: float | None, scale: float, since: float
) -> None:
    settings = Settings.model_validate({delay: seconds, "time_scale": scale})
    due = settings.due(delay, since)
    assert due is None if seconds is None else due == pytest.approx(since + seconds / scale)


@pytest.mark.parametrize(
    "wrong",
    [
        {"removal": -1},
        {"removal": math.nan},
        {"removal": math.inf},
        {"removal": 10**400},
        {"time_scale": 0},
        {"time_scale": None},
        {"mesh": None},
        {"unknown": 1},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_realistic_is_half_a_day_in_six_seconds() -> None:
    assert REALISTIC.due("peer_asn_review", 0) == 6


async def test_they_are_remembered_and_replaced_by_those_given(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    async with support.provider(url) as running:
        running.set(support.BY_HAND)
    async with support.provider(url, None) as running:
        assert running.settings == support.BY_HAND
    async with support.provider(url, Settings(mesh=False)) as running:
        assert running.settings == Settings(mesh=False)


async def test_a_change_applies_to_what_waits_already(tmp_path: Path) -> None:
    async with support.provider(f"sqlite:///{tmp_path}/store.db", support.BY_HAND) as running:
        support.ask_for_asn(running)
        running.set(Settings(peering_review=None, removal=None))
        await support.approved_asn(running)
        support.ask_for_peering(running)
        await support.until_all(running, ConnectionState.PENDING_APPROVAL)
        running.set(Settings(removal=None))
        await support.until_all(running, ConnectionState.ACTIVE)
        running.delete_peering(support.PEERING_ID.lower())
        await support.until_all(running, ConnectionState.PENDING_REMOVE)
        running.set(Settings(removal=0))
        await support.until(running, lambda: not running.control.records)
