"""Pages of a list."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.azure.rest.arm_request import PAGE_SIZE, ArmRequest, paged
from simulator.azure.rest.errors import ArmError


def asked(**query: str) -> ArmRequest:
    provider: Any = SimpleNamespace()
    names, types = ("p",), ("peerings", "receivedRoutes")
    return ArmRequest(provider, "GET", "s", "g", types, names, query, None, "2025-05-01", "http://host/list")


@given(st.integers(0, 4 * PAGE_SIZE), st.text(max_size=20))
def test_the_pages_of_a_list_are_the_list(length: int, text: str) -> None:
    query, seen = {"prefix": text}, []
    while True:
        body = paged(asked(**query), iter(range(length)), lambda row: {"row": row}).body
        assert len(body["value"]) <= PAGE_SIZE
        seen += [each["row"] for each in body["value"]]
        if "nextLink" not in body:
            break
        following = dict(parse_qsl(urlsplit(body["nextLink"]).query, keep_blank_values=True))
        assert following.pop("api-version") == "2025-05-01"
        query = {key.lower(): value for key, value in following.items()}
        assert query["prefix"] == text
    assert seen == list(range(length))


@pytest.mark.parametrize("token", ["-1", "x", "1.5", "9" * 13, "²"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(ArmError, match="skipToken"):
        paged(asked(**{"$skiptoken": token}), [], dict)
