"""`turnup rehearse --step` at a terminal, and what is printed for an external router."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_main import ROOT, one_line, turnup
from tests.host_support import host_with
from tests.lab_support import require_netns
from tests.topologies import document, write

STEPS = ["request", "approve", "notify", "lift", "deprovision", "remove"]


def one_edge() -> dict[str, Any]:
    found = document()
    del found["edges"][1]
    return found


class Terminal:
    """A person at a terminal that shows the program's output."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.shown = ""
        self._looked_at = 0

    def read(self) -> bool:
        """Wait for more; False when the program has ended."""
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # EIO: nobody holds the other end any more
            return False
        self.shown += data.decode()
        return bool(data)

    def question(self) -> str:
        """The next step that waits for Enter."""
        while (found := re.compile(r"next: (\w+)  .*\[Enter\]").search(self.shown, self._looked_at)) is None:
            assert self.read(), f"it ended without a question: {self.shown}"
        self._looked_at = found.end()
        return found[1]

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def end(self) -> int:
        while self.read():
            pass
        return self.process.wait(60)


@contextlib.contextmanager
def at_a_terminal(*arguments: str | Path) -> Iterator[Terminal]:
    near, far = os.openpty()
    command = [sys.executable, "-m", "simulator", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "COLUMNS": "200"}
    try:
        with subprocess.Popen(command, stdin=far, stdout=far, stderr=far, cwd=ROOT, env=env) as process:
            os.close(far)
            try:
                yield Terminal(process, near)
            finally:
                process.kill()
    finally:
        os.close(near)


def test_enter_leads_from_step_to_step_to_the_end(tmp_path: Path) -> None:
    with at_a_terminal("rehearse", write(one_edge(), tmp_path / "lab.yaml"), "--step") as terminal:
        for step in STEPS:
            assert terminal.question() == step
            terminal.type(b"\n")
        assert terminal.end() == 0, terminal.shown
    assert "every route is withdrawn, the sessions stay Established" in terminal.shown
    assert "Rehearsal passed: 1 of 1 connection became Active, 1 deprovisioned" in terminal.shown


def test_connections_that_get_there_at_once_are_asked_in_turn(tmp_path: Path) -> None:
    with at_a_terminal("rehearse", write(document(), tmp_path / "lab.yaml"), "--step") as terminal:
        asked = []
        for _ in range(8):
            asked.append(terminal.question())
            terminal.type(b"\n")
        assert terminal.end() == 0, terminal.shown
    assert asked == ["request", "approve", "notify", "lift", "lift", "deprovision", "remove", "remove"]


@pytest.mark.parametrize("way", ["end of input", "interrupt"])
def test_leaving_at_a_step_closes_the_sessions(way: str, tmp_path: Path) -> None:
    with at_a_terminal("rehearse", write(one_edge(), tmp_path / "lab.yaml"), "--step") as terminal:
        while terminal.question() != "lift":
            terminal.type(b"\n")
        if way == "interrupt":
            terminal.process.send_signal(signal.SIGINT)
        else:
            terminal.type(b"\x04")
        assert terminal.end() == 130, terminal.shown
    assert "interrupted: the lab is taken down, every session closed with a Cease" in terminal.shown
    assert terminal.shown.count("NOTIFICATION sent: 6/2 Cease") == 2
    assert "Traceback" not in terminal.shown
    assert "connection Validating → Active" not in terminal.shown


def test_what_was_typed_before_the_question_answers_nothing(tmp_path: Path) -> None:
    with at_a_terminal("rehearse", write(one_edge(), tmp_path / "lab.yaml"), "--step") as terminal:
        assert terminal.question() == "request"
        terminal.type(b"abc\n\n\n")
        assert terminal.question() == "approve"
        terminal.type(b"\x04")
        assert terminal.end() == 130
    assert "connection PendingApproval → Approved" not in terminal.shown


def test_without_a_terminal_it_is_bad_usage(tmp_path: Path) -> None:
    result = turnup("rehearse", write(one_edge(), tmp_path / "lab.yaml"), "--step")
    assert result.returncode == 2
    assert "--step: there is no terminal to press Enter at" in one_line(result)


# --- external routers ---


def external(tmp_path: Path, **changes: Any) -> Path:
    found = document("external")
    found["times"]["deadline"] = 0.2
    del found["microsoft"]["port"]
    return write(found | changes, tmp_path / "external.yaml")


def test_the_addresses_and_a_configuration_are_printed(tmp_path: Path) -> None:
    result = turnup("rehearse", external(tmp_path), "--config-format", "bird")
    assert result.returncode == 1, "nobody came"
    assert "  your ASN 64496, Microsoft's ASN 8075, hold time 90 s" in result.stdout
    assert re.search(r"contoso-lab/edge-1/ipv4: from 127\.0\.0\.9 to 127\.75\.80\.1 port \d+", result.stdout)
    assert "your router has to call: turnup only listens" in result.stdout
    assert "--- bird ---\n# contoso, AS64496" in result.stdout
    assert "local 127.0.0.9 as 64496;" in result.stdout
    assert "waits for TCP: 127.75.80.1:" in result.stdout


def test_the_topology_names_the_format_and_without_one_it_says_how_to_get_one(tmp_path: Path) -> None:
    assert "--- exabgp ---" in turnup("rehearse", external(tmp_path)).stdout
    found = document("external")
    found["times"]["deadline"] = 0.2
    found["peers"][0]["router"] = "external"
    path = write(found, tmp_path / "plain.yaml")
    assert "--config-format NAME prints a configuration for it (one of bird, frr" in turnup("rehearse", path).stdout
    assert "there is no such format (one of bird" in one_line(turnup("rehearse", path, "--config-format", "nx-os"))
    microsoft = {**found["microsoft"], "port": 1790}
    assert "neighbor 127.75.80.1 {" in turnup("config", external(tmp_path, microsoft=microsoft), "contoso").stdout
    assert "microsoft: {port: 1790}" in one_line(turnup("config", external(tmp_path), "contoso"))


@pytest.mark.parametrize("command", ["rehearse", "serve"])
def test_a_link_that_does_not_lead_there_is_bad_usage(command: str, tmp_path: Path) -> None:
    result = turnup(command, external(tmp_path), "--link", "netns")
    assert result.returncode == 2
    assert "the router of 'contoso' is external: use link: interface, or loopback" in one_line(result)


def test_interface_for_a_topology_that_names_none_is_bad_usage(tmp_path: Path) -> None:
    result = turnup("rehearse", write(one_edge(), tmp_path / "lab.yaml"), "--link", "interface")
    assert result.returncode == 2
    assert "link: interface has none" in one_line(result)


@pytest.mark.privileged
@pytest.mark.parametrize(
    ("interface", "env", "words"),
    [
        ("br7", {}, "link interface: this host has no interface br7 (there are: br0, eth1, eth2, lo)"),
        ("eth1", {}, "link interface: interface eth1 is a port of br0: name br0 instead"),
        ("br0", {"TURNUP_USERNS": "1"}, "link interface needs root, to attach the lab to an interface of this host"),
    ],
)
def test_an_interface_that_cannot_be_had_is_one_line(
    interface: str, env: dict[str, str], words: str, tmp_path: Path
) -> None:
    require_netns()
    found = document("external")
    found["exchange"]["interface"] = interface
    path = write(found | {"link": "interface"}, tmp_path / "lab.yaml")
    with host_with("br0") as host:
        command = [*host.enter(), sys.executable, "-m", "simulator", "rehearse", str(path)]
        surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **env}
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=surroundings, check=False)
    assert result.returncode == 3
    assert one_line(result) == f"turnup: {words}"
