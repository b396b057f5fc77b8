"""The values of a scenario file. The states of the two axes have a type each, and neither takes the other's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from simulator.connection.states import ConnectionState
from simulator.diagnosis.causes import BY_ID
from simulator.policy.rules import RULES
from simulator.session.states import BgpState
from simulator.topology.suggest import did_you_mean, listed
from simulator.topology.values import CHECKS, Model

CONNECTION_KEY: Final = "connection-state"
BGP_KEY: Final = "bgp-state"


def _state(own: type[Enum], what: str, other: type[Enum], other_what: str, other_key: str) -> Callable[[Any], Any]:
    known, others = [state.value for state in own], [state.value for state in other]

    def check(given: Any) -> Any:
        words = given if isinstance(given, list) else [given]
        for word in words:
            if word is None:  # `None` without quotes is a text, but `null` and an empty value are not
                word = ""
            if word in known:
                continue
            if word in others:
                text = "'{word}' is a state of {other}, and {what} is asked for here: say {key}: {word}"
                values = {"word": word, "other": other_what, "what": what, "key": other_key}
                raise PydanticCustomError("told", text, values)
            text = "there is no state '{word}' of {what}{hint}"
            hint = did_you_mean(str(word), known) or f" (there are: {listed(known)})"
            raise PydanticCustomError("told", text, {"word": str(word)[:60], "what": what, "hint": hint})
        return words

    return check


def _state_schema(own: type[Enum]) -> WithJsonSchema:
    one = {"type": "string", "enum": [state.value for state in own]}
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})


ConnectionStates = Annotated[
    list[ConnectionState],
    Field(min_length=1),
    BeforeValidator(_state(ConnectionState, "the connection", BgpState, "BGP", BGP_KEY)),
    _state_schema(ConnectionState),
]
"""One state of the life cycle, or several of which one has to be."""
BgpStates = Annotated[
    list[BgpState],
    Field(min_length=1),
    BeforeValidator(_state(BgpState, "BGP", ConnectionState, "the connection", CONNECTION_KEY)),
    _state_schema(BgpState),
]
"""One state of the BGP FSM, or several of which one has to be."""


def _known(what: str, known: tuple[str, ...], where: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in known:
            hint = did_you_mean(name, known) or f" (see {where})"
            values = {"what": what, "name": name[:60], "hint": hint}
            raise PydanticCustomError("told", "there is no {what} '{name}'{hint}", values)
        return name

    return check


RuleId = Annotated[
    str,
    AfterValidator(_known("rule", tuple(RULES), "docs/policy.md")),
    WithJsonSchema({"type": "string", "enum": [*RULES]}),
]
"""A rule of the session policy."""
CauseName = Annotated[
    str,
    AfterValidator(_known("cause", (*BY_ID, *RULES), "docs/causes.md")),
    WithJsonSchema({"type": "string", "enum": [*BY_ID, *RULES]}),
]
"""A row of the causal table, or a rule of the policy."""
CheckIds = Annotated[
    str,
    AfterValidator(_known("check", CHECKS, "docs/checks.md")),
    WithJsonSchema({"type": "string", "enum": [*CHECKS]}),
]
"""A check of the catalogue."""


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise PydanticCustomError("told", "this is no regular expression: {why}", {"why": str(error)}) from None
    return text


Words = Annotated[str, AfterValidator(_pattern)]
"""A regular expression that is searched for in a text."""


def _several(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


Texts = Annotated[list[str], Field(min_length=1), BeforeValidator(_several, json_schema_input_type=list[str] | str)]
"""One text, or several."""


FamilyWord = Literal["IPv4", "IPv6"]


class Subject(Model):
    """Which connections a step is about."""

    of: str | None = Field(
        default=None, description="a connection by its id, a peering, a peer or a customer by its name; all if omitted"
    )
    edge: str | None = Field(default=None, description="the connections to this edge alone")


class WhichSessions(Subject):
    """Which sessions an expectation is about."""

    family: FamilyWord | None = Field(default=None, description="the sessions of this family alone")
