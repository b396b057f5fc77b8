"""What a user says of the policy that is to judge, and of the session that it is to judge for. Imports nothing slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class TopologyFaultsError(ValueError):
    """A topology that cannot be used, a line a fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class JudgingOptions:
    """By what is judged: a profile, its rules, and their data."""

    profile: str | None = None
    lan: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """`ID=off`, or `ID=PARAMETER=VALUE`."""
    documentation: bool = False
    """Documentation prefixes and ASNs are no bogons."""
    vrp: tuple[Path, ...] = ()
    irr: tuple[Path, ...] = ()
    registered_prefixes: tuple[Path, ...] = ()
    registered_asns: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Whose session is judged for."""

    topology: Path | None = None
    peer: str | None = None
    """A peer of the topology."""
    peer_as: str | None = None
    addresses: tuple[str, ...] = ()
    """The peer's session addresses, once a family."""
