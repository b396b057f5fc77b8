"""Settings that cannot hold together are refused with one line, wherever a topology is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.campaign.planning import CampaignChoice, planned
from simulator.faults.lab import Breach, build_on
from simulator.faults.load import load as load_fault
from simulator.topology.load import TopologyError, parse
from tests.cli.test_main import turnup
from tests.topologies import document, write


def merged(target: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """A topology with what a row changes; `peer`, `edge` and `peering` are the first of their lists."""
    firsts = {"peer": "peers", "edge": "edges", "peering": "peerings"}
    for key, value in change.items():
        if key in firsts and isinstance(target.get(firsts[key]), list):
            merged(target[firsts[key]][0], value)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            merged(target[key], value)
        else:
            target[key] = value
    return target


def faults(found: dict[str, Any]) -> list[str]:
    try:
        parse(json.dumps(found), "lab.yaml")
    except TopologyError as error:
        return [str(fault) for fault in error.faults]
    return []


SATELLITE = {"link": "netns", "times": {"soak": 2, "deadline": 4}}
FAR = {"edge": "sea-edge-2", "ipv4": "198.51.100.0/31"}
NEAR = {"edge": "sea-edge-1", "ipv4": "198.51.100.4/31"}
CUSTOMER = {"name": "near", "ipv4": "203.0.113.77", "asn": 64499}

ROWS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    (
        "exchange",
        {"times": {"soak": 5, "deadline": 3}},
        {"times": {"soak": 3, "deadline": 3}},
        "times.deadline",
        "a validation ends after 3 s (deadline), before a session can have been Established for 5 s (soak): give",
    ),
    ("exchange", {"times": {"soak": 31}}, {"times": {"soak": 30}}, "times.soak", "a validation ends after 30 s"),
    ("exchange", {"times": {"deadline": 1}}, {"times": {"deadline": 2}}, "times.deadline", "for 2 s (soak)"),
    ("external", {"times": {"soak": 901}}, {"times": {"soak": 900}}, "times.soak", "after 900 s (deadline)"),
    (
        "exchange",
        SATELLITE | {"edge": {"latency": 400}, "peer": {"latency": 200}},
        SATELLITE | {"edge": {"latency": 400, "jitter": 100}, "peer": {"latency": 200}},
        "peerings[0]",
        "2 round trips to 'ash-edge-1' take 2.4 s: with a soak of 2 s its session cannot pass within 4 s",
    ),
    (
        "direct",
        SATELLITE | {"peering": {"connections": [FAR | {"latency": 501}, NEAR]}},
        SATELLITE | {"peering": {"connections": [FAR | {"latency": 500}, NEAR]}},
        "peerings[0].connections[0]",
        "2 round trips to 'sea-edge-2' take 2.004 s",
    ),
    (
        "exchange",
        {"checks": {"only": ["S1", "L1"], "exclude": ["L1"]}},
        {"checks": {"only": ["S1"], "exclude": ["L1"]}},
        "checks.only[1]",
        "L1 is left out by checks.exclude",
    ),
    (
        "exchange",
        {"checks": {"strict": ["R9"], "exclude": ["R9"]}},
        {"checks": {"strict": ["R9"], "exclude": ["R8"]}},
        "checks.strict[0]",
        "R9 is left out by checks.exclude",
    ),
    (
        "exchange",
        {"checks": {"exclude": ["T1"]}, "peering": {"expect": {"failing-checks": ["S1", "T1"]}}},
        {"checks": {"exclude": ["T1"]}, "peering": {"expect": {"failing-checks": ["S1"]}}},
        "peerings[0].expect.failing-checks[1]",
        "T1 is expected to fail, and is not made: `checks` of this topology leaves it out",
    ),
    (
        "exchange",
        {"checks": {"only": ["S1"]}, "peering": {"expect": {"failing-checks": ["R3.as-set"]}}},
        {"checks": {"only": ["R3"]}, "peering": {"expect": {"failing-checks": ["R3.as-set"]}}},
        "peerings[0].expect.failing-checks[0]",
        "R3.as-set is expected to fail",
    ),
    (
        "exchange",
        {"traffic": False, "peering": {"expect": {"failing-checks": ["A2"]}}},
        {"traffic": True, "link": "auto", "peering": {"expect": {"failing-checks": ["A2"]}}},
        "peerings[0].expect.failing-checks[0]",
        "is not made: traffic: false",
    ),
    (
        "exchange",
        {"policy": {"rules": {"as-set": False}}, "peering": {"expect": {"failing-checks": ["R3.as-set"]}}},
        {"policy": {"rules": {"as-set": True}}, "peering": {"expect": {"failing-checks": ["R3.as-set"]}}},
        "peerings[0].expect.failing-checks[0]",
        "is not made: rule as-set is off in profile 'exchange' (policy.rules)",
    ),
    (
        "exchange",
        {"peering": {"expect": {"failing-checks": ["R3.maps-prepending"]}}},
        {"peering": {"profile": "peering-service", "expect": {"failing-checks": ["R3.maps-prepending"]}}},
        "peerings[0].expect.failing-checks[0]",
        "rule maps-prepending is off in profile 'exchange'",
    ),
    (
        "exchange",
        {"peering": {"expect": {"failing-checks": ["R3.irr-origin"]}}},
        {"peering": {"expect": {"failing-checks": ["R3.bogon-asn"]}}},
        "peerings[0].expect.failing-checks[0]",
        "rule irr-origin has nothing to judge by: name its data as policy.data.irr",
    ),
    (
        "exchange",
        {"peering": {"max-prefixes": {"ipv4": 2, "action": "block"}}},
        {"peering": {"max-prefixes": {"ipv4": 2, "action": "warn"}}},
        "peerings[0].expect.accepted",
        "3 accepted routes are expected on an IPv4 session, and max-prefixes with action: block lets in at most 2",
    ),
    (
        "exchange",
        {"peering": {"max-prefixes": {"ipv6": 1, "action": "cease"}}},
        {"peering": {"max-prefixes": {"ipv6": 2, "action": "cease"}}},
        "peerings[0].expect.accepted-ipv6",
        "2 accepted routes are expected on an IPv6 session, and max-prefixes with action: cease lets in at most 1",
    ),
    (
        "exchange",
        {"policy": {"rules": {"prefix-too-short": {"ipv4": 25}}}},
        {"policy": {"rules": {"prefix-too-short": {"ipv4": 24}}}},
        "policy.rules.prefix-too-short.ipv4",
        "a /24 at most (prefix-too-long) and a /25 at least (prefix-too-short): no prefix passes both",
    ),
    (
        "exchange",
        {"policy": {"rules": {"prefix-too-long": {"ipv6": 15}}}},
        {"policy": {"rules": {"prefix-too-long": {"ipv6": 15}, "prefix-too-short": False}}},
        "policy.rules.prefix-too-long.ipv6",
        "no prefix passes both",
    ),
    ("exchange", {"traffic": True}, {"traffic": True, "link": "netns"}, "traffic", "the loopback link has no hosts"),
    (
        "route-server",
        {"customers": [CUSTOMER | {"hold-time": 2}]},
        {"customers": [CUSTOMER | {"hold-time": 3}]},
        "customers[0].hold-time",
        "0 or at least 3 seconds",
    ),
    (
        "route-server",
        {"customers": [CUSTOMER | {"asn": 8075}]},
        {"customers": [CUSTOMER]},
        "customers[0].asn",
        "Microsoft's own",
    ),
]
"""A shipped topology, what contradicts itself, what just does not, where it is told, and how."""


@pytest.mark.parametrize(("name", "wrong", "right", "where", "words"), ROWS)
def test_a_contradiction_is_one_line_with_its_place(
    name: str, wrong: dict[str, Any], right: dict[str, Any], where: str, words: str
) -> None:
    def changed(change: dict[str, Any]) -> list[str]:
        found = document(name)
        found.pop("times")  # those of the schema
        return faults(merged(found, json.loads(json.dumps(change))))

    told = changed(wrong)
    assert told
    for fault in told:
        assert words in fault and "\n" not in fault
    assert f"{where}: " in told[0]
    assert changed(right) == []


TOO_SHORT = "before a session can have been Established for 5 s (soak)"


@pytest.mark.parametrize(
    ("times", "command"),
    [
        ({"soak": 5, "deadline": 3}, ("rehearse", "FILE")),
        ({"soak": 5, "deadline": 3}, ("validate", "FILE")),
        ({"soak": 5, "deadline": 3}, ("serve", "FILE", "--port", "0", "--database", "sqlite:///:memory:")),
        ({"soak": 5, "deadline": 3}, ("preflight", "FILE")),
        ({"soak": 5, "deadline": 3}, ("test", "FOLDER")),
        ({"soak": 5, "deadline": 3}, ("campaign", "FILE", "--report", "OUT")),
        ({"soak": 0.2, "deadline": 3}, ("rehearse", "FILE", "--soak", "5")),
        ({"soak": 5, "deadline": 30}, ("rehearse", "FILE", "--deadline", "3")),
        ({"soak": 0.2, "deadline": 3}, ("campaign", "FILE", "--soak", "5", "--report", "OUT")),
        ({"soak": 5, "deadline": 30}, ("campaign", "FILE", "--deadline", "3", "--report", "OUT")),
        ({"soak": 5, "deadline": 30}, ("routes", "FILE", "--state", "Active", "--deadline", "3")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_every_command_refuses_it_before_anything_starts(
    times: dict[str, float], command: tuple[str, ...], tmp_path: Path
) -> None:
    file = write(document() | {"times": times}, tmp_path / "lab.yaml")
    (tmp_path / "it.scenario.yaml").write_text("name: it\nproves: x\ntopology: lab.yaml\nsteps: [request]\n")
    names = {"FILE": file, "FOLDER": tmp_path, "OUT": tmp_path / "out"}
    result = turnup(*(names.get(word, word) for word in command))
    assert result.returncode == 2, result.stdout + result.stderr
    assert TOO_SHORT in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_fault_with_a_longer_soak_fits_a_topology_with_a_short_deadline(tmp_path: Path) -> None:
    """`flapping-aggregate` soaks for 6 s."""
    found = document() | {"times": {"soak": 1, "deadline": 4}}
    breach = Breach(load_fault("flapping-aggregate"), "IPv4")
    made = build_on(found, [breach], "exchange", "simulated", tmp_path).topology
    assert (made.times.soak, made.times.deadline) == (6, 9)


def test_a_campaign_tells_it_while_it_is_planned(tmp_path: Path) -> None:
    file = write(document(), tmp_path / "lab.yaml")
    with pytest.raises(TopologyError, match=r"lab\.yaml:\d+: times\.deadline: a validation ends after 20 s"):
        planned([str(file)], CampaignChoice(times=[("soak", 21)]), tmp_path)
