"""Users' files as they are, on real daemons: whole rehearsals, nothing written on the host, errors with their lines."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.cli.own_files import require_readable
from simulator.engine.log import Remark
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.report.model import Report
from simulator.routers import parsing
from simulator.routers.own_file import OwnFile
from simulator.routers.parsing import faults, read_file, write_file
from simulator.routers.registry import ROUTERS
from simulator.topology.load import load
from simulator.views.check import Status
from tests.lab_support import require_netns, require_program
from tests.routers.own_files import FILES
from tests.routers.test_matrix import PROGRAMS
from tests.topologies import SHIPPED, write


def own_file(kind: str) -> OwnFile:
    found = ROUTERS[kind].own_file
    assert found is not None
    return found


BIRD, FRR = "bird, tables and pipes of its own", "frr, peer groups and route maps"


def lay(name: str, directory: Path, *changes: tuple[str, str], **peer: Any) -> tuple[Path, str]:
    """A topology with this file beside it, and the mark in the names of all that it writes."""
    kind, text, included = FILES[name]
    mark = f"turnup-{os.getpid()}-{directory.name}"
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    for part, content in {"router.conf" if "yaml" not in name else "router.yaml": text, **included}.items():
        path = directory / part.replace("{mark}", mark)
        path.touch(mode=0o600)
        path.write_text(content.replace("{mark}", mark))
    topology = {
        "name": "own",
        "link": "netns",
        "exchange": {"name": "x", "lan": {"ipv4": "206.126.236.0/22", "ipv6": "2001:504:0:2::/64"}},
        "microsoft": {"announce": [{"prefixes": ["13.64.0.0/11", "20.33.0.0/16", "2603:1000::/24"]}]},
        "edges": [{"name": "e1", "ipv4": "206.126.236.17", "ipv6": "2001:504:0:2::8075:1"}],
        "peers": [
            {
                "name": "contoso",
                "asn": 64496,
                "ipv4": "206.126.239.200",
                "ipv6": "2001:504:0:2:0:6:4496:1",
                "interface": "ens19",
                "router": {"kind": kind, "config": path_of(name)},
                # GoBGP's file can hold none.
                "announce": [{"prefixes": ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]}],
                **peer,
            }
        ],
        "peerings": [{"name": "p", "peer": "contoso", "expect": {"accepted": 2, "accepted-ipv6": 1}}],
        "policy": {"rules": {"bogon-prefix": {"documentation": False}, "bogon-asn": {"documentation": False}}},
        "times": {"soak": 1, "deadline": 40, "active": 0},
    }
    return write(topology, directory / "lab.yaml"), mark


def path_of(name: str) -> str:
    return "router.yaml" if "yaml" in name else "router.conf"


OPENBGPD = "openbgpd, groups, sets and macros"
SILENT = [
    (BIRD, (("route 192.0.2.0/24 blackhole; route 198.51.100.0/24 blackhole;", ""),), "nothing-to-announce"),
    (BIRD, (('export where proto ~ "static*"', "export none"),), "export-policy"),
    (FRR, (("MS-OUT permit 10", "MS-OUT deny 10"),), "export-policy"),
    (FRR, (("ip route 192.0.2.0/24 Null0\n", ""), ("ip route 198.51.100.0/24", "!")), "network-not-in-rib"),
    (OPENBGPD, (("network prefix-set mynetworks", "# "),), "nothing-to-announce"),
    (OPENBGPD, (("allow to group", "deny to group"),), "export-policy"),
]


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize(("name", "changes", "cause"), SILENT)
async def test_why_nothing_is_announced_is_the_finding(
    name: str, changes: tuple[tuple[str, str], ...], cause: str, tmp_path: Path
) -> None:
    require(FILES[name][0])
    report, _ = await rehearse(lay(name, tmp_path, *changes)[0], deadline=8)
    found = {check.id: check for check in report.connections[0].checks if check.status is Status.FAILURE}
    assert {first.id for first in found["R1"].causes} == {cause}, found  # one text a family
    assert found["R1"].causes[0].remedy


@pytest.mark.privileged
@pytest.mark.router
async def test_a_table_that_exabgp_does_not_keep_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    require("exabgp")
    change = ("family { ipv4 unicast; }", "adj-rib-in false; family { ipv4 unicast; }")
    report, _ = await rehearse(lay("exabgp, a template and a helper", tmp_path, change)[0])
    assert (report.outcome, report.errors) == ("passed", ())
    evidence = {check.id: check.evidence for check in report.connections[0].checks}
    assert evidence["D3"][0] == "IPv6 2001:504:0:2:0:6:4496:1: the peer's own table holds nothing of ours"
    assert all(
        "adj-rib-in false" in evidence[check][-1] or "adj-rib-in false" in evidence[check][0] for check in ("D3", "A1")
    )


@pytest.mark.privileged
@pytest.mark.router
async def test_a_network_without_a_route_beside_one_that_has_one_is_a_warning(tmp_path: Path) -> None:
    require("frr")
    change = ("ip route 192.0.2.0/24 Null0\n", "")
    topology, _ = lay(FRR, tmp_path, change)
    topology.write_text(topology.read_text().replace("accepted: 2", "accepted: 1"))
    report, _ = await rehearse(topology)
    assert report.outcome == "passed"
    (warned,) = (check for check in report.connections[0].checks if check.status is Status.FAILURE)
    assert (warned.id, [cause.id for cause in warned.causes]) == ("R4", ["network-not-in-rib"])
    assert "192.0.2.0/24" in warned.causes[0].text and "198.51.100.0/24" not in warned.causes[0].text


def files_in(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.name != "capture.pcap"}


def require(kind: str) -> None:
    require_netns()
    for program in PROGRAMS[kind]:
        require_program(program)


async def rehearse(path: Path, **times: float) -> tuple[Report, Rehearsal]:
    topology = load(path)
    topology = topology.model_copy(update={"times": topology.times.model_copy(update=times)})
    played = Rehearsal(topology, LinkKind.NETNS, False, path.parent / "capture.pcap")
    return await played.run(), played


def written_on_the_host(mark: str, but: Path) -> list[str]:
    found = []
    for top in ("/etc", "/home", "/root", "/run", "/srv", "/var", str(but)):
        command = ["find", top, "-xdev", "-name", f"*{mark}*", "-not", "-path", "/run/turnup/*"]
        found += subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return sorted(found)


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("name", FILES)
async def test_it_passes_as_it_is_and_writes_nothing_on_the_host(name: str, tmp_path: Path) -> None:
    require(FILES[name][0])
    path, mark = lay(name, tmp_path)
    assert faults(own_file(FILES[name][0]), tmp_path / path_of(name)) == []
    contents = files_in(tmp_path)
    here = written_on_the_host(mark, tmp_path)
    report, played = await rehearse(path)
    assert (report.outcome, report.errors, played.ledger.shortfalls) == ("passed", (), [])
    assert written_on_the_host(mark, tmp_path) == here
    assert files_in(tmp_path) == contents


@pytest.mark.privileged
@pytest.mark.router
async def test_what_the_lab_cannot_provide_is_said(tmp_path: Path) -> None:
    require("frr")
    _, played = await rehearse(lay(FRR, tmp_path, interface=None)[0])
    told = [event.text for event in played.log.entries if isinstance(event, Remark) and "router.conf" in event.text]
    said = [text for text in told if "_MATCH" not in text]  # what preflight says of them, it says besides
    assert any("ens19" in text for text in told if "_MATCH" in text)
    assert [text.partition(" ")[2] for text in said] == [
        "binds to interface ens19, and the router's interfaces here are lan",
        "bfdd runs, but the lab's edges speak no BFD: its sessions stay down",
        "nobody in the lab speaks OSPF: ospfd is not run",
    ]


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize(
    ("name", "changes", "peer", "cause", "words"),
    [
        (BIRD, (), {"interface": None}, "interface-name", r"router.conf:\d+ binds to interface ens19, .*here are lan$"),
        (BIRD, (), {"interface": "eth0"}, "interface-name", r"interface ens19, .* here are eth0$"),
        (BIRD, (('interface "ens19"', 'interface "eth*"'),), {}, "interface-name", r"interface eth\*, .* are ens19$"),
        (BIRD, (("direct;\n  ipv4", 'direct; vrf "IX";\n  ipv4'),), {}, "vrf-name", r"to vrf IX, and .* in no VRF$"),
        (FRR, (("router bgp 64496", "router bgp 64496 vrf IX"),), {}, "vrf-name", r"router.conf:\d+ binds to vrf IX"),
    ],
)
async def test_names_that_do_not_match_are_the_finding(
    name: str, changes: tuple[tuple[str, str], ...], peer: dict[str, Any], cause: str, words: str, tmp_path: Path
) -> None:
    require(FILES[name][0])
    report, _ = await rehearse(lay(name, tmp_path, *changes, **peer)[0], deadline=6)
    found = {check.id: check for check in report.connections[0].checks if check.status is Status.FAILURE}
    first = found["T1"].causes[0]
    assert first.id == cause
    assert first.remedy
    assert re.search(words, first.text), first.text


WRONG = [
    # kind, file name, text, the lines that are told, words
    ("bird", "a.conf", "router id 1.1.1.1;\nprotocol bgp x { neighbour 192.0.2.1 as 5; }\n", [2], "syntax error"),
    ("bird", "a.conf", "router id 1.1.1.1;\nprotocol device { }\nlog {\n", [3], "syntax error"),
    ("bird", "a.conf", "router id 1.1.1.1;\nfilter f { if bgp_pth ~ [= 1 =] then reject; accept; }\n", [2], "error"),
    ("bird", "a.conf", 'router id 1.1.1.1;\ninclude "nowhere.conf";\n', [2], "nowhere.conf"),
    ("frr", "a.conf", "router bgp 1\n neighbor 192.0.2.1 remote-ass 5\n", [2], "Unknown command"),
    (
        "frr",
        "a.conf",
        "ip prefix-list A permit 192.0.2/24\n!\ninterface x\n ip adress 192.0.2.1/24\n",
        [1, 4],
        "Unknown",
    ),
    ("openbgpd", "a.conf", "AS 64496\nneighbor 192.0.2.1 {\n\tremote-ass 5\n}\n", [3, 4], "syntax error"),
    ("openbgpd", "a.conf", "# as Windows ends lines\r\nAS 64496\r\n", [2], "syntax error"),
    ("openbgpd", "a.conf", 'AS 64496\ninclude "nowhere.conf"\n', [2], "nowhere.conf"),
    ("openbgpd", "a.conf", "AS 64496\nallow from grup x\n", [2], "grup"),
    ("gobgp", "a.toml", '[global.config]\n  as = 64496\n  router-id = "1.1.1.1\n', [3], "parsing config"),
    ("gobgp", "a.toml", '[global.config]\n  as = 64496\n  router-ident = "1.1.1.1"\n', [3], "router-ident"),
    ("gobgp", "a.toml", '[global.config]\n  as = "x"\n  router-id = "1.1.1.1"\n', [2], "cannot parse"),
    ("gobgp", "a.yaml", "global:\n  config:\n    as: 64496\n   router-id: 1.1.1.1\n", [3], "parsing config"),
    ("exabgp", "a.conf", "neighbor 192.0.2.1 {\n local-as 5;\n peer-ass 6;\n}\n", [3], "peer-ass"),
    ("exabgp", "a.conf", "neighbor 192.0.2.1 {\n local-as five;\n}\n", [2], "local-as"),
    ("exabgp", "a.conf", "neighbor 192.0.2.1 {\n local-as 5;\n peer-as", [3], "invalid syntax"),
]


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize(("kind", "name", "text", "lines", "words"), WRONG, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("directory", ["plain", "with a blank"])
def test_what_the_daemon_refuses_is_told_with_its_line(
    kind: str, name: str, text: str, lines: list[int], words: str, directory: str, tmp_path: Path
) -> None:
    require(kind)
    path = tmp_path / directory / name
    path.parent.mkdir()
    path.write_text(text)
    found = faults(own_file(kind), path)
    assert [(fault.file, fault.line) for fault in found] == [(str(path), line) for line in lines], found
    assert words in found[0].text
    assert not any("\n" in fault.text for fault in found)


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("bird", b"# caf\xe9\nrouter id 1.1.1.1;\nprotocol device {}\n"),
        ("frr", b"! caf\xe9\r\nrouter bgp 1\r\n neighbor 192.0.2.1 remote-as 5\r\n"),
        ("openbgpd", b"# caf\xe9\nAS 64496\n"),
    ],
)
def test_an_encoding_that_the_daemon_takes_is_taken(kind: str, text: bytes, tmp_path: Path) -> None:
    require(kind)
    path, copy = tmp_path / "a.conf", tmp_path / "copy.conf"
    path.write_bytes(text)
    assert faults(own_file(kind), path) == []
    write_file(copy, read_file(path))
    assert copy.read_bytes() == text


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "simulator", *map(str, words)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=120, cwd=SHIPPED.parent, check=False)


@pytest.mark.privileged
@pytest.mark.router
class TestCommands:
    @pytest.mark.parametrize("verb", ["validate", "rehearse", "serve"])
    def test_a_syntax_error_is_bad_usage_with_file_and_line(self, verb: str, tmp_path: Path) -> None:
        require("bird")
        path, _ = lay(BIRD, tmp_path, ("protocol device {}", "protocol devise {}"))
        more = () if verb != "serve" else ("--port", "0", "--database", f"sqlite:///{tmp_path}/x.db")
        outcome = command(verb, path, *more)
        assert outcome.returncode == 2, outcome.stderr
        (line,) = outcome.stderr.strip().splitlines()
        assert re.fullmatch(r"turnup: .*/router\.conf:5: syntax error.*", line)

    def test_what_only_the_running_daemon_refuses_is_bad_usage_too(self, tmp_path: Path) -> None:
        require("frr")
        path, _ = lay(FRR, tmp_path, (" neighbor MS remote-as 8075\n", ""), ("neighbor MS peer-group\n", "!\n"))
        assert command("validate", path).returncode == 0
        outcome = command("rehearse", path, "--plain")
        assert outcome.returncode == 2
        told = " ".join(outcome.stdout.split())  # a reason is wrapped where it is printed
        assert re.search(r"refused .*router\.conf: .*line \d+: ", told)

    def test_a_file_that_is_right_is_told(self, tmp_path: Path) -> None:
        require("bird")
        outcome = command("validate", lay(BIRD, tmp_path)[0])
        assert outcome.returncode == 0
        assert "router.conf: no errors for bird\n" in outcome.stdout

    def test_without_the_daemon_it_is_not_checked_and_that_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path, _ = lay(BIRD, tmp_path, ("protocol device {}", "protocol devise {}"))

        def missing(name: object) -> Path:
            raise LabError("BIRD is not installed: apt-get install bird2")

        monkeypatch.setattr(parsing, "find_program", missing)
        (line,) = require_readable(load(path))
        assert line.endswith("router.conf: not checked: BIRD is not installed: apt-get install bird2")
