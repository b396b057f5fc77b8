"""The event log: append-only, in order; the live view, the checks and the report all read it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.connection.connection import ConnectionTransition
from simulator.engine.datafiles import DataFileRead
from simulator.peer.events import (
    BgpStateChanged,
    CallerRefused,
    EndOfRib,
    GateMoved,
    GateWithheld,
    MalformedUpdate,
    MessageIgnored,
    NotificationExchanged,
    PolicyApplied,
    PrefixLimit,
    RoutesAnnounced,
    RoutesWithdrawn,
    SpeakerEvent,
    UnknownPeer,
)
from simulator.session.messages import Family
from simulator.speakers.dispatch import dispatch
from simulator.views.check import CheckView
from simulator.wire import nlri

_FAMILIES = {family.label: family for family in Family}


@dataclass(frozen=True, slots=True)
class ConnectionMoved:
    """A peering connection changed its state."""

    connection: str
    transition: ConnectionTransition

    @property
    def time(self) -> float:
        return self.transition.time


@dataclass(frozen=True, slots=True)
class CheckEnded:
    """A check of the catalogue ended."""

    time: float
    connection: str
    result: CheckView


@dataclass(frozen=True, slots=True)
class Said:
    """A step of the rehearsal, in words."""

    time: float
    text: str
    connection: str = ""


Event = ConnectionMoved | CheckEnded | Said | DataFileRead | SpeakerEvent


_ROUTES = (RoutesAnnounced, RoutesWithdrawn, GateWithheld, MalformedUpdate)


@dataclass(slots=True)
class EventLog:
    """Every event once, in the order in which it happened."""

    most: int | None = None
    """How many events are kept at most; None: all of them, as a report needs. With a bound no routes are kept at all,
    whose prefixes would be most of it."""
    entries: list[Event] = field(default_factory=list)
    _listeners: list[Callable[[Event], None]] = field(default_factory=list)
    _waiting: set[asyncio.Future[None]] = field(default_factory=set)

    def append(self, event: Event) -> None:
        """Keep it and tell it. A listener that fails keeps nobody else from hearing it, nor a gate from following."""
        self._keep(event)
        for listener in self._listeners:
            dispatch(listener, event)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _keep(self, event: Event) -> None:
        if self.most is not None:
            if isinstance(event, _ROUTES):
                return
            if len(self.entries) >= self.most:
                del self.entries[: self.most // 2]
        self.entries.append(event)

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        self._listeners.append(listener)

    async def next_event(self, within: float) -> bool:
        """Wait for anything to happen, at most `within` seconds. False when nothing did."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with the event.
            async with asyncio.timeout(max(within, 0)):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(waiter)
        return True

    def rows(self) -> Iterator[dict[str, Any]]:
        """Flat, JSON-serialisable rows: the content of events.jsonl."""
        for number, event in enumerate(self.entries, 1):
            yield {"seq": number, **row(event)}


def short_time(when: float) -> str:
    """UTC, as BIRD writes it with `timeformat route iso long`."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S")


def timestamp(when: float) -> str:
    """UTC, RFC 3339 with microseconds."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _texts(family: Family, keys: tuple[bytes, ...]) -> list[str]:
    return [nlri.text(family, key) for key in keys]


