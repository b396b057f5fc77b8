"""A route's path attributes as plain data (RFC 4271 §5, RFC 6793, RFC 8092, RFC 9234)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NamedTuple

from simulator.wire.update_faults import UpdateFault


class SegmentKind(IntEnum):
    """AS_PATH segment types (RFC 4271 §4.3, RFC 5065 §3)."""

    SET = 1
    SEQUENCE = 2
    CONFED_SEQUENCE = 3
    CONFED_SET = 4


_BRACKETS: Final = {1: ("{", "}"), 2: ("", ""), 3: ("(", ")"), 4: ("[", "]")}


class AsSegment(NamedTuple):
    """One AS_PATH segment."""

    kind: SegmentKind
    asns: tuple[int, ...]

    def __str__(self) -> str:
        left, right = _BRACKETS[self.kind]
        return left + " ".join(map(str, self.asns)) + right


@dataclass(frozen=True)
class PathAttributes:
    """The attributes of a route, MP_REACH_NLRI apart: its next hop is in `next_hop`.

    Without slots, so that `decode` sets only what an UPDATE brings: a frozen class takes longer to fill in all the rest
    than the octets take to be read.
    """

    origin: int = 0
    """0 IGP, 1 EGP, 2 INCOMPLETE."""
    as_path: tuple[AsSegment, ...] = ()
    next_hop: IPv4Address | IPv6Address | None = None
    link_local: IPv6Address | None = None
    """The second IPv6 next hop (RFC 2545 §3)."""
    med: int | None = None
    local_pref: int | None = None
    atomic_aggregate: bool = False
    aggregator: tuple[int, IPv4Address] | None = None
    communities: tuple[int, ...] = ()
    """32-bit values in the order received."""
    extended_communities: tuple[bytes, ...] = ()
    """Eight octets each."""
    large_communities: tuple[tuple[int, int, int], ...] = ()
    otc: int | None = None
    """Only to Customer (RFC 9234 §5)."""
    unknown: tuple[tuple[int, int, bytes], ...] = ()
    """(flags, code, value) of other transitive attributes, as received: who passes them on sets Partial (0x20)."""
    partial: tuple[int, ...] = ()
    """Type codes of those above that came with the Partial bit: nobody may take it away (RFC 4271 §5)."""
    discarded: tuple[UpdateFault, ...] = ()
    """What `decode` left out by RFC 7606 attribute discard."""

    def but(self, **fields: Any) -> PathAttributes:
        """The same with other values for these fields. Several times as fast as `dataclasses.replace`."""
        made = object.__new__(PathAttributes)
        object.__setattr__(made, "__dict__", self.__dict__ | fields)
        return made

    @property
    def asns(self) -> tuple[int, ...]:
        """Every ASN of the path from the left, sets included."""
        return tuple(asn for segment in self.as_path for asn in segment.asns)

    @property
    def path_length(self) -> int:
        """RFC 4271 §9.1.2.2: a set counts as one; RFC 5065 §5.3: confederation segments as none."""
        sequences = sum(len(s.asns) for s in self.as_path if s.kind is SegmentKind.SEQUENCE)
        return sequences + sum(s.kind is SegmentKind.SET for s in self.as_path)

    @property
    def first_as(self) -> int | None:
        """The leftmost AS, None when the path is empty or starts with anything but a sequence."""
        if not self.as_path or self.as_path[0].kind is not SegmentKind.SEQUENCE:
            return None
        return self.as_path[0].asns[0]

    @property
    def origin_as(self) -> int | None:
        """The last AS of a final sequence, None otherwise (RFC 6811 §2)."""
        if not self.as_path or self.as_path[-1].kind is not SegmentKind.SEQUENCE:
            return None
        return self.as_path[-1].asns[-1]

    @property
    def as_path_text(self) -> str:
        """For example `64496 64500 {64501 64502}`."""
        return " ".join(map(str, self.as_path))

    @property
    def communities_text(self) -> tuple[str, ...]:
        """For example `8075:8007`."""
        return tuple(f"{value >> 16}:{value & 0xFFFF}" for value in self.communities)
