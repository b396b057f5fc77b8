"""What TCP carried, as the speakers saw it: the source of a pcap where the link allows no capture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Octets:
    """Octets of one direction of one TCP connection, as a speaker wrote or read them."""

    time: float
    """Seconds since the epoch."""
    source: str
    source_port: int
    destination: str
    destination_port: int
    data: bytes
    flags: str = "PA"
    """TCP flags: S, SA, PA, FA, R."""
