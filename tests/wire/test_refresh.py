from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.session.messages import Family, RouteRefresh
from simulator.wire.framing import Framer, ProtocolError, frame
from simulator.wire.route_refresh import Ignored, decode_refresh, encode_refresh


@given(st.sampled_from(list(Family)), st.integers(0, 2))
def test_round_trip(family: Family, subtype: int) -> None:
    framer = Framer()
    framer.feed(encode_refresh(RouteRefresh(family, subtype)))
    [(type_, body)] = framer
    assert type_ == 5
    assert decode_refresh(body) == RouteRefresh(family, subtype)


@pytest.mark.parametrize("body", ["00010080", "00010301", "0001ff01", "00020002", "00190041", "00000001"])
@pytest.mark.parametrize("enhanced", [True, False])
def test_unknown_family_or_subtype_is_ignored(body: str, enhanced: bool) -> None:
    assert isinstance(decode_refresh(bytes.fromhex(body), enhanced=enhanced), Ignored)


@given(st.binary(max_size=8), st.booleans(), st.integers(0, 4))
def test_any_body(body: bytes, enhanced: bool, subtype: int) -> None:
    """RFC 7313 §5 has 7/1 for BoRR and EoRR alone, and only for a peer that announced capability 70."""
    body = body[:2] + bytes((subtype,)) + body[3:] if len(body) > 2 else body
    known = len(body) <= 2 or subtype == 0 or (enhanced and subtype <= 2)
    if not known or len(body) == 4:
        decoded = decode_refresh(body, enhanced=enhanced)
        assert isinstance(decoded, Ignored) or encode_refresh(decoded)[19:] == body
        assert known or isinstance(decoded, Ignored)
        return
    with pytest.raises(ProtocolError) as caught:
        decode_refresh(body, enhanced=enhanced)
    n = caught.value.notification
    whole = frame(5, body)
    marks = enhanced and len(body) > 2 and subtype in (1, 2)
    assert (n.code, n.subcode, n.data) == ((7, 1, whole) if marks else (1, 2, whole[16:18]))
