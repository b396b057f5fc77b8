"""The looking glass: its text is BIRD's, its JSON is read back, and Alice-LG decodes birdwatcher's shape."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import Any

import pytest

from simulator.policy.policy import verdict
from simulator.session.messages import Family
from simulator.tables import birdwatcher, looking_glass
from simulator.tables.captured_updates import updates
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.received_routes import ReceivedRoute, SessionTable, covering
from simulator.tables.table_entries import Announcer, Skipped
from simulator.tables.tally import Judge
from tests.tables.support import PEER4, SAMPLES, SESSIONS, by_prefix, json_lines, update_of


def table(*, denied: bool = True, established: bool = True) -> SessionTable:
    samples = [sample for sample in SAMPLES if sample.family is Family.IPV4]
    held = []
    for routes, hits in Judge(SESSIONS.session).judge(READERS[InputFormat.JSON]((json_lines(samples),))):
        for key in routes.keys:
            held.append(
                ReceivedRoute(routes.family, key, routes.path, verdict(hits.get(key, ()), denied=denied), 100.0)
            )
    return SessionTable(
        session="contoso-ashburn/ash-edge-1/ipv4",
        connection="contoso-ashburn/ash-edge-1",
        edge="ash-edge-1",
        edge_address=IPv4Address("192.0.2.9"),
        edge_as=8075,
        family=Family.IPV4,
        peer=PEER4,
        connection_state="Validating" if denied else "Active",
        bgp_state="Established" if established else "Active",
        since=50.0 if established else None,
        last_error="" if established else "Connection refused",
        asn4=True,
        sent=0,
        routes=tuple(held) if established else (),
    )


TABLE = table()
TIMES = birdwatcher.TimeFormats(
    1000.0, lambda when: f"1970-01-01T00:00:{when:.0f}Z", lambda when: "1970-01-01 00:00:01"
)


def test_the_text_is_read_back_with_the_same_routes() -> None:
    text = "".join(f"{line}\n" for line in looking_glass.text(TABLE, TABLE.routes, TIMES.short)).encode()
    assert recognise((text,))[0] is InputFormat.BIRD
    assert by_prefix(READERS[InputFormat.BIRD]((text,))) == {held.prefix: held.path for held in TABLE.routes}


def test_the_text_says_the_verdict_and_every_rule() -> None:
    lines = list(looking_glass.text(TABLE, TABLE.routes, TIMES.short))
    assert lines[0] == (
        "Table contoso-ashburn/ash-edge-1/ipv4: AS1103 at 192.0.2.1, connection Validating, BGP Established: "
        "10 routes: 8 rejected, 2 withheld"
    )
    start = next(n for n, line in enumerate(lines) if line.startswith("10.0.0.0/8"))
    assert lines[start].startswith("10.0.0.0/8           unicast [contoso-ashburn/ash-edge-1/ipv4 1970-01-01")
    assert "\tturnup.verdict: reject" in lines[start:]
    assert any(line.startswith("\tturnup.rule: bogon-prefix: ") for line in lines[start:])
    assert not any("] * (" in line for line in lines), "nothing was taken"
    assert any("] * (" in line for line in looking_glass.text(table(denied=False), table(denied=False).routes, str))


def test_a_session_that_is_down_says_why() -> None:
    down = table(established=False)
    lines = list(looking_glass.text(down, down.routes, TIMES.short))
    assert lines == [
        "Table contoso-ashburn/ash-edge-1/ipv4: AS1103 at 192.0.2.1, connection Validating, BGP Active: 0 routes",
        "\tlast error: Connection refused",
    ]
    assert looking_glass.session_row(down, TIMES.short)["established"] is None


def test_the_rows_are_flat_and_read_back() -> None:
    rows = [looking_glass.session_row(TABLE, TIMES.short), *looking_glass.rows(TABLE, TABLE.routes, TIMES.short)]
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    entries = [entry for entry in READERS[InputFormat.JSON]((text,)) if not isinstance(entry, Skipped)]
    assert by_prefix(entries) == {held.prefix: held.path for held in TABLE.routes}
    assert all(not isinstance(value, dict) for row in rows for value in row.values())
    assert (rows[0]["accepted"], rows[0]["rejected"]) == (2, 8)


@pytest.mark.parametrize(
    ("wanted", "prefixes"),
    [
        ("41.2.0.0/25", ["41.2.0.0/25"]),
        ("10.1.2.0/24", ["10.0.0.0/8"]),
        ("41.0.255.1", ["41.0.0.0/16"]),
        ("0.0.0.0/0", []),
        ("41.0.0.0/15", []),
        ("2a00::/12", []),
    ],
)
def test_a_prefix_finds_itself_and_what_covers_it(wanted: str, prefixes: list[str]) -> None:
    assert [held.prefix for held in covering(TABLE.routes, wanted)] == prefixes


@pytest.mark.parametrize("wanted", ["", "x", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_prefix(wanted: str) -> None:
    with pytest.raises(ValueError, match="is no prefix or address"):
        covering((), wanted)


# --- birdwatcher: the types that Alice-LG's decoders insist on ---


def check_envelope(document: dict[str, Any]) -> None:
    assert isinstance(document["api"]["Version"], str)
    assert document["api"]["result_from_cache"] is False
    assert isinstance(document["api"]["cache_status"]["cached_at"]["date"], str)
    assert isinstance(document["ttl"], str)


def check_route(route: dict[str, Any]) -> None:
    for name in ("network", "gateway", "interface", "from_protocol", "learnt_from", "age"):
        assert isinstance(route[name], str), name
    assert isinstance(route["metric"], int)
    assert isinstance(route["primary"], bool)
    assert route["type"] == ["BGP", "univ"]
    bgp = route["bgp"]
    assert all(isinstance(asn, str) and asn.isdigit() for asn in bgp["as_path"])
    for name in ("origin", "next_hop", "local_pref"):
        assert isinstance(bgp[name], str), name
    assert isinstance(bgp.get("med", ""), str)
    for name, parts in (("communities", 2), ("large_communities", 3)):
        assert all(len(value) == parts and all(isinstance(n, int) for n in value) for value in bgp[name])


def test_every_endpoint_that_alice_asks() -> None:
    found = birdwatcher.documents([TABLE], "turnup 1", "192.0.2.9", TIMES)
    name = "contoso_ashburn_ash_edge_1_ipv4"
    assert found.keys() == {
        "status",
        "protocols/bgp",
        "protocols/short",
        f"routes/protocol/{name}",
        f"routes/filtered/{name}",
        f"routes/noexport/{name}",
    }
    for document in found.values():
        check_envelope(document)
    protocol = found["protocols/bgp"]["protocols"][name]
    assert protocol["routes"] == {"imported": 2, "filtered": 8, "exported": 0, "preferred": 0}
    assert (protocol["state"], protocol["neighbor_as"], protocol["neighbor_address"]) == ("up", 1103, "192.0.2.1")
    for kind, count in (("protocol", 2), ("filtered", 8), ("noexport", 0)):
        document = found[f"routes/{kind}/{name}"]
        assert document["routes_count"] == len(document["routes"]) == count
        for route in document["routes"]:
            check_route(route)
            assert route["from_protocol"] == name


def test_reject_reasons_are_large_communities_of_the_euro_ix_vocabulary() -> None:
    document = birdwatcher.union([TABLE], {TABLE.session: TABLE.routes}, "turnup 1", TIMES)
    check_envelope(document)
    routes = {route["network"]: route for route in document["routes"]}
    assert routes["10.0.0.0/8"]["bgp"]["large_communities"] == [[8075, 1101, 3]]
    assert routes["41.1.0.0/16"]["bgp"]["large_communities"] == [[1103, 1, 2], [1103, 3, 4]]
    assert routes["10.0.0.0/8"]["verdict"] == "reject"
    assert document["routes_count"] == 10


def test_names_of_protocols_are_unique() -> None:
    one, two = TABLE, birdwatcher.names  # two sessions whose ids differ in punctuation only
    other = SessionTable(
        **{name: getattr(one, name) for name in one.__slots__} | {"session": "contoso.ashburn/ash-edge-1/ipv4"}
    )
    assert sorted(two([one, other]).values()) == [
        "contoso_ashburn_ash_edge_1_ipv4",
        "contoso_ashburn_ash_edge_1_ipv4_2",
    ]


# --- recorded octets ---


class Piece:
    def __init__(self, data: bytes, source: str = "a", flags: str = "PA") -> None:
        self.source, self.source_port, self.destination, self.destination_port = source, 1, "b", 2
        self.data, self.flags = data, flags


def test_updates_are_cut_out_of_streams_wherever_the_pieces_fall() -> None:
    one, two = update_of(SAMPLES[0]), update_of(SAMPLES[1])
    octets = one + two
    pieces = [Piece(octets[at : at + 7]) for at in range(0, len(octets), 7)]
    other = [Piece(two[:10], "c"), Piece(b"\0" * 40, "d"), Piece(two[10:], "c"), Piece(two, "d"), Piece(one, "d", "S")]
    found = [update for _, update in updates([*other, *pieces])]
    assert found == [two, one, one, two], "d was no BGP until its connection began anew"


def test_an_announcer_in_words() -> None:
    assert str(Announcer(1103, IPv4Address("192.0.2.1"))) == "AS1103 at 192.0.2.1"
