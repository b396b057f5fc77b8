"""Talking to a server: formats, exit codes, tokens, and what can be wrong with the other end."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.serving import Server, serving
from tests.cli.test_main import ROOT, one_line, turnup
from tests.patience import PATIENCE

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("lab"), "--by-hand", token=TOKEN) as found:
        found.env["TURNUP_TOKEN"] = TOKEN
        assert found.turnup("asn", "create", "--name", "contoso", "--peer-asn", "64496").returncode == 0
        yield found


def test_table_json_and_csv_say_the_same(server: Server) -> None:
    table = server.turnup("asn", "list").stdout.splitlines()
    assert table[0].split() == ["Name", "ASN", "State", "Error"]
    assert table[1].split() == ["contoso", "64496", "Pending"]
    (row,) = json.loads(server.turnup("asn", "list", "--format", "json").stdout)
    assert (row["name"], row["properties"]["peerAsn"]) == ("contoso", 64496)
    (line,) = csv.DictReader(io.StringIO(server.turnup("asn", "list", "-o", "csv").stdout))
    assert line == {"Name": "contoso", "ASN": "64496", "State": "Pending", "Error": ""}


def test_an_empty_list(server: Server) -> None:
    assert server.turnup("peering", "list").stdout.strip() == "none"
    assert json.loads(server.turnup("peering", "list", "-o", "json").stdout) == []
    assert server.turnup("peering", "list", "-o", "csv").stdout.startswith("Peering,Connection,")


def test_a_format_that_is_none_is_usage(server: Server) -> None:
    assert server.turnup("asn", "list", "--format", "xml").returncode == 2


def test_a_refusal_is_exit_code_1_in_azures_words(server: Server) -> None:
    result = server.turnup("asn", "show", "--name", "nobody")
    assert (result.returncode, one_line(result)) == (
        1,
        "turnup: NotFound: PeerAsn does not exist with the given name",
    )


@pytest.mark.parametrize("token", ["", "another-token-altogether"])
def test_a_wrong_token_is_exit_code_1(server: Server, token: str) -> None:
    result = server.turnup("status", env={"TURNUP_TOKEN": token})
    assert result.returncode == 1
    assert "AuthenticationFailed" in one_line(result)


def test_a_token_that_no_header_takes_is_usage(server: Server) -> None:
    result = server.turnup("status", env={"TURNUP_TOKEN": "a\nb"})
    assert result.returncode == 2
    assert "a\nb" not in one_line(result)


@pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://127.0.0.1", "http://[", "http://127.0.0.1:99999999"])
def test_a_server_that_is_no_url_is_usage(url: str) -> None:
    result = turnup("status", "--server", url)
    assert (result.returncode, "not a URL" in one_line(result)) == (2, True)


def test_nobody_there_is_exit_code_3() -> None:
    result = turnup("status", "--server", "http://127.0.0.1:1")
    assert (result.returncode, "is `turnup serve` running there?" in one_line(result)) == (3, True)


def test_somebody_else_there_is_one_line(tmp_path: Path) -> None:
    """A web server that knows nothing of turnup."""
    code = "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler); "
    code += "print(s.server_address[1], flush=True); s.serve_forever()"
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "v1").mkdir()
    (tmp_path / "lab" / "v1" / "sessions").write_text("<html>")
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path
    )
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        assert (turnup("asn", "list", "--server", url).returncode) == 1
        result = turnup("status", "--server", url)
        assert (result.returncode, "is no turnup server" in one_line(result)) == (3, True)
    finally:
        process.kill()
        process.communicate()


def follow(server: Server, *arguments: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "simulator", "events", "--follow", *arguments]
    env = {**server.env, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def test_following_ends_when_the_server_goes(tmp_path: Path) -> None:
    for number, code in ((signal.SIGTERM, 0), (signal.SIGKILL, 3)):
        with serving(tmp_path) as server:
            server.turnup("asn", "create", "--name", "contoso", "--peer-asn", "64496")
            following = follow(server, "--format", "json")
            assert following.stdout is not None
            first = json.loads(following.stdout.readline())
            assert first["seq"] >= 1
            server.end(number)
            output, errors = following.communicate(timeout=PATIENCE)
        assert "Traceback" not in errors
        assert following.returncode == code, errors
        assert all(json.loads(line)["seq"] > first["seq"] for line in output.splitlines())


def test_following_is_interrupted_with_130(server: Server) -> None:
    following = follow(server)
    assert following.stdout is not None
    assert "peer-asn-state" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    _, errors = following.communicate(timeout=PATIENCE)
    assert (following.returncode, "Traceback" in errors) == (130, False)
