"""A lab gets the open files that it needs, or says that it cannot have them."""

from __future__ import annotations

import resource
from typing import Any

import pytest

from simulator.lab.descriptors import allow, needed
from simulator.places.errors import LabError

UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "count", "after"),
    [
        (1024, 4096, 1000, None),  # enough already: nothing is changed
        (1024, 4096, 1025, (4096, 4096)),
        (1024, 4096, 4096, (4096, 4096)),
        (1024, UNLIMITED, 5000, (5000, UNLIMITED)),
        (UNLIMITED, UNLIMITED, 5000, None),
    ],
)
def test_the_limit_follows_the_need(
    soft: int, hard: int, count: int, after: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: said.append(limits))
    allow(count)
    assert said == ([after] if after else [])


def test_a_lab_that_is_too_large_for_its_user_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (1024, 4096))
    with pytest.raises(LabError, match=r"needs about 30064 open files, and this user may have 4096: raise the hard"):
        allow(needed(10_000, 0))
