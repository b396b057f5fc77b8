"""What is printed of judged routes is read back: the same attributes, and the same verdict by every rule."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.mrt.bgp4mp import pack_message
from simulator.mrt.table_dump_v2 import RibEntry, rib_dump
from simulator.policy.policy import verdict
from simulator.policy.rules import RULES
from simulator.policy.verdict import RouteOutcome
from simulator.session.messages import Family
from simulator.tables import birdwatcher, looking_glass, notation
from simulator.tables.birdwatcher import OTHER_REASON, OWN_REASONS, reason_of
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.json_lines import common_json, route_row
from simulator.tables.received_routes import ReceivedRoute, SessionTable
from simulator.tables.session_policies import SessionPolicies
from simulator.tables.table_entries import Announcer, TableEntry, TableRoutes, Unreadable
from simulator.tables.tally import Judge
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.update import pack_announcements

PEERS = {
    Family.IPV4: Announcer(64496, IPv4Address("192.0.2.1"), IPv4Address("192.0.2.1")),
    Family.IPV6: Announcer(64496, IPv6Address("2001:db8::1"), IPv4Address("192.0.2.1")),
}
EDGES: dict[Family, IPv4Address | IPv6Address] = {
    Family.IPV4: IPv4Address("192.0.2.9"),
    Family.IPV6: IPv6Address("2001:db8::9"),
}
TIMES = birdwatcher.TimeFormats(1000.0, str, lambda when: "2026-11-28 12:00:00")
SESSIONS = SessionPolicies("peering-service", settings={"too-many-communities": {"limit": 3}})
"""Knows nothing of the peer: it has to be in what is read."""

asns = st.one_of(st.sampled_from([64496, 1136, 8075, 12076, 64512, 174, 4200000000, 23456]), st.integers(1, 2**32 - 1))
numbers = st.integers(0, 2**32 - 1)
segments = st.builds(
    AsSegment,
    st.sampled_from([SegmentKind.SEQUENCE, SegmentKind.SEQUENCE, SegmentKind.SET]),
    st.lists(asns, min_size=1, max_size=4).map(tuple),
)
extended = st.one_of(
    st.binary(min_size=8, max_size=8),
    st.builds(
        lambda kind, rest: kind + rest,
        st.sampled_from([b"\0\2", b"\1\3", b"\2\2", b"@\2"]),
        st.binary(min_size=6, max_size=6),
    ),
    st.sampled_from([b"\2\2\0\0\0\1\0\2", b"\0\2\xfb\xf0\0\0\0d", b"\1\2\xc0\0\2\1\0\5"]),
)


def joined(path: Iterable[AsSegment]) -> tuple[AsSegment, ...]:
    """Sequences that stand side by side are one, as text cannot tell them apart."""
    found: list[AsSegment] = []
    for part in path:
        if found and found[-1].kind is part.kind is SegmentKind.SEQUENCE:
            found[-1] = AsSegment(part.kind, found[-1].asns + part.asns)
        else:
            found.append(part)
    return tuple(found)


def paths(family: Family) -> st.SearchStrategy[PathAttributes]:
    hops: st.SearchStrategy[IPv4Address | IPv6Address]
    second: st.SearchStrategy[IPv6Address | None] = st.none()
    if family is Family.IPV4:
        hops = st.sampled_from([IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")])
    else:
        hops = st.sampled_from([IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2"), IPv6Address("fe80::1")])
        second = st.none() | st.just(IPv6Address("fe80::2"))
    return st.builds(
        PathAttributes,
        origin=st.integers(0, 2),
        as_path=st.lists(segments, max_size=3).map(joined),
        next_hop=hops,
        link_local=second,
        med=st.none() | numbers,
        atomic_aggregate=st.booleans(),
        aggregator=st.none() | st.tuples(asns, numbers.map(IPv4Address)),
        communities=st.lists(numbers | st.just(8075 << 16 | 8007), max_size=3).map(tuple),
        extended_communities=st.lists(extended, max_size=3).map(tuple),
        large_communities=st.lists(st.tuples(numbers, numbers, numbers), max_size=3, unique=True).map(tuple),
        otc=st.none() | asns,
    )


PREFIXES = {
    Family.IPV4: ["41.0.0.0/16", "41.1.0.0/25", "10.0.0.0/8", "0.0.0.0/0", "41.2.0.0/16"],
    Family.IPV6: ["2a00:1000::/32", "2a00:1001::/49", "fc00::/16", "::/0"],
}


@st.composite
def tables(draw: st.DrawFn) -> SessionTable:
    family = draw(st.sampled_from(Family))
    prefixes = draw(st.lists(st.sampled_from(PREFIXES[family]), min_size=1, unique=True))
    routes = [(nlri.key(prefix)[1], draw(paths(family))) for prefix in prefixes]
    return table(family, routes, denied=draw(st.booleans()))


def table(family: Family, routes: Iterable[tuple[bytes, PathAttributes]], *, denied: bool = False) -> SessionTable:
    peer = PEERS[family]
    policy = SESSIONS.session(replace(peer, local=EDGES[family]), family).policy
    held = (
        ReceivedRoute(
            family,
            key,
            path,
            verdict(policy.judge_prefix(family, key, path) + policy.judge_attributes(path), denied=denied),
            1.0,
        )
        for key, path in routes
    )
    return SessionTable(
        session="p/e",
        connection="p",
        edge="e",
        edge_address=EDGES[family],
        edge_as=8075,
        family=family,
        peer=peer,
        connection_state="Validating",
        bgp_state="Established",
        since=1.0,
        last_error="",
        asn4=True,
        sent=0,
        routes=tuple(held),
    )


def as_text(found: SessionTable) -> bytes:
    return "".join(f"{line}\n" for line in looking_glass.text(found, found.routes, TIMES.short)).encode()


def as_text_with_blanks(found: SessionTable) -> bytes:
    return as_text(found).replace(b"\t", b"        ")


def as_rows(found: SessionTable) -> bytes:
    rows = [looking_glass.session_row(found, TIMES.short), *looking_glass.rows(found, found.routes, TIMES.short)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_events(found: SessionTable) -> bytes:
    """As `turnup edge --json` tells them."""
    peer = replace(found.peer, local=found.edge_address)
    common = ({"time": "x", "session": "s", **common_json(held.path, peer)} for held in found.routes)
    rows = (
        route_row(held.family, held.key, held.verdict, each) for held, each in zip(found.routes, common, strict=True)
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_answers(found: SessionTable) -> bytes:
    """As `turnup policy check --json` prints them."""
    rows = (route_row(held.family, held.key, held.verdict, common_json(held.path, found.peer)) for held in found.routes)
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_rib(found: SessionTable) -> bytes:
    entries = [RibEntry(held.family, held.key, held.path, held.time) for held in found.routes]
    return b"".join(rib_dump(2.0, IPv4Address("192.0.2.9"), "view", [(found.peer, entries)]))


def as_updates(found: SessionTable) -> bytes:
    data = b""
    for held in found.routes:
        hops = [hop.packed for hop in (held.path.next_hop, held.path.link_local) if hop is not None]
        for octets, _ in pack_announcements(
            found.family, encode(held.path, asn4=True), b"".join(hops), (held.key,), 4096
        ):
            data += pack_message(1.0, found.peer, Announcer(8075, found.edge_address), octets)
    return data


WRITERS = {
    "text": (InputFormat.BIRD, as_text),
    "text with blanks for tabs": (InputFormat.BIRD, as_text_with_blanks),
    "rows": (InputFormat.JSON, as_rows),
    "events": (InputFormat.JSON, as_events),
    "answers": (InputFormat.JSON, as_answers),
    "rib": (InputFormat.MRT, as_rib),
    "updates": (InputFormat.MRT, as_updates),
}


def check(found: SessionTable, entries: Iterable[TableEntry], **differs: object) -> None:
    """Every route is there, with its attributes, and the rules that fired for it fire again."""
    judge = Judge(SESSIONS.session)
    routes, rules = dict[bytes, PathAttributes](), dict[bytes, list[str]]()
    for group, hits in judge.judge(entries):
        for key in group.keys:
            routes[key], rules[key] = group.path, sorted(str(hit) for hit in hits.get(key, ()))
    assert not judge.tally.unreadable, judge.tally.named
    for held in found.routes:
        assert replace(routes[held.key], **differs) == held.path  # type: ignore[arg-type]
        assert rules[held.key] == sorted(map(str, held.verdict.hits))
    assert len(routes) == len(found.routes)


@pytest.mark.parametrize(("format_", "write"), WRITERS.values(), ids=WRITERS)
@given(found=tables())
def test_every_attribute_and_every_verdict_comes_back(format_: InputFormat, write, found: SessionTable) -> None:  # type: ignore[no-untyped-def]
    data = write(found)
    assert recognise((data,))[0] is format_
    check(found, READERS[format_]((data,)))


@given(found=tables())
def test_so_they_do_of_birdwatcher(found: SessionTable) -> None:
    document = json.loads(json.dumps(birdwatcher.union([found], {found.session: found.routes}, "turnup", TIMES)))
    # BIRD has a local preference always, and birdwatcher's is a number that Alice insists on.
    for indent in (None, 2):
        data = json.dumps(document, indent=indent).encode()
        assert recognise((data,))[0] is InputFormat.JSON
        check(found, READERS[InputFormat.JSON]((data,)), local_pref=None)
    filtered = birdwatcher.documents([found], "turnup", "192.0.2.9", TIMES)["routes/filtered/p_e"]["routes"]
    assert len(filtered) == sum(held.verdict.outcome is RouteOutcome.REJECT for held in found.routes)
    assert all(route["reject_reasons"] for route in filtered)


def test_every_rule_has_a_reason_of_its_own_or_of_euro_ix() -> None:
    assert set(OWN_REASONS) == {rule.id for rule in RULES.values() if not rule.euro_ix}
    numbers = [reason_of(rule)[1] for rule in OWN_REASONS]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > OTHER_REASON
    assert reason_of("max-prefix") == (1101, OTHER_REASON)


@given(extended)
def test_an_extended_community_has_one_notation_and_is_read_from_it(value: bytes) -> None:
    parts = notation.extended_parts(value)
    assert notation.extended_community(":".join(parts)) == value
    assert notation.extended_community(f"({', '.join(parts)})") == value
    assert notation.extended_community(f"0x{value.hex()}") == value


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("rt:64496:100", "0002fbf000000064"),
        ("(ro, 192.0.2.1, 5)", "0103c00002010005"),
        ("rt:4200000000:7", "0202fa56ea000007"),
        ("target:1:2", "0002000100000002"),
        ("generic:0x43000000:0x1", "4300000000000001"),
        ("(unknown 0x4002, 1, 2)", "4002000100000002"),
    ],
)
def test_extended_communities_as_bird_and_others_write_them(text: str, octets: str) -> None:
    assert notation.extended_community(text).hex() == octets


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rt:1",
        "rt:1:2:3",
        "rt:1:4294967296",
        "rt:70000:70000",
        "foo:1:2",
        "generic:x:1",
        "unknown 0x8000:1:2",
        "rt:1.2.3:4",
    ],
)
def test_what_is_no_extended_community(text: str) -> None:
    with pytest.raises(ValueError, match=r"extended community|IPv4 address"):
        notation.extended_community(text)


# --- a stream of events ---


def events(*rows: dict[str, object]) -> list[TableEntry]:
    return list(READERS[InputFormat.JSON](("".join(json.dumps(row) + "\n" for row in rows).encode(),)))


def event(prefix: str, session: str = "s", path: str = "64496") -> dict[str, object]:
    return {"event": "route", "session": session, "prefix": prefix, "as-path": path}


def test_what_an_edge_takes_back_is_gone() -> None:
    found = events(
        event("41.0.0.0/16"),
        event("41.1.0.0/16"),
        event("41.0.0.0/16", path="64496 1136"),
        event("41.2.0.0/16", "other"),
        {"event": "route-withdrawn", "session": "s", "prefix": "41.1.0.0/16"},
        {"event": "bgp-state", "session": "other", "from": "OpenConfirm", "to": "Established"},
        {"event": "bgp-state", "session": "s", "from": "Established", "to": "Idle"},
    )
    judge = Judge(SESSIONS.session)
    (left,) = [routes for routes, _ in judge.judge(found)]
    assert (left.keys, left.path.as_path_text) == ((nlri.key("41.0.0.0/16")[1],), "64496 1136")
    assert judge.tally.taken_back == 3
    assert judge.tally.routes + judge.tally.taken_back == 4


def test_what_was_unreadable_once_is_so_again() -> None:
    (found,) = events({"event": "unreadable", "unit": "record", "number": 3, "reason": "ORIGIN", "routes": 7})
    assert isinstance(found, Unreadable)
    assert (found.routes, str(found)) == (7, "line 1: not read when this was written: ORIGIN")
    told: dict[str, object] = {
        "event": "malformed-update",
        "session": "s",
        "reason": "ORIGIN",
        "prefixes": ["41.0.0.0/16", "41.1.0.0/16"],
    }
    (found,) = events(told | {"outcome": "treat-as-withdraw"})
    assert isinstance(found, Unreadable)
    assert (found.routes, found.reason) == (2, "ORIGIN")
    assert not isinstance(events(told | {"outcome": "attribute discard"})[0], Unreadable), "its routes were taken"
    (bad,) = events({"event": "route-withdrawn", "session": "s", "prefix": "x"})
    assert isinstance(bad, Unreadable)
    assert isinstance(events(event("41.0.0.0/16"))[0], TableRoutes)
