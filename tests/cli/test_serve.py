"""`turnup serve` as a user runs it: how it starts, refuses to, and ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from simulator.azure.store.store import Store
from simulator.cli.run import serve as serve_command
from simulator.routers.daemon import ConfigRefusedError
from tests.cli.serving import command, serving, topology
from tests.cli.test_main import ROOT, one_line, turnup
from tests.topologies import SHIPPED

PEERING = ("peering", "create", "--name", "contoso", "--peer-asn", "contoso", "--ipv4", "206.126.239.200")


def start(tmp_path: Path, *arguments: str, database: str = "") -> subprocess.CompletedProcess[str]:
    words = command(tmp_path, *arguments, database=database)[3:]
    return turnup(*words)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_cease_on_every_session_and_exit_code_0(tmp_path: Path, number: int) -> None:
    with serving(tmp_path) as server:
        assert server.turnup("asn", "create", "--name", "contoso", "--peer-asn", "64496").returncode == 0
        made = server.turnup(*PEERING)
        assert made.returncode == 0, made.stderr
        waited = server.turnup("status", "--wait", "30")
        assert waited.returncode == 0, waited.stdout + waited.stderr
        assert server.end(number) == 0
        assert "stopped: every session closed with a Cease, every state in the store" in server.said
        assert "Traceback" not in server.said
    store = Store.open(f"sqlite:///{tmp_path}/lab.db")
    sent = [row.row for row in store.events(limit=10000) if row.event == "notification"]
    assert [(row["direction"], row["code"], row["subcode"]) for row in sent] == [("sent", 6, 2)] * 2
    assert [each.state for each in store.connections()] == ["Active", "Active"]
    store.close()
    with serving(tmp_path) as server:  # and takes it up again
        assert server.turnup("status", "--wait", "30").returncode == 0
        told = [line for line in server.said.splitlines() if " contoso/" in line and "BGP Open" in line]
        assert told and all("[connection Active]" in line for line in told), "as the store has it, from the first line"


@pytest.mark.parametrize("token", ["", "a-long-token"])
def test_the_snippet_that_it_prints_and_the_one_of_its_page_run(tmp_path: Path, token: str) -> None:
    with serving(tmp_path, token=token) as server:
        env = {"TURNUP_TOKEN": token} if token else {}
        assert server.turnup("asn", "create", "--name", "contoso", "--peer-asn", "64496", env=env).returncode == 0
        assert server.turnup("approve", "--asn", "contoso", env=env).returncode in (
            0,
            1,
        )  # or it was approved by itself
        assert server.turnup(*PEERING, env=env).returncode == 0
        printed = re.search(r"pip install azure-mgmt-peering\):\n\n(.*?)\n\n", server.said, re.DOTALL)
        page = re.search(r"```python\n(.*?)```", (ROOT / "docs/server.md").read_text(), re.DOTALL)
        assert printed is not None and page is not None
        snippets = [textwrap.dedent(printed[1]).replace("<the token>", token)]
        if not token:
            snippets.append(page[1].replace("http://127.0.0.1:8075", server.url))
        for snippet in snippets:
            ran = subprocess.run(
                [sys.executable, "-c", snippet], capture_output=True, text=True, check=False, timeout=60
            )
            assert (ran.returncode, ran.stdout) == (0, "['contoso']\n"), ran.stderr


def test_what_a_killed_server_left_behind_goes_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "state"
    monkeypatch.setenv("TURNUP_STATE_DIR", str(base))
    with serving(tmp_path) as killed:
        assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    (left,) = base.iterdir()
    with serving(tmp_path) as server:
        (mine,) = base.iterdir()
        assert mine != left
        assert "turnup: removed a directory that killed runs had left behind" in " ".join(server.said.split())
        assert server.end(signal.SIGTERM) == 0
    assert list(base.iterdir()) == []


def test_what_it_says_at_its_start_works(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for word in (
            "azure-mgmt-peering",
            "az rest",
            server.url,
            "peeringDBFacilityId 1",
            "contoso AS64496 (simulated",
        ):
            assert word in server.said


def test_a_port_in_use(tmp_path: Path) -> None:
    topology(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = start(tmp_path, "--port", str(port))
    assert result.returncode == 3
    assert one_line(result) == f"turnup: 127.0.0.1:{port}: it is in use: choose another with --port"


def test_a_second_server_on_the_same_database_refuses(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        result = start(tmp_path)
        assert result.returncode == 2
        assert f"lab.db is in use by process {server.process.pid}" in one_line(result)
        assert server.turnup("status").returncode == 0


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("nonsense", "is no database URL"),
        ("mysql://x/y", "are not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:////nowhere/at/all.db", "No such file or directory"),
        ("postgresql://nobody@127.0.0.1:1/none", "onnection"),
    ],
)
def test_a_database_that_is_none(tmp_path: Path, database: str, words: str) -> None:
    topology(tmp_path)
    result = start(tmp_path, database=database)
    assert result.returncode == 2
    assert words in one_line(result)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    topology(tmp_path)
    (tmp_path / "lab.db").write_text("this is not a database, and long enough to be seen as none" * 20)
    result = start(tmp_path)
    assert (result.returncode, "file is not a database" in one_line(result)) == (2, True)


def test_a_password_in_the_url_is_not_shown(tmp_path: Path) -> None:
    topology(tmp_path)
    result = start(tmp_path, database="postgresql://nobody:secret-word@127.0.0.1:1/none")
    assert result.returncode == 2
    assert "secret-word" not in result.stdout + result.stderr


def test_a_topology_that_the_store_does_not_fit(tmp_path: Path) -> None:
    with serving(tmp_path, "--by-hand") as server:
        server.turnup("asn", "create", "--name", "contoso", "--peer-asn", "64496")
        assert server.turnup("approve", "--asn", "contoso").returncode == 0
        assert server.turnup(*PEERING).returncode == 0
    path = tmp_path / "lab.yaml"
    path.write_text(path.read_text().replace("206.126.236.148", "206.126.236.149"))
    result = start(tmp_path)
    assert result.returncode == 3
    assert "the store has contoso/ash-edge-2, which this topology has no place for" in one_line(result)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "anybody could change the lab: set --token"),
        (("--host", "here"), "not an IP address"),
        (("--token", "short"), "at least 8 printable ASCII characters"),
        (("--token", "with a space"), "at least 8 printable ASCII characters"),
        (("--by-hand", "--realistic"), "exclude each other"),
        (("--peeringdb", "/nowhere.json"), "/nowhere.json"),
    ],
)
def test_usage_errors_are_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    topology(tmp_path)
    result = start(tmp_path, *arguments)
    assert result.returncode == 2
    assert words in one_line(result)


async def _refused(*_: object) -> int:
    raise ConfigRefusedError("FRR of contoso refused frr.conf: line 7: neighbor 192.0.2.1 nonsense")


def test_a_users_file_that_the_daemon_refuses_is_bad_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve_command, "_run", _refused)
    with pytest.raises(SystemExit) as ended:
        serve_command.serve(
            SHIPPED / "exchange.yaml",
            host="127.0.0.1",
            port=0,
            database=f"sqlite:///{tmp_path}/x.db",
            token="",
            link="loopback",
            peeringdb=None,
            by_hand=False,
            realistic=False,
        )
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
