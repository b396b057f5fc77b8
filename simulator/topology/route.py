"""A route as a router's configuration originates it."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.wire.path_attributes import AsSegment


@dataclass(frozen=True, slots=True)
class RouterRoute:
    """One route to originate: the prefix in text and, where wanted, path attributes in the field's usual notation."""

    prefix: str
    as_path: tuple[int | AsSegment, ...] = ()
    """What stands behind the router's own AS: ASNs, and the segments that are no sequence."""
    communities: tuple[str, ...] = ()
    """`8075:8007`."""
    large_communities: tuple[str, ...] = ()
    med: int | None = None
    origin: int = 0
    """0 IGP, 1 EGP, 2 INCOMPLETE."""
    next_hop: str | None = None
    """Where it is not the router's own address."""
    atomic_aggregate: bool = False
    aggregator: tuple[int, str] | None = None
    """ASN and address."""
    extended_communities: tuple[bytes, ...] = ()
    """Eight octets each."""
    otc: int | None = None
    unknown: tuple[tuple[int, int, bytes], ...] = ()
    """(flags, code, value) of transitive attributes that have no word here."""
    partial: tuple[int, ...] = ()
    """Type codes of attributes with the Partial bit."""

    @property
    def asns(self) -> tuple[int, ...]:
        """Those of `as_path` that stand in sequences."""
        return tuple(part for part in self.as_path if isinstance(part, int))
