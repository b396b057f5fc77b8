"""The embedded list of where AS8075 meets others, and a PeeringDB export in its place."""

from __future__ import annotations

import json
from ipaddress import IPv4Network, IPv6Network
from itertools import chain
from pathlib import Path

import pytest

from simulator.topology.load import TopologyError, parse
from simulator.topology.locations import ExchangeLocation, FacilityLocation, LocationsError, embedded, from_peeringdb

EXCHANGES = embedded().exchanges


def test_the_list_is_long_and_every_place_says_who_saw_it_when() -> None:
    known = embedded()
    assert (len(known.exchanges), len(known.facilities)) == (191, 147)
    assert len({place.peeringdb_ix for place in known.exchanges}) == 191
    assert len({place.peeringdb_facility for place in known.facilities}) == 147
    places: list[ExchangeLocation | FacilityLocation] = [*known.exchanges, *known.facilities]
    for place in places:
        assert place.metro and len(place.country) == 2 and place.seen, place
        assert place.sources and set(place.sources) <= set(known.sources), place
    assert all(place.lan and set(place.lan_sources) <= set(known.sources) for place in known.exchanges)
    assert all(source.what and source.date and source.licence for source in known.sources.values())
    assert {place.current for place in known.exchanges} == {True, False}


def test_a_lan_that_the_list_lacks_can_be_given_and_another_lan_has_no_known_edges() -> None:
    text = (
        "name: x\nexchange: {peeringdb-ix: 126, lan: {ipv4: %s}}\npeers: [{name: p, asn: 64496, ipv4: %s}]\n"
        "peerings: [{name: a, peer: p, families: [IPv4]}]\n"
    )
    found = parse(text % ("101.203.88.0/22", "101.203.91.9"))
    assert [str(edge.ipv4) for edge in found.edges] == ["101.203.88.76", "101.203.89.63"]
    with pytest.raises(TopologyError, match="edges: this key is missing"):
        parse(text % ("192.0.2.0/24", "192.0.2.9"))


@pytest.mark.parametrize("place", EXCHANGES, ids=lambda place: str(place.peeringdb_ix))
def test_the_addresses_of_every_exchange_lie_on_its_lan_and_make_a_topology(place: ExchangeLocation) -> None:
    assert len({prefix.version for prefix in place.lan}) == len(place.lan), "a LAN has one prefix a family"
    lans: dict[int, IPv4Network | IPv6Network] = {prefix.version: prefix for prefix in place.lan}
    for address in chain(place.microsoft_ipv4, place.microsoft_ipv6):
        assert address.version not in lans or address in lans[address.version], address
        assert address.version in lans or place.note, "what is missing is said"
    usable = [a for a in chain(place.microsoft_ipv4, place.microsoft_ipv6) if a.version in lans]
    assert usable, "there is an edge to peer with"
    family = usable[0].version
    ours = next(a for a in lans[family].hosts() if a not in usable)
    text = (
        f"name: x\nexchange: {{peeringdb-ix: {place.peeringdb_ix}}}\n"
        f"peers: [{{name: p, asn: 64496, ipv{family}: '{ours}'}}]\n"
        f"peerings: [{{name: a, peer: p, families: [IPv{family}], connections: [{{edge: edge-1}}]}}]\n"
    )
    assert parse(text).exchange is not None


def export(**tables: object) -> str:
    return json.dumps({name: {"data": rows} for name, rows in tables.items()})


NETIXLAN = {"asn": 8075, "ix_id": 9001, "ixlan_id": 5, "name": "Own IX", "ipaddr4": "192.0.2.1", "speed": 10000}


def test_a_peeringdb_export_takes_the_place_of_the_list(tmp_path: Path) -> None:
    path = tmp_path / "pdb.json"
    other = {**NETIXLAN, "ipaddr4": None, "ipaddr6": "2001:db8::1"}
    path.write_text(
        export(
            netixlan=[NETIXLAN, other, {**NETIXLAN, "asn": 64496}],
            ixpfx=[{"ixlan_id": 5, "prefix": "192.0.2.0/24"}],
            ix=[{"id": 9001, "name": "Own", "city": "Town", "country": "NL"}],
        )
    )
    (place,) = from_peeringdb(path).exchanges
    assert (place.name, place.metro, place.country, place.speed_mbps) == ("Own", "Town", "NL", 20000)
    assert [str(found) for found in (*place.lan, *place.microsoft_ipv4, *place.microsoft_ipv6)] == [
        "192.0.2.0/24",
        "192.0.2.1",
        "2001:db8::1",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "not a PeeringDB export"),
        ('{"data": []}', "no netixlan row of AS8075"),
        ('{"data": [{}]}', "not a PeeringDB export"),
        (export(netixlan=[{**NETIXLAN, "ipaddr4": "nowhere"}]), "not a PeeringDB export"),
    ],
)
def test_what_is_no_export_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "pdb.json"
    path.write_text(text)
    with pytest.raises(LocationsError, match=words) as caught:
        from_peeringdb(path)
    assert "\n" not in str(caught.value)
