"""The live view's board, kept from events alone."""

from __future__ import annotations

import io

from rich.console import Console

from simulator.cli.board import Board
from simulator.cli.event_lines import event_line
from simulator.cli.view import PlainView
from simulator.engine.log import Event, Remark
from simulator.peer.events import BgpStateChanged, RoutesAnnounced, RoutesWithdrawn
from simulator.rib.adj_in import AdjRibIn
from simulator.session.messages import Family
from simulator.session.outputs import BgpTransition
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


def test_a_log_has_the_very_lines_that_rich_would_print() -> None:
    """Long ones, other alphabets, tabs and control characters too."""
    texts = ["one", "a [bold]word[/bold] " * 40, "Zürich ✓ 東京", "a\ttab", "\x1b[31mred\x07", ""]
    events: list[Event] = [
        *(Remark(1.0, text, connection) for text in texts for connection in ("", "p/c")),
        BgpStateChanged("s", BgpTransition(3.0, BgpState.ESTABLISHED, BgpState.IDLE, "it ended")),
    ]
    said, printed = io.StringIO(), io.StringIO()
    console = Console(file=printed, width=140)
    with PlainView(build(document()), Console(file=said, width=140)) as view:
        for event in events:
            view.take(event)
    for event in events:
        line = event_line(event, view.board)
        assert line is not None
        console.print(line.whole(), soft_wrap=True, highlight=False)
    assert said.getvalue() == printed.getvalue()
