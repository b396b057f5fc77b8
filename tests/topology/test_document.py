"""YAML as plain data with lines, within limits of size, depth and aliases."""

from __future__ import annotations

import json
import os
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from simulator.topology import document, files
from simulator.topology.document import DEEPEST, DocumentError, read
from simulator.topology.files import FileReadError, read_octets, read_text
from simulator.topology.load import TopologyError, load
from tests.topologies import SHIPPED

EXAMPLES = Path(__file__).parent.parent / "routers" / "examples"
YAMLS = sorted([*SHIPPED.glob("*.yaml"), *EXAMPLES.glob("*.yaml")])


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_a_file_says_what_another_reader_of_yaml_reads(path: Path) -> None:
    assert read(path.read_text()).data == YAML(typ="safe", pure=True).load(path.read_text())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("~", None),
        ("", None),
        ("0777", 777),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("-5", -5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.10", 1.1),
        ("12:30:45", "12:30:45"),
        ("2001-12-14", "2001-12-14"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::]", ["2001:db8::"]),
        ("{a: 2001:db8::}", {"a": "2001:db8::"}),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int 5", 5),
        ("9" * 5000, "9" * 5000),
        ("[&x {a: 1}, *x]", [{"a": 1}, {"a": 1}]),
        ("[&x {a: 1, b: 2}, {<<: *x, a: 3}]", [{"a": 1, "b": 2}, {"a": 3, "b": 2}]),
        ("[&x {a: 1}, &y {b: 2}, {<<: [*x, *y]}]", [{"a": 1}, {"b": 2}, {"a": 1, "b": 2}]),
        ("{'<<': 3, 1: x, null: y}", {"<<": 3, "1": "x", "null": "y"}),
        ('"\\ud83d\\ude00"', "😀"),
    ],
)
def test_words_are_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert read(f"v: {text}").data == {"v": value}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text('ab\n"\\é€', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-", min_size=1, max_size=4), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(JSON)
def test_json_is_yaml(value: Any) -> None:
    assert read(json.dumps(value)).data == value


def test_lines_are_remembered_also_of_what_an_alias_names() -> None:
    text = "a:\n  - x: 1\n    y: 2\n  - &n\n    z: 3\nb: *n\nc:\n  <<: *n\n"
    found = read(text)
    places: list[tuple[tuple[str | int, ...], int]] = [
        ((), 1),
        (("a",), 1),
        (("a", 0, "y"), 3),
        (("a", 1), 4),
        (("a", 1, "z"), 5),
        (("b", "z"), 5),
        (("c", "z"), 5),
        (("a", 7, "q"), 1),
        (("a", 0, "none"), 2),
    ]
    assert [found.line(path) for path, _ in places] == [line for _, line in places]
    assert found.dotted(("a", 0, "str", "y")) == "a[0].y"


def bomb(levels: int) -> str:
    head = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    return head + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, levels))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param(bomb(12), 6, "more than 1000000 values", id="alias-bomb"),
        pytest.param("[" * 100_000, 1, f"more than {DEEPEST} levels", id="deep-flow"),
        pytest.param("{a: " * 100_000, 1, f"more than {DEEPEST} levels", id="deep-mappings"),
        pytest.param("\n".join(" " * n + "a:" for n in range(500)), DEEPEST + 1, "levels deep", id="deep-blocks"),
        pytest.param("a: &x [*x]", 1, "stands inside of what it names", id="recursive"),
        pytest.param("a: &x {b: {c: *x}}", 1, "stands inside of what it names", id="recursive-mapping"),
        pytest.param("a: 1\nb: *x", 2, "undefined alias", id="no-anchor"),
        pytest.param("a: 1\nb: 2\na: 3", 3, 'duplicate key "a"', id="duplicate"),
        pytest.param("a: 1\n---\nb: 2", 2, "second document", id="second-document"),
        pytest.param("a: 1\nb: !!python/object:os.system x", 2, "tag", id="tag-of-a-word"),
        pytest.param("a: !!set {x}", 1, "tag", id="tag-of-a-mapping"),
        pytest.param("a: !!int x", 1, "tag", id="tag-that-is-wrong"),
        pytest.param("? [a, b]\n: c", 1, "a key is one word", id="complex-key"),
        pytest.param('a: "\\ud83d"', 1, "surrogate", id="half-a-surrogate"),
        pytest.param("a: {<<: 5}", 1, "merges mappings", id="merge-of-a-number"),
        pytest.param("x" * (document.LARGEST + 1), 0, "characters", id="huge"),
        pytest.param("a: [" + "\n" * 1_200_000, 1_200_001, "YAML", id="broken-and-large"),
    ],
)
def test_what_is_refused_is_one_line_and_costs_little(text: str, line: int, words: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DocumentError, match=words) as caught:
            read(text)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text) + 30_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.line == line
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_pipe_is_read_and_one_without_an_end_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    with pytest.raises(FileReadError, match="nobody writes to"):
        read_octets(fifo, 100)
    with pytest.raises(FileReadError, match="may have to be read again"):
        read_octets(fifo, 100, pipes=False)
    writer = threading.Thread(target=lambda: fifo.write_bytes(b"name: x\n" * 100_000))
    writer.start()
    reader = os.open(fifo, os.O_RDONLY)  # until here the writer waits for a reader
    try:
        assert read_octets(fifo, 1 << 20) == b"name: x\n" * 100_000
    finally:
        os.close(reader)
        writer.join()
    monkeypatch.setattr(files, "PATIENCE", 0.01)
    silent = os.open(fifo, os.O_RDWR)
    try:
        with pytest.raises(FileReadError, match="said nothing for"):
            read_octets(fifo, 100)
        os.write(silent, b"x" * 200)
        with pytest.raises(FileReadError, match="more than the 100 octets"):
            read_octets(fifo, 100)
    finally:
        os.close(silent)


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    for path, words in (
        (Path("/dev/zero"), "a device"),
        (Path("/dev/null"), "a device"),
        (tmp_path, "a directory"),
        (tmp_path / "none", "no such file"),
        (tmp_path / "a\0b", "cannot be read"),
        (tmp_path / ("x" * 300), "cannot be read"),
    ):
        with pytest.raises(FileReadError, match=words):
            read_text(path, 100, "")
        with pytest.raises(TopologyError, match=words) as caught:
            load(path)
        assert len(caught.value.faults) == 1
