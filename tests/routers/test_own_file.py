"""What a user's file binds its sessions to, and asks for that no lab has, in every router's language, with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.diagnosis.router_answer import Setting
from simulator.places.errors import LabError
from simulator.routers.frr.parts import parts
from simulator.routers.own_file import (
    OwnFile,
    absences,
    bindings,
    misnamed,
    neighbors_of,
    ranges_of,
    statements_of,
)
from simulator.routers.registry import ROUTERS


def own(kind: str) -> OwnFile:
    found = ROUTERS[kind].own_file
    assert found is not None
    return found


BINDINGS = [
    ("bird", 'protocol bgp x {\n  interface "ens19";\n}\n', [("interface", "ens19", 2)]),
    ("bird", 'template bgp t {\n\n vrf "IX"; interface "e*"; }\n', [("interface", "e*", 3), ("vrf", "IX", 3)]),
    ("bird", 'protocol direct { interface "eth*"; }\nprotocol device { interface "lo"; }\n', []),
    ("bird", 'protocol direct { ipv4; }\nprotocol bgp { interface "a"; }\n', [("interface", "a", 2)]),
    ("bird", '# interface "a"\nprotocol bgp { /* interface "b";\n */ interface "c"; }\n', [("interface", "c", 3)]),
    ("bird", "protocol bgp {\n neighbor fe80::1%ens19 as 8075; }\n", [("interface", "ens19", 2)]),
    ("bird", "protocol bgp {\n neighbor fe80::1%'ens-19' as 8075; }\n", [("interface", "ens-19", 2)]),
    ("bird", "protocol bgp { neighbor 192.0.2.1 as 8075; }\n", []),
    ("frr", "router bgp 1\n neighbor 192.0.2.1 update-source ens19\n", [("interface", "ens19", 2)]),
    ("frr", "router bgp 1\n neighbor MS update-source 192.0.2.9\n", []),
    ("frr", "router bgp 1\n neighbor MS update-source 2001:db8::1\n", []),
    ("frr", "router bgp 1\n neighbor ens19 interface remote-as 8075\n", [("interface", "ens19", 2)]),
    ("frr", "router bgp 1\n neighbor MS update-source bond0.101\n", [("interface", "bond0.101", 2)]),
    ("frr", "!\nrouter bgp 64496 vrf IX\n", [("vrf", "IX", 2)]),
    ("frr", "! router bgp 1 vrf IX\nrouter bgp 64496\ninterface ens19 vrf IX\n", []),
    ("openbgpd", "neighbor 192.0.2.1 {\n depend on em0\n}\n", [("interface", "em0", 2)]),
    ("gobgp", '[neighbors.transport.config]\n bind-interface = "ens19"\n', [("interface", "ens19", 2)]),
    ("gobgp", "transport:\n  config:\n    bind-interface: ens19\n", [("interface", "ens19", 3)]),
    ("exabgp", "neighbor 192.0.2.1 {\n source-interface ens19;\n}\n", [("interface", "ens19", 2)]),
]


@pytest.mark.parametrize(("kind", "text", "expected"), BINDINGS)
def test_bindings(kind: str, text: str, expected: list[tuple[str, str, int]], tmp_path: Path) -> None:
    path = tmp_path / "router.conf"
    path.write_text(text)
    assert [(found.what, found.name, found.line) for found in bindings(own(kind), path)] == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "frr",
            "router bgp 1\n neighbor 192.0.2.1 remote-as 8075\n neighbor 192.0.2.1 update-source ens19\n"
            " neighbor 10.0.0.1 remote-as 1\n neighbor 10.0.0.1 update-source lo\n"
            "router bgp 1 vrf CUST\n neighbor 10.0.0.2 remote-as 2\n neighbor 10.0.0.2 update-source eth7\n",
        ),
        (
            "bird",
            'template bgp t { interface "ens19"; }\nprotocol bgp x from t { neighbor 192.0.2.1 as 8075; }\n'
            'protocol bgp i { neighbor 10.0.0.1 as 1; interface "eth7"; vrf "CUST"; }\n',
        ),
        ("openbgpd", "neighbor 192.0.2.1 { depend on ens19 }\nneighbor 10.0.0.1 { depend on eth7 }\n"),
    ],
)
def test_what_binds_another_session_does_not_count(kind: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "router.conf"
    path.write_text(text)
    assert [found.name for found in bindings(own(kind), path, ["192.0.2.1"])] == ["ens19"]
    assert misnamed(own(kind), path, ["ens19"], [], ["192.0.2.1"]) == []
    assert [each.cause.value for each in misnamed(own(kind), path, ["lan"], [], ["192.0.2.1"])] == ["interface-name"]


SPELLINGS = {
    "literals": (
        'router id 192.0.2.9;\nprotocol bgp m { local 192.0.2.9 as 64496; neighbor 192.0.2.1 as 8075; password "k"; '
        "hold time 60; ipv4 { import limit 100; }; }\n"
    ),
    "constants": (
        "define MS = 192.0.2.1;\ndefine OURS = 192.0.2.9;\ndefine AGAIN = OURS;\ndefine ASN = 64496;\n"
        'define MSAS = 8075;\ndefine KEY = "k";\ndefine H = 60;\ndefine L = 100;\nrouter id AGAIN;\n'
        "protocol bgp m { local AGAIN as ASN; neighbor MS as MSAS; password KEY; hold time H; "
        "ipv4 { import limit L; }; }\n"
    ),
    "a template with a quoted name": (
        "define OURS = 192.0.2.9;\nrouter id OURS;\n"
        "template bgp 'peers-v4' { local as 64496; source address OURS; hold time 60; ipv4 { import limit 100; }; }\n"
        "protocol bgp 'm-1' from 'peers-v4' { neighbor 192.0.2.1 as 8075; password \"k\"; }\n"
    ),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_bird_says_the_same_by_constants(spelling: str, tmp_path: Path) -> None:
    path = tmp_path / "bird.conf"
    path.write_text(SPELLINGS[spelling])
    assert list(neighbors_of(own("bird"), path)) == ["192.0.2.1"]
    said = {setting: found.value for setting, found in statements_of(own("bird"), path, "192.0.2.1").items()}
    wanted = {
        Setting.SOURCE: "192.0.2.9",
        Setting.LOCAL_AS: "64496",
        Setting.REMOTE_AS: "8075",
        Setting.MD5: "k",
        Setting.HOLD_TIME: "60",
        Setting.PREFIX_LIMIT: "100",
        Setting.ROUTER_ID: "192.0.2.9",
    }
    assert {setting: said.get(setting) for setting in wanted} == wanted


def test_bird_takes_sessions_from_a_range_by_its_constant(tmp_path: Path) -> None:
    path = tmp_path / "bird.conf"
    path.write_text("define LAN = 192.0.2.0/24;\nprotocol bgp m { local as 1; neighbor range LAN as 8075; }\n")
    assert list(ranges_of(own("bird"), path)) == ["192.0.2.0/24"]
    assert statements_of(own("bird"), path, "192.0.2.0/24")[Setting.REMOTE_AS].value == "8075"


@pytest.mark.parametrize("kind", ["bird", "openbgpd"])
def test_what_is_included_counts_by_its_own_lines(kind: str, tmp_path: Path) -> None:
    text = {"bird": 'protocol bgp { interface "a"; }', "openbgpd": "neighbor 192.0.2.1 { depend on a }"}[kind]
    (tmp_path / "router.conf").write_text(f'include "part.conf"{";" if kind == "bird" else ""}\n')
    (tmp_path / "part.conf").write_text(f'\n{text}\ninclude "router.conf"\n')
    (found,) = bindings(own(kind), tmp_path / "router.conf")
    assert (found.file, found.name, found.line) == (tmp_path / "part.conf", "a", 2)


@pytest.mark.parametrize(
    ("text", "interfaces", "vrfs", "causes"),
    [
        ('protocol bgp { interface "ens19"; }', ("ens19",), (), []),
        ('protocol bgp { interface "ens*"; }', ("lan", "ens19"), (), []),
        ('protocol bgp { interface "ens19"; }', ("lan",), (), ["interface-name"]),
        ('protocol bgp { interface "a"; vrf "X"; }', ("lan",), (), ["interface-name", "vrf-name"]),
        ('protocol bgp { vrf "IX"; }', ("lan",), ("IX",), []),
        ('protocol bgp { vrf "X"; }', ("lan",), ("IX",), ["vrf-name"]),
        ("protocol bgp { }", ("lan",), ("IX",), ["vrf-name"]),
        ("protocol bgp { }", ("lan",), (), []),
        ('protocol bgp { interface "lo"; }', ("lan",), (), []),
    ],
)
def test_what_does_not_match(
    text: str, interfaces: tuple[str, ...], vrfs: tuple[str, ...], causes: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "bird.conf"
    path.write_text(text)
    assert [reason.cause.value for reason in misnamed(own("bird"), path, interfaces, vrfs)] == causes


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("bird", "router id 1.1.1.1;\nprotocol ospf v2 x { ipv4; }\n", [(2, "OSPF")]),
        ("bird", "protocol rpki r { roa4 { table t; }; }\nprotocol bfd { }\n", [(1, "RPKI cache"), (2, "BFD")]),
        ("bird", "protocol bgp x { bfd on; }\n# protocol ospf\n", []),
        ("openbgpd", "AS 1\nrtr 192.0.2.1 {\n port 3323\n}\n", [(2, "RPKI cache")]),
        ("gobgp", "[[rpki-servers]]\n [rpki-servers.config]\n", [(1, "RPKI cache")]),
        ("gobgp", "global:\nbmp-servers:\n - config: {}\nzebra:\n", [(2, "BMP"), (4, "zebra")]),
        ("exabgp", "neighbor 192.0.2.1 {\n}\n", []),
    ],
)
def test_what_no_lab_has(kind: str, text: str, told: list[tuple[int, str]], tmp_path: Path) -> None:
    path = tmp_path / "router.conf"
    path.write_text(text)
    found = absences(own(kind), path)
    assert len(found) == len(told), found
    for line, (number, words) in zip(found, told, strict=True):
        assert line.startswith(f"{path}:{number}: ")
        assert words in line


@pytest.mark.parametrize(
    ("text", "daemons", "modules", "bfdd", "remarks"),
    [
        ("router bgp 1\n", None, {}, False, []),
        ("rpki\n rpki cache 192.0.2.1 3323 preference 1\n", None, {"bgpd": ["rpki"]}, False, ["RPKI cache"]),
        ("agentx\n", None, {"zebra": ["snmp"], "bgpd": ["snmp"]}, False, []),
        ("router bgp 1\n bmp targets x\n", None, {"bgpd": ["bmp"]}, False, []),
        ("router bgp 1\n neighbor 192.0.2.1 bfd\n", None, {}, True, ["BFD"]),
        ("bfd\n profile x\n", None, {}, True, ["BFD"]),
        ("router bgp 1\n", 'bgpd_options="-A 127.0.0.1 -M snmp"\n', {"bgpd": ["snmp"]}, False, []),
        ("agentx\n", "bgpd_options='--module=snmp'\n", {"zebra": ["snmp"], "bgpd": ["snmp"]}, False, []),
        ("router ospf\nrouter isis x\n", None, {}, False, ["OSPF", "IS-IS"]),
        ("!router ospf\nrouter bgp 1\n neighbor x description bfd\n", None, {}, False, []),
    ],
)
def test_what_a_frr_conf_asks_for(
    text: str, daemons: str | None, modules: dict[str, list[str]], bfdd: bool, remarks: list[str], tmp_path: Path
) -> None:
    if daemons is not None:
        (tmp_path / "daemons").write_text(daemons)
    found = parts(tmp_path / "frr.conf", text)
    assert (found.modules, found.bfdd) == (modules, bfdd)
    assert len(found.remarks) == len(remarks), found.remarks
    assert all(words in line for words, line in zip(remarks, found.remarks, strict=True))


def test_a_module_that_is_not_installed_is_told(tmp_path: Path) -> None:
    found = parts(tmp_path / "frr.conf", "router bgp 1\n")
    found.ask("bgpd", "teapot")
    with pytest.raises(LabError, match="FRR's module teapot for bgpd is not installed: put it into "):
        found.options("bgpd")
