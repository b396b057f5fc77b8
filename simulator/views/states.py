"""What the states of both axes mean, in words and in colours: one table for terminal, report and pages.

The two axes share no group: a connection that is Active passes traffic, a BGP FSM that is Active has no session.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.connection.states import ConnectionState as C
from simulator.session.states import BgpState as B
from simulator.views.check import Status


@dataclass(frozen=True, slots=True)
class StateGroup:
    """States that mean the same to an operator."""

    css: str
    """Its class in a page's style sheet."""
    style: str
    """How a terminal writes it."""
    states: tuple[C, ...] | tuple[B, ...]
    meaning: str


CONNECTION_GROUPS = (
    StateGroup("c-none", "dim", (C.NONE,), "nothing is requested, or all is gone again"),
    StateGroup(
        "c-wait", "cyan", (C.PENDING_APPROVAL, C.APPROVED), "waits for people: Microsoft's review, or the peer's notice"
    ),
    StateGroup(
        "c-work",
        "yellow",
        (
            C.PROVISIONING_STARTED,
            C.PROVISIONING_COMPLETED,
            C.VALIDATING,
            C.TYPE_CHANGE_REQUESTED,
            C.TYPE_CHANGE_IN_PROGRESS,
        ),
        "Microsoft works on it: sessions may be up, the policy denies all",
    ),
    StateGroup("c-active", "bold green", (C.ACTIVE,), "validated: the gate is open, routes and traffic pass"),
    StateGroup("c-bad", "bold red", (C.PROVISIONING_FAILED, C.EXTERNAL_BLOCKER), "failed or blocked: someone must act"),
    StateGroup("c-leave", "magenta", (C.PENDING_REMOVE,), "being removed: everything is withdrawn"),
)
BGP_GROUPS = (
    StateGroup("b-idle", "dim", (B.IDLE,), "no session, and nobody dials"),
    StateGroup(
        "b-dial",
        "yellow",
        (B.CONNECT, B.ACTIVE),
        "no session: TCP is not up yet, the speaker dials or waits to be dialled",
    ),
    StateGroup("b-talk", "yellow", (B.OPEN_SENT, B.OPEN_CONFIRM), "TCP is up, the OPEN messages are being agreed"),
    StateGroup("b-up", "green", (B.ESTABLISHED,), "the session is up; whether routes pass is up to the gate"),
)
_GROUP_OF: dict[C | B, StateGroup] = {
    state: group for group in (*CONNECTION_GROUPS, *BGP_GROUPS) for state in group.states
}

AXIS_NAME = {"connection": "Connection", "bgp": "BGP"}
_SHARED = {state.value for state in C} & {state.value for state in B}

STATUS_STYLE = {
    Status.SUCCESS: "green",
    Status.FAILURE: "bold red",
    Status.ERROR: "bold red",
    Status.SKIPPED: "dim",
    Status.UNSET: "dim",
}


def group_of(state: C | B) -> StateGroup:
    """What a state means."""
    return _GROUP_OF[state]


def style_of(state: C | B) -> str:
    """How a terminal writes a state."""
    return _GROUP_OF[state].style


def style_named(axis: str, state: str) -> str:
    """The same for a state that another program named; empty for one that is not known."""
    try:
        return style_of(C(state) if axis == "connection" else B(state))
    except ValueError:
        return ""


def axis_of(state: C | B) -> str:
    return AXIS_NAME["connection" if isinstance(state, C) else "bgp"]


def label_of(state: C | B) -> str:
    """The state's name; a name that both axes use carries its axis."""
    return f"{axis_of(state)} {state.value}" if state.value in _SHARED else state.value