def row(event: Event) -> dict[str, Any]:
    """One event as a flat row. `axis` says which of the two state machines a change is of."""
    match event:
        case ConnectionMoved(connection, step):
            return {
                "time": timestamp(step.time),
                "event": "connection-state",
                "axis": "connection",
                "connection": connection,
                "from": step.source.value,
                "to": step.target.value,
                "reason": step.reason,
                "actor": step.actor.value,
                "source": step.evidence,
            }
        case CheckEnded(time, connection, result):
            return {
                "time": timestamp(time),
                "event": "check",
                "connection": connection,
                "check": result.id,
                "status": result.status.value,
                "evidence": list(result.evidence),
                "causes": [cause.id for cause in result.causes],
            }
        case Said(time, text, connection):
            return {"time": timestamp(time), "event": "step", "connection": connection, "text": text}
        case BgpStateChanged(session, change):
            return {
                "time": timestamp(change.time),
                "event": "bgp-state",
                "axis": "bgp",
                "session": session,
                "from": change.source.value,
                "to": change.target.value,
                "reason": change.reason,
            }
        case NotificationExchanged(session, seen):
            return {
                "time": timestamp(seen.time),
                "event": "notification",
                "session": session,
                "direction": "sent" if seen.sent else "received",
                "code": int(seen.notification.code),
                "subcode": int(seen.notification.subcode),
                "text": str(seen.notification),
            }
        case RoutesAnnounced(session, time, family, keys, attributes):
            return {
                "time": timestamp(time),
                "event": "routes-received",
                "session": session,
                "family": family.label,
                "count": len(keys),
                "as-path": attributes.path.as_path_text,
                "rules": [hit.rule for hit in attributes.hits],
                "prefixes": _texts(family, keys),
            }
        case RoutesWithdrawn(session, time, family, keys, malformed):
            return {
                "time": timestamp(time),
                "event": "routes-withdrawn",
                "session": session,
                "family": family.label,
                "count": len(keys),
                "malformed": malformed,
                "prefixes": _texts(family, keys),
            }
        case MalformedUpdate():
            return {
                "time": timestamp(event.time),
                "event": "malformed-update",
                "session": event.session,
                "family": event.family.label if event.family else "",
                "outcome": event.outcome.label,
                "attribute": event.attribute,
                "reason": event.reason,
                "clause": event.clause,
                "octets": event.octets.hex(),
                "update": event.update.hex(),
                "prefixes": _texts(event.family, event.keys) if event.family else [],
            }
        case PrefixLimit(session, time, level, count, rule):
            return {
                "time": timestamp(time),
                "event": "prefix-limit",
                "session": session,
                "level": level.name.lower(),
                "count": count,
                "limit": rule.limit,
                "action": rule.action.value,
            }
        case EndOfRib(session, time, family):
            return {"time": timestamp(time), "event": "end-of-rib", "session": session, "family": family.label}
        case MessageIgnored(session, time, reason):
            return {"time": timestamp(time), "event": "message-ignored", "session": session, "reason": reason}
        case GateWithheld(session, held):
            return {
                "time": timestamp(held.time),
                "event": "gate-withheld",
                "session": session,
                "direction": held.direction.value,
                "family": held.family,
                "count": len(held.nlri),
                "reason": held.why,
                "prefixes": _texts(_FAMILIES[held.family], held.nlri),
            }
        case GateMoved(session, time, is_open, sent, taken, cut):
            reset = {"session-reset": str(cut), "nlri-handed": cut.handed, "octets-not-taken": cut.held} if cut else {}
            return {
                "time": timestamp(time),
                "event": "gate-lifted" if is_open else "gate-denied",
                "session": session,
                "nlri-sent" if is_open else "nlri-withdrawn": sent,
                "routes-taken" if is_open else "routes-removed": taken,
                **reset,
            }
        case PolicyApplied(session, time, refused, accepted):
            return {
                "time": timestamp(time),
                "event": "policy-applied",
                "session": session,
                "routes-refused": refused,
                "routes-accepted": accepted,
            }
        case DataFileRead(time, key, file, error, left_out):
            told = {"time": timestamp(time), "event": "policy-data", "data": key, "file": file}
            return {**told, "error": error, "left-out": left_out}
        case UnknownPeer():
            return {
                "time": timestamp(event.time),
                "event": "unknown-peer",
                "speaker": event.speaker,
                "address": event.address,
                "why": "not a configured peer",
                "again": None,
                "count": event.count,
            }
        case CallerRefused():
            return {
                "time": timestamp(event.time),
                "event": "caller-refused",
                "session": event.session,
                "address": event.address,
                "why": event.why,
                "again": None if event.again is None else timestamp(event.again),
                "count": event.count,
            }
