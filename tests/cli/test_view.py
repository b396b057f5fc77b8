"""The live view's board, kept from events alone."""

from __future__ import annotations

from simulator.cli.board import Board
from simulator.peer.events import BgpStateChanged, RoutesAnnounced, RoutesWithdrawn
from simulator.rib.adj_in import AdjRibIn
from simulator.session.messages import Family
from simulator.session.session import BgpTransition
from simulator.session.states import BgpState
from tests.rib.support import attribute_set
from tests.topologies import build, document


def test_what_is_received_is_what_is_held_however_often_it_was_announced() -> None:
    board, rib, attributes = Board(build(document())), AdjRibIn(), attribute_set((), 64496)
    session, row = next(iter(board.rows.items()))
    keys = tuple(bytes((24, 20, 0, number)) for number in range(5))

    def announce(*some: bytes) -> None:
        added = rib.announce(Family.IPV4, some, attributes, {})
        board.take(RoutesAnnounced(session, 1.0, Family.IPV4, some, attributes, added))

    announce(*keys[:3])
    announce(*keys[1:])
    announce(*keys, keys[0])
    assert row.received == rib.received == 5
    board.take(RoutesWithdrawn(session, 2.0, Family.IPV4, tuple(rib.withdraw(Family.IPV4, keys[:2]))))
    announce(keys[0])
    assert row.received == rib.received == 4
    board.take(BgpStateChanged(session, BgpTransition(3.0, BgpState.ESTABLISHED, BgpState.IDLE, "it ended")))
    assert row.received == 0
