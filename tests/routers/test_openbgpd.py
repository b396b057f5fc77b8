"""OpenBGPD: the contract, its configuration, its answers, and what is particular about it."""

from __future__ import annotations

import pwd
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.openbgpd.adapter import Openbgpd, _require_user, mrt, parse_neighbor
from simulator.routers.openbgpd.config import render
from simulator.routers.openbgpd.file import BGPCTL, BGPD
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from tests.lab_support import v4, v6
from tests.routers.conformance import (
    EDGE_ROUTES,
    FILE_ROUTES,
    OWN_ROUTES,
    V4_NAME,
    V6_NAME,
    Bench,
    OwnFileConformance,
    RouterConformance,
    Subject,
    configuration,
    edge_holds,
    established,
    holds,
    sends,
    wanted,
)


def own_file(config: RouterConfig) -> str:
    lines = [f"AS {config.asn}", f"router-id {config.router_id}", 'socket "/nowhere/bgpd.sock"']
    lines += [f"network {route.prefix}" for route in FILE_ROUTES]
    lines += [f"neighbor {session.remote_address} {{\n\tremote-as 8075\n}}" for session in config.sessions]
    own = " ".join(route.prefix for route in FILE_ROUTES)
    lines += ["allow from ebgp", f"allow to any prefix {{ {own} }}"]
    return "\n".join(lines)  # and no newline at its end


SUBJECT = Subject(
    make=Openbgpd,
    title="OpenBGPD",
    programs=(BGPD.path, BGPCTL.path),
    version="OpenBGPD ",
    file=own_file,
    broken_file="AS 64496\nneighbor 192.0.2.2 {\n\tremote-ass 8075\n}\n",
    broken_words=r"my router\.conf:3: syntax error",
)


def seen_on_the_host() -> tuple[bytes, bool]:
    return Path("/etc/passwd").read_bytes(), Path("/run/openbgpd").exists()


class TestConformance(RouterConformance):
    subject = SUBJECT

    @pytest.mark.parametrize(
        ("md5", "gtsm"), [(None, False), ("s3cret", False), (None, True), ("s3cret", True)], ids=str
    )
    async def test_it_takes_calls(self, bench: Bench, md5: str | None, gtsm: bool) -> None:
        config = configuration(md5=md5, gtsm=gtsm)
        # Where it dials, nobody is.
        astray = [replace(found, remote=Endpoint(found.remote_address, 1179)) for found in config.sessions]
        router = await bench.start(replace(config, sessions=tuple(astray)))
        edge = await bench.edge([*EDGE_ROUTES[Family.IPV4], *EDGE_ROUTES[Family.IPV6]])
        await established(router, bench.provision(edge, router, config))
        await holds(router, V6_NAME, EDGE_ROUTES[Family.IPV6])

    async def test_what_one_neighbor_sends_does_not_go_to_another(self, bench: Bench) -> None:
        one = configuration(OWN_ROUTES)
        to_other = replace(
            one.sessions[0], name="other", remote_address=v4(3), remote=Endpoint(v4(3), 179), remote_as=65003
        )
        router = await bench.start(replace(one, sessions=(*one.sessions, to_other)))
        # The other neighbor is a second OpenBGPD.
        back = RouterSession("back", v4(3), v4(1), one.asn, Endpoint(v4(1), 179))
        third = await bench.start(RouterConfig("n3", 65003, "10.255.0.3", (back,), (RouterRoute("41.9.0.0/16"),)))
        neighbors = bench.provision(await bench.edge(EDGE_ROUTES[Family.IPV4]), router, one)
        await holds(router, V4_NAME, EDGE_ROUTES[Family.IPV4])
        await holds(router, "other", ["41.9.0.0/16"])
        await edge_holds(neighbors[V4_NAME], wanted(one, V4_NAME, self.subject))
        await sends(router, "other", wanted(one, V4_NAME, self.subject))
        assert await third.received("back") <= wanted(one, V4_NAME, self.subject).keys()

    async def test_nothing_of_it_is_seen_on_the_host(self, bench: Bench) -> None:
        before = seen_on_the_host()
        await bench.start(configuration())
        assert seen_on_the_host() == before

    async def test_it_refuses_in_words(self, bench: Bench) -> None:
        router = await bench.start(configuration())
        assert isinstance(router, Openbgpd)
        with pytest.raises(LabError, match=r"^OpenBGPD of n1 refused 'make coffee': unknown argument: make"):
            await router.command("make", "coffee")


class TestOwnFile(OwnFileConformance):
    subject = SUBJECT

    async def test_what_it_includes_is_looked_for_beside_it(self, bench: Bench) -> None:
        config = configuration(FILE_ROUTES)
        path = self.own_file(bench, 'include "sessions.conf"\n')
        part = path.parent / "sessions.conf"
        part.write_text(own_file(config) + "\n")
        part.chmod(0o600)
        config = replace(config, file=path)
        router = await bench.start(config)
        await established(router, bench.provision(await bench.edge(), router, config))


