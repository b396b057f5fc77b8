"""What the pages of Microsoft's desk share: its tabs, and which of the operator's verbs apply to a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastapi import Response

from simulator.azure.model.errors import RefusalError
from simulator.azure.provider.provider import Provider
from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionEvent, ConnectionState, Conversion
from simulator.connection.table import Facts, possible
from simulator.engine.awaited import awaited
from simulator.engine.control import ConnectionRecord
from simulator.engine.verbs import VERBS, Verb
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PageError, Visit

DESK_TABS: Final[list[tuple[str, str]]] = [
    ("Queue", "/desk"),
    ("Connections", "/desk/connections"),
    ("Prefix reviews", "/desk/prefixes"),
    ("Delays and rules", "/desk/settings"),
    ("Faults", "/desk/faults"),
]
"""(text, path), in order."""
_CONVERSION_EVENTS: Final = {
    ConnectionEvent.APPROVED: ConnectionEvent.LEGACY_CONVERTED,
    ConnectionEvent.REJECTED: ConnectionEvent.CONVERSION_REJECTED,
}
"""What these verbs bring about while a conversion is reviewed."""
MESSAGE_AT_MOST: Final = 500


def desk_page(
    visit: Visit,
    tab: str,
    template: str,
    title: str,
    *,
    status: int = 200,
    problems: Problems = NO_PROBLEMS,
    **data: Any,
) -> Response:
    """A page of the desk. The template extends `desk_base.html` and fills `tab`."""
    tabs = [(text, path, path == tab) for text, path in DESK_TABS]
    return visit.page(template, title, status=status, problems=problems, tabs=tabs, **data)


@dataclass(frozen=True, slots=True)
class DeskVerb:
    """One verb for one connection."""

    verb: Verb
    refusal: str
    """Why it does not apply now; empty where it does."""

    @property
    def takes_message(self) -> bool:
        return self.verb.name in ("reject", "ask", "block")


def desk_verbs(provider: Provider, record: ConnectionRecord) -> list[DeskVerb]:
    """Every verb, those that do not apply with the reason."""
    return [DeskVerb(verb, refusal(provider, record, verb)) for verb in VERBS.values()]


def refusal(provider: Provider, record: ConnectionRecord, verb: Verb) -> str:
    """Why a verb does not apply to a connection now, in the words in which it would be refused; empty where it does."""
    event = verb.event
    if event is None:
        delayed = record.connection.shown_state is ConnectionState.PENDING_APPROVAL or awaited(record).delay
        event = None if delayed else ConnectionEvent.NOTIFIED
    if event is not None:
        if record.connection.conversion is Conversion.PENDING:
            event = _CONVERSION_EVENTS.get(event, event)
        if event not in possible(record.state, record.flow):
            return f"not while the connection is {record.state}"
        try:
            record.connection.decide(event, provider.clock.now(), Facts(peer_asn_approved=record.peer_asn_approved))
        except TransitionRefusedError as error:
            return str(error)
    if verb.denies:
        try:
            provider.peerings.must_leave_one(record)
        except RefusalError as error:
            return str(error)
    return ""


def message_of(visit: Visit) -> str:
    """The words of a decision. Raises PageError for what /lab/v1 would not take either."""
    text = visit.form["message"]
    if len(text) > MESSAGE_AT_MOST or not text.isprintable():
        raise PageError(422, f"message: at most {MESSAGE_AT_MOST} printable characters, in one line.")
    return text
