"""`turnup routes`: a peer's sessions are brought up, looked at and taken down; and what is written of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

import pytest

from simulator.session.messages import Family
from simulator.tables.input_formats import READERS, InputFormat
from simulator.tables.mrt_reader import read_mrt
from tests.cli.serving import serving
from tests.lab_support import require_bird, require_program
from tests.tables.support import read_routes
from tests.topologies import document, write

ROOT = Path(__file__).parent.parent.parent
LAB = ["--peer-as", "64496", "--allow-documentation", "--lan", "206.126.236.0/22", "--lan", "2001:504:0:2::/64"]
LAB += ["--peer-address", "206.126.239.200", "--peer-address", "2001:504:0:2:0:6:4496:1"]


def turnup(*arguments: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", *map(str, arguments)]
    result = subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert "Traceback" not in result.stdout + result.stderr
    return result


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("turnup: ")
    return line


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """One edge, one peer with two sessions; a route that is rejected on each."""
    found = document()
    found["edges"] = found["edges"][:1]
    found["peers"][0]["announce"] += ["route 10.1.0.0/16 next-hop self", "route 2a00:1000::/49 next-hop self"]
    return write(found, tmp_path / "lab.yaml")


def rows(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_text_is_birdc_s_and_is_read_back(lab: Path) -> None:
    result = turnup("routes", lab, "--peer", "contoso")
    assert (result.returncode, result.stderr) == (0, "")
    heads = [line for line in result.stdout.splitlines() if line.startswith("Table ")]
    assert heads == [
        "Table contoso-ashburn/ash-edge-1/ipv4: AS64496 at 206.126.239.200, connection Validating, BGP Established: "
        "4 routes: 1 rejected, 3 withheld",
        "Table contoso-ashburn/ash-edge-1/ipv6: AS64496 at 2001:504:0:2:0:6:4496:1, connection Validating, "
        "BGP Established: 3 routes: 1 rejected, 2 withheld",
    ]
    again = turnup("policy", "check", "-", *LAB, given=result.stdout)
    assert again.returncode == 1
    assert "7 routes: 5 accepted, 2 rejected" in again.stdout


def test_json_says_the_verdict_and_the_rules_of_every_route(lab: Path) -> None:
    found = rows(turnup("routes", lab, "--json"))
    sessions = [row for row in found if row["event"] == "session"]
    assert [(row["received"], row["accepted"], row["rejected"]) for row in sessions] == [(4, 3, 1), (3, 2, 1)]
    assert {row["connectionState"] for row in found} == {"Validating"}
    routes = {row["prefix"]: row for row in found if row["event"] == "route"}
    assert routes["203.0.113.0/24"]["verdict"] == "withhold"
    assert routes["203.0.113.0/24"]["asPath"] == "64496 64500"
    assert routes["203.0.113.0/24"]["communities"] == ["64496:100"]
    assert routes["10.1.0.0/16"]["verdict"] == "reject"
    assert [reason["rule"] for reason in routes["10.1.0.0/16"]["reasons"]] == ["bogon-prefix"]
    assert [reason["rule"] for reason in routes["2a00:1000::/49"]["reasons"]] == ["prefix-too-long"]


def test_once_active_what_is_accepted_is_taken(lab: Path) -> None:
    found = rows(turnup("routes", lab, "--json", "--state", "Active"))
    assert {row["connectionState"] for row in found} == {"Active"}
    routes = {row["prefix"]: row["verdict"] for row in found if row["event"] == "route"}
    assert (routes["203.0.113.0/24"], routes["10.1.0.0/16"]) == ("accept", "reject")


def test_rejected_routes_alone_and_prefixes_with_what_covers_them(lab: Path) -> None:
    found = rows(turnup("routes", lab, "--json", "--rejected"))
    assert [row["prefix"] for row in found if row["event"] == "route"] == ["10.1.0.0/16", "2a00:1000::/49"]
    found = rows(turnup("routes", lab, "--json", "--prefix", "192.0.2.128/25"))
    assert [row["prefix"] for row in found if row["event"] == "route"] == ["192.0.2.0/24"]


def test_birdwatcher_s_shape_on_standard_output_and_as_files(lab: Path, tmp_path: Path) -> None:
    result = turnup("routes", lab, "--birdwatcher", "--birdwatcher-dir", tmp_path / "api")
    assert result.returncode == 0, result.stderr
    union = json.loads(result.stdout)
    assert union["routes_count"] == len(union["routes"]) == 7
    assert union["api"]["Version"].startswith("turnup ")
    assert sorted(union["protocols"]) == ["contoso_ashburn_ash_edge_1_ipv4", "contoso_ashburn_ash_edge_1_ipv6"]
    names = {path.relative_to(tmp_path / "api").as_posix() for path in (tmp_path / "api").rglob("*") if path.is_file()}
    assert names >= {"status", "protocols/bgp", "routes/filtered/contoso_ashburn_ash_edge_1_ipv4"}
    filtered = json.loads((tmp_path / "api/routes/filtered/contoso_ashburn_ash_edge_1_ipv4").read_text())
    (route,) = filtered["routes"]
    assert (route["network"], route["gateway"]) == ("10.1.0.0/16", "206.126.239.200")
    assert route["bgp"]["large_communities"] == [[8075, 1101, 3]]


def test_mrt_of_the_tables_and_of_the_updates(lab: Path, tmp_path: Path) -> None:
    result = turnup("routes", lab, "--mrt", tmp_path / "rib.mrt", "--mrt-updates", tmp_path / "updates.mrt")
    assert result.returncode == 0, result.stderr
    from_text = {
        (route.family, key): route.path
        for route in read_routes(READERS[InputFormat.BIRD]((result.stdout.encode(),)))
        for key in route.keys
    }
    assert len(from_text) == 7
    for name in ("rib.mrt", "updates.mrt"):
        routes = read_routes(read_mrt(((tmp_path / name).read_bytes(),)))
        assert {(route.family, key): route.path for route in routes for key in route.keys} == from_text
        announcers = {route.family: route.announcer for route in routes}
        for family, address in ((Family.IPV4, "206.126.239.200"), (Family.IPV6, "2001:504:0:2:0:6:4496:1")):
            announcer = announcers[family]
            assert announcer is not None
            assert (announcer.asn, announcer.address) == (64496, ip_address(address))
    checked = turnup("policy", "check", tmp_path / "rib.mrt", "--allow-documentation")
    assert "7 routes: 5 accepted, 2 rejected" in checked.stdout
    for name in ("rib.mrt", "updates.mrt"):
        require_program("bgpdump")
        dumped = subprocess.run(["bgpdump", "-m", tmp_path / name], capture_output=True, text=True, check=True)
        assert len(dumped.stdout.splitlines()) == 7, dumped.stdout
        assert "|206.126.239.200|64496|203.0.113.0/24|64496 64500|" in dumped.stdout


def test_wireshark_reads_the_sessions_from_the_pcap(lab: Path, tmp_path: Path) -> None:
    require_program("tshark")
    assert turnup("routes", lab, "--pcap", tmp_path / "wire.pcap").returncode == 0
    command = [
        "tshark",
        "-r",
        str(tmp_path / "wire.pcap"),
        "-Y",
        "bgp.type == 2",
        "-T",
        "fields",
        "-e",
        "bgp.nlri_prefix",
    ]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "203.0.113.0" in told


def test_a_session_that_stays_down_is_told(tmp_path: Path) -> None:
    found = document()
    found["edges"] = found["edges"][:1]
    found["times"]["deadline"] = 1
    found["peerings"][0]["peer-side"] = {"families": ["IPv4"]}
    result = turnup("routes", write(found, tmp_path / "lab.yaml"))
    assert result.returncode == 1
    assert "contoso-ashburn/ash-edge-1/ipv6: BGP is Active after 1 s" in one_line(result)
    assert "BGP Active: 0 routes" in result.stdout
    assert "BGP Established: 3 routes: 3 withheld" in result.stdout


def test_a_request_that_is_refused(tmp_path: Path) -> None:
    found = document()
    found["peers"][0]["asn-state"] = "Pending"
    result = turnup("routes", write(found, tmp_path / "lab.yaml"))
    assert result.returncode == 1
    assert "the request was refused" in one_line(result)


def test_a_peering_that_is_not_validated_does_not_become_active(tmp_path: Path) -> None:
    found = document()
    found["edges"] = found["edges"][:1]
    found["times"]["deadline"] = 1
    found["peers"][0]["announce"] = ["route 10.1.0.0/16 next-hop self"]
    result = turnup("routes", write(found, tmp_path / "lab.yaml"), "--state", "Active")
    assert result.returncode == 1
    assert "is ProvisioningFailed" in one_line(result)
    assert "turnup.verdict: reject" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://localhost:8080", "--mrt", "x"], "files are written of a topology's sessions, not of a server's"),
        (["nonexistent.yaml"], "there is no such file"),
        (["topologies/exchange.yaml", "--peer", "nobody"], "there is no such peer (the topology has: contoso)"),
        (["topologies/exchange.yaml", "--prefix", "x"], "is no prefix or address"),
        (["topologies/exchange.yaml", "--json", "--birdwatcher"], "choose one"),
        (["topologies/exchange-bird.yaml", "--link", "loopback"], "use --link netns"),
    ],
)
def test_bad_usage_is_exit_code_2_and_one_line(arguments: list[str], words: str) -> None:
    result = turnup("routes", *arguments)
    assert result.returncode == 2
    assert words in one_line(result)


def test_a_file_that_cannot_be_written_is_told(lab: Path, tmp_path: Path) -> None:
    result = turnup("routes", lab, "--mrt", tmp_path / "none" / "rib.mrt")
    assert result.returncode == 2
    assert "none/rib.mrt: No such file" in one_line(result)


def test_interrupted_it_takes_the_lab_down(tmp_path: Path) -> None:
    found = document()
    found["peerings"][0]["peer-side"] = {"families": ["IPv4"]}
    found["times"] = {"soak": 600, "deadline": 1200}
    path = write(found, tmp_path / "lab.yaml")
    state = tmp_path / "state"
    command = [sys.executable, "-m", "simulator", "routes", str(path)]
    env = {**os.environ, "TURNUP_STATE_DIR": str(state)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=env) as process:
        while not list(state.glob("*")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not list(state.glob("*"))


@pytest.mark.parametrize("version", [4, 6])
def test_a_router_on_other_addresses_is_told_with_the_topology_s(version: int, tmp_path: Path) -> None:
    """Loopback carries its session: what is written is read back by the topology, with the verdicts of the session."""
    (tmp_path / "routes").write_text(
        "route 41.1.0.0/24 next-hop self\nroute 41.2.0.0/24 next-hop self as-path [ 12076 ]\n"
        "route 41.3.0.0/24 next-hop 192.0.2.99\nroute 41.4.0.0/24 next-hop 192.0.2.1\n"
        if version == 4
        else "route 2a00:1::/32 next-hop self\nroute 2a00:2::/32 next-hop self as-path [ 12076 ]\n"
        "route 2a00:3::/32 next-hop 2001:db8::99\nroute 2a00:4::/32 next-hop 2001:db8:2::1\n"
    )
    router = [sys.executable, "-m", "simulator", "edge", "--listen", "127.0.0.9:0" if version == 4 else "[::1]:0"]
    router += ["--peer", "any", "--peer-as", "8075", "--local-as", "64496", "--router-id", "192.0.2.1"]
    router += ["--passive", "--state", "Active", "--announce", str(tmp_path / "routes"), "--json"]
    with subprocess.Popen(router, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            address, _, port = json.loads(process.stdout.readline())["address"].rpartition(":")
            found = document("external")
            found["microsoft"].pop("port", None)
            found["peers"][0]["router"] = {"kind": "external", "port": int(port)}
            if version == 4:
                found["peers"][0]["router"]["address"] = address
            found["peerings"][0]["families"] = [f"IPv{version}"]
            lab = write(found, tmp_path / "lab.yaml")
            files = {"--mrt": tmp_path / "rib.mrt", "--mrt-updates": tmp_path / "updates.mrt"}
            options = [item for pair in files.items() for item in pair]
            shown = turnup("routes", lab, "--json", *options)
        finally:
            process.terminate()
    assert shown.returncode == 0, shown.stderr
    (tmp_path / "rows").write_text(shown.stdout)
    told = {row["prefix"]: row["reasons"] for row in rows(shown) if row["event"] == "route"}
    rules = sorted([hit["rule"] for hit in reasons] for reasons in told.values())
    assert rules == [[], [], ["as12076"], ["next-hop"]], "it may name itself by either of its addresses"
    for file in (*files.values(), tmp_path / "rows"):
        again = turnup("policy", "check", file, "--topology", lab, "--json")
        read = [json.loads(line) for line in again.stdout.splitlines()]
        judged = (row for row in read if row["event"] == "route")
        assert {row["prefix"]: row["reasons"] for row in judged} == told


def test_the_collector_is_the_edge(lab: Path, tmp_path: Path) -> None:
    turnup("routes", lab, "--mrt", tmp_path / "rib.mrt")
    assert (tmp_path / "rib.mrt").read_bytes()[12:16] == IPv4Address("206.126.236.17").packed


@pytest.mark.privileged
@pytest.mark.router
def test_a_real_bird_is_waited_for_until_it_has_sent_everything(tmp_path: Path) -> None:
    require_bird()
    found = document("exchange-bird")
    found["edges"] = found["edges"][:1]
    result = rows(turnup("routes", write(found, tmp_path / "lab.yaml"), "--link", "netns", "--json"))
    assert [row["received"] for row in result if row["event"] == "session"] == [3, 2]


def test_a_peer_that_announces_nothing_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    found = document()
    found["edges"] = found["edges"][:1]
    found["peers"][0]["announce"] = []
    result = turnup("routes", write(found, tmp_path / "lab.yaml"), "--deadline", "1")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("BGP Established: 0 routes") == 2


def test_a_running_server_is_looked_at_as_it_is(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.turnup("asn", "create", "-n", "contoso", "--peer-asn", "64496").returncode == 0
        assert server.turnup("approve", "--asn", "contoso").returncode in (0, 1)  # it may have been approved already
        wanted = ("--peer-asn", "contoso", "--ipv4", "206.126.239.200")
        assert server.turnup("peering", "create", "-n", "contoso", *wanted).returncode == 0
        assert server.turnup("status", "--wait", "60").returncode == 0
        text = server.turnup("routes", server.url, "--peer", "contoso").stdout
        assert "Table contoso/ash-edge-1/ipv4" in text
        assert "connection Active, BGP Established" in text
        assert "turnup.verdict: accept" in text
        rows = [json.loads(line) for line in server.turnup("routes", server.url, "--json").stdout.splitlines()]
        assert {row["prefix"] for row in rows if row["event"] == "route"} == {
            "192.0.2.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
        }
        nobody = server.turnup("routes", server.url, "--peer", "nobody")
        assert (nobody.returncode, nobody.stderr) == (
            1,
            "turnup: there is no peer nobody (there are: contoso)\n",
        )
