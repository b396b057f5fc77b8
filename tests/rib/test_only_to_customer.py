"""RFC 9234 §5 on what we send: who gets OTC, and who never sees a route that has it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from simulator.rib.adj_out import Images, export
from simulator.rib.announcement import Announcement
from simulator.session.messages import Capabilities, Family, Open, Role
from simulator.session.negotiation import Negotiated, negotiate
from simulator.wire.attribute_codec import PathAttributes, decode
from simulator.wire.update import split_update
from tests.rib.support import HOPS

ADDS = {None: False, Role.PROVIDER: True, Role.PEER: True, Role.ROUTE_SERVER: True}
KEEPS_BACK = (Role.CUSTOMER, Role.PEER, Role.RS_CLIENT)


def agreed() -> Negotiated:
    side = Open(8075, 90, IPv4Address("10.0.0.1"), Capabilities(families=frozenset(Family)))
    return negotiate(side, side)


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("role", [None, *Role])
def test_otc_is_added_for_those_who_must_not_pass_it_on(role: Role | None, family: Family) -> None:
    assert export(PathAttributes(), 8075, HOPS[family], role).otc == (8075 if ADDS.get(role, False) else None)
    assert export(PathAttributes(otc=9), 8075, HOPS[family], role).otc == 9


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("role", [None, *Role])
def test_a_route_for_customers_only_goes_to_no_provider_peer_or_route_server(role: Role | None, family: Family) -> None:
    marked, plain = b"\x10\x20\x01", b"\x10\x2a\x00"
    images = Images(
        [Announcement(family, PathAttributes(otc=9), (marked,)), Announcement(family, PathAttributes(), (plain,))]
    )
    image = images.get(family, agreed(), 8075, HOPS[family], role)
    assert image.keys == ((plain,) if role in KEEPS_BACK else (marked, plain))
    assert image.left_out == ((marked,) if role in KEEPS_BACK else ())
    assert images.get(family, agreed(), 8075, HOPS[family], None).keys == (marked, plain), "each role has its own image"


def test_on_the_wire() -> None:
    images = Images([Announcement(Family.IPV4, PathAttributes(), (b"\x08\x14",))])
    image = images.get(Family.IPV4, agreed(), 8075, HOPS[Family.IPV4], Role.PEER)
    parts = split_update(image.announce[19:])
    assert decode(parts.attributes, asn4=True).otc == 8075
