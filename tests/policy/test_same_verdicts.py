"""The same routes get the same verdicts whoever sends them: BIRD, FRR and the simulated peer, on real sessions.

What only a forged message can carry (a wrong first AS, a foreign next hop, an AS_SET, OTC) no daemon sends from its
configuration; `test_every_rule` has those.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulator.addresses import IpAddress
from simulator.lab.netns import NetnsLink
from simulator.peer.events import NeighborConfig
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.policy.data import registered
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.policy import Policy
from simulator.policy.prefixes import PrefixSet
from simulator.policy.profiles import PROFILES
from simulator.policy.rules import PolicyContext
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession
from simulator.routers.frr.file import BGPD
from simulator.routers.registry import ROUTERS
from simulator.session.config import SessionTimes
from simulator.session.messages import Family
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.speaker import Speaker
from simulator.topology.route import RouterRoute
from simulator.wire import nlri
from tests.lab_support import LAN4, LAN6, eventually, lan, require_netns, require_program, v4, v6
from tests.policy.support import irr_lists, vrps

PEER_AS = 3321
MICROSOFT = 8075
DAEMONS = {"bird": "bird", "frr": BGPD.path}
"""The kinds that are compared with the simulated peer → the program that each needs."""


@dataclass(frozen=True)
class Route:
    """What is sent, and the rules of the profile `exchange` that refuse it."""

    prefix: str
    rules: tuple[str, ...] = ()
    path: tuple[int, ...] = ()
    """Behind the peer's own ASN."""
    communities: tuple[str, ...] = ()
    large: tuple[str, ...] = ()
    med: int | None = None

    @property
    def family(self) -> Family:
        return nlri.key(self.prefix)[0]

    @property
    def text(self) -> str:
        """The prefix in its canonical text."""
        return nlri.text(*nlri.key(self.prefix))


def _paths(prefix: str) -> tuple[Route, ...]:
    """One prefix after another of this form, each with another path or other communities."""
    given: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = (
        ((), ()),
        ((), (1136,)),
        ((), (1136, 1136, 1136)),
        ((), (1136,) * 49),
        (("as-path-too-long",), (1136,) * 50),
        (("as12076",), (12076,)),
        (("transit-free-asn",), (3356,)),
        (("transit-free-asn",), (1136, 1299, 1137)),
        (("as-path-loop",), (1136, 8075)),
        (("bogon-asn",), (64512,)),
        (("bogon-asn",), (4200000000,)),
        (("bogon-asn",), (65551,)),
        (("bogon-asn",), (65535,)),
        (("bogon-asn", "as12076", "transit-free-asn"), (64999, 12076, 174)),
    )
    routes = [Route(prefix.format(number), rules, path) for number, (rules, path) in enumerate(given)]
    number = len(routes)
    many = tuple(f"1136:{community}" for community in range(101))
    routes += [
        Route(prefix.format(number), (), (1136,), many[:100]),
        Route(prefix.format(number + 1), ("too-many-communities",), (1136,), many),
        Route(prefix.format(number + 2), (), (1136,), ("8075:8007", "65535:65281"), ("1136:1:2",), 77),
    ]
    return tuple(routes)


ROUTES = (
    *_paths("20.1.{}.0/24"),
    *_paths("2a00:1:{}::/48"),
    Route("20.2.0.0/25", ("prefix-too-long",)),
    Route("20.2.1.1/32", ("prefix-too-long",), (3356,)),
    Route("20.1.2.0/26", ("prefix-too-long",), (1136, 1137, 1138)),
    Route("64.0.0.0/7", ("prefix-too-short",)),
    Route("0.0.0.0/0", ("default-route",)),
    Route("10.1.0.0/16", ("bogon-prefix",)),
    Route("100.64.0.0/10", ("bogon-prefix",), (64512,)),
    Route("169.254.0.0/16", ("bogon-prefix",)),
    Route("172.16.5.0/24", ("bogon-prefix",)),
    Route("192.168.0.0/16", ("bogon-prefix",)),
    Route("198.18.0.0/15", ("bogon-prefix",)),
    Route("203.0.113.0/24", ("bogon-prefix",)),
    Route("192.0.2.0/25", ("prefix-too-long", "bogon-prefix", "exchange-lan")),
    Route("13.64.0.0/12", ("microsoft-prefix",)),
    Route("2a00:2::/49", ("prefix-too-long",)),
    Route("2000::/12", ("prefix-too-short",)),
    Route("::/0", ("default-route",)),
    Route("2002::/16", ("bogon-prefix",)),
    Route("2001:10::/28", ("bogon-prefix",)),
    Route("fc00:1::/32", ("bogon-prefix",), (64512,)),
    Route("3fff:1::/32", ("bogon-prefix",)),
    Route("2603:1000:1::/48", ("microsoft-prefix",)),
)
ALSO = {
    (64512,): "bogon-asn",
    (3356,): "transit-free-asn",
}
"""What the path of a route above adds to its rules."""

