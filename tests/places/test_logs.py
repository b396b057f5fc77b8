"""A child that prints without end takes neither memory nor disk without end, and its last words are there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.places import logs
from simulator.places.process import last_lines, spawn, stop

_HEAD = re.compile(rb"turnup: (\d+) older lines \((\d+) octets\) were dropped\n")


@given(
    st.lists(st.binary(max_size=90).map(lambda octets: octets.replace(b"t", b"\n")), max_size=30), st.integers(20, 100)
)
def test_a_log_keeps_its_newest_part_and_counts_the_rest(pieces: list[bytes], limit: int) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "log"
        for piece in pieces:
            logs.keep(path, piece, limit)
            assert (
                path.stat().st_size <= limit + len("turnup: 10 older lines (1000 octets) were dropped\n") + limit // 2
            )
        written, kept = b"".join(pieces), path.read_bytes() if pieces else b""
    head = _HEAD.match(kept)
    lines, octets, rest = (int(head[1]), int(head[2]), kept[head.end() :]) if head else (0, 0, kept)
    assert written.endswith(rest)
    assert octets + len(rest) == len(written)
    assert lines == written[:octets].count(b"\n")


async def test_a_child_that_prints_without_end_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, most, lines = tmp_path / "log", 0, 400_000
    program = f"for number in range({lines}): print(f'{{number:99}}')"
    move = logs.LogPipe.move

    def moved(pipe: logs.LogPipe) -> None:
        nonlocal most
        move(pipe)
        most = max(most, log.stat().st_size)

    monkeypatch.setattr(logs.LogPipe, "move", moved)
    child = await spawn([sys.executable, "-c", program], log=log)
    await child.wait()
    await stop(child)
    assert most <= logs.LOG_OCTETS + (1 << 16), "at no moment"
    head, *kept = logs.read(log).splitlines()
    found = _HEAD.match(head.encode() + b"\n")
    assert found and int(found[1]) + len(kept) == lines, "every line is there or counted"
    assert [int(each) for each in kept[-2:]] == [lines - 2, lines - 1]


async def test_the_last_words_of_a_child_are_there_when_it_has_ended(tmp_path: Path) -> None:
    for number in range(5):
        log = tmp_path / f"log{number}"
        child = await spawn([sys.executable, "-c", "import sys; print('out'); sys.exit('the last words')"], log=log)
        await child.wait()
        assert last_lines(log) == "out; the last words"
        await stop(child)


async def test_several_children_of_one_log_and_what_is_there_before(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    children = [await spawn(["echo", f"child {number}"], log=log) for number in range(3)]
    for child in children:
        await child.wait()
        await stop(child)
    assert sorted(log.read_text().splitlines()) == ["before", "child 0", "child 1", "child 2"]
    assert not logs._OPEN
