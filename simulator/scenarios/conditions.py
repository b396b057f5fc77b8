"""Every expectation of a scenario: its key, what it takes, what it means. The documentation is drawn from this.

The keys stand in the order of the classes, each of which adds one subject.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from simulator.scenarios.values import (
    BgpStates,
    CauseName,
    CheckIds,
    ConnectionStates,
    RuleId,
    Texts,
    WhichSessions,
    Words,
)
from simulator.topology.values import Asn, Community, LargeCommunity, Model


def _listed(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def _prefixes(given: Any) -> Any:
    """A prefix alone is a route of which no more is asked."""
    return [{"prefix": each} if isinstance(each, str) else each for each in _listed(given)]


class AskedRoute(Model):
    """A route, and what is asked of it."""

    prefix: str = Field(description="as 192.0.2.0/24")
    as_path: list[Asn] | None = Field(default=None, description="its whole AS path, the peer's own ASN first")
    communities: list[Community] | None = Field(default=None, description="each of them is on it")
    large_communities: list[LargeCommunity] | None = Field(default=None, description="each of them is on it")

    def __str__(self) -> str:
        path = f" path {' '.join(map(str, self.as_path))}" if self.as_path is not None else ""
        known = ", ".join((*(self.communities or ()), *(self.large_communities or ())))
        return f"{self.prefix}{path}" + (f" with {known}" if known else "")


class RefusedRoute(AskedRoute):
    """A route that is refused, and by what."""

    rule: RuleId | None = Field(default=None, description="is among the rules that refuse it")


RoutesWord = Annotated[
    list[AskedRoute],
    Field(min_length=1),
    BeforeValidator(_prefixes, json_schema_input_type=list[AskedRoute | str] | AskedRoute | str),
]
RefusedWord = Annotated[
    list[RefusedRoute],
    Field(min_length=1),
    BeforeValidator(_prefixes, json_schema_input_type=list[RefusedRoute | str] | RefusedRoute | str),
]
ChecksWord = Annotated[
    list[CheckIds], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=list[CheckIds] | CheckIds)
]
NotificationWord = Annotated[str, Field(pattern=r"^[1-9]\d?/\d{1,3}$")]
RouteCount = Annotated[int, Field(ge=0)]


class AskedDiagnosis(Model):
    """The diagnosis of the last validation and of the watch."""

    first: CauseName | None = Field(default=None, description="the cause that is looked at first")
    side: Literal["peer", "microsoft", "link", "exchange", "requester"] | None = Field(
        default=None, description="who has to act, by the first cause"
    )
    remedy: Words | None = Field(default=None, description="is found in the first cause's remedy")


def _first(given: Any) -> Any:
    return {"first": given} if isinstance(given, str) and given != "none" else given


DiagnosisWord = Annotated[
    Literal["none"] | AskedDiagnosis,
    BeforeValidator(_first, json_schema_input_type=AskedDiagnosis | CauseName | Literal["none"]),
]


class OfConnections(WhichSessions):
    """The connection"""

    connection_state: ConnectionStates | None = Field(
        default=None, description="the state of every connection in question is one of these"
    )
    error_message: Words | None = Field(default=None, description="is found in the connection's errorMessage")
    failing: ChecksWord | None = Field(
        default=None, description="these checks, perhaps among others, failed in the last validation"
    )
    diagnosis: DiagnosisWord | None = Field(
        default=None, description="the first cause, who acts and the remedy; `none`: there is no cause"
    )


class OfSessions(OfConnections):
    """The sessions"""

    bgp_state: BgpStates | None = Field(
        default=None, description="the state of the BGP FSM of every session in question is one of these"
    )
    gate: Literal["open", "shut"] | None = Field(
        default=None, description="open: the policy is lifted on every session in question; shut: DENY ALL"
    )
    established_times: RouteCount | None = Field(default=None, description="how often each session came up so far")
    notification: NotificationWord | None = Field(
        default=None, description="code/subcode of the last NOTIFICATION on each session, by either side"
    )


class OfRoutes(OfSessions):
    """Routes as Microsoft's edges have them; a prefix is looked for on the sessions of its family"""

    accepts: RoutesWord | None = Field(
        default=None, description="each is announced and was taken: no rule refuses it, and the gate is open"
    )
    withholds: RoutesWord | None = Field(
        default=None, description="each is announced and obeys the policy, and the gate holds it back"
    )
    rejects: RefusedWord | None = Field(
        default=None, description="each is announced, and a rule refuses it: any, or the one that is named"
    )
    lacks: Texts | None = Field(default=None, description="none of these prefixes is announced")
    received: RouteCount | None = Field(default=None, description="how many routes the peer announces on each session")
    accepted: RouteCount | None = Field(default=None, description="how many of them obey the policy")
    rejected: RouteCount | None = Field(default=None, description="how many of them a rule refuses")
    sent: RouteCount | None = Field(default=None, description="how many routes the edge has sent on each session")


class OfRouters(OfRoutes):
    """Routes as the peer's router has them"""

    router_has: Texts | None = Field(
        default=None, description="it holds these prefixes from Microsoft, on every session of their family"
    )
    router_lacks: Texts | None = Field(
        default=None, description="it holds none of these prefixes from Microsoft, on no session"
    )


class Conditions(OfRouters):
    """The lab as a whole"""

    traffic: Literal["passes", "blocked"] | None = Field(
        default=None,
        description="packets between a host behind the peer's router and a Microsoft service; needs link: netns",
    )
    event: Words | None = Field(
        default=None,
        description="is found in an event since the last step that did something, written as in events.jsonl",
    )


@dataclass(frozen=True, slots=True)
class ConditionKind:
    """One expectation of the vocabulary."""

    name: str
    """Its key."""
    field: str
    group: str
    doc: str
    """What holds where it is met."""


_GROUPS: Final = (OfConnections, OfSessions, OfRoutes, OfRouters, Conditions)
CONDITIONS: Final = {
    str(info.alias or name): ConditionKind(str(info.alias or name), name, str(group.__doc__), str(info.description))
    for group in _GROUPS
    for name, info in group.model_fields.items()
    if name in group.__annotations__
}
"""By key, in the order of the documentation."""


def asked(conditions: Conditions) -> list[tuple[ConditionKind, Any]]:
    """What a mapping of expectations asks for: each kind with its value."""
    given = ((kind, getattr(conditions, kind.field)) for kind in CONDITIONS.values())
    return [(kind, value) for kind, value in given if value is not None]
