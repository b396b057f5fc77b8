"""The BGP FSM as a Mermaid diagram and as Markdown tables, drawn from the table."""

from __future__ import annotations

from collections.abc import Callable

from simulator.session.messages import Notification
from simulator.session.negotiation import CAPABILITY_RULES
from simulator.session.states import BgpState, FsmEvent
from simulator.session.table import DEFAULT, STALE, TABLE, Action, TransitionRule

_UNNUMBERED = 100
"""Events from here on have no number in an RFC."""


def _name(event: FsmEvent) -> str:
    return event.name.replace("_", " ").lower()


def _number(event: FsmEvent) -> str:
    return str(event.value) if event.value < _UNNUMBERED else "–"


def _sent(rule: TransitionRule) -> str:
    """What the rule makes us send."""
    text: dict[Action, Callable[[Notification | None], str]] = {
        Action.SEND_OPEN: lambda _: "OPEN",
        Action.SEND_KEEPALIVE: lambda _: "KEEPALIVE",
        Action.SEND_NOTIFICATION: lambda own: f"NOTIFICATION {own}" if own else "the event's NOTIFICATION",
    }
    return ", ".join(text[action](rule.notification) for action in rule.actions if action in text)


def mermaid() -> str:
    """A Mermaid state diagram. Edges between the same two states are joined; "any other event" has none of its own."""
    edges: dict[tuple[BgpState, BgpState], list[str]] = {}
    for source, rules in TABLE.items():
        for event, rule in rules.items():
            if rule.target is not source:
                edges.setdefault((source, rule.target), []).append(_name(event))
    lines = ["stateDiagram-v2", "    [*] --> Idle"]
    lines += [f"    {source} --> {target}: {' / '.join(events)}" for (source, target), events in edges.items()]
    return "\n".join(lines)


def markdown() -> str:
    """Every row: state, event, next state, what is sent, why; then what follows from any other event."""
    lines = ["| state | event | number | next | sent | why |", "|---|---|---|---|---|---|"]
    for source, rules in TABLE.items():
        lines += [
            f"| {source} | {_name(event)} | {_number(event)} | {rule.target} | {_sent(rule)} | {rule.reason} |"
            for event, rule in rules.items()
        ]
        rest = DEFAULT[source]
        ending = f"{rest.target} | {_sent(rest)} | {rest.reason}" if rest else f"{source} |  | ignored"
        lines.append(f"| {source} | any other event | | {ending} |")
    stale = ", ".join(_name(event) for event in FsmEvent if event in STALE)
    return "\n".join([*lines, "", f"Ignored wherever the table has no row for them: {stale}."])


def capabilities() -> str:
    """What a session needs of each capability, and what follows where the peer's OPEN does not carry it."""
    lines = ["| code | capability | required | without it | source |", "|---|---|---|---|---|"]
    lines += [
        f"| {rule.code} | {rule.name} | {'yes' if rule.required else 'no'} | {rule.without} | {rule.source} |"
        for rule in CAPABILITY_RULES
    ]
    return "\n".join(lines)
