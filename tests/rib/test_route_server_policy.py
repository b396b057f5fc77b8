"""What a route server refuses of a client's routes, and what it lets pass for a blackhole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.registered import registered_prefixes
from simulator.rib.route_server.control import BLACKHOLE
from simulator.rib.route_server.policy import NEVER_VIA, ClientPolicy
from simulator.session.messages import Family, Role
from simulator.wire.attribute_codec import PathAttributes
from tests.policy.support import context, irr_lists, key, path, vrps

V4, V6 = Family.IPV4, Family.IPV6
RS_AS = 64500


def policy(family: Family = V4, data: PolicyData | None = None, **options: Any) -> ClientPolicy:
    given = replace(context(family), local_as=RS_AS, role=Role.ROUTE_SERVER)
    return ClientPolicy(replace(given, data=data) if data is not None else given, **options)


def rules(of: ClientPolicy, attributes: PathAttributes, prefix: str = "20.1.0.0/16") -> set[str]:
    family = V6 if ":" in prefix else V4
    hits = of.judge_attributes(attributes) + of.judge_prefix(family, key(prefix), attributes)
    return {hit.rule for hit in hits}


def test_an_ordinary_route_passes() -> None:
    assert rules(policy(), path(V4, 4600)) == set()


@pytest.mark.parametrize(
    ("attributes", "prefix", "expected"),
    [
        (replace(path(V4), next_hop=path(V6).next_hop), "20.1.0.0/16", {"next-hop"}),
        (
            PathAttributes(as_path=path(V4, 3322).as_path[:0], next_hop=path(V4).next_hop),
            "20.1.0.0/16",
            {"as-path-empty"},
        ),
        (path(V4, RS_AS), "20.1.0.0/16", {"as-path-loop", "bogon-asn"}),
        (path(V4, otc=3321), "20.1.0.0/16", {"otc"}),
        (path(V4), "20.1.0.0/25", {"prefix-too-long"}),
        (path(V4), "206.126.236.0/24", {"exchange-lan"}),
    ],
    ids=["next hop", "empty path", "loop", "OTC from a client", "too long", "the exchange LAN"],
)
def test_what_is_refused(attributes: PathAttributes, prefix: str, expected: set[str]) -> None:
    assert rules(policy(), attributes, prefix) == expected


def test_the_first_as_is_the_clients() -> None:
    other = replace(path(V4), as_path=tuple(s._replace(asns=(3999, *s.asns)) for s in path(V4).as_path))
    assert rules(policy(), other) == {"first-as"}


def test_microsoft_is_a_client_like_any_other() -> None:
    assert rules(policy(), path(V4, 12076), "13.64.0.0/16") == set()


def test_networks_that_are_never_to_be_reached_via_a_route_server() -> None:
    judge = policy(never_via=[1111, 2222])
    assert rules(judge, path(V4, 3000, 2222)) == {NEVER_VIA}
    assert rules(judge, path(V4, 3000)) == set()
    hit = judge.judge_attributes(path(V4, 2222))[0]
    assert str(hit) == (
        "never-via-route-server: a network in the path is never to be reached via route servers (AS2222 in 3321 2222)"
    )


DATA_OF = PolicyData(
    irr=irr_lists(AS3321=[{"prefix": "20.1.0.0/16", "exact": True}, {"prefix": "2a00:1::/32", "exact": True}])
)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("20.1.2.3/32", set()),
        ("20.1.2.128/25", set()),
        ("20.2.0.1/32", {"prefix-too-long", "irr-prefix"}),
        ("2a00:1::1/128", set()),
        ("2a00:2::1/128", {"prefix-too-long", "irr-prefix"}),
    ],
)
def test_a_blackhole_may_be_long_but_not_anybodys(prefix: str, expected: set[str]) -> None:
    """RFC 7999 §3.3: within what the client may announce."""
    family = V6 if ":" in prefix else V4
    judge, tagged = policy(family, DATA_OF), path(family, communities=(BLACKHOLE,))
    assert rules(judge, tagged, prefix) == expected
    assert rules(judge, path(family), prefix) == {"prefix-too-long", "irr-prefix"}
    assert rules(policy(family, DATA_OF, blackholes=False), tagged, prefix) == {"prefix-too-long", "irr-prefix"}


INVALID = PolicyData(vrp=vrps(("20.1.0.0/16", 3999, 16)))
REGISTERED = registered_prefixes(["20.1.0.0/16"])
ELSEWHERE = registered_prefixes(["20.2.0.0/16"])


@pytest.mark.parametrize(
    ("data", "may"),
    [
        (INVALID, False),
        (replace(INVALID, irr=DATA_OF.irr), True),
        (replace(INVALID, registered_prefixes=REGISTERED), True),
        (replace(INVALID, registered_prefixes=ELSEWHERE), False),
        (replace(INVALID, irr=DATA_OF.irr, registered_prefixes=ELSEWHERE), False),
        (replace(INVALID, irr=irr_lists(AS1=[{"prefix": "20.1.0.0/16"}])), False),
        (replace(INVALID, irr=irr_lists(AS3321=[3999])), False),
    ],
    ids=["nothing says", "IRR", "registered", "other registered", "one of two", "another's IRR list", "no lists"],
)
@pytest.mark.parametrize("prefix", ["20.1.0.0/16", "20.1.2.3/32"])
def test_a_blackhole_is_judged_like_any_other_unless_something_says_that_its_announcer_may(
    data: PolicyData, may: bool, prefix: str
) -> None:
    """RFC 7999 §3.3: without that anybody could have anybody's prefix blackholed."""
    judge = policy(V4, data)
    ordinary = rules(judge, path(V4), prefix)
    assert "rpki-invalid" in ordinary
    assert rules(judge, path(V4, communities=(BLACKHOLE,)), prefix) == (set() if may else ordinary)


def test_a_bogon_is_no_blackhole() -> None:
    data = PolicyData(irr=irr_lists(AS3321=[{"prefix": "10.1.0.0/16", "exact": True}]))
    assert rules(policy(V4, data), path(V4, communities=(BLACKHOLE,)), "10.1.1.1/32") == {"bogon-prefix"}


def test_other_data_leave_the_rest_of_the_policy() -> None:
    judge = policy(never_via=[1111], settings={"transit-free-asn": False}).with_data(PolicyData())
    assert rules(judge, path(V4, 3356, 1111)) == {NEVER_VIA}
    assert judge.context.data == PolicyData()
