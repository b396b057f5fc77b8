"""Whatever is damaged in a recording is told in one line, with the file, the line and what is wrong there."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.places.link import LinkKind
from simulator.recording.file import RecordingError
from simulator.recording.shapes import SHAPES, misfit
from tests.examples import examples
from tests.recording.rehearsals import played, recorded
from tests.recording.test_replay import exchange, lines

_ODD: list[Any] = [None, True, -1, 1.5, 1e300, 10**30, "nobody", ":", [], {}, ["x"], {"x": 1}]
_DOCUMENT = (Path(__file__).parents[2] / "docs/recording.md").read_text(encoding="utf-8")
_OF_PYTHON = re.compile(r"KeyError|NoneType|Traceback|object is not|positional argument|no running event loop")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("damaged") / "exchange.recording"
    recorded(exchange(), LinkKind.LOOPBACK, path)
    return path


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place within JSON data, but for the whole."""
    inside = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, each in inside:
        yield (*at, key)
        yield from _places(each, (*at, key))


def _damaged(record: list[Any], data: DataObject) -> list[Any]:
    """One field is missing, of another type, or has another letter."""
    changed = json.loads(json.dumps(record))
    *path, last = data.draw(st.sampled_from(sorted(_places(changed), key=repr)))
    inside = changed
    for key in path:
        inside = inside[key]
    how = data.draw(st.sampled_from(["missing", "type", "letter"]))
    if how == "missing":
        del inside[last]
    elif how == "letter" and isinstance(inside[last], str) and inside[last]:
        at = data.draw(st.integers(0, len(inside[last]) - 1))
        inside[last] = inside[last][:at] + data.draw(st.sampled_from(':x9"\\~')) + inside[last][at + 1 :]
    else:
        inside[last] = data.draw(st.sampled_from(_ODD))
    return list(changed)


def _is_one_clear_line(error: RecordingError, path: Path) -> bool:
    text = str(error)
    return text.startswith(f"{path}: ") and "\n" not in text and not _OF_PYTHON.search(text)


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_a_damaged_line_is_told_or_found(recording: Path, data: DataObject) -> None:
    found = lines(recording)
    last = len(found) - 1
    at = data.draw(st.integers(0, last), "line")
    match data.draw(st.sampled_from(["field", "field", "swapped", "missing", "twice"])):
        case "field":
            found[at] = _damaged(found[at], data)
        case "swapped":
            other = data.draw(st.integers(0, last))
            found[at], found[other] = found[other], found[at]
        case "missing":
            del found[at]
        case "twice":
            found.insert(at, found[at])
    path = recording.with_name("damaged.recording")
    path.write_bytes(gzip.compress(b"".join(json.dumps(each).encode() + b"\n" for each in found), 1))
    try:
        shown = played(path)
    except RecordingError as error:
        assert _is_one_clear_line(error, path), error
    else:
        assert shown.tampered or shown.cut_off or shown.differences or found == lines(recording)


@settings(max_examples=examples(100), deadline=None)
@given(data=st.data())
def test_octets_that_are_others_are_told_or_found(recording: Path, data: DataObject) -> None:
    """Of the lines themselves: what gzip says of the whole is right."""
    text = bytearray(gzip.decompress(recording.read_bytes()))
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = recording.with_name("flipped.recording")
    path.write_bytes(gzip.compress(bytes(text), 1))
    try:
        shown = played(path)
    except RecordingError as error:
        assert _is_one_clear_line(error, path), error
    else:
        assert shown.tampered or shown.cut_off or text == gzip.decompress(recording.read_bytes())


@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_a_recording_that_is_cut_anywhere_is_cut_off(recording: Path, data: DataObject) -> None:
    whole = recording.read_bytes()
    path = recording.with_name("cut.recording")
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    try:
        assert played(path).cut_off
    except RecordingError as error:
        assert _is_one_clear_line(error, path), error


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (["x", 1, 6], "record 'x' lacks its subcode, words"),
        (["t", "1", 1], "record 't': peer has to be a whole number, not '1'"),
        (["g", 1, 1, 1], "record 'g' has 2 fields, not 3"),
        ([":"], "there is no record ':'"),
        (["v"], "record 'v' has no verb"),
        (["v", "approve"], "record 'v' 'approve' lacks its connection"),
        (["q", "add", "a/b", [True]], "record 'q' 'add': looks has to be a list of whole numbers, not [True]"),
        (["k", 1, [[1, 2]]], "record 'k': queues has to be a list of three whole numbers each, not [[1, 2]]"),
        (["v", "approve", "a/b", "a word"], ""),
        (["c", 1, "dialled", None], ""),
    ],
)
def test_what_is_wrong_with_a_record_by_itself(record: list[Any], words: str) -> None:
    assert misfit(record) == words


def test_what_is_recorded_has_its_shape_and_the_page_names_each(recording: Path) -> None:
    *records, _ = lines(recording)[1:]
    assert [wrong for each in records if (wrong := misfit(each))] == []
    assert [kind for kind in (*SHAPES, "v", "q", "=") if f'`["{kind}"' not in _DOCUMENT] == []


def test_the_command_says_what_there_is_not_and_where(recording: Path) -> None:
    found = lines(recording)
    at = next(number for number, each in enumerate(found) if each[:2] == ["v", "approve"])
    found[at][2] = ":"
    path = recording.with_name("named.recording")
    path.write_bytes(gzip.compress(b"".join(json.dumps(each).encode() + b"\n" for each in found), 1))
    done = CliRunner().invoke(app, ["replay", str(path)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"{path}: line {at + 1}: it cannot be played: there is no ':' here" in done.stderr
