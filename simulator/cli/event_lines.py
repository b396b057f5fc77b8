"""Every event that says something to a person, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.text import Text

from simulator.cli.board import Board
from simulator.cli.paragraphs import hanging
from simulator.counts import count_of
from simulator.engine.datafiles import DataFileRead
from simulator.engine.log import CheckEnded, ConnectionMoved, Event, Remark, WatchTold
from simulator.gate import Direction
from simulator.peer.events import (
    BgpStateChanged,
    EndOfRib,
    GateMoved,
    GateWithheld,
    NotificationExchanged,
    PolicyApplied,
    PrefixLimit,
)
from simulator.views.check import CheckView
from simulator.views.diagnosis import WHO_ACTS
from simulator.views.states import STATUS_STYLE, style_of

_WIDE = 100
"""From this width on times, names and words stand in columns of their own."""
_SUBJECT = 34


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event in words."""

    time: float
    subject: str
    """The connection or session that it is of; empty where it is of the whole rehearsal."""
    body: Text
    minor: bool = False
    """Soon of no interest: a live view lets it go."""

    def whole(self) -> Text:
        """In one line of any length, for a log."""
        subject = f"{self.subject:<{_SUBJECT}} " if self.subject else ""
        return Text.assemble((_clock(self.time), "dim"), f"  {subject}", self.body)

    @property
    def plain(self) -> str:
        """`whole` without its styles."""
        subject = f"{self.subject:<{_SUBJECT}} " if self.subject else ""
        return f"{_clock(self.time)}  {subject}{self.body.plain}"

    def lines(self, console: Console) -> list[Text]:
        """In lines of the terminal's width."""
        if console.width >= _WIDE:
            head = Text.assemble((_clock(self.time), "dim"), f"  {self.subject}" if self.subject else "")
            return hanging(console, head, self.body, 14 + (_SUBJECT + 1 if self.subject else 0))
        body = Text.assemble(f"{self.subject}  ", self.body) if self.subject else self.body
        return hanging(console, Text(_clock(self.time)[:8], "dim"), body, 9)


def event_line(event: Event, board: Board) -> EventLine | None:
    """One event, or None for those that say nothing to a person; NLRI that a gate withheld are summed elsewhere."""
    match event:
        case ConnectionMoved(connection, step):
            moved = _moved("connection", step.source, step.target, style_of(step.target))
            return EventLine(step.time, connection, Text.assemble(moved, (f"  {step.reason}", "dim")))
        case BgpStateChanged(session, change):
            moved = _moved("BGP", change.source, change.target, style_of(change.target))
            side = f"  [connection {board.connection_of(session)}]  {change.reason}"
            return EventLine(change.time, session, Text.assemble(moved, (side, "dim")))
        case NotificationExchanged(session, seen):
            text = f"NOTIFICATION {'sent' if seen.sent else 'received'}: {seen.notification}"
            return EventLine(seen.time, session, Text(text, "yellow"))
        case GateMoved(session, when, is_open, sent, taken, cut):
            word, style = ("lifted", "bold green") if is_open else ("denied", "magenta")
            done = (
                f"{sent} NLRI sent, {count_of(taken, 'route')} taken"
                if is_open
                else f"{sent} NLRI withdrawn, {count_of(taken, 'route')} removed"
                f"{f', session reset: {cut}' if cut else ''}"
            )
            return EventLine(when, session, Text.assemble(("policy ", "bold"), (word, style), f"  {done}"))
        case PrefixLimit(session, when, level, count, rule):
            held = count_of(count, "prefix", "prefixes")
            text = f"{held}, limit {rule.limit}: {level.name.lower()}, action {rule.action.value}"
            return EventLine(when, session, Text.assemble(("max-prefix ", "bold"), (text, "yellow")))
        case PolicyApplied(session, when, refused, accepted):
            are = "is" if refused == 1 else "are"
            text = f"{count_of(refused, 'route')} {are} refused now, {accepted:,} acceptable now"
            return EventLine(when, session, Text.assemble(("policy judged again ", "bold"), text))
        case DataFileRead(when, key, file, error, left_out):
            what, style = (f"{error}: the data read before stay in force", "red") if error else ("read again", "green")
            if left_out:
                what, style = left_out, "yellow"
            return EventLine(when, "", Text.assemble(f"policy.data.{key} ", (f"{file}: ", "bold"), (what, style)))
        case CheckEnded(when, connection, result):
            return EventLine(when, connection, check_line(result), minor=result.holds)
        case WatchTold(when, _, session, result, over):
            return EventLine(
                when, session, Text(f"{result.id} is over: {result.title}") if over else check_line(result)
            )
        case Remark(when, text, connection):
            return EventLine(when, connection, Text(text, "bold"), minor=True)
        case _:
            return None


