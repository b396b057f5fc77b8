"""The schema of a fault file: what is broken on which side of which lab, and the diagnosis that must come of it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from simulator.diagnosis.causes import BY_ID
from simulator.policy.rules import RULES
from simulator.topology.kinds import KINDS, RunBy
from simulator.topology.values import Asn, Model, Name

ROUTERS = (*(name for name, kind in KINDS.items() if kind.run_by is RunBy.DAEMON), "simulated")
"""The kinds of router that a fault is rehearsed with: the daemons, and the peer that turnup plays."""

FAMILIES = ("IPv4", "IPv6")

RouterName = Annotated[str, WithJsonSchema({"type": "string", "enum": [*ROUTERS]})]
FamilyName = Literal["IPv4", "IPv6"]
BaseName = Literal["exchange", "direct", "route-server", "route-server-bird"]


def _cause(name: str) -> str:
    if name not in BY_ID and name not in RULES:
        raise PydanticCustomError("cause", "there is no cause '{name}' (see docs/causes.md)", {"name": name})
    return name


CauseId = Annotated[
    str, AfterValidator(_cause), WithJsonSchema({"type": "string", "enum": [*BY_ID, *(r for r in RULES)]})
]
"""A row of the causal table, or a rule of the policy."""


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise PydanticCustomError("pattern", "this is no regular expression: {why}", {"why": str(error)}) from None
    return text


class Patch(Model):
    """One change of the router's configuration text, made for each session of the family."""

    find: Annotated[str, AfterValidator(_pattern)] = Field(
        description="a regular expression with {edge}, {peer}, {name} … filled in; . is any character, ^ a line's start"
    )
    put: str = Field(description="what stands there instead; \\1 is the first group")
    once: bool = Field(default=False, description="made for the session with the first edge alone, or once a file")


class Announced(Model):
    """Routes of the peer, by family: route lines in ExaBGP's syntax, or prefixes."""

    ipv4: list[str | dict[str, Any]] = Field(default=[], description="on IPv4 sessions")
    ipv6: list[str | dict[str, Any]] = Field(default=[], description="on IPv6 sessions")
    only: bool = Field(default=True, description="in place of what the base announces of this family")

    def of(self, family: str) -> list[str | dict[str, Any]]:
        return self.ipv4 if family == "IPv4" else self.ipv6


class RouterChange(Model):
    """What the router is configured with instead: on the sessions of the family, or as a whole."""

    asn: Asn | None = Field(default=None, description="its own AS, on all sessions")
    remote_as: Asn | None = Field(default=None, description="the AS that it expects of Microsoft")
    remote_address: str | None = Field(default=None, description="the neighbor; {other-edge} is one that nobody has")
    local_address: str | None = Field(default=None, description="the address that it calls from")
    md5: str | None = Field(default=None, description="its key; empty for none", repr=False)
    gtsm: bool | None = Field(default=None, description="whether it has GTSM")
    hold_time: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None, description="seconds, on all sessions"
    )
    router_id: str | None = Field(default=None, description="its BGP Identifier; {edge-id} is the edge's")
    max_prefixes: Annotated[int, Field(ge=1)] | None = Field(default=None, description="its own prefix limit")
    session: Literal["absent"] | None = Field(default=None, description="absent: it does not configure the session")
    announce: Announced | None = Field(default=None, description="the routes that it announces")


class Sabotage(Model):
    """One thing done to the running lab; exactly one key of what is done."""

    at: Literal["built", "started", "provisioning", "validating", "lifted"] = Field(
        default="started",
        description="before the routers start, before the sessions come up, when the connections are "
        "ProvisioningStarted or Validating, or after the lift",
    )
    node: Literal["peer", "edge", "another"] = Field(default="peer", description="where; `another` is a second box")
    drop: Literal["bgp", "icmp", "tcp", "out"] | None = Field(
        default=None, description="nftables: what arrives there and is dropped; `out`: BGP that leaves"
    )
    loss: Annotated[int, Field(ge=1, le=99)] | None = Field(
        default=None, description="percent of the packets that arrive there, of the family, that are lost at random"
    )
    key: Literal["other", "none"] | None = Field(
        default=None, description="the MD5 key that the edge has for the session from then on; `other` than was agreed"
    )
    mtu: Annotated[int, Field(ge=1280, le=9216)] | None = Field(default=None, description="of its interface")
    process: Literal["kill", "freeze"] | None = Field(default=None, description="what is done to the router")
    take: str | None = Field(default=None, description="an address that it takes besides, such as {peer}")
    lose: str | None = Field(default=None, description="an address that it loses, such as {peer}")
    delete: bool = Field(default=False, description="the peer deletes the peering")
    flap: bool = Field(default=False, description="a BIRD's own routes of the family go, or come again; with `every`")
    every: Annotated[float, Field(gt=0, le=60)] | None = Field(default=None, description="again each so many seconds")

    @property
    def of_link(self) -> bool:
        """Whether it is done to an interface of a node, which loopback has not."""
        return any(each is not None for each in (self.drop, self.loss, self.mtu, self.take, self.lose))


