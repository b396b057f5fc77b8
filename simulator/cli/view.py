"""What a rehearsal looks like while it runs: a live view on a terminal, plain lines elsewhere.

The peering connection's state and the BGP FSM's state always stand side by side, each under its own name.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from simulator.cli.board import Board
from simulator.cli.event_lines import EventLine, WithheldSums, event_line
from simulator.cli.paragraphs import hanging, paragraph
from simulator.cli.sessions import session_lines
from simulator.connection.states import ConnectionState
from simulator.engine.log import ConnectionMoved, Event, Remark
from simulator.peer.events import GateWithheld
from simulator.topology.schema import Topology

_FRAME = 0.125
"""Seconds between two pictures of the live view."""
_MINOR = 4
"""Events of passing interest below the table."""
_LEAST_ROWS = 6
"""Lines that the table has, however low the terminal is."""
_COUNTS = (("Received", "in"), ("Sent", "out"))


class PlainView:
    """One line an event, as it happens."""

    def __init__(
        self,
        topology: Topology,
        console: Console,
        known: Callable[[str], ConnectionState | None] = lambda connection: None,
    ) -> None:
        """`known` as for `Board`."""
        self.board = Board(topology, known)
        self._console = console
        self._withheld = WithheldSums()

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        self._say(self._withheld.rest())

    def take(self, event: Event) -> None:
        self.board.take(event)
        if isinstance(event, GateWithheld):
            self._withheld.add(event)
            return
        line = event_line(event, self.board)
        self._say([*self._withheld.taken(event), *([line] if line else [])])

    def _say(self, lines: list[EventLine]) -> None:
        styled = self._console.is_terminal or self._console.color_system is not None
        for line in lines:
            if styled or "\t" in (plain := line.plain):
                self.show(line.whole())
            else:  # rich takes a millisecond to come to the same, and a lab has thousands of lines
                self._console.file.write(f"{plain}\n")
        if not styled:
            self._console.file.flush()

    def show(self, text: Text) -> None:
        """Print what is no event."""
        self._console.print(text, soft_wrap=True, highlight=False)


class LiveView:
    """A table of the sessions redrawn in place; every state change scrolls by above it and stays."""

    def __init__(self, topology: Topology, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self.board = Board(topology)
        self._console = console
        self._withheld = WithheldSums()
        self._minor: dict[object, EventLine] = {}
        self._now = now
        self._started = now()
        self._step = "building the lab"
        self._live = Live(
            console=console,
            get_renderable=lambda: Group(*self.picture()),
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
        )
        # Drawing takes milliseconds: a thread of its own does it, so that no session waits for a terminal.
        self._painter = threading.Thread(target=self._paint, name="turnup-view", daemon=True)
        self._lasting: deque[EventLine] = deque()
        self._blocks: deque[Text] = deque()
        self._over = threading.Event()

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        self._painter.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._over.set()
        self._painter.join()
        self._live.__exit__(None, None, None)

    def _paint(self) -> None:
        over = False
        while not over:
            over = self._over.wait(_FRAME)
            if lasting := self.lasting():
                self._console.print(Group(*lasting), highlight=False)
            while self._blocks:
                self._console.print(self._blocks.popleft(), soft_wrap=True, highlight=False)
            self._live.refresh()

    def take(self, event: Event) -> None:
        self.board.take(event)
        if isinstance(event, Remark):
            self._step = event.text
        elif isinstance(event, ConnectionMoved):
            self._step = f"{event.connection}: {event.transition.reason}"
        if isinstance(event, GateWithheld):
            self._note(event.session, self._withheld.add(event))
            return
        line = event_line(event, self.board)
        if line is None:
            return
        if line.minor:
            self._note(object(), line)
        else:
            self._lasting.append(line)

    def _note(self, subject: object, line: EventLine) -> None:
        """Keep a line of passing interest; a session has one for all that its gate withheld."""
        minor = {key: each for key, each in self._minor.items() if key != subject}
        self._minor = dict([*minor.items(), (subject, line)][-_MINOR:])

    def show(self, text: Text) -> None:
        """Print what is no event; lines of any length, to be copied whole."""
        self._blocks.append(text)

    def lasting(self) -> list[Text]:
        """The lines that have come since the last call, and that stay."""
        batch = [self._lasting.popleft() for _ in range(len(self._lasting))]
        return [text for line in batch for text in line.lines(self._console)]

    def picture(self) -> list[Text]:
        """What stands below them now, in no more lines than the terminal has."""
        console, topology = self._console, self.board.topology
        elapsed = self._now() - self._started
        times = (
            f"{elapsed:.1f} s elapsed, soak {topology.times.soak:g} s, deadline {topology.deadline:g} s a validation"
        )
        head = paragraph(console, Text.assemble(("turnup ", "bold"), topology.name, (f"  {times}", "dim")))
        step = hanging(console, Text("▸", "bold cyan"), Text(self._step), 2)
        room = console.height - len(head) - len(step) - 3
        minor: list[Text] = []
        for line in reversed(self._minor.values()):
            lines = line.lines(console)
            if len(minor) + len(lines) > room - _LEAST_ROWS:
                break
            minor = [*lines, *minor]
        table = session_lines(console, self.board.sessions(), _COUNTS, max(_LEAST_ROWS, room - len(minor)))
        return [*head, *step, Text(), *table, Text(), *minor]
