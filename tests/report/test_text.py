from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simulator.report.text import clip, dump_json, one_line, visible, xml_safe

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(ANYTHING)
def test_json_is_strict_utf8_and_one_line(value: Any) -> None:
    text = dump_json(value)
    text.encode("utf-8")
    assert len(text.splitlines()) == 1
    json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(name)))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text('aé\\"\n'),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("ab\n"), inner) | st.tuples(inner, inner),
        max_leaves=10,
    ),
    st.integers(1, 4),
)
def test_indented_json_is_what_python_makes(value: Any, indent: int) -> None:
    assert dump_json(value, indent) == json.dumps(value, ensure_ascii=False, indent=indent)


@given(ANYTHING)
def test_indented_json_is_the_same_document(value: Any) -> None:
    assert json.loads(dump_json(value, 2)) == json.loads(dump_json(value))


@given(st.text())
def test_json_gives_back_the_very_string(text: str) -> None:
    assert json.loads(dump_json({"text": text})) == {"text": text}


def test_json_turns_what_it_cannot_hold_into_text() -> None:
    assert json.loads(
        dump_json(
            {
                ("a", 1): {
                    math.inf,
                },
                2: math.nan,
            }
        )
    ) == {"('a', 1)": "{inf}", "2": "nan"}


@given(st.text(alphabet=st.characters()))
def test_visible_leaves_no_control_character(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if ord(c) < 32 and c not in "\n\t"]
    assert not set(shown) & set("\x7f\x9b\u202e\u2066\ufeff\u2028")


def test_visible_keeps_what_people_write() -> None:
    assert visible("Zürich ✓ 東京\n\ttab") == "Zürich ✓ 東京\n\ttab"
    assert visible("\x1b[31m\x7f\x9b\u202e") == "␛[31m␡\\u009b\\u202e"


def test_clip_shows_that_it_cut() -> None:
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abcde…"
    assert one_line("a\n b\r\n\tc") == "a b c"


@given(st.text(alphabet=st.characters()))
def test_xml_safe_strips_only_the_illegal(text: str) -> None:
    legal = [c for c in text if c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"]
    assert xml_safe(text) == "".join(legal)
