"""GoBGP: the contract of every router, its configuration, its answers."""

from __future__ import annotations

import tomllib

import pytest

from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig
from simulator.routers.gobgp.adapter import Gobgp, mrt, own_routes, parse_neighbor, parse_reasons
from simulator.routers.gobgp.config import render
from simulator.routers.simulated.adapter import announcements
from simulator.topology.route import RouterRoute
from tests.routers.conformance import Bench, OwnFileConformance, RouterConformance, Subject
from tests.routers.conformance import configuration as example


def own_file(config: RouterConfig) -> str:
    """As its user would write it; its routes come from the RouterConfig, because GoBGP's file can hold none."""
    lines = ["[global.config]", f"as = {config.asn}", f'router-id = "{config.router_id}"']
    for session in config.sessions:
        lines += ["[[neighbors]]", "[neighbors.config]", f'neighbor-address = "{session.remote_address}"']
        lines += [f"peer-as = {session.remote_as}", "[[neighbors.afi-safis]]", "[neighbors.afi-safis.config]"]
        lines.append(f'afi-safi-name = "ipv{session.remote_address.version}-unicast"')
    return "\n".join(lines) + "\n"


SUBJECT = Subject(
    make=Gobgp,
    title="GoBGP",
    programs=("gobgpd", "gobgp"),
    version="GoBGP ",
    file=own_file,
    broken_file='[global.config]\nas = 64496\nrouter-it = "192.0.2.1"\n',
    broken_words=r"my router\.conf.*has invalid keys: router-it",
)


class TestConformance(RouterConformance):
    subject = SUBJECT


class TestOwnFile(OwnFileConformance):
    subject = SUBJECT

    async def test_its_type_is_told_by_its_name(self, bench: Bench) -> None:
        path = bench.directory / "gobgpd.YAML"
        path.write_text("global:\n  config:\n    as: 64496\n    router-id: 192.0.2.1\n")
        config = RouterConfig("n1", 64496, "192.0.2.1", (), (), file=path)
        assert await (await bench.start(config)).version()


def test_what_it_is_given_is_what_it_reads() -> None:
    key = 'a "quoted" \\ key\n\x01é'
    found = tomllib.loads(render(example(md5=key, gtsm=True, max_prefixes=7)))
    assert found["global"]["config"] == {"as": 64496, "router-id": "10.255.0.1"}
    for neighbor, family in zip(found["neighbors"], ("ipv4-unicast", "ipv6-unicast"), strict=True):
        assert neighbor["config"]["auth-password"] == key
        assert neighbor["ttl-security"]["config"] == {"enabled": True, "ttl-min": 255}
        (only,) = neighbor["afi-safis"]
        assert only["config"]["afi-safi-name"] == family
        assert only["prefix-limit"]["config"]["max-prefixes"] == 7
    plain = tomllib.loads(render(example()))["neighbors"][0]
    assert "auth-password" not in plain["config"]
    assert "ttl-security" not in plain


def test_a_table_dump_is_a_table_dump() -> None:
    """RFC 6396 §4.3: the header, a peer index table of one peer, one record a route."""
    dump = b"".join(mrt(announcements([RouterRoute("41.0.0.0/16", med=1), RouterRoute("2c0f:1::/32")])))
    records = []
    while dump:
        size = int.from_bytes(dump[8:12], "big")
        assert dump[4:6] == b"\0\x0d"
        records.append((int.from_bytes(dump[6:8], "big"), dump[12 : 12 + size]))
        dump = dump[12 + size :]
    assert [kind for kind, _ in records] == [1, 2, 4]
    assert records[1][1][:7] == bytes((0, 0, 0, 0, 16, 41, 0))
    assert bytes((0x40, 3, 4, 0, 0, 0, 0)) in records[1][1], "NEXT_HOP 0.0.0.0: itself"
    assert records[2][1][:9] == bytes((0, 0, 0, 1, 32, 0x2C, 0x0F, 0, 1))
    assert records[2][1].endswith(bytes((0x80, 14, 26, 0, 2, 1, 16, *bytes(16), 0, 32, 0x2C, 0x0F, 0, 1)))


def test_a_community_that_is_none_is_refused() -> None:
    with pytest.raises(LabError, match=r"^n1 has a route that is not valid: .*'x'"):
        own_routes(example([RouterRoute("41.0.0.0/16", communities=("x",))]))


def test_the_last_reason_of_each_neighbor_is_kept() -> None:
    log = """time="…" level=info msg="Add a peer configuration" Key=192.0.2.2 Topic=Peer
time="…" level=info msg="Peer Up" Key=192.0.2.2 State=BGP_FSM_OPENCONFIRM Topic=Peer
time="…" level=warning msg="received notification" Code=6 Communicated-Reason="bye" Key=192.0.2.2 Subcode=2 Topic=Peer
time="…" level=info msg="Peer Down" Key=192.0.2.2 Reason="notification-received code 6(cease)" Topic=Peer
time="…" level=warning msg="Bad peer AS" Key="2001:db8:2::2" Topic=Peer
time="…" level=warning msg="listen failed" Key="unix:///x" Topic=grpc
"""
    assert parse_reasons(log) == {
        "192.0.2.2": "Peer Down: notification-received code 6(cease)",
        "2001:db8:2::2": "Bad peer AS",
    }


def test_a_neighbor_that_never_was_up_has_no_moment() -> None:
    (session, _) = example().sessions
    report = parse_neighbor(session, {"state": {}, "timers": {}}, "why")
    assert (report.state, report.established, report.since, report.reason) == ("Unknown", False, "", "why")
    for admin_state in (0, 1, 2):
        report = parse_neighbor(session, {"state": {"admin_state": admin_state}, "timers": {}}, "")
        assert report.shut_down is (admin_state == 1)
