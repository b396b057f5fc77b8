"""What a rehearsal looks like while it runs: a live view on a terminal, plain lines elsewhere.

The peering connection's state and the BGP FSM's state always stand side by side, each under its own name.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulator.connection.states import ConnectionState
from simulator.engine.datafiles import DataFileRead
from simulator.engine.log import CheckEnded, ConnectionMoved, Event, Said
from simulator.peer.events import (
    BgpStateChanged,
    GateMoved,
    GateWithheld,
    NotificationExchanged,
    PolicyApplied,
    PrefixLimit,
    RoutesAnnounced,
    RoutesWithdrawn,
)
from simulator.session.states import BgpState
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology
from simulator.views.check import CheckView, Status
from simulator.views.states import STATUS_STYLE, style_of

_FRAME = 0.125
"""Seconds between two pictures of the live view."""


@dataclass(slots=True)
class _Row:
    plan: SessionPlan
    bgp: BgpState = BgpState.IDLE
    gate_open: bool = False
    received: int = 0
    sent: int = 0


@dataclass(slots=True)
class Board:
    """The state of everything, kept from the events alone."""

    topology: Topology
    connections: dict[str, ConnectionState] = field(default_factory=dict)
    rows: dict[str, _Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for plan in plans(self.topology):
            self.connections[plan.connection] = ConnectionState.NONE
            self.rows[plan.id] = _Row(plan)

    def take(self, event: Event) -> None:
        match event:
            case ConnectionMoved(connection, step):
                self.connections[connection] = step.target
            case BgpStateChanged(session, change) if session in self.rows:
                row = self.rows[session]
                row.bgp = change.target
                if change.source is BgpState.ESTABLISHED:
                    row.received, row.sent = 0, 0
            case RoutesAnnounced(session) if session in self.rows:
                self.rows[session].received += event.added
            case RoutesWithdrawn(session, _, _, keys, _) if session in self.rows:
                self.rows[session].received -= len(keys)
            case GateMoved(session, _, is_open, sent, _) if session in self.rows:
                self.rows[session].gate_open = is_open
                self.rows[session].sent = sent if is_open else 0
            case _:
                pass

    def connection_of(self, session: str) -> ConnectionState:
        """The connection that a session belongs to; of one that an API asked for, by its name."""
        if session in self.rows:
            return self.connections[self.rows[session].plan.connection]
        mine = [state for name, state in self.connections.items() if session.startswith(name + "/")]
        return mine[-1] if mine else ConnectionState.NONE


def _clock(when: float) -> str:
    return datetime.fromtimestamp(when).strftime("%H:%M:%S.%f")[:-3]


def _moved(axis: str, source: object, target: object, style: str) -> Text:
    if source is target:
        return Text.assemble((f"{axis} ", "bold"), "stays ", (str(target), style))
    return Text.assemble((f"{axis} ", "bold"), f"{source} → ", (str(target), style))


def line(event: Event, board: Board) -> Text | None:
    """One event as one line, or None for those that say nothing to a person."""
    match event:
        case ConnectionMoved(connection, step):
            moved = _moved("connection", step.source, step.target, style_of(step.target))
            return Text.assemble((_clock(step.time), "dim"), f"  {connection:<34} ", moved, (f"  {step.reason}", "dim"))
        case BgpStateChanged(session, change):
            moved = _moved("BGP", change.source, change.target, style_of(change.target))
            side = Text.assemble(
                (f"  [connection {board.connection_of(session)}]", "dim"), (f"  {change.reason}", "dim")
            )
            return Text.assemble((_clock(change.time), "dim"), f"  {session:<34} ", moved, side)
        case NotificationExchanged(session, seen):
            text = f"NOTIFICATION {'sent' if seen.sent else 'received'}: {seen.notification}"
            return Text.assemble((_clock(seen.time), "dim"), f"  {session:<34} ", (text, "yellow"))
        case GateMoved(session, when, is_open, sent, taken, cut):
            word, style = ("lifted", "bold green") if is_open else ("denied", "magenta")
            done = (
                f"{sent} NLRI sent, {taken} routes taken"
                if is_open
                else f"{sent} NLRI withdrawn, {taken} routes removed{f', session reset: {cut}' if cut else ''}"
            )
            return Text.assemble(
                (_clock(when), "dim"), f"  {session:<34} ", ("policy ", "bold"), (word, style), f"  {done}"
            )
        case GateWithheld(session, held):
            text = f"withheld {len(held.nlri)} NLRI {held.direction.value}"
            return Text.assemble(
                (_clock(held.time), "dim"), f"  {session:<34} ", ("gate ", "bold"), text, (f"  {held.why}", "dim")
            )
        case PrefixLimit(session, when, level, count, rule):
            text = f"{count} prefixes, limit {rule.limit}: {level.name.lower()}, action {rule.action.value}"
            return Text.assemble((_clock(when), "dim"), f"  {session:<34} ", ("max-prefix ", "bold"), (text, "yellow"))
        case PolicyApplied(session, when, refused, accepted):
            text = f"{refused} routes are refused now, {accepted} are acceptable now"
            return Text.assemble((_clock(when), "dim"), f"  {session:<34} ", ("policy judged again ", "bold"), text)
        case DataFileRead(when, key, file, error, left_out):
            what, style = (f"{error}: the data read before stay in force", "red") if error else ("read again", "green")
            if left_out:
                what, style = left_out, "yellow"
            head = f"  policy.data.{key} "
            return Text.assemble((_clock(when), "dim"), head, (f"{file}: ", "bold"), (what, style))
        case CheckEnded(when, connection, result):
            return Text.assemble((_clock(when), "dim"), f"  {connection:<34} ", check_line(result))
        case Said(when, text, connection):
            return Text.assemble((_clock(when), "dim"), f"  {connection:<34} " if connection else "  ", (text, "bold"))
        case _:
            return None


def check_line(result: CheckView) -> Text:
    """`S1 success  The OPEN carries …` and, where it failed, what was seen."""
    status = result.status
    text = Text.assemble(f"check {result.id:<4} ", (f"{status.value:<8}", STATUS_STYLE[status]), f" {result.title}")
    if status in (Status.FAILURE, Status.ERROR) and result.evidence:
        text.append(f": {result.evidence[0]}", "dim")
    return text


class PlainView:
    """One line an event, as it happens."""

    def __init__(self, topology: Topology, console: Console) -> None:
        self.board = Board(topology)
        self._console = console

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def take(self, event: Event) -> None:
        self.board.take(event)
        text = line(event, self.board)
        if text is not None:
            self.show(text)

    def show(self, text: Text) -> None:
        """Print what is no event."""
        self._console.print(text, soft_wrap=True, highlight=False)


class LiveView:
    """A table of the sessions redrawn in place; every state change scrolls by above it and stays."""

    def __init__(self, topology: Topology, console: Console) -> None:
        self.board = Board(topology)
        self._console = console
        self._minor: deque[Text] = deque(maxlen=4)
        self._started = time.monotonic()
        self._step = "building the lab"
        self._live = Live(console=console, get_renderable=self._render, auto_refresh=False, transient=True)
        # Drawing takes milliseconds: a thread of its own does it, so that no session waits for a terminal.
        self._painter = threading.Thread(target=self._paint, name="turnup-view", daemon=True)
        self._lasting: deque[Text] = deque()
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
            batch = [self._lasting.popleft() for _ in range(len(self._lasting))]
            if batch:
                self._console.print(Group(*batch), highlight=False)
            while self._blocks:
                self._console.print(self._blocks.popleft(), soft_wrap=True, highlight=False)
            self._live.refresh()

    def take(self, event: Event) -> None:
        self.board.take(event)
        if isinstance(event, Said):
            self._step = event.text
        elif isinstance(event, ConnectionMoved):
            self._step = f"{event.connection}: {event.transition.reason}"
        text = line(event, self.board)
        if text is not None:
            text.no_wrap, text.overflow = True, "ellipsis"
            if isinstance(event, GateWithheld | Said) or (isinstance(event, CheckEnded) and event.result.holds):
                self._minor.append(text)
            else:
                self._lasting.append(text)

    def show(self, text: Text) -> None:
        """Print what is no event; lines of any length, to be copied whole."""
        self._blocks.append(text)

    def _render(self) -> RenderableType:
        elapsed, topology = time.monotonic() - self._started, self.board.topology
        head = Text.assemble(
            ("turnup ", "bold"),
            topology.name,
            (f"   {elapsed:5.1f} s elapsed, soak {topology.times.soak:g} s, ", "dim"),
            (f"deadline {topology.deadline:g} s a validation", "dim"),
        )
        step = Text.assemble(("▸ ", "bold cyan"), self._step, no_wrap=True, overflow="ellipsis")
        return Group(head, step, self._table(), *list(self._minor))

    def _table(self) -> Table:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        for name in ("Neighbor", "AS", "Edge", "Connection", "BGP", "Policy"):
            table.add_column(name, overflow="fold")
        for name in ("Received", "Sent"):
            table.add_column(name, justify="right")
        for row in list(self.board.rows.values()):
            state = self.board.connections[row.plan.connection]
            table.add_row(
                str(row.plan.peer_address),
                str(row.plan.peer.asn),
                row.plan.edge.name,
                Text(state.value, style_of(state)),
                Text(row.bgp.value, style_of(row.bgp)),
                Text("lifted", "bold green") if row.gate_open else Text("DENY ALL", "red"),
                str(row.received),
                str(row.sent),
            )
        return table
