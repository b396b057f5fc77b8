"""Routes that a test asks about: written in the test, or read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypedDict

from simulator.session.messages import Family
from simulator.tables import notation
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind


class RouteAttributes(TypedDict, total=False):
    """The fields of a `AnnouncedRoute` beside its prefix."""

    as_path: str | Sequence[int]
    communities: Sequence[str]
    large_communities: Sequence[str]
    extended_communities: Sequence[str]
    next_hop: str | None
    med: int | None
    otc: int | None


@dataclass(frozen=True, slots=True)
class AnnouncedRoute:
    """One route as the peer announces it."""

    prefix: str
    as_path: str | Sequence[int] = ()
    """`64496 64500`, sets in braces; empty: the peer's ASN alone."""
    communities: Sequence[str] = ()
    large_communities: Sequence[str] = ()
    extended_communities: Sequence[str] = ()
    next_hop: str | None = None
    """None: the peer's own address."""
    med: int | None = None
    otc: int | None = None

    def __str__(self) -> str:
        path = self.as_path if isinstance(self.as_path, str) else " ".join(map(str, self.as_path))
        return f"{self.prefix} path {path}" if path else self.prefix

    def parsed(self, peer_as: int | None) -> tuple[Family, bytes, PathAttributes]:
        """As the policy judges it. Raises ValueError."""
        for what in ("communities", "large_communities", "extended_communities"):
            if isinstance(given := getattr(self, what), str):
                raise ValueError(f"{self.prefix}: {what} is a list of texts, not the text '{given}'")
        family, key = nlri.key(self.prefix)
        path = PathAttributes(
            as_path=self._segments(peer_as),
            next_hop=None if self.next_hop is None else ip_address(self.next_hop),
            med=self.med,
            communities=tuple(map(notation.community, self.communities)),
            large_communities=notation.large_communities(self.large_communities),
            extended_communities=tuple(map(notation.extended_community, self.extended_communities)),
            otc=self.otc,
        )
        return family, key, path

    def _segments(self, peer_as: int | None) -> tuple[AsSegment, ...]:
        if isinstance(self.as_path, str) and self.as_path:
            return notation.as_path(self.as_path)
        alone = () if peer_as is None else (peer_as,)
        return tuple(notation.segment(SegmentKind.SEQUENCE, [int(asn) for asn in self.as_path] or alone))


@dataclass(frozen=True, slots=True)
class FileRoute:
    """A route that was read from a file; its text names it in pytest's output."""

    family: Family
    key: bytes
    path: PathAttributes

    @property
    def prefix(self) -> str:
        return nlri.text(self.family, self.key)

    def __str__(self) -> str:
        return f"{self.prefix} path {self.path.as_path_text}" if self.path.as_path else self.prefix

    def parsed(self, peer_as: int | None) -> tuple[Family, bytes, PathAttributes]:
        """As it was read."""
        return self.family, self.key, self.path


AnyRoute = AnnouncedRoute | FileRoute
