"""`turnup policy` as a user runs it: questions, files of every format, exit codes, one-line errors."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.tables.support import FILES, SAMPLES, Sample, bird, exabgp, json_lines, mrt_rib
from tests.topologies import document, write

ROOT = Path(__file__).parent.parent.parent
SESSION = ("--peer-as", "1103", "--peer-address", "192.0.2.1", "--peer-address", "2001:db8::1")
GOOD = tuple(sample for sample in SAMPLES if not sample.rules)


def turnup(*arguments: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", "policy", *map(str, arguments)]
    result = subprocess.run(
        command,
        input=given,
        capture_output=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    out, err = result.stdout.decode(), result.stderr.decode()
    assert "Traceback" not in out + err
    return subprocess.CompletedProcess(command, result.returncode, out, err)


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 2, result.stdout + result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("turnup: ")
    return line


# --- explain ---


def test_explain_says_what_every_rule_says() -> None:
    result = turnup("explain", "--profile", "exchange", "--prefix", "203.0.113.0/24", "--as-path", "64496 64500")
    assert result.returncode == 1
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.startswith("  ")}
    assert "FAIL  the prefix is special-purpose space (within 203.0.113.0/24" in lines["bogon-prefix"]
    assert "[RFC 6890, RFC 8190]" in lines["bogon-prefix"]
    assert "AS64496" in lines["bogon-asn"]
    assert lines["first-as"].split()[1:] == ["pass"]
    assert lines["next-hop"].split()[1:] == ["pass"]
    assert "not judged: there is no vrp data" in lines["rpki-invalid"]
    assert result.stdout.splitlines()[-1].startswith("reject: 2 of ")
    allowed = turnup("explain", "--prefix", "203.0.113.0/24", "--as-path", "64496 64500", "--allow-documentation")
    assert allowed.returncode == 0
    assert allowed.stdout.splitlines()[-1].startswith("accept: ")


def explained(*arguments: str) -> dict[str, Any]:
    result = turnup("explain", "--json", "--prefix", "41.0.0.0/16", *arguments)
    told: dict[str, Any] = json.loads(result.stdout)
    assert result.returncode == (0 if told["verdict"] == "accept" else 1)
    assert [reason["rule"] for reason in told["reasons"]] == [
        rule["rule"] for rule in told["rules"] if rule["result"] == "fail"
    ] or len(told["reasons"]) > 1
    return told


@pytest.mark.parametrize(
    ("arguments", "rules"),
    [
        (["--as-path", "1103 1136"], set()),
        (["--as-path", "AS1103,AS1136", "--peer-as", "AS1103"], set()),
        (["--as-path", "1103", "--peer-as", "1136"], {"first-as"}),
        (["--as-path", "1103", "--as-set", "1136 5089"], {"as-set"}),
        (["--as-path", "1103 {1136}"], {"as-set"}),
        ([], {"as-path-empty"}),
        (["--as-path", "1103", "--peer-address", "192.0.2.1"], set()),
        (["--as-path", "1103", "--peer-address", "192.0.2.1", "--next-hop", "192.0.2.2"], {"next-hop"}),
        (["--as-path", "1103", "--next-hop", "192.0.2.2"], set()),
        (["--as-path", "1103 1136", "--rule", "as-path-too-long=limit=1"], {"as-path-too-long"}),
        (["--as-path", "1103 12076", "--rule", "as12076=off"], set()),
        (["--as-path", "1103", "--rule", "prefix-too-long=ipv4=15"], {"prefix-too-long"}),
        (["--as-path", "1103", "--lan", "41.0.0.0/15"], {"exchange-lan"}),
        (["--as-path", "1103", "--otc", "1136"], {"otc"}),
        (["--as-path", "1103", "--profile", "peering-service"], {"maps-community-missing"}),
        (["--as-path", "1103", "--profile", "peering-service", "--community", "8075:8007"], set()),
    ],
)
def test_explain_judges_what_is_asked(arguments: list[str], rules: set[str]) -> None:
    assert {reason["rule"] for reason in explained(*arguments)["reasons"]} == rules


def test_explain_in_json_has_the_whole_route() -> None:
    told = explained("--as-path", "1103", "--community", "no-export", "--large-community", "1:2:3", "--med", "5")
    assert (told["asPath"], told["communities"], told["largeCommunities"], told["med"]) == (
        "1103",
        ["65535:65281"],
        ["1:2:3"],
        5,
    )
    assert {rule["result"] for rule in told["rules"]} >= {"pass", "off", "not judged"}


def test_explain_judges_by_data_files(tmp_path: Path) -> None:
    vrp = tmp_path / "vrp.json"
    vrp.write_text(json.dumps({"roas": [{"asn": 1136, "prefix": "41.0.0.0/16", "maxLength": 16, "ta": "x"}]}))
    assert {r["rule"] for r in explained("--as-path", "1103", "--vrp", str(vrp))["reasons"]} == {"rpki-invalid"}
    assert explained("--as-path", "1103 1136", "--vrp", str(vrp))["verdict"] == "accept"
    vrp.write_text("{")
    assert f"{vrp}: " in one_line(turnup("explain", "--prefix", "41.0.0.0/16", "--vrp", vrp))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--prefix is missing"),
        (["--prefix", "203.0.113.1/24"], "host bits set: did you mean 203.0.113.0/24?"),
        (["--prefix", "203.0.113.0"], "write it as address/length"),
        (["--prefix", "41.0.0.0/16", "--as-path", "one"], "'one' in the AS path is no ASN"),
        (["--prefix", "41.0.0.0/16", "--peer-as", "0"], "--peer-as '0' is no ASN"),
        (["--prefix", "41.0.0.0/16", "--next-hop", "x"], "--next-hop 'x' is no IPv4 or IPv6 address"),
        (["--prefix", "41.0.0.0/16", "--community", "1"], "is no community"),
        (["--prefix", "41.0.0.0/16", "--large-community", "1:2"], "is no large community"),
        (["--prefix", "41.0.0.0/16", "--profile", "transit"], "no policy profile 'transit'"),
        (["--prefix", "41.0.0.0/16", "--rule", "nonsense=off"], "has no rule 'nonsense'"),
        (["--prefix", "41.0.0.0/16", "--rule", "first-as"], "write RULE=off"),
        (["--prefix", "41.0.0.0/16", "--rule", "first-as=maybe"], "takes on, off or PARAMETER=VALUE"),
        (["--prefix", "41.0.0.0/16", "--rule", "as-path-too-long=limit=x"], "'limit' is int, not 'x'"),
        (["--prefix", "41.0.0.0/16", "--lan", "x"], "--lan x"),
        (["--prefix", "41.0.0.0/16", "--peer-address", "::1", "--peer-address", "::2"], "given twice for IPv6"),
        (["--prefix", "41.0.0.0/16", "--irr", "/nonexistent"], "/nonexistent: there is no such file"),
    ],
)
def test_explain_refuses_bad_usage_in_one_line(arguments: list[str], words: str) -> None:
    assert words in one_line(turnup("explain", *arguments))


# --- by a topology ---


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A peer at an exchange, and all that a topology says of the policy."""
    found = document()
    found["microsoft"] = {"announce": [{"prefixes": ["41.0.0.0/16", "2a00:1000::/32"]}]}
    found["policy"] = {"rules": {"as-path-too-long": {"limit": 3}, "bogon-asn": {"documentation": False}}}
    found["policy"]["data"] = {"vrp": "vrp.json"}
    roas = [{"asn": 1, "prefix": "41.9.0.0/16", "maxLength": 16}]
    (tmp_path / "vrp.json").write_text(json.dumps({"roas": roas}))
    return write(found, tmp_path / "lab.yaml")


