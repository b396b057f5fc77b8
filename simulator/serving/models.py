"""What /lab/v1 answers, and takes. Keys are camelCase, and moments RFC 3339 in UTC."""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from simulator.serving.described import described
from simulator.views.check import CheckView
from simulator.views.connection import ConnectionView
from simulator.views.diagnosis import CauseView
from simulator.views.session import SessionView


def _plain(text: str) -> str:
    """One line of text that every store and terminal takes."""
    if not text.isprintable():
        raise PydanticCustomError("plain", "must be one line of printable characters")
    return text


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


class ProblemAnswer(Answer):
    detail: str = Field(description="one line: what is wrong, and what to do")


class OperatorMessage(BaseModel):
    """Why, in words; it becomes the errorMessage where there is one."""

    model_config = ConfigDict(extra="forbid")

    message: Annotated[str, StringConstraints(max_length=500), AfterValidator(_plain)] = ""


class LabStatus(Answer):
    topology: str
    link: str
    database: str = Field(description="its URL, without the password")
    version: str
    routers: dict[str, str] = Field(description="the peers' routers, with their versions")
    peerings: int
    connections: dict[str, int] = Field(description="how many connections are in which connection state")
    sessions: dict[str, int] = Field(description="how many provisioned sessions are in which BGP FSM state")
    leaked: int = Field(description="NLRI that passed a shut gate: anything but 0 is a defect")
    last_event: int


class AsnAnswer(Answer):
    id: str
    name: str
    asn: int
    validation_state: str
    error_message: str
    since: str
    due: str | None = Field(description="when it is approved by itself; null: by hand, or decided already")


class GateAnswer(Answer):
    session: str
    open: bool
    why: str
    withheld_in: int
    withheld_out: int
    leaked_in: int
    leaked_out: int


class RoutesAnswer(Answer):
    session: dict[str, Any] = Field(description="the session, as `turnup routes --json` shows it")
    total: int = Field(description="how many routes there are in all, before `limit`")
    routes: list[dict[str, Any]] = Field(description="the routes, as `turnup routes --json` shows them")


class EventAnswer(Answer):
    seq: int
    time: str
    event: str
    subject: str
    row: dict[str, Any] = Field(description="the event, as events.jsonl has it")


def _text(description: str) -> Any:
    return (str, Field(description=description))


SESSION: Final = described(
    SessionView, "SessionAnswer", connectionState=_text("the peering connection's state, which is never BGP's")
)
CHECK: Final = described(CheckView, "CheckAnswer", connection=(str, ...))
CAUSE: Final = described(CauseView, "CauseAnswer")
CONNECTION: Final = described(
    ConnectionView,
    "ConnectionAnswer",
    resource=_text("the ARM id of its peering; empty for a legacy peering that was not converted"),
    identifier=_text("its connectionIdentifier"),
    since=_text("when it came into this state"),
    waitsFor=_text("what has to happen next, in words"),
    due=(str | None, Field(description="when that happens by itself; null: by hand, or when the lab says so")),
    possible=(list[str], Field(description="the events that the life cycle's table has for this state")),
    diagnosis=(
        GenericAlias(list, (CAUSE,)),
        Field(description="the causes of what its checks found, first things first, as in report.json"),
    ),
)
"""Answers that are written by `simulator.views.document`; the models are their description."""
SESSIONS, CHECKS, CONNECTIONS = (GenericAlias(list, (model,)) for model in (SESSION, CHECK, CONNECTION))