class Spoken(Model):
    """What a scripted peer says on each TCP connection, in place of the simulated one."""

    open: bool = Field(default=True, description="it sends an OPEN first")
    bare: bool = Field(default=False, description="its OPEN has no capabilities")
    hold_time: Annotated[int, Field(ge=0, le=65535)] = Field(default=90, description="in its OPEN")
    asn: Asn | None = Field(default=None, description="in its OPEN; the peer's where omitted")
    without: list[Literal["asn4", "route-refresh", "family"]] = Field(
        default=[], description="capabilities that its OPEN lacks"
    )
    keepalives: bool = Field(default=True, description="it sends KEEPALIVEs")
    notification: list[Annotated[int, Field(ge=0, le=255)]] | None = Field(
        default=None, min_length=2, max_length=2, description="code and subcode that it ends the connection with"
    )
    message: str = Field(default="", description="the shutdown communication in it (RFC 9003)")
    flapping: bool = Field(default=False, description="it announces its routes, and one of them comes and goes")
    flaps: Annotated[float, Field(gt=0)] | None = Field(default=None, description="seconds up before it resets")


class Expected(Model):
    """One cause that the diagnosis must name."""

    cause: CauseId = Field(description="its id")
    side: Literal["peer", "microsoft", "link", "exchange", "requester"] = Field(description="who has to act")


class Expectation(Model):
    """What must come out."""

    causes: list[Expected] = Field(default=[], description="the causes; of several faults at once, each")
    also: list[CauseId] = Field(default=[], description="causes that follow from the fault itself and may be named")
    active: bool | None = Field(
        default=False, description="whether the connections become Active all the same; null where either may be"
    )
    refused: Annotated[str, AfterValidator(_pattern)] | None = Field(
        default=None, description="a request that is refused: a regular expression of the words that say why"
    )


class RehearsedFault(Model):
    """A mistake to rehearse, and the diagnosis that must come of it."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")] = Field(description="as its file")
    title: str = Field(min_length=1, max_length=160, description="what is wrong, in one line")
    side: Literal["peer", "microsoft", "link", "exchange", "requester"] = Field(description="whose mistake it is")
    base: BaseName = Field(default="exchange", description="the lab: a shipped topology with short times")
    topology: dict[str, Any] = Field(
        default={},
        description="what is another in the topology: keys of a topology file; `peer`, `peering`, `edge`, `customer` "
        "are the first of their lists, `another` is one more member, placeholders such as {family} are filled in",
    )
    router: RouterChange = Field(default=RouterChange(), description="what the peer's router is configured with")
    simulated: RouterChange | None = Field(
        default=None, description="what turnup's own peer is configured with, where others have a `patch`"
    )
    patch: dict[RouterName, list[Patch]] = Field(
        default={}, description="by router: changes of the configuration that turnup writes for it"
    )
    files: dict[str, str] = Field(default={}, description="files that the topology names as {directory}/NAME")
    edge_waits: bool = Field(default=False, description="Microsoft's edges only wait for the router's call")
    actions: list[Sabotage] = Field(default=[], description="what is done to the running lab")
    speaks: Spoken | None = Field(default=None, description="a scripted peer, where no daemon misbehaves so")
    pair: list[Name] = Field(default=[], description="two other faults at once: the first on IPv4, the second on IPv6")
    families: Annotated[list[FamilyName], Field(min_length=1)] = Field(
        default=["IPv4", "IPv6"], description="the families that it makes sense for"
    )
    not_for: dict[RouterName, str] = Field(default={}, description="routers that it does not apply to, with the reason")
    expect: Expectation = Field(default=Expectation(), description="what must come out")
    by_router: dict[RouterName, Expectation] = Field(
        default={}, description="where a router lets less be seen: what must come out there"
    )
    times: dict[Literal["soak", "deadline", "active", "connect-retry"], float] = Field(
        default={}, description="other times, in seconds"
    )
    note: str = Field(default="", description="for people")

    def change(self, router: str) -> RouterChange:
        """What the router is configured with instead."""
        return self.simulated if router == "simulated" and self.simulated is not None else self.router

    def expected(self, router: str) -> Expectation:
        return self.by_router.get(router, self.expect)

    def inapplicable(self, router: str, family: str) -> str:
        """Why it is not rehearsed with this router and family; empty where it is."""
        if family not in self.families:
            return f"{family}: {self.note or 'it is of the other family'}"
        if router in self.not_for:
            return self.not_for[router]
        if self.base == "route-server":
            return "" if router == "simulated" else "the base has turnup's own route server"
        if self.base == "route-server-bird":
            return "" if router == "bird" else "the base has a BIRD as the exchange's route server"
        if router == "simulated":
            played = not self.patch or self.speaks is not None or self.simulated is not None
            return "" if played else "turnup's own peer has no such statement"
        if self.patch:
            return "" if router in self.patch else "its configuration has no such statement"
        if self.speaks is not None and not self.actions:
            return "no daemon says that: a scripted peer does"
        return ""
