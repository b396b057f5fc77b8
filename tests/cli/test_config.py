"""`turnup config`: what it prints, where it writes, and its one-line errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.engine.peer_config import agreed_config
from simulator.routers.configs.registry import FORMATS
from simulator.topology.load import TopologyError, load
from tests.topologies import SHIPPED, document, shipped, write

ROOT = Path(__file__).parent.parent.parent
ADDRESSES = ("206.126.236.17", "206.126.236.148", "2001:504:0:2::8075:1", "2001:504:0:2::8075:2")


def config(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", "config", *map(str, arguments)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=surroundings, check=False
    )
    assert "Traceback" not in result.stdout + result.stderr
    return result


def refused(*arguments: str | Path) -> str:
    result = config(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("turnup: ")
    return line


def test_the_peers_own_router_is_the_default() -> None:
    result = config(SHIPPED / "exchange-bird.yaml", "contoso")
    assert (result.returncode, result.stderr) == (0, "")
    assert "protocol bgp" in result.stdout
    assert [address for address in ADDRESSES if f"neighbor {address} as 8075;" in result.stdout] == list(ADDRESSES)
    assert (result.stdout.count("import limit 2000"), result.stdout.count("import limit 500")) == (2, 2)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("topology", ["exchange", "direct"])
def test_every_format_has_every_session_of_a_shipped_topology(name: str, topology: str) -> None:
    found = shipped(topology)
    agreed = agreed_config(found, found.peers[0])
    text = FORMATS[name](agreed)
    assert len(agreed.sessions) == 4
    assert all(str(session.remote_address) in text for session in agreed.sessions)


def test_format_and_output_are_options_and_variables(tmp_path: Path) -> None:
    topology, one, two = SHIPPED / "exchange.yaml", tmp_path / "one.conf", tmp_path / "two.conf"
    assert config(topology, "contoso", "--format", "junos", "--output", one).stdout == ""
    assert config(topology, "contoso", TURNUP_CONFIG_FORMAT="junos", TURNUP_OUTPUT=str(two)).stdout == ""
    assert "policy-statement FROM-MICROSOFT-V4" in one.read_text()
    assert one.read_text() == two.read_text()
    assert one.stat().st_mode & 0o777 == 0o600, "it may hold MD5 keys"


def test_what_the_peer_is_to_do_wrong_is_not_printed(tmp_path: Path) -> None:
    found = document("exchange-bird")
    found["peerings"][0] |= {"md5": "agreed", "peer-side": {"md5": "other", "asn": 64511, "families": ["IPv4"]}}
    text = config(write(found, tmp_path / "lab.yaml"), "contoso").stdout
    assert 'password "agreed";' in text
    assert "other" not in text
    assert "64511" not in text
    assert all(address in text for address in ADDRESSES)


def test_the_routers_limits_can_be_changed(tmp_path: Path) -> None:
    found = document("exchange-bird")
    found["peers"][0]["router"] = {"kind": "bird", "max-prefixes": {"ipv4": 3000, "ipv6": None}}
    text = config(write(found, tmp_path / "lab.yaml"), "contoso").stdout
    assert text.count("import limit") == text.count("import limit 3000") == 2


def test_an_unknown_peer_is_one_line_with_the_peers() -> None:
    assert "no peer 'fabrikam' (there are: contoso)" in refused(SHIPPED / "exchange.yaml", "fabrikam")


def test_an_unknown_format_is_one_line_with_the_formats() -> None:
    line = refused(SHIPPED / "exchange.yaml", "contoso", "--format", "nxos")
    assert all(name in line for name in FORMATS)


def test_the_simulated_router_has_no_file() -> None:
    line = refused(SHIPPED / "exchange.yaml", "contoso")
    assert "simulated" in line
    assert "--format" in line


def test_a_key_that_the_language_cannot_write_is_one_line(tmp_path: Path) -> None:
    found = document()
    found["peerings"][0]["md5"] = "why?"
    line = refused(write(found, tmp_path / "lab.yaml"), "contoso", "--format", "ios")
    assert "MD5 key" in line


def test_a_topology_that_is_none_is_told() -> None:
    assert "there is no such file" in refused("nowhere.yaml", "contoso")


def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    result = config(SHIPPED / "exchange.yaml", "contoso", "--format", "bird", "--output", tmp_path / "no" / "x.conf")
    assert result.returncode == 3
    assert "No such file or directory" in result.stderr


def test_the_users_own_file_need_not_be_there_yet(tmp_path: Path) -> None:
    found = document("exchange-bird")
    found["peers"][0]["router"] = {"kind": "bird", "config": "bird.conf"}
    path = write(found, tmp_path / "lab.yaml")
    assert config(path, "contoso", "--output", tmp_path / "bird.conf").returncode == 0
    assert "protocol bgp" in (tmp_path / "bird.conf").read_text()
    found["peers"][0]["router"]["config"] = "nowhere.conf"
    with pytest.raises(TopologyError, match=r"there is no file .*nowhere\.conf"):
        load(write(found, path))


def test_an_external_router_gets_the_addresses_that_carry_its_sessions() -> None:
    text = config(SHIPPED / "external.yaml", "contoso").stdout
    assert "neighbor 127.75.80.1 {" in text
    assert "local-address 127.0.0.9;" in text
    assert "192.0.2.75" not in text


def test_ports_of_the_kernels_choice_cannot_be_printed(tmp_path: Path) -> None:
    found = document("external")
    del found["microsoft"]["port"]
    line = refused(write(found, tmp_path / "lab.yaml"), "contoso")
    assert "microsoft: {port: 1790}" in line


def test_over_an_interface_the_addresses_are_the_topologys(tmp_path: Path) -> None:
    text = config(write(document("external") | {"link": "interface"}, tmp_path / "lab.yaml"), "contoso").stdout
    assert "neighbor 192.0.2.75 {" in text


@pytest.mark.parametrize("command", ["config", "validate"])
def test_a_route_that_a_language_cannot_say_is_refused_with_its_line(tmp_path: Path, command: str) -> None:
    line = "route 41.9.0.0/16 next-hop self as-path [ 64500 ] ( 64501 64502 )"
    found = document("exchange-bird")
    found["peers"][0]["announce"] = ["route 41.8.0.0/16 next-hop self origin egp", line]
    topology = write(found, tmp_path / "topology.yaml")
    number = next(n for n, text in enumerate(topology.read_text().splitlines(), 1) if "41.9.0.0" in text)
    words = [command, topology, *(["contoso", "--format", "bird"] if command == "config" else [])]
    result = subprocess.run(
        [sys.executable, "-m", "simulator", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"turnup: {topology}:{number}: peers[0].announce[1]: route 41.9.0.0/16 cannot be written for BIRD with an "
        "AS_SET in as-path ({64501 64502}): leave it out, or give the peer the router simulated or gobgp or exabgp\n"
    )


def test_another_language_may_say_what_the_peers_router_cannot(tmp_path: Path) -> None:
    found = document("exchange")
    found["peers"][0]["announce"] = ["route 41.9.0.0/16 next-hop self atomic-aggregate"]
    topology = write(found, tmp_path / "topology.yaml")
    assert "set atomic-aggregate" in config(topology, "contoso", "--format", "frr").stdout
    assert "cannot be written for IOS XR with atomic-aggregate" in refused(topology, "contoso", "--format", "iosxr")
