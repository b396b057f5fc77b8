"""docs/glossary.md: every word that can be checked is in it, and has one meaning."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from simulator.connection.states import ConnectionState, Flow
from simulator.places.link import LinkKind
from simulator.policy.verdict import RouteOutcome
from simulator.session.states import BgpState
from simulator.topology.kinds import KINDS
from simulator.views.check import Status
from simulator.wire.update_faults import ErrorHandling
from tests.test_architecture import ROOT

TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
SEE = 'See "Two axes".'
ROWS = [
    (word, meaning)
    for word, meaning in re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", TEXT, re.MULTILINE)
    if word not in ("word", "---")
]
DEFINED = {word for word, _ in ROWS}


def section(title: str) -> set[str]:
    text = TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE)) - {"word", "---"}


def test_the_connection_states_are_those_of_azure() -> None:
    assert section("Connection states") == {state.value for state in ConnectionState}


def test_the_bgp_states_are_those_of_the_fsm() -> None:
    assert section("BGP states") == {state.value for state in BgpState}


@pytest.mark.parametrize(
    "words",
    [
        {flow.value for flow in Flow},
        {outcome.value for outcome in RouteOutcome},
        {handling.label for handling in ErrorHandling},
    ],
    ids=["kinds of peering", "verdicts", "RFC 7606"],
)
def test_every_member_is_defined(words: set[str]) -> None:
    assert words - DEFINED == set()


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("router kind", set(KINDS)),
        ("link", {kind.value for kind in LinkKind}),
        ("status", {status.value for status in Status}),
    ],
    ids=["router kind", "link", "status"],
)
def test_the_meaning_names_every_value(word: str, values: set[str]) -> None:
    meaning = dict(ROWS)[word]
    assert {value for value in values if re.search(rf"\b{re.escape(value)}\b", meaning) is None} == set()


def test_a_word_has_one_meaning() -> None:
    counts = Counter(word.lower() for word, meaning in ROWS if meaning != SEE)
    assert [word for word, count in counts.items() if count > 1] == []


def test_a_meaning_is_short() -> None:
    assert [word for word, meaning in ROWS if len(meaning) > 220] == []


def test_the_pages_that_a_reader_begins_with_name_it() -> None:
    for page in ("README.md", "docs/architecture.md"):
        assert "glossary.md" in (ROOT / page).read_text(encoding="utf-8"), page


def test_the_shapes_of_a_session_are_classes_of_the_rooms() -> None:
    classes = {
        name
        for path in (ROOT / "simulator").rglob("*.py")
        for name in re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert section("One session, from the plan to the page") <= classes
