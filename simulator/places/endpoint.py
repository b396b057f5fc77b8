"""Addresses and ports that really carry sessions."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from simulator.addresses import IpAddress


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port that really carry a session."""

    host: IpAddress
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.host.version == 6 else f"{self.host}:{self.port}"


LOOPBACK_HOSTS = IPv4Network("127.75.80.0/20")
"""What stands for the IPv4 addresses of a topology on loopback, one after the other."""
BGP_PORT = 179
