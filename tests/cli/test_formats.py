"""One contract of all commands that print rows: a table, JSON with camelCase keys, CSV as wide as its heading."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.cli.formats import RowFormat
from simulator.cli.pages import every_command, formats_of
from simulator.engine.verbs import VERBS
from tests.cli.serving import Server, serving
from tests.cli.test_azure import FIRST
from tests.topologies import document, write

_CAMEL = re.compile(r"[a-z][A-Za-z0-9]*")
_BY_NAME = {"router", "sessions", "tags"}
"""Keys whose objects have names of the user's for keys: peers, BGP states, tags."""

_OFFLINE = {
    "validate": "validate QUICK BAD",
    "preflight": "preflight QUICK",
    "config": "config QUICK",
    "rehearse": "rehearse QUICK --link loopback",
    "routes": "routes QUICK --link loopback",
    "policy explain": "policy explain --prefix 10.0.0.0/8 --as-path 64496",
    "policy check": "policy check TABLE --peer-as 64496",
    "policy diff": "policy diff exchange exchange,bogon-prefix=off --routes TABLE --peer-as 64496",
    "test": "test turn-up --router simulated",
    "campaign": "campaign exchange --router simulated --soak 0.2 --report REPORTS --fresh",
    "replay": "replay RECORDING",
    "enter": "enter",
    "fault list": "fault list",
    "location list": "location list --country NL",
    "location show": "location show 26",
    "topologies list": "topologies list",
    "report diff": "report diff OLD NEW",
}
"""Command → how it is called here."""
_SERVED = {
    "status": "status",
    "events": "events",
    "checks": "checks",
    "settings": "settings",
    "fault on": "fault on",
    "peering list": "peering list",
    "peering show": "peering show --name contoso",
    "asn list": "asn list",
    "asn show": "asn show --name contoso",
    "legacy list": "legacy list --peering-location Ashburn",
    "received-route list": "received-route list --peering-name contoso",
    "service list": "service list",
    "service country list": "service country list",
    "service location list": "service location list",
    "service provider list": "service provider list",
    "revalidate": "VERB",
    "status of the looking glass": "routes URL",
}
_VERB = {
    RowFormat.table: "revalidate contoso/ash-edge-1",
    RowFormat.json: "revalidate contoso/ash-edge-2",
    RowFormat.csv: "deprovision contoso/ash-edge-1",
}
_ELSEWHERE = {"bench run", "bench growth", "edge", "fault run", "fault mutate", "fault off", *VERBS}
"""Some run for long; the verbs are one command, and one of them is here. What makes a resource prints it alike."""


def called(words: str, how: RowFormat, tmp_path: Path, server: str = "") -> Result:
    files = {
        name: str(tmp_path / name.lower()) for name in ("QUICK", "BAD", "TABLE", "OLD", "NEW", "RECORDING", "REPORTS")
    }
    words = words.replace("VERB", _VERB[how])
    arguments = [files.get(word, server if word == "URL" else word) for word in words.split()]
    env = {"TURNUP_SERVER": server, "TURNUP_FORMAT": how.value}
    if arguments[0] == "config":
        arguments += ["--format", how.value]
    return CliRunner().invoke(app, arguments, env=env)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write(document(), tmp_path / "quick")
    bad = document()
    bad["peers"][0]["asn"] = "AS64496"
    write(bad, tmp_path / "bad")
    (tmp_path / "table").write_text('{"prefix": "10.0.0.0/8", "asPath": "64496"}\n{"prefix": "41.0.0.0/16"}\n{}\n')
    for name, outcome in (("old", "passed"), ("new", "failed")):
        (tmp_path / name).write_text(json.dumps({"outcome": outcome, "connections": []}))
    return tmp_path


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    write(document(), folder / "quick")
    made = CliRunner().invoke(
        app, ["rehearse", str(folder / "quick"), "--link", "loopback", "--record", str(folder / "recording")]
    )
    assert made.exit_code == 0, made.output
    return folder / "recording"


def documents(text: str) -> list[Any]:
    """One document, or one a line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def keys(found: Any, above: str = "") -> Iterator[str]:
    if isinstance(found, dict):
        for key, value in found.items():
            if above not in _BY_NAME:
                yield key
            yield from keys(value, key)
    elif isinstance(found, list):
        for value in found:
            yield from keys(value, above)


def assert_is(how: RowFormat, text: str) -> None:
    assert text.strip()
    if how is RowFormat.json:
        assert [key for key in keys(documents(text)) if not _CAMEL.fullmatch(key)] == []
    elif how is RowFormat.csv:
        rows = list(csv.reader(io.StringIO(text)))
        assert {len(row) for row in rows} == {len(rows[0])}
        assert all(rows[0])
    else:
        assert re.search(r"\bBGP None\b", text) is None


@pytest.mark.parametrize("how", RowFormat)
@pytest.mark.parametrize("name", _OFFLINE)
def test_every_command_prints_in_every_format(
    name: str, how: RowFormat, files: Path, request: pytest.FixtureRequest
) -> None:
    if "RECORDING" in _OFFLINE[name]:
        (files / "recording").symlink_to(request.getfixturevalue("recording"))
    result = called(_OFFLINE[name], how, files)
    assert result.exit_code in (0, 1, 2), result.output
    assert_is(how, result.stdout)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command ends with its process, and so do its connections; here many run in one."""
    made: list[httpx.Client] = []

    class Client(httpx.Client):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr(httpx, "Client", Client)
    yield
    for client in made:
        client.close()


@pytest.mark.usefixtures("clients")
def test_every_command_of_a_server_prints_in_every_format(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.turnup("asn", "create", "--name", "contoso", "--peer-asn", "64496").returncode == 0
        assert server.turnup(*FIRST).returncode == 0
        assert server.turnup("status", "--wait", "60").returncode == 0
        _prints_in_every_format(server, tmp_path)


def _prints_in_every_format(server: Server, tmp_path: Path) -> None:
    for name, words in _SERVED.items():
        for how in RowFormat:
            result = called(words, how, tmp_path, server.url)
            assert result.exit_code == 0, (name, result.output)
            assert_is(how, result.stdout)


def test_no_command_is_forgotten() -> None:
    known = {*_OFFLINE, *_SERVED, *_ELSEWHERE}
    of_resources = re.compile(r".* (list|show|create|update|validate)")
    assert {
        name
        for name, command in every_command()
        if formats_of(command) and name not in known and not of_resources.fullmatch(name)
    } == set()


def test_csv_accounts_for_every_line_of_a_table(files: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(called(_OFFLINE["policy check"], RowFormat.csv, files).stdout)))
    assert sorted((row["Event"], row["Prefix"], row["Verdict"]) for row in rows) == [
        ("route", "10.0.0.0/8", "reject"),
        ("route", "41.0.0.0/16", "reject"),
        ("unreadable", "", ""),
    ]
    (unreadable,) = (row for row in rows if row["Event"] == "unreadable")
    assert unreadable["Unreadable because"] == "there is no prefix"


def test_a_family_without_a_session_has_no_bgp_state_called_none() -> None:
    from simulator.cli.azure.peerings import _connections

    session = {"sessionStateV4": "Established", "sessionStateV6": "None"}
    connection = {"connectionState": "Active", "bgpSession": session}
    (row,) = _connections([{"name": "x", "properties": {"exchange": {"connections": [connection]}}}])
    assert row["bgpSession"] == {"sessionStateV4": "Established", "sessionStateV6": "no session"}
