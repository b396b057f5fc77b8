"""FRR: the contract of every router, its configuration, its answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig
from simulator.routers.frr.adapter import Frr, parse_neighbor
from simulator.routers.frr.config import render
from simulator.routers.frr.file import BGPD, STATICD, ZEBRA
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from tests.lab_support import eventually, v4
from tests.routers.conformance import (
    EDGE_ROUTES,
    FILE_ROUTES,
    V4_NAME,
    Bench,
    OwnFileConformance,
    RouterConformance,
    Subject,
    _Suite,
    edge_holds,
    established,
    holds,
)
from tests.routers.conformance import configuration as example


def own_file(config: RouterConfig) -> str:
    """As somebody would write it who runs all of FRR: lines for other daemons, a log file, no route-map in."""
    lines = [
        "frr version 8.4",
        "frr defaults traditional",
        "hostname contoso-edge",
        "log file /nowhere/frr.log informational",
        "service integrated-vtysh-config",
        "!",
        "ip route 41.0.0.0/16 blackhole",
        "ipv6 route 2c0f:1::/32 blackhole",
        "!",
        "interface lan",
        " description the exchange",
        "exit",
        "!",
        f"router bgp {config.asn}",
        f" bgp router-id {config.router_id}",
        " no bgp ebgp-requires-policy",
        " no bgp default ipv4-unicast",
    ]
    lines += [f" neighbor {session.remote_address} remote-as {session.remote_as}" for session in config.sessions]
    for family, name in ((Family.IPV4, "ipv4"), (Family.IPV6, "ipv6")):
        lines.append(f" address-family {name} unicast")
        lines += [f"  network {route.prefix}" for route in FILE_ROUTES if (":" in route.prefix) == (name == "ipv6")]
        for session in config.sessions:
            if session.family is family:
                lines += [
                    f"  neighbor {session.remote_address} activate",
                    f"  neighbor {session.remote_address} filter-list OWN out",
                ]
        lines.append(" exit-address-family")
    lines += ["exit", "!", "bgp as-path access-list OWN permit ^$", "!", "line vty", "!"]
    return "\n".join(lines) + "\n"


SUBJECT = Subject(
    make=Frr,
    title="FRR",
    programs=(BGPD.path, "vtysh"),
    version="FRR ",
    file=own_file,
    broken_file="router bgp 64496\n neighbor 192.0.2.2 remote-ass 8075\n",
    broken_words=r"my router\.conf: line 2: % Unknown command\[\d+\]: neighbor 192\.0\.2\.2 remote-ass 8075",
    default_med=0,
)


class TestConformance(RouterConformance):
    subject = SUBJECT


class TestOwnFile(OwnFileConformance):
    subject = SUBJECT


@pytest.mark.privileged
@pytest.mark.router
class TestWithoutAPolicy(_Suite):
    subject = SUBJECT

    async def test_rfc_8212_keeps_every_route_back_and_frr_says_so(self, bench: Bench) -> None:
        whole = example(FILE_ROUTES, names=(V4_NAME,))
        text = own_file(whole).replace(" no bgp ebgp-requires-policy\n", "")
        path = bench.directory / "frr.conf"
        path.write_text(text.replace(f"  neighbor {v4(2)} filter-list OWN out\n", ""))
        config = replace(whole, file=path)
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(EDGE_ROUTES[Family.IPV4]), router, config)
        (report,) = await established(router, neighbors)
        assert report.state == "Established (Policy)"
        assert "due to missing policy" in report.reason
        assert await router.received(V4_NAME) == await router.exported(V4_NAME) == frozenset()


def redistributing_file(config: RouterConfig) -> str:
    """The same routes, by way of zebra and staticd."""
    text = own_file(config).replace("  network 41.0.0.0/16\n", "  redistribute static\n")
    return text.replace("  network 2c0f:1::/32\n", "  redistribute static\n")


class TestOwnFileThatRedistributes(OwnFileConformance):
    subject = replace(SUBJECT, file=redistributing_file, programs=(*SUBJECT.programs, ZEBRA.path, STATICD.path))


@pytest.mark.privileged
@pytest.mark.router
class TestTheRib(_Suite):
    """What production asks of its RIB before it announces something."""

    subject = SUBJECT

    @pytest.mark.parametrize(
        ("changes", "announced", "causes"),
        [
            ((), True, []),
            ((("ip route 41.0.0.0/16 blackhole\n", ""),), False, ["network-not-in-rib"]),
            ((("ip route 41.0.0.0/16 blackhole", "ip route 41.0.0.0/16 198.18.0.1"),), False, ["network-not-in-rib"]),
            ((("ip route 41.0.0.0/16 blackhole", "ip route 41.0.0.0/16 192.0.2.77"),), True, []),
            ((("ip route 41.0.0.0/16 blackhole", "ip route 41.0.0.0/16 Null0"),), True, []),
            ((("ip route 41.0.0.0/16 blackhole", "ip route 41.0.0.0/16 nowhere0"),), False, ["network-not-in-rib"]),
            (
                (
                    ("ip route 41.0.0.0/16 blackhole\n", ""),
                    (" bgp router-id", " no bgp network import-check\n bgp router-id"),
                ),
                True,
                [],
            ),
            ((("  network 41.0.0.0/16\n", ""),), False, ["nothing-to-announce"]),
            ((("  network 41.0.0.0/16\n", "  redistribute static\n"),), True, []),
            ((("OWN permit ^$", "OWN permit ^65000$"),), False, ["export-policy"]),
            (
                (
                    ("ip route 41.0.0.0/16 blackhole\n", ""),
                    ("  network 41.0.0.0/16\n", "  network 41.0.0.0/16\n  redistribute connected\n"),
                    ("OWN permit ^$", "OWN permit ^65000$"),
                ),
                False,
                ["network-not-in-rib", "export-policy"],
            ),
        ],
        ids=lambda value: "" if isinstance(value, bool) else str(value)[:60],
    )
    async def test_what_it_announces_and_why_it_does_not(
        self, bench: Bench, changes: tuple[tuple[str, str], ...], announced: bool, causes: list[str]
    ) -> None:
        whole = example(FILE_ROUTES, names=(V4_NAME,))
        text = own_file(whole)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = bench.directory / "frr.conf"
        path.write_text(text)
        config = replace(whole, file=path)
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(EDGE_ROUTES[Family.IPV4]), router, config)
        await established(router, neighbors)
        await edge_holds(neighbors[V4_NAME], int(announced))
        await holds(router, V4_NAME, EDGE_ROUTES[Family.IPV4])
        reasons = await router.reasons(V4_NAME)
        assert [reason.cause.value for reason in reasons] == causes
        assert all("41.0.0.0/16" in r.text for r in reasons if r.cause.value == "network-not-in-rib")

    async def test_what_it_learns_is_in_the_kernel_of_its_namespace(self, bench: Bench) -> None:
        config = example(names=(V4_NAME,))
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(EDGE_ROUTES[Family.IPV4]), router, config)
        await established(router, neighbors)
        kernel = bench.places["n1"].real

        async def learned() -> bool:
            return "0000400D" in kernel.run(lambda: Path("/proc/thread-self/net/route").read_text()).upper()

        await eventually(learned, bool)


def route(**attributes: Any) -> RouterRoute:
    return RouterRoute("41.0.0.0/16", **attributes)


def test_routes_with_the_same_attributes_share_a_route_map() -> None:
    routes = [RouterRoute(prefix, (64500,)) for prefix in ("41.0.0.0/16", "41.1.0.0/16", "2c0f::/32")]
    text = render(example(routes))
    assert text.count("set as-path prepend 64500") == 1
    assert [line.split()[-1] for line in text.splitlines() if "  network " in line] == ["ORIGINATE-1"] * 3


def test_what_would_keep_a_route_at_home_is_added_by_the_export_policy() -> None:
    text = render(example([route(communities=("65535:65281", "8075:1")), RouterRoute("41.1.0.0/16")]))
    assert " set community 8075:1\n" in text
    assert "route-map TO-MICROSOFT permit 2\n match tag 2\n set community no-export additive\n" in text
    assert "route-map TO-MICROSOFT permit 1\n match tag 1\nroute-map TO-MICROSOFT permit 2\n" in text


def test_route_maps_come_before_the_neighbors_that_use_them() -> None:
    text = render(example([route()]))
    assert text.rindex("route-map TO-MICROSOFT deny") < text.index("router bgp")


def test_security_and_limits_are_written() -> None:
    text = render(example(md5="s3cret", gtsm=True, max_prefixes=7))
    for line in (" password s3cret", " ttl-security hops 1", " maximum-prefix 7"):
        assert text.count(line) == 2
    plain = render(example())
    assert not any(word in plain for word in ("password", "ttl-security", "maximum-prefix"))


@pytest.mark.parametrize("key", ["two words", "", "tab\t", "kéy", "k" * 81])
def test_a_key_that_frr_cannot_write_is_refused(key: str) -> None:
    with pytest.raises(LabError, match="MD5 key"):
        render(example(md5=key))


@pytest.mark.parametrize("bad", [{"communities": ("x",)}, {"communities": ("1:2:3",)}, {"large_communities": ("1:2",)}])
def test_a_community_that_is_none_is_refused(bad: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(LabError, match=r"route 41\.0\.0\.0/16: .* is no community"):
        render(example([route(**bad)]))


def test_a_session_that_is_down_gives_all_of_frrs_words() -> None:
    (session, _) = example().sessions
    neighbor = {
        "bgpState": "Idle",
        "lastResetDueTo": "BGP Notification received",
        "lastNotificationReason": "Cease/Administrative Shutdown",
        "lastShutdownDescription": "until Monday",
        "addressFamilyInfo": {"ipv4Unicast": {"acceptedPrefixCounter": 9}},
    }
    report = parse_neighbor(session, neighbor)
    assert (report.state, report.established, report.received, report.exported) == ("Idle", False, 0, 0)
    assert report.reason == 'BGP Notification received: Cease/Administrative Shutdown: "until Monday"'
    assert not report.shut_down, "that was the other end's operator"
    assert parse_neighbor(session, {**neighbor, "adminShutDown": True}).shut_down


def test_a_session_that_is_up_gives_its_counters() -> None:
    (_, session) = example().sessions
    counters = {"acceptedPrefixCounter": 2, "sentPrefixCounter": 3}
    neighbor = {
        "bgpState": "Established",
        "lastResetDueTo": "Waiting for peer OPEN",
        "addressFamilyInfo": {"ipv6Unicast": counters},
    }
    report = parse_neighbor(session, neighbor)
    assert (report.established, report.received, report.exported, report.reason) == (True, 2, 3, "")
