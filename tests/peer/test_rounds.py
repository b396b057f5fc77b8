"""A session's memory does not grow with the rounds behind it: announced, withdrawn, reset, lifted, denied."""

from __future__ import annotations

import pytest

from simulator.peer import attribute_sets
from simulator.rib.loc import LocRib
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import KEEPALIVE
from simulator.wire.update import end_of_rib, pack_announcements
from tests import held
from tests.peer.bench import Bench, Line
from tests.speakers.support import (
    LOOPBACK6,
    PEER4,
    PEER_AS,
    V4,
    V6,
    announcement,
    prefixes,
    raw_open,
    raw_withdrawals,
)

ROUNDS = 24
SETS, EACH = 40, 5
"""Sets of attributes a round, and prefixes a set."""
HOPS = {V4: PEER4, V6: LOOPBACK6 + 1}


def up(bench: Bench) -> Line:
    bench.advance(600)
    line = bench.answer() if bench.is_dialling else bench.call()
    line.says(raw_open(line.bench.peer.config.family) + KEEPALIVE)
    assert bench.peer.bgp_state is BgpState.ESTABLISHED
    return line


def updates(keys: tuple[bytes, ...], number: int, family: Family) -> bytes:
    """Attributes that never were before, the communities apart of ASNs that were."""
    more = {"communities": (number + 1, number + 2, number + 3)}
    path = (AsSegment(SegmentKind.SEQUENCE, (PEER_AS, 13_000 + number % SETS)),)
    raw = encode(PathAttributes(as_path=path, next_hop=HOPS[family], **more), asn4=True)  # type: ignore[arg-type]
    return b"".join(message for message, _ in pack_announcements(family, raw, HOPS[family].packed, keys, 4096))


def a_round(line: Line, number: int, *, withdrawn: bool) -> None:
    """A table that never was before; withdrawn at its end, or left to a reset."""
    peer = line.bench.peer
    family = peer.config.family
    keys = prefixes(family, SETS * EACH, first=number * SETS * EACH)
    for at in range(SETS):
        line.says(updates(keys[at * EACH : (at + 1) * EACH], number * SETS + at, family))
    line.says(end_of_rib(family))
    assert (peer.adj_in.received, peer.adj_in.accepted) == (len(keys), len(keys))
    if withdrawn:
        line.says(raw_withdrawals(keys, family))
    else:
        line.bench.lose(line, fin=True)
    assert peer.adj_in.received == 0


@pytest.mark.parametrize("family", [V4, V6])
@pytest.mark.parametrize("lifted", [True, False], ids=["lifted", "denied"])
@pytest.mark.parametrize("way", ["withdrawn", "reset", "withdrawn and reset by turns"])
def test_rounds_leave_nothing(way: str, lifted: bool, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribute_sets, "_SWEPT", SETS)
    bench = Bench(family, (announcement(family, prefixes(family, 3)),), LocRib())
    bench.start()
    line = up(bench)
    if lifted:
        bench.lift()
    taken = list[int]()
    for number in range(ROUNDS):
        a_round(line, number, withdrawn=way == "withdrawn" or (number % 2 == 0 and "turns" in way))
        if not line.is_up:
            line = up(bench)
        taken.append(held.octets(bench.peer))
        if number % 5 == 4 and lifted:
            bench.deny()
            bench.lift()
    half = ROUNDS // 2
    assert max(taken[half:]) <= max(taken[:half]) * 1.02