def by_topology(lab: Path, prefix: str, path: str, *arguments: str) -> set[str]:
    route = ("--prefix", prefix, "--as-path", path)
    told = json.loads(turnup("explain", "--topology", lab, "--json", *route, *arguments).stdout)
    return {reason["rule"] for reason in told["reasons"]}


@pytest.mark.parametrize(
    ("prefix", "path", "rules"),
    [
        ("41.1.0.0/16", "64496", set()),
        ("41.0.0.0/17", "64496", {"microsoft-prefix"}),
        ("2a00:1000:5::/48", "64496", {"microsoft-prefix"}),
        ("206.126.236.0/23", "64496", {"exchange-lan"}),
        ("41.9.0.0/16", "64496", {"rpki-invalid"}),
        ("41.1.0.0/16", "1136", {"first-as"}),
        ("41.1.0.0/16", "64496 8075", {"as-path-loop"}),
        ("41.1.0.0/16", "64496 1 2 3", {"as-path-too-long"}),
        ("192.0.2.0/24", "64496", {"bogon-prefix"}),
    ],
)
def test_a_topology_says_by_what_is_judged(lab: Path, prefix: str, path: str, rules: set[str]) -> None:
    assert by_topology(lab, prefix, path) == rules


def test_options_win_over_the_topology(lab: Path, tmp_path: Path) -> None:
    assert by_topology(lab, "41.1.0.0/16", "1136", "--peer-as", "1136") == set()
    assert by_topology(lab, "192.0.2.0/24", "64496", "--allow-documentation") == set()
    assert by_topology(lab, "41.1.0.0/16", "64496 1 2 3", "--rule", "as-path-too-long=off") == set()
    (tmp_path / "other.json").write_text('{"roas": []}')
    assert by_topology(lab, "41.9.0.0/16", "64496", "--vrp", str(tmp_path / "other.json")) == set()
    assert by_topology(lab, "41.1.0.0/16", "64496", "--profile", "peering-service") == {"maps-community-missing"}