def check_line(result: CheckView) -> Text:
    """`S1 success  The OPEN carries …`; where it failed, why, and who has to act, else what was seen."""
    status = result.status
    text = Text.assemble(f"check {result.id:<4} ", (f"{status.value:<8}", STATUS_STYLE[status]), " ")
    if status.bad and result.causes:
        mine = [cause for cause in result.causes if cause.explains[:1] in ((), (result.id,))]
        told = [f"{cause.text} ({WHO_ACTS[cause.side]})" for cause in mine]
        # A cause that an earlier check told already is only named.
        told += [f"{cause.id}, see {cause.explains[0]}" for cause in result.causes if cause not in mine]
        return text.append("; and ".join(told))
    text.append(result.title)
    if status.bad and result.evidence:
        text.append(f": {result.evidence[0]}", "dim")
    return text


@dataclass(slots=True)
class WithheldSums:
    """What gates held back, one line a session: an UPDATE each would bury what matters."""

    _counts: dict[str, Counter[Direction]] = field(default_factory=dict)
    _last: dict[str, GateWithheld] = field(default_factory=dict)

    def add(self, event: GateWithheld) -> EventLine:
        """Count it; returns the session's line up to now."""
        held = event.withheld
        counts = self._counts.setdefault(event.session, Counter())
        counts[held.direction] += len(held.nlri)
        self._last[event.session] = event
        return self._line(event.session)

    def taken(self, event: Event) -> list[EventLine]:
        """The lines of the sessions that an event is of: what is withheld from now on is another sum."""
        match event:
            case ConnectionMoved(connection) | CheckEnded(connection=connection):
                return self._take(lambda session: session.startswith(f"{connection}/"))
            case BgpStateChanged(subject) | GateMoved(subject) | EndOfRib(subject) | NotificationExchanged(subject):
                return self._take(lambda session: session == subject)
            case _:
                return []

    def rest(self) -> list[EventLine]:
        return self._take(lambda _session: True)

    def _take(self, wanted: Callable[[str], bool]) -> list[EventLine]:
        sessions = [session for session in self._counts if wanted(session)]
        lines = [self._line(session) for session in sessions]
        for session in sessions:
            del self._counts[session], self._last[session]
        return lines

    def _line(self, session: str) -> EventLine:
        counts, held = self._counts[session], self._last[session].withheld
        text = ", ".join(f"{counts[direction]} NLRI {direction.value}" for direction in Direction if counts[direction])
        body = Text.assemble(("gate ", "bold"), f"withheld {text}", (f"  {held.why}", "dim"))
        return EventLine(held.time, session, body, minor=True)


def _clock(when: float) -> str:
    """Time of day here, to the millisecond."""
    return datetime.fromtimestamp(when).strftime("%H:%M:%S.%f")[:-3]


def _moved(axis: str, source: object, target: object, style: str) -> Text:
    if source is target:
        return Text.assemble((f"{axis} ", "bold"), "stays ", (str(target), style))
    return Text.assemble((f"{axis} ", "bold"), f"{source} → ", (str(target), style))
