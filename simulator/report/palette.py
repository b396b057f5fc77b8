"""What a colour means: the group of each state, per axis. The two axes share no group."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Axis


@dataclass(frozen=True, slots=True)
class Group:
    """States that mean the same to an operator; `css` names the class in style.css."""

    css: str
    states: tuple[str, ...]
    meaning: str


CONNECTION_GROUPS = (
    Group("c-none", ("None",), "nothing is requested, or all is gone again"),
    Group("c-wait", ("PendingApproval", "Approved"), "waits for people: Microsoft's review, or the peer's notice"),
    Group(
        "c-work",
        ("ProvisioningStarted", "ProvisioningCompleted", "Validating", "TypeChangeRequested", "TypeChangeInProgress"),
        "Microsoft works on it: sessions may be up, the policy denies all",
    ),
    Group("c-active", ("Active",), "validated: the gate is open, routes and traffic pass"),
    Group("c-bad", ("ProvisioningFailed", "ExternalBlocker"), "failed or blocked: someone must act"),
    Group("c-leave", ("PendingRemove",), "being removed: everything is withdrawn"),
)
BGP_GROUPS = (
    Group("b-idle", ("Idle",), "no session, and nobody dials"),
    Group("b-dial", ("Connect", "Active"), "no session: TCP is not up yet, the speaker dials or waits to be dialled"),
    Group("b-talk", ("OpenSent", "OpenConfirm"), "TCP is up, the OPEN messages are being agreed"),
    Group("b-up", ("Established",), "the session is up; whether routes pass is up to the gate"),
)
_UNKNOWN = {"connection": "c-other", "bgp": "b-other"}
_GROUP_OF = {("connection", state): group.css for group in CONNECTION_GROUPS for state in group.states} | {
    ("bgp", state): group.css for group in BGP_GROUPS for state in group.states
}

AXIS_NAME = {"connection": "Connection", "bgp": "BGP"}
_SHARED = {"Active"}
"""State names that exist on both axes, with opposite meanings."""


def group_of(axis: Axis, state: str) -> str:
    """The css class of a state."""
    return _GROUP_OF.get((axis, state), _UNKNOWN[axis])


def lane_label(axis: Axis, state: str) -> str:
    """The state as written into a lane; a name that both axes use carries its axis even there."""
    if state in _SHARED:
        return f"{AXIS_NAME[axis]} {state}"
    return state or "–"
