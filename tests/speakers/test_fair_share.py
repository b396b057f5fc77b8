"""What long reads may take of a turn of the event loop: others have theirs, everybody gets on, and little waits."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field

from simulator.speakers.fair_share import PIECE, TURN, FairShare


@dataclass
class Time:
    """Stands still but for what is dealt with."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class Someone:
    """A connection: dealing with a piece takes it `cost` seconds."""

    time: Time
    log: list[Someone]
    cost: float = TURN * 0.6
    most: int = 1 << 30
    """Pieces after which it wants no more."""
    got: list[bytes] = field(default_factory=list)
    held: bool = False

    def take(self, octets: bytes) -> bool:
        assert not gc.isenabled(), "no garbage is collected in the middle of a read"
        self.got.append(octets)
        self.log.append(self)
        self.time.now += self.cost
        return len(self.got) < self.most

    def hold(self) -> None:
        assert not self.held
        self.held = True

    def release(self) -> None:
        self.held = False


def made(count: int) -> tuple[FairShare, list[Someone], list[Someone]]:
    time, log = Time(), list[Someone]()
    return FairShare(asyncio.get_running_loop(), time), [Someone(time, log) for _ in range(count)], log


async def test_a_turn_ends_and_everybody_has_a_piece_before_anybody_has_the_next() -> None:
    share, readers, log = made(5)
    tables = [bytes((number,)) * (3 * PIECE + 1) for number in range(5)]
    for reader, octets in zip(readers, tables, strict=True):
        share.read(reader, octets)
    assert log == [readers[0]] * 2, "two pieces fill a turn; who comes later waits"
    assert all(reader.held for reader in readers) and len(share) == 5
    sizes = []
    while len(share):
        before = len(log)
        await asyncio.sleep(0)
        sizes.append(len(log) - before)
    assert set(sizes) == {2}, "each turn deals with what fits into it, and goes on"
    assert log[2:12] == readers * 2, "a piece of each in turn"
    assert all(not reader.held for reader in readers)
    assert [b"".join(reader.got) for reader in readers] == tables, "whole, and in order"
    assert gc.isenabled()


async def test_what_is_short_does_not_wait() -> None:
    """A KEEPALIVE of one session is not late because fifty others load."""
    share, readers, _ = made(3)
    for reader in readers[:2]:
        share.read(reader, bytes(10 * PIECE))
    share.read(readers[2], bytes(19))
    assert readers[2].got == [bytes(19)] and not readers[2].held


async def test_one_piece_at_a_time_is_dealt_with_however_long_it_takes() -> None:
    share, (reader,), log = made(1)
    reader.cost = 10 * TURN
    share.read(reader, bytes(2 * PIECE))
    assert len(log) == 1 and reader.held
    await asyncio.sleep(0)
    assert len(log) == 2 and not reader.held


async def test_who_wants_no_more_is_let_go() -> None:
    share, (one, two), log = made(2)
    one.most = 1
    share.read(one, bytes(5 * PIECE))
    assert not one.held and not len(share)
    share.read(two, bytes(PIECE))
    assert log == [one, two] and not two.held


async def test_a_turn_in_which_nothing_waits_begins_a_new_share() -> None:
    share, (reader,), log = made(1)
    for _ in range(3):
        share.read(reader, bytes(2 * PIECE))
        assert not reader.held
        await asyncio.sleep(0)
    assert len(log) == 6
