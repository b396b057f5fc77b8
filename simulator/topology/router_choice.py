"""What a topology says of the router that plays a peer."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated

from pydantic import Field

from simulator.session.messages import Family
from simulator.topology.values import DataFile, LanguageName, Model, RouterKind


class RouterLimits(Model):
    """How many prefixes of Microsoft's the peer's router takes on a session; null for no limit."""

    ipv4: Annotated[int, Field(ge=1)] | None = Field(default=2000, description="on an IPv4 session")
    ipv6: Annotated[int, Field(ge=1)] | None = Field(default=500, description="on an IPv6 session")

    def of(self, family: Family) -> int | None:
        return self.ipv4 if family is Family.IPV4 else self.ipv6


class RouterChoice(Model):
    """Which router plays the peer."""

    kind: RouterKind = Field(description="`simulated`, `external`, or the daemon that plays it")
    config: DataFile | None = Field(
        default=None, description="your own configuration file for it, run as it is; where omitted, turnup writes one"
    )
    max_prefixes: RouterLimits = Field(
        default=RouterLimits(), description="in the file that turnup writes; Microsoft's policy asks for 2000 and 500"
    )
    format: LanguageName | None = Field(
        default=None, description="the language of the configuration that turnup prints for an external router"
    )
    address: IPv4Address | None = Field(
        default=None, description="external, link: loopback: the 127.x address of the router; printed where omitted"
    )
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="external, link: loopback: where it listens; where omitted, turnup only listens"
    )
