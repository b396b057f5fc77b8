"""What is known of somebody's peering before the first rehearsal, and from where. Plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from simulator.addresses import IpAddress, IpNetwork

MICROSOFT: Final = 8075


class StartError(Exception):
    """It cannot be started so. One line: what, where, what to do."""


@dataclass(frozen=True, slots=True)
class MemberPort:
    """A network's port at an exchange."""

    asn: int
    addresses: tuple[IpAddress, ...]
    name: str = ""
    is_route_server: bool = False


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """An exchange as a file of its own, or the list that comes with turnup, describes it."""

    name: str
    source: str
    """Who says so: a file's name, or words."""
    peeringdb_ix: int | None = None
    metro: str = ""
    lan: tuple[IpNetwork, ...] = ()
    ports: tuple[MemberPort, ...] = ()

    def ports_of(self, asn: int) -> tuple[MemberPort, ...]:
        return tuple(port for port in self.ports if port.asn == asn)

    @property
    def microsoft(self) -> tuple[IpAddress, ...]:
        """AS8075's addresses there."""
        return tuple(address for port in self.ports_of(MICROSOFT) for address in port.addresses)

    @property
    def route_servers(self) -> tuple[MemberPort, ...]:
        return tuple(port for port in self.ports if port.is_route_server)

    def has(self, addresses: Iterable[IpAddress]) -> bool:
        """One of these is Microsoft's there, or on its LAN."""
        return any(each in self.microsoft or any(each in prefix for prefix in self.lan) for each in addresses)


@dataclass(frozen=True, slots=True)
class RouterFacts:
    """What a router's own file says of its sessions with Microsoft."""

    kind: str
    file: Path
    single: bool
    """It includes no other file."""
    asn: int | None = None
    microsoft: tuple[IpAddress, ...] = ()
    addresses: tuple[IpAddress, ...] = ()
    """Its own, that it calls from or has on an interface towards Microsoft."""
    lan: tuple[IpNetwork, ...] = ()
    router_id: str = ""
    md5: str = field(default="", repr=False)
    gtsm: bool = False
    hold_time: int | None = None
    interface: str = ""
    vrf: str = ""
