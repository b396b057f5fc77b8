"""Control communities: how a client says where the route server may send its route, and with how many prepends.

The large ones (RFC 8092) are the Euro-IX convention as IXP Manager and arouteserver have it, the standard ones its
older form, which needs a route server ASN of 16 bits. `docs/route-server.md` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.wire.path_attributes import PathAttributes

BLACKHOLE = 0xFFFF029A
"""65535:666, RFC 7999."""
GRACEFUL_SHUTDOWN = 0xFFFF0000
"""65535:0, RFC 8326."""
NO_EXPORT, NO_ADVERTISE = 0xFFFFFF01, 0xFFFFFF02
"""RFC 1997. A route server passes them on and does not act on them."""
_ALL = 0
"""In the place of a peer's ASN."""
_DENY, _ANNOUNCE = 0, 1
_PREPENDS = {101: 1, 102: 2, 103: 3}
_STANDARD_PREPENDS = {65501: 1, 65502: 2, 65503: 3}


@dataclass(frozen=True, slots=True)
class Distribution:
    """Where one route may go."""

    to_all: bool = True
    prepends_to_all: int = 0
    announce: dict[int, bool] = field(default_factory=dict)
    """ASN → whether it gets the route, whatever holds for all."""
    prepends: dict[int, int] = field(default_factory=dict)

    @property
    def mentions(self) -> frozenset[int]:
        """ASNs that are not treated like all the others."""
        return frozenset(self.announce) | frozenset(self.prepends)

    def allows(self, asn: int) -> bool:
        return self.announce.get(asn, self.to_all)

    def prepends_to(self, asn: int) -> int:
        return self.prepends.get(asn, self.prepends_to_all)


class ControlCommunities:
    """The control communities of one route server."""

    def __init__(self, asn: int) -> None:
        self._asn = asn
        self._high = frozenset({0, asn, *_STANDARD_PREPENDS}) if asn < 1 << 16 else frozenset[int]()

    def read(self, path: PathAttributes) -> Distribution | None:
        """What a route's communities ask for; None when they ask for nothing.

        The most specific wins, and of two that contradict each other the refusal and the smaller prepend do, as in
        arouteserver.
        """
        denied: set[int] = set()
        announced: set[int] = set()
        prepends: dict[int, int] = {}
        for peer, action in self._actions(path):
            if action == _DENY:
                denied.add(peer)
            elif action == _ANNOUNCE:
                announced.add(peer)
            else:
                count = _PREPENDS[action]
                prepends[peer] = min(count, prepends.get(peer, count))
        if not (denied or announced or prepends):
            return None
        return Distribution(
            to_all=_ALL not in denied,
            prepends_to_all=prepends.pop(_ALL, 0),
            announce=dict.fromkeys(announced - {_ALL}, True) | dict.fromkeys(denied - {_ALL}, False),
            prepends=prepends,
        )

    def _actions(self, path: PathAttributes) -> Iterator[tuple[int, int]]:
        """(peer's ASN or all, action)."""
        for own, function, peer in path.large_communities:
            if own == self._asn and (function in (_DENY, _ANNOUNCE) or function in _PREPENDS):
                yield peer, function
        for value in path.communities:
            high, low = value >> 16, value & 0xFFFF
            if high not in self._high:
                continue
            if high in _STANDARD_PREPENDS:
                yield low, 100 + _STANDARD_PREPENDS[high]
            elif low:
                yield _ALL if low == self._asn else low, _DENY if high == 0 else _ANNOUNCE

    def is_scrubbed(self, community: int) -> bool:
        """Whether a standard community is the route server's own business: none of these leaves it (RFC 7454 §11)."""
        return community >> 16 in self._high

    def is_scrubbed_large(self, community: tuple[int, int, int]) -> bool:
        """The same for a large community."""
        return community[0] == self._asn

    def scrubs(self, communities: tuple[int, ...], large: tuple[tuple[int, int, int], ...]) -> bool:
        """Whether any of a path's communities, standard or large, has to go."""
        high = self._high
        for value in communities:
            if value >> 16 in high:
                return True
        return bool(large) and any(community[0] == self._asn for community in large)
