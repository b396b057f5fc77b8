"""AS paths and communities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.tables import notation
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind

SEQUENCE, SET, CONFED = SegmentKind.SEQUENCE, SegmentKind.SET, SegmentKind.CONFED_SEQUENCE


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("  ", ()),
        ("64496", (AsSegment(SEQUENCE, (64496,)),)),
        ("AS64496, as64500", (AsSegment(SEQUENCE, (64496, 64500)),)),
        ("1 2 {3 4}", (AsSegment(SEQUENCE, (1, 2)), AsSegment(SET, (3, 4)))),
        ("{3,4} 5", (AsSegment(SET, (3, 4)), AsSegment(SEQUENCE, (5,)))),
        ("(65001 65002) 1", (AsSegment(CONFED, (65001, 65002)), AsSegment(SEQUENCE, (1,)))),
    ],
)
def test_as_paths(text: str, path: tuple[AsSegment, ...]) -> None:
    assert notation.as_path(text) == path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "'x' in the AS path is no ASN"),
        ("1 2x 3", "'2x' in the AS path is no ASN"),
        ("1.5", "is no ASN"),
        ("4294967296", "at most 4294967295"),
        ("9" * 30, "made of numbers"),
        ("{1", "'}' is missing"),
        ("1}", "misplaced"),
        ("{1 {2}}", "misplaced"),
        ("{}", "empty set"),
        ("-1", "is no ASN"),
        ("١", "is no ASN"),
    ],
)
def test_what_is_no_as_path_is_told(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        notation.as_path(text)


def test_long_paths_take_several_segments() -> None:
    path = notation.as_path(" ".join(map(str, range(1, 601))))
    assert [len(part.asns) for part in path] == [255, 255, 90]


@given(
    st.lists(
        st.tuples(st.sampled_from(list(SegmentKind)), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4)),
        max_size=4,
    )
)
def test_what_is_printed_is_read_back(parts: list[tuple[SegmentKind, list[int]]]) -> None:
    path = tuple(AsSegment(kind, tuple(asns)) for kind, asns in parts)
    text = PathAttributes(as_path=path).as_path_text
    assert PathAttributes(as_path=notation.as_path(text)).as_path_text == text


def test_prepending_drops_confederations() -> None:
    assert notation.prepended(9, notation.as_path("(1 2) 3 4")) == notation.as_path("9 3 4")
    assert notation.prepended(9, notation.as_path("{3}")) == notation.as_path("9 {3}")
    assert notation.prepended(9, ()) == notation.as_path("9")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64496:100", 64496 << 16 | 100),
        ("(64496,100)", 64496 << 16 | 100),
        ("no-export", 0xFFFFFF01),
        ("NO_PEER", 0xFFFFFF04),
    ],
)
def test_communities(text: str, value: int) -> None:
    assert notation.community(text) == value


@pytest.mark.parametrize("text", ["", "1", "1:2:3", "65536:1", "1:65536", "a:b", "1:-1"])
def test_what_is_no_community(text: str) -> None:
    with pytest.raises(ValueError, match="community"):
        notation.community(text)


def test_large_communities() -> None:
    assert notation.large_community("4294967295:0:1") == (4294967295, 0, 1)
    assert notation.large_community("(1, 2, 3)") == (1, 2, 3)
    with pytest.raises(ValueError, match="4294967296 is too large"):
        notation.large_community("1:2:4294967296")