def test_the_next_hop_is_the_address_that_the_topology_gives_the_peer(lab: Path) -> None:
    assert by_topology(lab, "41.1.0.0/16", "64496", "--next-hop", "206.126.239.200") == set()
    assert by_topology(lab, "41.1.0.0/16", "64496", "--next-hop", "206.126.239.201") == {"next-hop"}
    assert by_topology(lab, "41.1.0.0/16", "64496", "--next-hop", "192.0.2.7", "--peer-address", "192.0.2.7") == set()


def test_a_table_is_judged_by_a_topology(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(b"41.0.0.0/17\n41.1.0.0/16\n")
    result = turnup("check", tmp_path / "table", "--topology", lab, "--peer", "contoso", "--export-as", "64496")
    assert "2 routes: 1 accepted, 1 rejected" in result.stdout
    assert "microsoft-prefix" in result.stdout
    assert "next-hop was not judged" not in result.stdout
    assert "irr-prefix, irr-origin were not judged: there is no irr data" in result.stdout


@pytest.mark.parametrize("profile", ["exchange", "direct"])
def test_the_kind_of_a_peering_chooses_the_profile(profile: str) -> None:
    topology = ROOT / "topologies" / f"{profile}.yaml"
    told = turnup("explain", "--topology", topology, "--prefix", "41.1.0.0/16", "--json")
    assert json.loads(told.stdout)["profile"] == profile


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--peer", "contoso"], "--topology is missing"),
        (["--topology", "nonexistent.yaml"], "nonexistent.yaml"),
        (["--topology", "LAB", "--peer", "nobody"], "there is no such peer (the topology has: contoso)"),
        (["--topology", "LAB", "--profile", "transit"], "no policy profile 'transit'"),
    ],
)
def test_a_topology_that_does_not_do_is_one_line(lab: Path, arguments: list[str], words: str) -> None:
    given = [str(lab) if argument == "LAB" else argument for argument in arguments]
    assert words in one_line(turnup("explain", "--prefix", "41.1.0.0/16", *given))