DATA = PolicyData(
    vrp=vrps(("20.1.0.0/16", 3321, 24), ("20.1.5.0/24", 12076, 24), ("2a00:1::/32", 1136, 48)),
    irr=irr_lists(
        NN=[{"prefix": "20.1.0.0/16", "exact": False, "less-equal": 24}, {"prefix": "2a00:1:1::/48", "exact": True}],
        asns=[3321, 1136],
    ),
    registered_prefixes=registered.read_prefixes(b"20.1.0.0/20\n2a00:1::/32\n"),
    registered_asns=frozenset({3321}),
)

Verdicts = dict[str, tuple[tuple[str, str], ...]]
"""Prefix → the rules that refuse it, each with the offending value."""


def wanted(route: Route) -> set[str]:
    prefix_rules = {"bogon-prefix", "prefix-too-long"} & set(route.rules)
    return set(route.rules) | ({ALSO[route.path]} if prefix_rules and route.path in ALSO else set())


def policy(profile: str, family: Family, data: PolicyData) -> Policy:
    own = PrefixSet((("13.64.0.0/11", "Microsoft"), ("2603:1000::/24", "Microsoft")))
    address = v4(1) if family is Family.IPV4 else v6(1)
    context = PolicyContext(PEER_AS, str(address), MICROSOFT, (str(LAN4), str(LAN6)), own, data=data)
    return Policy(profile, context)


def verdicts(neighbor: Neighbor) -> Verdicts:
    return {
        nlri.text(route.family, route.key): tuple(sorted((hit.rule, hit.value) for hit in route.hits))
        for route in neighbor.adj_in.routes()
    }


async def sent_by(kind: str) -> dict[str, Verdicts]:
    """Bring both sessions of a router up, and judge what it sends by every profile, with and without data."""
    with tempfile.TemporaryDirectory(prefix="turnup-") as directory:
        async with NetnsLink(lan(2)) as link, AsyncExitStack() as exit_:
            edge = Speaker("n2", link.place("n2"), Clock(asyncio.get_running_loop()), lambda event: None)
            exit_.push_async_callback(edge.close)
            ends: dict[Family, tuple[IpAddress, IpAddress]]
            ends = {Family.IPV4: (v4(1), v4(2)), Family.IPV6: (v6(1), v6(2))}
            sessions = tuple(
                RouterSession(family.label, theirs, ours, MICROSOFT, Endpoint(ours, BGP_PORT))
                for family, (theirs, ours) in ends.items()
            )
            router = ROUTERS[kind]()
            exit_.push_async_callback(router.stop)
            for _, ours in ends.values():
                await edge.listen(ours)
            routes = (RouterRoute(r.text, r.path, r.communities, r.large, r.med) for r in ROUTES)
            config = RouterConfig("n1", PEER_AS, "10.255.0.1", sessions, tuple(routes))
            await router.start(link.place("n1"), config, RouterFiles(Path(directory)))
            found: dict[str, Verdicts] = {}
            for family, (theirs, ours) in ends.items():
                neighbor = edge.add(
                    NeighborConfig(
                        id=family.label,
                        local_as=MICROSOFT,
                        router_id="10.255.0.2",
                        local_address=ours,
                        peer_address=theirs,
                        peer_as=PEER_AS,
                        local=Endpoint(ours, BGP_PORT),
                        remote=router.endpoint(family.label),
                        policy=policy("exchange", family, PolicyData()),
                        times=SessionTimes(connect_retry=1),
                    )
                )
                expected = {route.text for route in ROUTES if route.family is family}

                async def held(neighbor: Neighbor = neighbor) -> set[str]:
                    return set(verdicts(neighbor))

                await eventually(held, lambda prefixes, expected=expected: prefixes == expected)  # type: ignore[misc]
                for profile in PROFILES:
                    for name, data in ("", PolicyData()), (" with data", DATA):
                        neighbor.apply_policy(policy(profile, family, data))
                        found.setdefault(profile + name, {}).update(verdicts(neighbor))
            return found


@pytest.fixture(scope="module")
def simulated() -> dict[str, Verdicts]:
    require_netns()
    return asyncio.run(sent_by("simulated"))


@pytest.mark.privileged
def test_the_simulated_peer_s_routes_get_the_verdicts_that_the_table_says(simulated: dict[str, Verdicts]) -> None:
    found = {prefix: {rule for rule, _ in hits} for prefix, hits in simulated["exchange"].items()}
    assert found == {route.text: wanted(route) for route in ROUTES}


@pytest.mark.privileged
def test_every_rule_that_a_daemon_s_routes_can_break_is_broken(simulated: dict[str, Verdicts]) -> None:
    fired = {rule for by_prefix in simulated.values() for hits in by_prefix.values() for rule, _ in hits}
    forged = {"first-as", "next-hop", "link-local-next-hop", "as-set", "as-path-empty", "otc"}
    known = {rule for profile in PROFILES.values() for rule, on in profile.items() if on}
    assert fired == known - forged, "a new rule has a route in ROUTES, or stands in `forged`"
    assert any(not hits for hits in simulated["exchange"].values())


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("kind", DAEMONS)
async def test_a_real_router_s_routes_get_the_same_verdicts(kind: str, simulated: dict[str, Verdicts]) -> None:
    require_program(DAEMONS[kind])
    found = await sent_by(kind)
    for name, expected in simulated.items():
        assert found[name] == expected, name
