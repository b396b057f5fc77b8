"""What /lab/v1 answers, and takes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError


def _plain(text: str) -> str:
    """One line of text that every store and terminal takes."""
    if not text.isprintable():
        raise PydanticCustomError("plain", "must be one line of printable characters")
    return text


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Problem(Answer):
    detail: str = Field(description="one line: what is wrong, and what to do")


class Message(BaseModel):
    """Why, in words; it becomes the errorMessage where there is one."""

    model_config = ConfigDict(extra="forbid")

    message: Annotated[str, StringConstraints(max_length=500), AfterValidator(_plain)] = ""


class Status(Answer):
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


class Asn(Answer):
    id: str
    name: str
    asn: int
    validation_state: str
    error_message: str
    since: float
    due: float | None = Field(description="when it is approved by itself; null: by hand, or decided already")


class Session(Answer):
    """One BGP session, with both of its states."""

    id: str
    connection: str
    connection_state: str = Field(description="the peering connection's state")
    bgp_state: str = Field(description="the BGP FSM's (RFC 4271): its Active means not up; None: no session yet")
    family: str
    peer: str
    peer_as: int
    peer_address: str
    microsoft_address: str
    edge: str
    established_at: float | None
    established_transitions: int
    received: int
    accepted: int
    rejected: int
    sent: int
    gate_open: bool
    gate_why: str
    last_error: str
    md5: bool
    gtsm: bool


class Step(Answer):
    time: float
    source: str
    target: str
    event: str
    actor: str
    reason: str
    evidence: str = Field(description="who says that this step exists: doc, spec, recorded or simulator")


class Connection(Answer):
    """One peering connection. Its state is of the life cycle, never of BGP."""

    id: str
    peering: str = Field(description="the ARM id; empty for a legacy peering that was not converted")
    identifier: str
    flow: str
    state: str
    shown_state: str = Field(
        description="what its Azure resource shows: while a conversion is reviewed, PendingApproval"
    )
    error_message: str
    since: float
    waits_for: str = Field(description="what has to happen next, in words")
    due: float | None = Field(description="when that happens by itself; null: by hand, or when the lab says so")
    possible: list[str] = Field(description="the events that the life cycle's table has for this state")
    sessions: list[Session]
    history: list[Step]


class Cause(Answer):
    id: str
    text: str
    remedy: str


class Check(Answer):
    connection: str
    id: str
    title: str
    status: str
    blocks: str
    source: str
    evidence: list[str]
    causes: list[Cause]


class Gate(Answer):
    session: str
    open: bool
    why: str
    withheld_in: int
    withheld_out: int
    leaked_in: int
    leaked_out: int


class Routes(Answer):
    session: dict[str, Any] = Field(description="the session, as `turnup routes --json` shows it")
    total: int = Field(description="how many routes there are in all, before `limit`")
    routes: list[dict[str, Any]] = Field(description="the routes, as `turnup routes --json` shows them")


class Event(Answer):
    seq: int
    time: float
    event: str
    subject: str
    row: dict[str, Any]
