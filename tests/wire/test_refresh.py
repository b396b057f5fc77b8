from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.session.messages import Family, RouteRefresh
from simulator.wire.framing import Framer, WireError, frame
from simulator.wire.refresh import decode_refresh, encode_refresh


@given(st.sampled_from(list(Family)), st.integers(0, 2))
def test_round_trip(family: Family, subtype: int) -> None:
    framer = Framer()
    framer.feed(encode_refresh(RouteRefresh(family, subtype)))
    [(type_, body)] = framer
    assert type_ == 5
    assert decode_refresh(body) == RouteRefresh(family, subtype)


@pytest.mark.parametrize("body", ["00010080", "00010301", "0001ff01", "00020002", "00190041", "00000001"])
def test_unknown_family_or_subtype_is_ignored(body: str) -> None:
    assert decode_refresh(bytes.fromhex(body)) is None


@given(st.binary(max_size=40))
def test_any_body(body: bytes) -> None:
    if len(body) == 4:
        decoded = decode_refresh(body)
        assert decoded is None or encode_refresh(decoded)[19:] == body
    else:
        with pytest.raises(WireError) as caught:
            decode_refresh(body)
        n = caught.value.notification
        assert (n.code, n.subcode, n.data) == (7, 1, frame(5, body))