def route(**attributes: Any) -> RouterRoute:
    return RouterRoute("41.0.0.0/16", **attributes)


def text_of(*routes: RouterRoute, **more: Any) -> str:
    return render(configuration(routes, **more))


def test_routes_with_the_same_attributes_share_a_set_and_a_rule() -> None:
    prefixes = ("41.0.0.0/16", "41.1.0.0/16", "2c0f::/32")
    text = text_of(*(RouterRoute(prefix, communities=("8075:1",), med=5) for prefix in prefixes))
    assert "prefix-set routes-1 {\n\t41.0.0.0/16\n\t41.1.0.0/16\n\t2c0f::/32\n}\nnetwork prefix-set routes-1\n" in text
    assert text.count("match to any prefix-set") == 1
    assert "match to any prefix-set routes-1 set { community 8075:1 med 5 }\n" in text


def test_a_path_is_not_for_the_file() -> None:
    text = text_of(route(as_path=(64500,)), RouterRoute("41.1.0.0/16"))
    assert "network prefix-set routes-1" not in text
    assert "network prefix-set routes-2\n" in text
    assert "match to any prefix-set" not in text


def test_a_dump_has_one_record_a_route() -> None:
    config = configuration(names=())
    routes = [route(as_path=(64500, 4200000000)), RouterRoute("2c0f:1::/33", (64500,))]
    dump = mrt(config, routes)
    records, offset = [], 0
    while offset < len(dump):
        length = int.from_bytes(dump[offset + 8 : offset + 12], "big")
        records.append((dump[offset + 4 : offset + 8], dump[offset + 12 : offset + 12 + length]))
        offset += 12 + length
    assert offset == len(dump)
    assert [kind for kind, _ in records] == [bytes((0, 13, 0, subtype)) for subtype in (1, 2, 4)]
    assert bytes((2, 2)) + (64500).to_bytes(4, "big") + (4200000000).to_bytes(4, "big") in records[1][1]
    assert records[1][1][4:7] == bytes((16, 41, 0))
    assert records[2][1][4:10] == bytes((33, 0x2C, 0x0F, 0, 1, 0))


def test_security_and_limits_are_written() -> None:
    text = text_of(md5="s3cret", gtsm=True, max_prefixes=7)
    for line in ('\t\ttcp md5sig password "s3cret"\n', "\t\tttl-security yes\n", "\t\tmax-prefix 7\n"):
        assert text.count(line) == 2
    assert not any(word in text_of() for word in ("md5sig", "ttl-security", "max-prefix"))


def test_an_awkward_key_is_written_in_hexadecimal() -> None:
    assert f'\ttcp md5sig key "{b"two words".hex()}"\n' in text_of(md5="two words")


@pytest.mark.parametrize("key", ["", "k" * 80, "é" * 40])
def test_a_key_that_bgpd_cannot_take_is_refused(key: str) -> None:
    with pytest.raises(LabError, match="MD5 key"):
        text_of(md5=key)


def test_a_local_address_is_written_only_where_there_is_a_choice() -> None:
    config = configuration()
    assert "local-address" not in render(config)
    more = replace(config.sessions[0], name="more", local_address=v4(5), remote_address=v4(6))
    text = render(replace(config, sessions=(*config.sessions, more)))
    assert [line for line in text.splitlines() if "local-address" in line] == [
        f"\t\tlocal-address {v4(1)}",
        f"\t\tlocal-address {v4(5)}",
    ]


def test_another_port_is_written() -> None:
    assert "\tport 1179\n" in text_of(remote=Endpoint(v6(2), 1179))


def test_communities_by_name_are_written_as_numbers() -> None:
    assert "community 65535:0 community 65535:65281 }" in text_of(route(communities=("graceful-shutdown", "no-export")))


@pytest.mark.parametrize(
    "bad", [{"communities": ("x 1",)}, {"communities": ("1:2:3",)}, {"large_communities": ("1:2",)}]
)
def test_a_community_that_is_none_is_refused(bad: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(LabError, match=r"route 41\.0\.0\.0/16: .* is no community of [23] numbers"):
        text_of(route(**bad))


def test_a_session_that_is_down_gives_all_of_its_words() -> None:
    neighbor = {
        "state": "Idle",
        "last_error_received": "Cease, administratively down",
        "last_shutdown_reason": "until Monday",
        "stats": {"prefixes": {"received": 9, "sent": 9}},
    }
    report = parse_neighbor("x", neighbor)
    assert (report.state, report.established, report.received, report.exported) == ("Idle", False, 0, 0)
    assert report.reason == 'received Cease, administratively down "until Monday"'
    assert parse_neighbor("x", {"state": "Active"}).reason == ""
    for down in (False, True):
        assert parse_neighbor("x", {"state": "Idle", "config": {"down": down}}).shut_down is down


def test_without_its_user_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(pwd, "getpwnam", nobody)
    with pytest.raises(LabError, match="apt-get install --reinstall openbgpd"):
        _require_user()
