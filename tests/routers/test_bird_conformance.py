"""BIRD keeps the contract of every router."""

from __future__ import annotations

from dataclasses import replace

from simulator.routers.base import RouterConfig
from simulator.routers.bird.adapter import Bird
from simulator.session.messages import Family
from tests.routers.conformance import (
    EDGE_ROUTES,
    FILE_ROUTES,
    V4_NAME,
    V6_NAME,
    Bench,
    OwnFileConformance,
    RouterConformance,
    Subject,
    configuration,
    established,
    holds,
    until,
)


def own_file(config: RouterConfig) -> str:
    """As somebody would write it who runs BIRD: names of his own, a log file, one protocol for the kernel."""
    lines = ['log "/nowhere/bird.log" all;', f"router id {config.router_id};", "protocol device { }"]
    lines.append("protocol kernel { ipv4 { export none; }; }")
    for version in (4, 6):
        lines += [f"protocol static mine{version} {{", f"  ipv{version};"]
        lines += [f"  route {r.prefix} blackhole;" for r in FILE_ROUTES if (":" in r.prefix) == (version == 6)]
        lines.append("}")
    for number, session in enumerate(config.sessions):
        version = session.remote_address.version
        lines += [
            f"protocol bgp microsoft_{number} {{",
            f"  local as {config.asn};",
            f"  neighbor {session.remote_address} as {session.remote_as};",
            f'  ipv{version} {{ import all; export where proto = "mine{version}"; }};',
            "}",
        ]
    return "\n".join(lines)  # and no newline at its end


SUBJECT = Subject(
    make=Bird,
    title="BIRD",
    programs=("bird",),
    version="BIRD 2",
    file=own_file,
    broken_file="router id 192.0.2.1;\nprotocol bgp x { neigbor 192.0.2.2 as 8075; }\n",
    broken_words=r"my router\.conf:2:\d+ syntax error",
)


class TestOwnFile(OwnFileConformance):
    subject = SUBJECT

    async def test_what_it_includes_is_looked_for_beside_it(self, bench: Bench) -> None:
        config = configuration(FILE_ROUTES)
        path = self.own_file(bench, 'include "parts/*.conf";\n')
        parts = path.parent / "parts"
        parts.mkdir()
        (parts / "bgp.conf").write_text(own_file(config).replace('log "/nowhere/bird.log" all;', 'include "deep.inc";'))
        (parts / "deep.inc").write_text("# found beside the file that includes it\n")
        config = replace(config, file=path)
        router = await bench.start(config)
        await established(router, bench.provision(await bench.edge(), router, config))

    async def test_one_protocol_may_carry_both_families(self, bench: Bench) -> None:
        config = configuration(FILE_ROUTES, names=(V4_NAME,))
        text = own_file(config).replace("  ipv4 { import", "  ipv6 { import none; export none; };\n  ipv4 { import")
        config = replace(config, file=self.own_file(bench, text))
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(EDGE_ROUTES[Family.IPV4]), router, config)
        await established(router, neighbors)
        await holds(router, V4_NAME, EDGE_ROUTES[Family.IPV4])
        reports = await until(router, lambda found: (found[0].received, found[0].exported) == (3, 1))
        assert reports[0].established


class TestConformance(RouterConformance):
    subject = SUBJECT

    async def test_more_routes_than_the_limit_end_the_session(self, bench: Bench) -> None:
        """BIRD may reset the connection before its Cease is read: BIRD itself is asked, not the NOTIFICATION."""
        config = configuration()
        first, second = config.sessions
        config = replace(config, sessions=(replace(first, max_prefixes=2), replace(second, max_prefixes=2)))
        router = await bench.start(config)
        edge = await bench.edge([*EDGE_ROUTES[Family.IPV4], *EDGE_ROUTES[Family.IPV6]])
        bench.provision(edge, router, config)
        reports = await until(router, lambda found: bool(found[0].reason) and found[1].established)
        assert not reports[0].established
        await holds(router, V6_NAME, EDGE_ROUTES[Family.IPV6])
