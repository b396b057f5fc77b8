"""The webhook of `turnup rehearse`: what the topology or an option says, and what is refused before anything starts."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest

from simulator.cli.webhook import destination
from simulator.topology.load import TopologyError, load
from simulator.webhook.delivery import Destination
from tests.topologies import build, document, write
from tests.webhook.receiver import Receiver, receiving
from tests.webhook.test_webhook import KEY, verify

SECRET = "TURNUP_WEBHOOK_SECRET"


async def rehearse(path: Path, *more: str, **variables: str) -> tuple[int, str]:
    """The command in a process of its own: exit code, and all that it printed."""
    command = (sys.executable, "-m", "simulator", "rehearse", str(path), "--plain", *more)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=STDOUT, env=os.environ | {SECRET: ""} | variables
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def played(tmp_path: Path, found: dict[str, Any]) -> Receiver:
    async with receiving() as receiver:
        path = write(found | {"webhook": {"url": receiver.url, "secret": KEY}}, tmp_path / "lab.yaml")
        code, output = await rehearse(path)
        assert code == 0, output
        assert KEY not in output
        return receiver


async def test_a_rehearsal_announces_each_connection_that_becomes_active(tmp_path: Path) -> None:
    receiver = await played(tmp_path, document() | {"link": "loopback"})
    told = [json.loads(request.octets) for request in receiver.requests]
    assert [each["kind"] for each in told] == ["active", "active"]
    for request in receiver.requests:
        verify(request.octets, request.headers["x-turnup-signature"], KEY)


@pytest.mark.parametrize(
    ("url", "secret", "words"),
    [
        ("ftp://noc.example.net/", KEY, "a URL is wanted"),
        ("https:///path", KEY, "a URL is wanted"),
        ("http://noc.example.net:99999/", KEY, "a URL is wanted"),
        ("https://noc.example.net/", "", SECRET),
        ("https://noc.example.net/", "short", SECRET),
    ],
)
def test_bad_usage_is_one_line(
    url: str, secret: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SECRET, secret)
    with pytest.raises(SystemExit) as ended:
        destination(build(document()), url)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


async def test_it_is_refused_before_anything_starts(tmp_path: Path) -> None:
    path = write(document() | {"link": "loopback"}, tmp_path / "lab.yaml")
    code, output = await rehearse(path, "--webhook", "https://noc.example.net/")
    assert (code, SECRET in output, "BGP" in output) == (2, True, False)


@pytest.mark.parametrize("url", ["noc.example.net", "ftp://x/", "https://", "http://a b/", "http://x:0/", 7])
def test_a_topology_with_a_url_that_is_none_is_refused(tmp_path: Path, url: Any) -> None:
    path = write(document() | {"webhook": {"url": url, "secret": KEY}}, tmp_path / "lab.yaml")
    with pytest.raises(TopologyError) as error:
        load(path)
    assert "webhook" in str(error.value.faults[0])
    assert KEY not in str(error.value.faults[0])


def test_an_option_and_the_environment_come_before_the_topology(monkeypatch: pytest.MonkeyPatch) -> None:
    found = build(document() | {"webhook": {"url": "https://a.example.net/", "secret": KEY}})
    monkeypatch.delenv(SECRET, raising=False)
    assert destination(found, "") == Destination("https://a.example.net/", KEY)
    monkeypatch.setenv(SECRET, "another-secret")
    assert destination(found, "http://b.example.net/") == Destination("http://b.example.net/", "another-secret")
    assert destination(build(document()), "") is None
