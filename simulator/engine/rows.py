"""Every event as one flat row: what events.jsonl, `/lab/v1/events` and the `edge` command write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from simulator.engine.datafiles import DataFileRead
from simulator.engine.log import CheckEnded, ConnectionMoved, DeliveryFailed, Event, EventLog, Notice, Remark, WatchTold
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
    UnknownPeer,
)
from simulator.session.messages import Family
from simulator.views.check import Cause
from simulator.views.connection import StepView
from simulator.views.document import document
from simulator.views.times import timestamp
from simulator.wire import nlri

_Row = dict[str, Any]
_FAMILIES = {family.label: family for family in Family}


def row(event: Event) -> _Row:
    """One event as a flat row, which `json` takes. Keys are camelCase; `axis` says which state machine moved."""
    name, write = _KINDS[type(event)]
    found: _Row = write(event)
    time = found.pop("time", None) or timestamp(event.time)  # type: ignore[union-attr]
    return {"time": time, "event": found.pop("event", name), **found}


def rows(log: EventLog) -> Iterator[_Row]:
    """The content of events.jsonl: every event of a log with its number."""
    for number, event in enumerate(log.entries, 1):
        yield {"seq": number, **row(event)}


def _texts(family: Family | None, keys: tuple[bytes, ...]) -> list[str]:
    return [nlri.text(family, key) for key in keys] if family else []


def _step(step: StepView) -> _Row:
    return {key: value for key, value in document(step).items() if value != ""}


def _check(event: CheckEnded | WatchTold) -> _Row:
    check = event.result
    return {
        "connection": event.connection,
        "check": check.id,
        "status": check.status.value,
        "evidence": list(check.evidence),
        "causes": [cause.id for cause in check.causes],
        # Each cause in full with the check that it explains first; elsewhere its id is enough.
        "diagnosis": [_cause(cause) for cause in check.causes if cause.explains[:1] in ((), (check.id,))],
    }


def _cause(cause: Cause) -> _Row:
    found = document(cause)
    return {name: found[name] for name in ("id", "side", "sessions", "text", "remedy", "remedyLanguage")}


def _watch(event: WatchTold) -> _Row:
    status = "over" if event.over else event.result.status.value
    return _check(event) | {"session": event.session, "title": event.result.title, "status": status}


def _notification(event: NotificationExchanged) -> _Row:
    seen = event.seen
    return {
        "time": timestamp(seen.time),
        "session": event.session,
        "direction": "sent" if seen.sent else "received",
        **document(seen.notification),
    }


def _announced(event: RoutesAnnounced) -> _Row:
    return {
        "session": event.session,
        "family": event.family.label,
        "count": len(event.keys),
        "asPath": event.attributes.path.as_path_text,
        "rules": [hit.rule for hit in event.attributes.hits],
        "prefixes": _texts(event.family, event.keys),
    }


def _withdrawn(event: RoutesWithdrawn) -> _Row:
    return {
        "session": event.session,
        "family": event.family.label,
        "count": len(event.keys),
        "malformed": event.malformed,
        "prefixes": _texts(event.family, event.keys),
    }


def _malformed(event: MalformedUpdate) -> _Row:
    return {
        "session": event.session,
        "family": event.family.label if event.family else "",
        "outcome": event.outcome.label,
        "attribute": event.attribute,
        "reason": event.reason,
        "clause": event.clause,
        "octets": event.octets.hex(),
        "update": event.update.hex(),
        "prefixes": _texts(event.family, event.keys),
    }


def _limit(event: PrefixLimit) -> _Row:
    return {
        "session": event.session,
        "level": event.level.name.lower(),
        "count": event.count,
        "limit": event.rule.limit,
        "action": event.rule.action.value,
    }


def _withheld(event: GateWithheld) -> _Row:
    held = event.withheld
    return {
        "time": timestamp(held.time),
        "session": event.session,
        "direction": held.direction.value,
        "family": held.family,
        "count": len(held.nlri),
        "reason": held.why,
        "prefixes": _texts(_FAMILIES[held.family], held.nlri),
    }


def _gate(event: GateMoved) -> _Row:
    sent, taken = ("nlriSent", "routesTaken") if event.is_open else ("nlriWithdrawn", "routesRemoved")
    found: _Row = {
        "event": "gate-lifted" if event.is_open else "gate-denied",
        "session": event.session,
        sent: event.sent,
        taken: event.taken,
    }
    if event.cut:
        found |= {
            "sessionReset": str(event.cut),
            "nlriHanded": event.cut.handed,
            "octetsNotTaken": event.cut.held,
        }
    return found


_KINDS: Final[dict[type, tuple[str, Callable[[Any], _Row]]]] = {
    ConnectionMoved: (
        "connection-state",
        lambda event: {"connection": event.connection, **_step(StepView.of_connection(event.transition))},
    ),
    BgpStateChanged: ("bgp-state", lambda event: _step(StepView.of_session(event.session, event.transition))),
    CheckEnded: ("check", _check),
    WatchTold: ("watch", _watch),
    Notice: ("notice", document),
    DeliveryFailed: ("webhook-failed", document),
    Remark: ("step", document),
    NotificationExchanged: ("notification", _notification),
    RoutesAnnounced: ("routes-received", _announced),
    RoutesWithdrawn: ("routes-withdrawn", _withdrawn),
    MalformedUpdate: ("malformed-update", _malformed),
    PrefixLimit: ("prefix-limit", _limit),
    EndOfRib: ("end-of-rib", document),
    MessageIgnored: ("message-ignored", document),
    GateWithheld: ("gate-withheld", _withheld),
    GateMoved: ("", _gate),
    PolicyApplied: (
        "policy-applied",
        lambda event: {
            "session": event.session,
            "routesRefused": event.refused,
            "routesAccepted": event.accepted,
        },
    ),
    DataFileRead: (
        "policy-data",
        lambda event: {"data": event.key, "file": event.file, "error": event.error, "leftOut": event.left_out},
    ),
    UnknownPeer: ("unknown-peer", lambda event: {**document(event), "why": "not a configured peer", "again": None}),
    CallerRefused: ("caller-refused", document),
}
"""Class of an event → its name, and what of it is written."""
