"""What a topology says of the routes that a node announces."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field

from simulator.topology.values import Asn, Community, LargeCommunity, Model


class Generate(Model):
    """Consecutive prefixes, for tables too long to write down."""

    within: IPv4Network | IPv6Network = Field(description="the prefix that they are cut from")
    length: Annotated[int, Field(ge=1, le=128)] = Field(description="the prefix length of each")
    count: Annotated[int, Field(ge=1, le=2_000_000)] = Field(description="how many")


class PrefixList(Model):
    """Prefixes that share their path attributes."""

    prefixes: list[IPv4Network | IPv6Network] = Field(default=[], description="of either family")
    generate: Generate | None = Field(default=None, description="more prefixes, by rule")
    as_path: list[Asn] = Field(default=[], description="what stands behind the announcing AS")
    communities: list[Community] = Field(default=[], description="such as 64496:100 (RFC 1997)")
    large_communities: list[LargeCommunity] = Field(default=[], description="such as 64496:1:2 (RFC 8092)")
    med: Annotated[int, Field(ge=0, le=4294967295)] | None = Field(default=None, description="MULTI_EXIT_DISC")


Announce = list[str | PrefixList]
"""Routes in ExaBGP's syntax (`route 192.0.2.0/24 next-hop self community [ 8075:8007 ]`), or prefix lists."""
