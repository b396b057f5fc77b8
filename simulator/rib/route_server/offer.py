"""One client's route as the others may get it, and the routes to one prefix that compete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from simulator.rib.attribute_set import AttributeSet
from simulator.rib.route_server.client import Client
from simulator.rib.route_server.control import BLACKHOLE, GRACEFUL_SHUTDOWN, ControlCommunities

_LOCAL_PREF = 100
_NOBODY = frozenset[int]()


class Candidates:
    """The routes to one prefix, at most one a client; shared by all prefixes for which they are the same."""

    __slots__ = ()

    @property
    def offers(self) -> tuple[Offer, ...]:
        return ()

    @property
    def is_plain(self) -> bool:
        """One route that goes to everybody else."""
        return False

    @property
    def blackholes(self) -> bool:
        return any(offer.is_blackhole for offer in self.offers)

    @property
    def mentions(self) -> frozenset[int]:
        """ASNs that a control community names."""
        distributions = [offer.distribution for offer in self.offers if offer.distribution is not None]
        return _NOBODY.union(*(found.mentions for found in distributions)) if distributions else _NOBODY

    @property
    def common(self) -> Pick | None:
        """What most clients get: those that announce nothing here, refuse no announcer, and are in no community."""
        found = best([o for o in self.offers if o.distribution is None or o.distribution.to_all])
        if found is None:
            return None
        return Pick(found, found.distribution.prepends_to_all if found.distribution is not None else 0)

    def pick(self, client: Client) -> Pick | None:
        """The best of those that may go to this client: nobody hides a path from it (RFC 7947 §2.3)."""
        found = best([offer for offer in self.offers if offer.goes_to(client)])
        return None if found is None else Pick(found, found.prepends_to(client))

    def with_offer(self, offer: Offer) -> Candidates:
        """It replaces an earlier one of the same client."""
        others = tuple(other for other in self.offers if other.client is not offer.client)
        return Several((*others, offer)) if others else offer

    def without(self, client: Client) -> Candidates:
        left = tuple(offer for offer in self.offers if offer.client is not client)
        return Several(left) if len(left) > 1 else left[0] if left else NONE


NONE = Candidates()
"""No route."""


class Several(Candidates):
    """More than one."""

    __slots__ = ("_offers",)

    def __init__(self, offers: tuple[Offer, ...]) -> None:
        self._offers = offers

    @property
    def offers(self) -> tuple[Offer, ...]:
        return self._offers


class Offer(Candidates):
    """A route of one client: one set of attributes. It is also the candidates of a prefix that has no other route."""

    __slots__ = ("_is_plain", "attributes", "client", "distribution", "is_blackhole", "is_scrubbed")

    def __init__(self, client: Client, attributes: AttributeSet, control: ControlCommunities) -> None:
        communities = attributes.communities
        self.client = client
        self.attributes = attributes
        self.is_scrubbed = control.scrubs(communities, attributes.large_communities)
        """Some of its communities are the route server's business, and leave it with nobody."""
        self.distribution = control.read(attributes.path) if self.is_scrubbed else None
        self.is_blackhole = BLACKHOLE in communities
        self._is_plain = self.distribution is None and not self.is_blackhole

    @property
    def offers(self) -> tuple[Offer, ...]:
        return (self,)

    @property
    def is_plain(self) -> bool:
        """It goes to all clients but its announcer and those that refuse the announcer."""
        return self._is_plain

    def goes_to(self, client: Client) -> bool:
        """Whether both the announcer and this client want it to go there."""
        announcer = self.client
        return (
            announcer is not client
            and announcer.asn not in client.refuses
            and (client.blackholes or not self.is_blackhole)
            and (self.distribution is None or self.distribution.allows(client.asn))
        )

    def prepends_to(self, client: Client) -> int:
        return 0 if self.distribution is None else self.distribution.prepends_to(client.asn)


class Pick(NamedTuple):
    """The route that a client gets, and how often its announcer's ASN is prepended."""

    offer: Offer
    prepends: int = 0


def same(one: Pick | None, other: Pick | None) -> bool:
    """Whether a client that has the one does not need the other."""
    if one is None or other is None:
        return one is other
    return one.offer.attributes is other.offer.attributes  # which say how often to prepend, too


def best(offers: Sequence[Offer]) -> Offer | None:
    """The decision process (RFC 4271 §9.1) as far as it can tell routes of external peers on one LAN apart.

    A graceful shutdown makes a route the last choice (RFC 8326 §4.2).
    """
    if len(offers) < 2:
        return offers[0] if offers else None
    left = _least(offers, _preference)
    if len(left) > 1:
        left = _least_med(left)
    return min(left, key=_tie_breaker)


def _least(offers: Iterable[Offer], key: Callable[[Offer], tuple[int, ...]]) -> list[Offer]:
    ranked = [(key(offer), offer) for offer in offers]
    least = min(rank for rank, _ in ranked)
    return [offer for rank, offer in ranked if rank == least]


def _preference(offer: Offer) -> tuple[int, int, int]:
    """Degree of preference (§9.1.1), then §9.1.2.2 a and b."""
    path = offer.attributes.path
    return -(0 if GRACEFUL_SHUTDOWN in path.communities else _LOCAL_PREF), path.path_length, path.origin


def _least_med(offers: list[Offer]) -> list[Offer]:
    """§9.1.2.2 c: MED is compared between routes of one neighboring AS alone; a route without one has the lowest."""
    least: dict[int, int] = {}
    for offer in offers:
        neighbor, med = _neighbor_and_med(offer)
        least[neighbor] = min(med, least.get(neighbor, med))
    return [offer for offer in offers if (found := _neighbor_and_med(offer))[1] == least[found[0]]]


def _neighbor_and_med(offer: Offer) -> tuple[int, int]:
    path = offer.attributes.path
    return path.first_as or offer.client.asn, path.med or 0


def _tie_breaker(offer: Offer) -> tuple[int, int]:
    """§9.1.2.2 f and g; d and e cannot tell: all are external, and next to us."""
    return offer.client.identifier, int(offer.client.address)
