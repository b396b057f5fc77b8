"""FRR's four filters of what a session announces: what is told to change is in the user's own file, and heals it."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.diagnosis.about import About
from simulator.routers.frr.filters import PREFIX_LIST, _File, _permitted, exports
from simulator.routers.own_file import OwnFile
from simulator.routers.registry import ROUTERS
from simulator.views.check import Status
from tests.routers.test_remedies import agreed, of
from tests.routers.test_users_files import rehearse, require
from tests.topologies import write

EDGES = {"4": "206.126.236.17", "6": "2001:504:0:2::8075:1"}
OWN = {"4": "192.0.2.0/24", "6": "2001:db8::/32"}
LEAK = {"4": "10.7.0.0/16", "6": "fd00:7::/32"}


def pasted(*remedies: str) -> None:
    """Do what remedies say, as a person would: at each `file:line` the lines with `-` go, and those with `+` come."""
    places: dict[Path, list[tuple[int, list[str], list[str]]]] = {}
    gone: list[str] = []
    come: list[str] = []
    for line in "\n".join(remedies).splitlines():
        if hit := re.fullmatch(r"(/\S+):(\d+)", line):
            gone, come = [], []
            places.setdefault(Path(hit[1]), []).append((int(hit[2]), gone, come))
        elif line.startswith(("- ", "+ ")):
            (gone if line[0] == "-" else come).append(line[2:])
    assert places, remedies
    for file, changes in places.items():
        lines = file.read_text().splitlines()
        for number, old, new in sorted(changes, reverse=True):
            at = number - 1 if old else number
            assert lines[at : at + len(old)] == old, remedies
            lines[at : at + len(old)] = new
        file.write_text("\n".join(lines) + "\n")


def configuration(lists: str, out: str, *, leak: bool = False) -> str:
    """A frr.conf without RFC 8212. In `lists` and `out` (a filter of the neighbor) stand {ip}, {prefix} and {any}."""

    def filled(text: str, v: str) -> str:
        words = {"ip": "ip" if v == "4" else "ipv6", "prefix": OWN[v], "any": "0.0.0.0/0" if v == "4" else "::/0"}
        words |= {"v": v, "le": "32" if v == "4" else "128", "leak": LEAK[v], "list": "" if v == "4" else "ipv6 "}
        return re.sub(r"\{(\w+)\}", lambda hit: words[hit[1]], text)

    parts = ["! what the user wrote", "frr defaults traditional"]
    parts += [filled(lists, v) for v in "46" if lists]
    for v in "46":
        word = "ip" if v == "4" else "ipv6"
        parts += [f"{word} route {p} blackhole" for p in (OWN[v], *([LEAK[v]] if leak else ()))]
    parts += [
        "router bgp 64496",
        " bgp router-id 10.0.0.1",
        " no bgp ebgp-requires-policy",
        " no bgp default ipv4-unicast",
    ]
    parts += [f" neighbor {each} remote-as 8075" for each in EDGES.values()]
    for v in "46":
        parts += [
            f" !\n address-family ipv{v} unicast",
            f"  network {OWN[v]}",
            *([f"  network {LEAK[v]}"] if leak else ()),
        ]
        parts += [f"  neighbor {EDGES[v]} activate"]
        parts += [f"  neighbor {EDGES[v]} {filled(each, v)} out" for each in out.split(",") if out]
        parts.append(" exit-address-family")
    return "\n".join([*parts, "!", ""])


REFUSED = {
    "a prefix list that ends with a denial": (
        "{ip} prefix-list OUT{v} seq 10 permit {leak}\n{ip} prefix-list OUT{v} seq 20 deny {any} le {le}",
        "prefix-list OUT{v}",
    ),
    "a prefix list without numbers": (
        "{ip} prefix-list OUT{v} description ours\n{ip} prefix-list OUT{v} permit {leak}\n"
        "{ip} prefix-list OUT{v} deny any",
        "prefix-list OUT{v}",
    ),
    "a prefix list without room": ("{ip} prefix-list OUT{v} seq 1 deny any", "prefix-list OUT{v}"),
    "a prefix list that is not there": ("", "prefix-list OUT{v}"),
    "a distribute list": ("{list}access-list OUT{v} seq 5 deny any", "distribute-list OUT{v}"),
    "a filter list": ("bgp as-path access-list OUT{v} seq 5 permit _64499_", "filter-list OUT{v}"),
    "a route map": ("route-map OUT{v} deny 10\n!", "route-map OUT{v}"),
    "a route map and a prefix list": (
        "route-map OUT{v} permit 10\n!\n{ip} prefix-list OUT{v} seq 5 permit {leak}",
        "route-map OUT{v},prefix-list OUT{v}",
    ),
}
"""Lists, and filters by them, that keep back what is to be announced."""
LEAKING = {
    "no filter": ("", ""),
    "a prefix list": ("{ip} prefix-list OUT{v} seq 5 permit any", "prefix-list OUT{v}"),
    "a distribute list": ("{list}access-list OUT{v} seq 5 permit any", "distribute-list OUT{v}"),
    "a filter list": ("bgp as-path access-list OUT{v} seq 5 permit .*", "filter-list OUT{v}"),
    "a route map": ("route-map OUT{v} permit 10\n!", "route-map OUT{v}"),
}


def own_file() -> OwnFile:
    found = ROUTERS["frr"].own_file
    assert found is not None
    return found


def lab(directory: Path, text: str, *strict: str, **expect: Any) -> Path:
    """`strict`: checks whose failure keeps the connection from becoming Active."""
    (directory / "frr.conf").write_text(text)
    return write(
        {
            "name": "own",
            "link": "netns",
            "exchange": {"name": "x", "lan": {"ipv4": "206.126.236.0/22", "ipv6": "2001:504:0:2::/64"}},
            "microsoft": {"announce": [{"prefixes": ["13.64.0.0/11", "2603:1000::/24"]}]},
            "edges": [{"name": "e1", "ipv4": EDGES["4"], "ipv6": EDGES["6"]}],
            "peers": [
                {
                    "name": "contoso",
                    "asn": 64496,
                    "ipv4": "206.126.239.200",
                    "ipv6": "2001:504:0:2:0:6:4496:1",
                    "router": {"kind": "frr", "config": "frr.conf"},
                    "announce": [{"prefixes": list(OWN.values())}],
                }
            ],
            "peerings": [{"name": "p", "peer": "contoso", "expect": {"accepted": 1, "accepted-ipv6": 1, **expect}}],
            "policy": {"rules": {"bogon-prefix": {"documentation": False}, "bogon-asn": {"documentation": False}}},
            "times": {"soak": 0.5, "deadline": 40, "active": 0},
            "traffic": False,
            "checks": {"strict": list(strict)},
        },
        directory / "lab.yaml",
    )


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_told_of_a_filter_lets_the_routes_out(case: str, tmp_path: Path) -> None:
    require("frr")
    file = lab(tmp_path, configuration(*REFUSED[case]))
    report, _ = await rehearse(file, deadline=6)
    (found,) = [check for check in report.connections[0].checks if check.id == "R1"]
    assert {cause.id for cause in found.causes} == {"export-policy"}, found
    pasted(*(cause.remedy for cause in found.causes))
    assert own_file().parse(tmp_path / "frr.conf", (tmp_path / "frr.conf").read_text(), tmp_path) == []
    report, _ = await rehearse(file)
    assert (report.outcome, report.errors) == ("passed", ()), (tmp_path / "frr.conf").read_text()


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("case", LEAKING)
async def test_what_is_told_of_a_leak_keeps_it_back(case: str, tmp_path: Path) -> None:
    require("frr")
    # Judged before the lift: once FRR has Microsoft's routes it sends them back, which may come before the last look.
    file = lab(tmp_path, configuration(*LEAKING[case], leak=True), "R3.bogon-prefix")
    report, _ = await rehearse(file)
    assert report.outcome == "failed"
    found = [
        cause for check in report.connections[0].checks if check.status is Status.FAILURE for cause in check.causes
    ]
    assert {cause.id for cause in found} == {"bogon-prefix"}, found
    pasted(*(cause.remedy for cause in found))
    report, _ = await rehearse(file)
    assert (report.outcome, report.errors) == ("passed", ()), (tmp_path / "frr.conf").read_text()


KEYS = ("export-policy", "*", "from-microsoft", "too-many-communities", "maps-community-missing", "link-local-next-hop")


@pytest.mark.router
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("case", [*REFUSED, *(f"leak: {case}" for case in LEAKING)])
def test_whatever_is_told_stands_in_the_users_file_and_is_taken(key: str, case: str, tmp_path: Path) -> None:
    require("frr")
    rows = LEAKING if case.startswith("leak: ") else REFUSED
    text = configuration(*rows[case.removeprefix("leak: ")])
    path = tmp_path / "frr.conf"
    for number, v in enumerate("46"):
        if (key, v) == ("link-local-next-hop", "4"):
            continue
        path.write_text(text)
        config = agreed(md5=None)
        sessions = [
            replace(each, remote_address=ip_address(EDGES[f])) for each, f in zip(config.sessions, "46", strict=True)
        ]
        router = of("frr", replace(config, sessions=tuple(sessions), file=path), number)
        told = router.remedy(key, About(prefixes=(OWN[v],), community="8007"))
        if not told.startswith(str(path)):
            assert told == ""
            kept = case in REFUSED and case not in ("a filter list", "a route map")
            nothing = {"*": kept, "export-policy": case.startswith("leak: ")}
            assert nothing.get(key, case == "a route map"), "each is told where there is something to change"
            continue
        pasted(told)
        assert path.read_text() != text
        assert own_file().parse(path, path.read_text(), tmp_path) == []
        assert set(exports(text, EDGES[v])) <= set(exports(path.read_text(), EDGES[v]))


def test_a_community_is_set_beside_those_that_are_set(tmp_path: Path) -> None:
    path = tmp_path / "frr.conf"
    config = agreed(md5=None)
    address = str(config.sessions[0].remote_address)
    path.write_text(
        "route-map OUT deny 5\nroute-map OUT permit 10\n set community 64496:1 64496:2\nroute-map OUT permit 20\n!\n"
        f"router bgp 64496\n neighbor {address} remote-as 8075\n neighbor {address} route-map OUT out\n"
    )
    router = of("frr", replace(config, file=path))
    pasted(router.remedy("maps-community-missing", About(community="8007")))
    assert path.read_text().splitlines()[:5] == [
        "route-map OUT deny 5",
        "route-map OUT permit 10",
        " set community 64496:1 64496:2 8075:8007 additive",
        "route-map OUT permit 20",
        " set community 8075:8007 additive",
    ]


def test_no_route_map_is_named_that_the_file_does_not_have(tmp_path: Path) -> None:
    path, config = tmp_path / "frr.conf", agreed(md5=None)
    address = str(config.sessions[0].remote_address)
    head = f"router bgp 64496\n neighbor {address} remote-as 8075\n"
    for kind in ("", "prefix-list OUT", "distribute-list OUT", "filter-list OUT"):
        path.write_text(head + (f" neighbor {address} {kind} out\n" if kind else ""))
        for cause in ("as-path-too-long", "all-prepended", "next-hop.there", "export-policy", "*"):
            told = of("frr", replace(config, file=path)).remedy(cause, About())
            assert "route-map" not in told, (kind, cause, told)


PREFIXES = [f"198.51.{n}.0/24" for n in range(6)]
LINES = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["permit", "deny"]), st.sampled_from([*PREFIXES, "any"])),
    min_size=1,
    max_size=6,
)


@given(LINES, st.sampled_from(["permit", "deny"]), st.lists(st.sampled_from(PREFIXES), min_size=1, unique=True))
def test_only_what_is_meant_is_judged_otherwise(
    lines: list[tuple[int, str, str]], action: str, meant: list[str]
) -> None:
    """Whatever numbers a list has, or has not."""
    numbers = {number for number, *_ in lines}
    kept = [next(line for line in lines if line[0] == number) for number in sorted(numbers)]
    text = "".join(f"ip prefix-list L {f'seq {n} ' if n else ''}{act} {what}\n" for n, act, what in reversed(kept))
    tail = "router bgp 64496\n neighbor 192.0.2.2 prefix-list L out\n"
    before = _File(text + tail, "192.0.2.2")
    changes = before._added(PREFIX_LIST, "L", action, meant)
    new = text + tail
    for start, end, put in sorted(changes, reverse=True):
        new = new[:start] + put + new[end:]
    after = _File(new, "192.0.2.2")
    old, made = (each._entries(PREFIX_LIST, "L") for each in (before, after))
    assert len({each.number for each in made}) == len(made) == len(old) + len(meant)
    for prefix in PREFIXES:
        wanted = action == "permit" if prefix in meant else _permitted(PREFIX_LIST, old, prefix)
        if prefix in meant or action == "permit" or not any(each.rest == "any" for each in old):
            assert _permitted(PREFIX_LIST, made, prefix) is wanted, (prefix, new)
