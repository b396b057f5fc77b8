"""What a topology says of links: the exchange and its LAN, interfaces of the host, and what a link does to frames."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field

from simulator.places.link import Quality
from simulator.topology.values import InterfaceName, Model


class Lan(Model):
    """The exchange LAN's prefixes."""

    ipv4: IPv4Network | None = Field(default=None, description="such as 192.0.2.0/24")
    ipv6: IPv6Network | None = Field(default=None, description="such as 2001:db8::/64")

    @property
    def prefixes(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(prefix for prefix in (self.ipv4, self.ipv6) if prefix is not None)


class HostInterface(Model):
    """A bridge or a NIC of this host that leads to a router outside; its name alone does as well."""

    name: InterfaceName = Field(description="as `ip link` calls it")
    default_route: bool = Field(default=False, description="take it although the host's default route goes over it")


class Exchange(Model):
    """The Internet exchange where both sides meet."""

    name: str = Field(min_length=1, max_length=80, description="as people call it")
    peeringdb_ix: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="PeeringDB's id of the exchange (Azure calls it peeringDBFacilityId)"
    )
    metro: str | None = Field(default=None, description="the peeringLocation; the exchange's name where omitted")
    lan: Lan = Field(description="its prefixes; those of the known exchange where `peeringdb-ix` names one")
    mtu: Annotated[int, Field(ge=1280, le=9216)] = Field(default=1500, description="of the LAN, in octets")
    interface: HostInterface | InterfaceName | None = Field(
        default=None, description="link: interface: the bridge or NIC of this host that the LAN is joined with"
    )


class LinkQuality(Model):
    """What a link does to frames. Latency, jitter and loss need the kernel's netem, and `link: netns`."""

    latency: Annotated[float, Field(ge=0, le=10_000)] = Field(default=0, description="milliseconds, each way")
    jitter: Annotated[float, Field(ge=0, le=10_000)] = Field(
        default=0, description="milliseconds by which the latency varies; at most the latency"
    )
    loss: Annotated[float, Field(ge=0, le=100)] = Field(default=0, description="percent of the frames, each way")

    @property
    def quality(self) -> Quality:
        return Quality(self.latency, self.jitter, self.loss)