def test_data_of_a_topology_that_cannot_be_read_are_one_line(lab: Path) -> None:
    (lab.parent / "vrp.json").write_text("{")
    line = one_line(turnup("explain", "--prefix", "41.1.0.0/16", "--topology", lab))
    assert "vrp.json" in line and "not JSON" in line


# --- check ---


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_counts(name: str, tmp_path: Path) -> None:
    build: Callable[[Sequence[Sample]], bytes] = FILES[name][1]
    (tmp_path / "table").write_bytes(build(SAMPLES))
    result = turnup("check", tmp_path / "table", *SESSION)
    assert result.returncode == 1
    assert f"{len(SAMPLES)} routes: 3 accepted, {len(SAMPLES) - 3} rejected" in result.stdout
    assert "IPv6: 1 accepted, 3 rejected" in result.stdout
    assert any(line.split()[:2] == ["prefix-too-long", "2"] for line in result.stdout.splitlines())
    (tmp_path / "table").write_bytes(build(GOOD))
    good = turnup("check", tmp_path / "table", *SESSION)
    assert (good.returncode, good.stderr) == (0, "")
    assert "3 routes: 3 accepted, 0 rejected" in good.stdout


def test_rejected_routes_are_listed_with_every_rule(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(exabgp(SAMPLES))
    lines = turnup("check", tmp_path / "table", "--rejected", *SESSION).stdout.splitlines()
    assert "41.7.0.0/16  path 1103 12076  as12076 (1103 12076)" in lines
    assert sum("/" in line.split("  path ")[0] and "  path " in line for line in lines) == len(SAMPLES) - 3


@pytest.mark.parametrize("rejected", [[], ["--rejected"]])
def test_json_lines_end_with_the_summary(rejected: list[str], tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(mrt_rib(SAMPLES))
    result = turnup("check", tmp_path / "table", "--json", *rejected)
    *routes, summary = map(json.loads, result.stdout.splitlines())
    assert len(routes) == (len(SAMPLES) - 3 if rejected else len(SAMPLES))
    assert {route["prefix"]: {r["rule"] for r in route["reasons"]} for route in routes} == {
        sample.prefix: set(sample.rules) for sample in SAMPLES if sample.rules or not rejected
    }
    assert (summary["event"], summary["format"], summary["accepted"], summary["rejected"]) == ("summary", "mrt", 3, 11)
    assert all(route["peerAs"] == 1103 for route in routes)


def test_its_own_json_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(bird(SAMPLES))
    told = turnup("check", tmp_path / "table", "--json", *SESSION).stdout
    again = turnup("check", "-", *SESSION, given=told.encode())
    assert f"{len(SAMPLES)} routes: 3 accepted, {len(SAMPLES) - 3} rejected" in again.stdout


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lambda data: gzip.compress(data) + gzip.compress(data)])
def test_compressed_files_and_standard_input(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    packed = pack(mrt_rib(GOOD))
    (tmp_path / "rib").write_bytes(packed)
    assert turnup("check", tmp_path / "rib").returncode == 0
    result = turnup("check", "-", given=packed)
    assert result.returncode == 0
    assert result.stdout.startswith("standard input: MRT, ")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_damaged_archive_is_told_and_never_passes(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    data = b"".join(f"20.{n >> 8}.{n & 255}.0/24 # {random.random()}\n".encode() for n in range(60000))
    packed = pack(data)
    (tmp_path / "table").write_bytes(packed[: len(packed) * 9 // 10])
    result = turnup("check", tmp_path / "table", "--rule", "as-path-empty=off")
    if result.returncode == 2:
        assert "damaged or cut short" in one_line(result)
    else:
        assert result.returncode == 1
        assert "damaged or cut short" in result.stdout
    (tmp_path / "table").write_bytes(packed[:20])
    assert "damaged or cut short" in one_line(turnup("check", tmp_path / "table"))


def test_malformed_lines_are_named_and_do_not_pass(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(json_lines(GOOD) + b"{oops\n" + b'{"prefix": "1.2.3.4/8"}\n')
    result = turnup("check", tmp_path / "table", *SESSION)
    assert result.returncode == 1
    assert "3 routes: 3 accepted, 0 rejected" in result.stdout
    assert "2 could not be read:" in result.stdout
    assert "line 4: no JSON" in result.stdout
    assert "line 5: '1.2.3.4/8' has host bits set" in result.stdout


def test_the_router_s_own_table_as_it_would_be_announced(tmp_path: Path) -> None:
    table = bird((Sample("41.0.0.0/16", ""), Sample("41.1.0.0/16", "1136", next_hop="192.0.2.77")))
    table += b"                     unicast [p2 2026-11-22] (100) [AS5089i]\n\tvia 192.0.2.3 on eth0\n"
    table += b"\tBGP.origin: IGP\n\tBGP.as_path: 5089 5089\n"
    (tmp_path / "table").write_bytes(table)
    as_is = turnup("check", tmp_path / "table", *SESSION)
    assert as_is.returncode == 1
    assert "3 routes: 0 accepted, 3 rejected" in as_is.stdout
    exported = turnup("check", tmp_path / "table", "--export-as", "1103")
    assert exported.returncode == 0, exported.stdout
    assert "2 routes: 2 accepted" in exported.stdout
    assert "1 route was left out: what the router did not choose" in exported.stdout
    assert "next-hop was not judged" not in exported.stdout


def test_what_was_not_judged_is_said(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(json_lines(GOOD))
    assert "next-hop was not judged" in turnup("check", tmp_path / "table", "--peer-as", "1103").stdout


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (b"", [], "this is no table that is known here"),
        (b"hello\n", [], "say --input-format"),
        (b"hello\n", ["--input-format", "exabgp"], "there is no route in it: line 1:"),
        (b"\0\1\2\3", ["--input-format", "mrt"], "there is no route in it: record 1: the file ends inside this record"),
        (b"# nothing\n", ["--input-format", "json"], "there is no route in it"),
        (
            b"41.0.0.0/16\n",
            ["--input-format", "x"],
            "there is no such format (there are: mrt, exabgp, bird, json, gobgp, ",
        ),
        (b"41.0.0.0/16\n", ["--export-as", "x"], "--export-as 'x' is no ASN"),
        (b"41.0.0.0/16\n", ["--profile", "x"], "no policy profile"),
    ],
)
def test_check_refuses_bad_usage_in_one_line(content: bytes, arguments: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(content)
    assert words in one_line(turnup("check", tmp_path / "table", *arguments))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file, why in (
        (tmp_path / "none", "there is no such file"),
        (tmp_path, "this is a directory"),
        (tmp_path / "pipe", "this is a pipe that nobody writes to"),
        (Path("/dev/zero"), "this is a device"),
    ):
        result = turnup("check", file)
        assert (result.returncode, why in one_line(result)) == (2, True), result.stderr


def test_a_pipe_is_read_as_it_comes() -> None:
    command = (
        f"{sys.executable} -m simulator policy check <(echo 41.0.0.0/16; sleep 0.2; echo 10.0.0.0/8) --peer-as 64496"
    )
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert "2 routes" in result.stdout


def test_a_truncated_table_does_not_pass(tmp_path: Path) -> None:
    data = mrt_rib(GOOD)
    (tmp_path / "rib").write_bytes(data[:-3])
    result = turnup("check", tmp_path / "rib")
    assert result.returncode == 1
    assert "record 4: the file ends inside this record" in result.stdout


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(b"".join(b"10.%d.%d.0/24\n" % (n >> 8, n & 255) for n in range(20000)))
    command = f"{sys.executable} -m simulator policy check {tmp_path / 'table'} --json | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert json.loads(result.stdout)["prefix"] == "10.0.0.0/24"
    assert result.stderr == ""


# --- diff ---


def compared(*arguments: str | Path, rules: str = "") -> subprocess.CompletedProcess[str]:
    return turnup("diff", "exchange", f"exchange{rules}", *SESSION, *arguments)


@pytest.mark.parametrize("name", FILES)
def test_two_policies_are_compared_on_every_format(name: str, tmp_path: Path) -> None:
    build: Callable[[Sequence[Sample]], bytes] = FILES[name][1]
    (tmp_path / "table").write_bytes(build(SAMPLES))
    same = compared("--routes", tmp_path / "table")
    assert (same.returncode, same.stderr) == (0, "")
    assert f"{len(SAMPLES)} routes, none with another verdict" in same.stdout
    other = compared("--routes", tmp_path / "table", rules=",as12076=off")
    assert other.returncode == 1
    assert "41.7.0.0/16  path 1103 12076  reject → accept  -as12076" in other.stdout


def test_the_data_of_two_days_are_compared(tmp_path: Path) -> None:
    for day, asn in (("old", 1103), ("new", 1104)):
        roas = {"roas": [{"asn": asn, "prefix": "41.0.0.0/16", "maxLength": 16}]}
        (tmp_path / f"{day}.json").write_text(json.dumps(roas))
    (tmp_path / "table").write_text("route 41.0.0.0/16 next-hop self as-path [ 1103 ]\n")
    sides = [f"exchange,vrp={tmp_path / day}.json" for day in ("old", "new")]
    result = turnup("diff", *sides, *SESSION, "--routes", tmp_path / "table", "--json")
    change, summary = map(json.loads, result.stdout.splitlines())
    assert result.returncode == 1
    assert (change["change"], change["prefix"], change["old"]["verdict"]) == ("lost", "41.0.0.0/16", "accept")
    assert [reason["rule"] for reason in change["new"]["reasons"]] == ["rpki-invalid"]
    assert summary["rules"] == [{"rule": "rpki-invalid", "begins": 1, "ends": 0}]
    backwards = turnup("diff", *reversed(sides), *SESSION, "--routes", tmp_path / "table", "--summary")
    assert "reject → accept" in backwards.stdout and "path 1103" not in backwards.stdout


def test_a_topology_is_a_side(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "table").write_text("route 206.126.236.0/24 next-hop self as-path [ 3333 ]\n")
    result = turnup("diff", "exchange", lab, "--peer-as", "3333", "--routes", tmp_path / "table", "--format", "csv")
    heading, row = result.stdout.splitlines()
    assert heading.startswith("Event,Change,Family,Prefix") and "exchange-lan" in row


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        (("exchang", "exchange"), "exchang: there is no profile and no file of this name"),
        (("exchange", "exchange,otc"), "'otc' says nothing"),
        (("exchange", "exchange,oct=off"), "has no rule 'oct'"),
        (("exchange,vrp=nowhere.json", "exchange"), "nowhere.json"),
        (("exchange", "exchange,peer=x"), "--topology is missing"),
    ],
)
def test_a_side_that_makes_no_sense_is_one_line(sides: tuple[str, str], words: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_text("route 41.0.0.0/16 next-hop self as-path [ 1103 ]\n")
    assert words in one_line(turnup("diff", *sides, "--routes", tmp_path / "table"))


def test_what_cannot_be_read_is_no_clean_comparison(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("route 41.0.0.0/16 next-hop self as-path [ 1103 ]\nroute nonsense\n")
    result = compared("--routes", tmp_path / "table")
    assert result.returncode == 1 and "1 could not be read" in result.stdout
    (tmp_path / "table").write_text("\n")
    assert "table" in one_line(compared("--routes", tmp_path / "table"))
