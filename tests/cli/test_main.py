"""The `turnup` command as a user runs it: its output, its exit codes, its one-line errors."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import simulator
from simulator import compiled
from simulator.cli.app import COMMANDS, Command, load
from simulator.engine.verbs import VERBS
from tests.topologies import SHIPPED, document, write

ROOT = Path(__file__).parent.parent.parent


def turnup(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", *map(str, arguments)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=surroundings, check=False)


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("turnup: ")
    assert "Traceback" not in result.stderr + result.stdout
    return line


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    return write(document(), tmp_path / "lab.yaml")


def changed(tmp_path: Path, **changes: Any) -> Path:
    found = document()
    found["times"]["deadline"] = 1
    found["peerings"][0] |= changes
    return write(found, tmp_path / "changed.yaml")


def test_version_and_help_that_teaches() -> None:
    assert turnup("--version").stdout.strip() == f"turnup {simulator.__version__} ({compiled.code()})"
    text = turnup("--help", env={"NO_COLOR": "1", "COLUMNS": "200"}).stdout
    for word in ("rehearse", "edge", "validate", "schema", "clean", "topologies/exchange.yaml", "Exit codes", "130"):
        assert word in text


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_table_of_commands_says_what_each_says_itself(command: Command) -> None:
    loaded = load(command)
    assert loaded.help.startswith(command.help.rstrip(".?")), loaded.help
    assert loaded.name in ("", command.name)


def test_every_verb_of_the_operator_is_a_command() -> None:
    assert set(VERBS) <= {command.name for command in COMMANDS}


def test_rehearse_passes_and_shows_both_states_side_by_side(quick: Path) -> None:
    result = turnup("rehearse", quick)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "connection Validating → Active" in result.stdout
    assert "BGP OpenConfirm → Established  [connection Validating]" in result.stdout
    assert "Rehearsal passed: 2 of 2 connections became Active, 2 deprovisioned" in result.stdout
    assert "\x1b[" not in result.stdout, "no colours without a terminal"
    rows = [line for line in result.stdout.splitlines() if line.strip().startswith(("206.126.239.200", "2001:504"))]
    assert len(rows) == 4
    assert all("Active" in row and "Established" in row for row in rows)


def test_the_report_has_all_its_files(quick: Path, tmp_path: Path) -> None:
    result = turnup("rehearse", quick, "--report", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"report.json", "report.html", "junit.xml", "events.jsonl", "wire.pcap"}
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["outcome"] == "passed"
    assert report["gate"]["nlriSentWhileDenied"] == report["gate"]["routesTakenWhileDenied"] == 0
    assert report["gate"]["nlriWithheld"] > 0
    timeline = report["connections"][0]["timeline"]
    assert {entry["axis"] for entry in timeline} == {"connection", "bgp"}
    assert [e["to"] for e in timeline if e["axis"] == "connection"][-3:] == ["Active", "PendingRemove", "None"]
    events = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    withheld = [prefix for e in events if e["event"] == "gate-withheld" for prefix in e["prefixes"]]
    assert len(withheld) == report["gate"]["nlriWithheld"], "every NLRI held back is in the log"


def test_json_goes_to_standard_output_alone(quick: Path) -> None:
    result = turnup("rehearse", quick, "--json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["outcome"] == "passed"
    assert "Rehearsal passed" in result.stderr


def test_a_failed_check_is_exit_code_1_with_cause_and_remedy(tmp_path: Path) -> None:
    result = turnup("rehearse", changed(tmp_path, **{"peer-side": {"asn": 64497}}))
    assert result.returncode == 1
    assert "OPEN carries AS64497; the PeerAsn is AS64496" in result.stdout
    assert "do:    configure AS64496 as the local AS" in result.stdout
    assert "who:   the peer has to act (check S1)" in result.stdout
    assert "Rehearsal failed: 0 of 2 connections became Active" in result.stdout


@pytest.mark.parametrize("command", ["rehearse", "validate"])
def test_a_bad_topology_is_exit_code_2_and_one_line(command: str, tmp_path: Path) -> None:
    assert "there is no such file" in one_line(turnup(command, tmp_path / "none.yaml"))
    found = document()
    found["peers"][0]["ipv4"] = "10.1.2.3"
    path = write(found, tmp_path / "bad.yaml")
    result = turnup(command, path)
    assert result.returncode == 2
    assert f"{path}:" in one_line(result)
    assert "outside the exchange LAN" in result.stderr


def test_validate_says_what_is_in_a_good_one() -> None:
    result = turnup("validate", SHIPPED / "exchange.yaml")
    assert (result.returncode, result.stderr) == (0, "")
    assert "no errors: 1 peering, 2 connections, 4 sessions" in result.stdout


def test_schema_prints_a_json_schema() -> None:
    schema = json.loads(turnup("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "peerings" in schema["properties"]


def test_wrong_options_are_exit_code_2(quick: Path, tmp_path: Path) -> None:
    for arguments in (
        ["rehearse"],
        ["rehearse", quick, "--link", "wifi"],
        ["rehearse", quick, "--soak", "-1"],
        ["fly"],
    ):
        result = turnup(*arguments)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
    (tmp_path / "file").write_text("")
    assert "this is a file" in one_line(turnup("rehearse", quick, "--report", tmp_path / "file"))


def test_bird_on_loopback_is_refused_with_what_to_do(tmp_path: Path) -> None:
    found = document("exchange-bird")
    result = turnup("rehearse", write(found, tmp_path / "b.yaml"), "--link", "loopback")
    assert result.returncode == 2
    assert "needs real addresses and port 179: use --link netns" in one_line(result)


def test_options_are_environment_variables_too(quick: Path) -> None:
    result = turnup("rehearse", quick, env={"TURNUP_SOAK": "0.5", "TURNUP_LINK": "loopback"})
    assert "Established for 0.5 s" in turnup("rehearse", quick, "--json", env={"TURNUP_SOAK": "0.5"}).stdout
    assert result.returncode == 0


def test_clean_with_nothing_to_clean_and_with_something(tmp_path: Path) -> None:
    env = {"TURNUP_STATE_DIR": str(tmp_path / "state")}
    found = document()
    found["times"] = {"soak": 600, "deadline": 1200}
    path = write(found, tmp_path / "long.yaml")
    command = [sys.executable, "-u", "-m", "simulator", "rehearse", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **env}) as process:
        assert process.stdout is not None
        assert any("→ Established" in line for line in process.stdout)
        process.kill()
        process.stdout.read()
    result = turnup("clean", env=env)
    assert result.returncode == 0
    assert f"exchange-{process.pid}" in result.stdout
    assert str(process.pid) not in turnup("clean", env=env).stdout


# --- turnup edge ---


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--listen", "nowhere"], 2, "is not ADDRESS:PORT"),
        (["--listen", "127.0.0.1:99999"], 2, "is not ADDRESS:PORT"),
        (["--listen", "127.0.0.1:1790", "--peer", "x"], 2, "'x' is no IPv4 or IPv6 address"),
        (["--listen", "127.0.0.1:1790", "--peer-as", "x"], 2, "is no ASN"),
        (["--listen", "127.0.0.1:1790", "--md5", "k"], 2, "--md5 needs --peer"),
        (["--listen", "127.0.0.1:1790", "--peer", "127.0.0.2", "--md5", "é" * 41], 2, "--md5 is 82 octets long"),
        (["--listen", "[::1]:1790", "--peer", "127.0.0.1"], 2, "different address families"),
        (["--listen", "127.0.0.1:1790", "--hold-time", "2"], 2, "--hold-time is 0 or at least 3"),
        (["--listen", "127.0.0.1:1790", "--announce", "/nonexistent"], 2, "there is no such file"),
        (["--listen", "192.0.2.1:1790"], 3, "this machine has no such address"),
    ],
)
def test_edge_refuses_bad_options_in_one_line(arguments: list[str], code: int, words: str) -> None:
    result = turnup("edge", *arguments)
    assert result.returncode == code
    assert words in one_line(result)


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nturnup: passed", "\x07", "\x9b31m", "\u202e", "a\r", "x" * 5000])
def test_what_a_file_holds_moves_no_cursor_and_begins_no_line(hostile: str, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(json.dumps(document() | {hostile: 1}), encoding="utf-8")
    result = turnup("validate", file)
    assert result.returncode == 2
    line = one_line(result)
    assert line.isprintable()
    assert len(line) < 2100


def test_edge_says_that_the_port_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = turnup("edge", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 3
    assert "the port is in use" in one_line(result)


@contextlib.contextmanager
def start_edge(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-u", "-m", "simulator", "edge", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], **wanted: Any) -> list[dict[str, Any]]:
    """Read JSON lines up to the one that has these values; fails when the output ends first."""
    assert process.stdout is not None
    found = []
    for line in process.stdout:
        found.append(json.loads(line))
        if all(found[-1].get(key) == value for key, value in wanted.items()):
            return found
    raise AssertionError(f"no {wanted} in {found}")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_two_edges_meet_and_print_every_route_with_its_verdict(host: str, tmp_path: Path) -> None:
    v6 = host != "127.0.0.1"
    good, bogon = ("2001:db8::/32", "fc00::/16") if v6 else ("192.0.2.0/24", "10.0.0.0/8")
    routes = tmp_path / "routes"
    routes.write_text(f"# mine\n{good}\nroute {bogon} next-hop self as-path [ 64500 ]\n")
    port = free_port()
    theirs = ["--listen", f"{host}:{port}", "--local-as", "64496", "--announce", str(routes), "--state", "Active"]
    with start_edge(*theirs) as peer:
        until(peer, event="listening")
        ours = ["--listen", f"{host}:0", "--peer", host.strip("[]"), "--peer-port", str(port), "--peer-as", "64496"]
        with start_edge(*ours, "--allow-documentation") as denied:
            told = until(denied, event="end-of-rib")
            denied.send_signal(signal.SIGINT)
            rest = until(denied, to="Idle")
            assert denied.wait(30) == 0
        verdicts = {
            e["prefix"]: (e["verdict"], [r["rule"] for r in e["reasons"]]) for e in told if e["event"] == "route"
        }
        assert verdicts == {good: ("withhold", []), bogon: ("reject", ["bogon-prefix"])}
        assert all(e["connectionState"] == "Validating" for e in told if e["event"] == "bgp-state")
        assert "turnup edge was stopped" in rest[-1]["reason"]
        with start_edge(*ours, "--state", "Active", "--local-as", "8076") as active:
            told = until(active, event="end-of-rib")
            active.terminate()
            assert active.wait(30) == 0
        verdicts = {
            e["prefix"]: (e["verdict"], [r["rule"] for r in e["reasons"]]) for e in told if e["event"] == "route"
        }
        assert verdicts[good] == ("reject", ["bogon-prefix", "bogon-asn"]), "documentation space is a bogon by default"
        peer.send_signal(signal.SIGINT)
        assert peer.wait(30) == 0


def test_edge_closes_with_a_cease_when_the_asn_is_wrong() -> None:
    port = free_port()
    with start_edge("--listen", f"127.0.0.1:{port}", "--peer-as", "64499") as strict:
        until(strict, event="listening")
        ours = ("--listen", "127.0.0.1:0", "--peer", "127.0.0.1", "--peer-port", str(port), "--local-as", "64496")
        with start_edge(*ours) as wrong:
            told = until(wrong, event="notification", direction="received")
            assert (told[-1]["code"], told[-1]["subcode"]) == (2, 2)
            wrong.terminate()
        strict.terminate()
