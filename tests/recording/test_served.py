"""A served lab is recorded and played again; nobody waits for a recording."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

from simulator.azure.provider.provider import Provider
from simulator.azure.store.store import Store
from simulator.connection.states import ConnectionState
from simulator.places.link import LinkKind
from simulator.recording.file import RecordingReader, RecordingWriter
from simulator.recording.tape import RecordingTape
from tests.azure.provider import support
from tests.recording.rehearsals import played


async def _served(url: str, path: Path, *, again: bool) -> None:
    """A peering is requested, becomes Active, and is deleted when it is served `again`."""
    tape = RecordingTape(path, "served")
    store = Store.open(url)
    try:
        async with Provider(support.topology(), LinkKind.LOOPBACK, store, support.AT_ONCE, tape=tape) as running:
            if not again:
                await support.active(running)
            await support.until_all(running, ConnectionState.ACTIVE)
            if again:
                running.delete_peering(support.PEERING_ID.lower())
                await support.until(running, lambda: not running.control.records)
    finally:
        store.close()
        tape.close()


def test_a_served_lab_is_played_again_also_what_a_store_had(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    for name, again in (("first", False), ("second", True)):
        path = tmp_path / f"{name}.recording"
        asyncio.run(_served(url, path, again=again))
        found = played(path)
        assert found.differences == []
        assert not found.cut_off
        reached = [connection.reached for connection in found.report.connections]
        assert reached
        last = ConnectionState.NONE if again else ConnectionState.ACTIVE
        assert all(last in states for states in reached)


def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    told: list[str] = []
    writer = RecordingWriter(Path("/dev/full"), told.append)
    for number in range(100):
        writer.write(["E", "x" * 10_000, number])
    writer.close()
    assert writer.problem == "/dev/full: No space left on device: the recording ends here"
    assert told == [writer.problem]
    writer.write(["E"])
    assert told == [writer.problem]


def test_what_waits_for_the_disk_is_bounded(tmp_path: Path) -> None:
    """Whoever writes does not wait, unless it said that it would: then nothing is lost."""
    path = tmp_path / "a.recording"
    writer = RecordingWriter(path, waits=True)
    line = ["E", "x" * (1 << 20)]
    for _ in range(100):
        writer.write(line)
    writer.close()
    assert not writer.problem
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 101
    assert RecordingReader(path).path == path
