"""Every way in which a command can be ended: its exit code, its one line, and that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.topologies import SHIPPED, document, write

ROOT = Path(__file__).parent.parent.parent
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a command; at the end no lab may have left anything behind."""
    folder = tmp_path / "state"
    yield {**os.environ, "TURNUP_STATE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A topology whose validation takes longer than any test."""
    found = document()
    found["times"] = {"soak": 600, "deadline": 1200}
    return write(found, tmp_path / "long.yaml")


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """A child inherits what its parent ignores, and a test run may have been started with a signal ignored."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in before:
        if before[number] is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def start(*arguments: str | Path, env: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-u", "-m", "simulator", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=env)


def ended(process: subprocess.Popen[str], at: str, number: signal.Signals) -> tuple[int, str, str]:
    """Send a signal once a line is printed; the exit code, and what came after it."""
    with process:
        assert process.stdout is not None
        assert any(at in line for line in process.stdout), process.communicate()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
        return process.returncode, rest, errors


# --- signals ---


@pytest.mark.parametrize("number", _SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("at", ["4 sessions on the", "→ Established"])
def test_an_interrupted_rehearsal_takes_its_lab_down_and_writes_its_report(
    number: signal.Signals, at: str, long: Path, tmp_path: Path, state: dict[str, str]
) -> None:
    code, rest, errors = ended(start("rehearse", long, "--report", tmp_path / "out", env=state), at, number)
    assert (code, errors) == (130, "")
    assert rest.count("turnup: interrupted") == 1
    assert "Established" not in at or "6/2 Cease" in rest
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["outcome"] == "error"
    assert "interrupted" in report["errors"][0]
    assert list(ET.parse(tmp_path / "out" / "junit.xml").getroot().iter("error"))
    assert len(list((tmp_path / "out").iterdir())) == 5


_UNTIL = {
    ("edge", "--listen", "127.0.0.2:0"): ("listens on", 0),
    ("serve", "LONG", "--port", "0", "--database", "sqlite:///DIR/lab.db", "--link", "loopback"): ("turnup serves", 0),
}
"""Command → what it prints when it runs, and its exit code where a signal ends it."""


@pytest.mark.parametrize("number", _SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("words", list(_UNTIL), ids=lambda words: words[0])
def test_a_signal_ends_what_runs_until_one_comes(
    words: tuple[str, ...], number: signal.Signals, long: Path, tmp_path: Path, state: dict[str, str]
) -> None:
    arguments = [word.replace("LONG", str(long)).replace("DIR", str(tmp_path)) for word in words]
    at, code = _UNTIL[words]
    found, _, errors = ended(start(*arguments, env=state), at, number)
    assert (found, errors) == (code, "")


def test_nohup_is_heeded(long: Path, state: dict[str, str]) -> None:
    """SIGHUP is ignored where it was ignored at the start; SIGTERM ends it still."""
    command = ["nohup", sys.executable, "-u", "-m", "simulator", "rehearse", str(long)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=state) as p:
        assert p.stdout is not None
        assert any("→ Established" in line for line in p.stdout)
        p.send_signal(signal.SIGHUP)
        p.send_signal(signal.SIGTERM)
        rest, _ = p.communicate(timeout=60)
        assert p.returncode == 130
        assert "turnup: interrupted" in rest


_EARLY = ["typer", "simulator.cli.app", "simulator.cli.commands.rehearse", "pydantic", "simulator.rehearsal.script"]
_INTERRUPTING = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.{number})
        return None
sys.meta_path.insert(0, Finder())
sys.argv[1:] = {arguments!r}
from simulator.cli.main import main
main()
"""


@pytest.mark.parametrize("number", _SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("name", _EARLY)
def test_a_signal_while_it_starts_is_one_line(
    name: str, number: signal.Signals, long: Path, state: dict[str, str]
) -> None:
    code = _INTERRUPTING.format(name=name, number=number.name, arguments=["rehearse", str(long)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=state, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "turnup: interrupted\n")


_WITH_ONE_IGNORED = "import signal\nsignal.signal(signal.{number}, signal.SIG_IGN)\n" + _INTERRUPTING
_ANY = {
    "test": ["test", "turn-up", "--router", "simulated"],
    "campaign": ["campaign", "exchange", "--dry-run"],
    "fault": ["fault", "list"],
    "edge": ["edge", "--help"],
    "events": ["events", "--follow"],
}


@pytest.mark.parametrize("command", _ANY)
def test_sigint_ends_every_command_in_the_background(command: str, state: dict[str, str]) -> None:
    """A shell without job control has what it starts with `&` ignore SIGINT."""
    code = _WITH_ONE_IGNORED.format(name="simulator.cli.app", number="SIGINT", arguments=_ANY[command])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=state, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "turnup: interrupted\n")


def test_a_rehearsal_in_the_background_takes_its_lab_down(long: Path, state: dict[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the child inherits; `heeded` sets it back
    code, rest, errors = ended(start("rehearse", long, env=state), "→ Established", signal.SIGINT)
    assert (code, errors) == (130, "")
    assert "turnup: interrupted" in rest


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_what_was_ignored_at_the_start_ends_nothing(number: str, state: dict[str, str]) -> None:
    code = _WITH_ONE_IGNORED.format(name="simulator.cli.app", number=number, arguments=["--version"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=state, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


# --- standard output ---

_PRINTING = {
    "help": ("--help",),
    "schema": ("schema",),
    "validate": ("validate", str(SHIPPED / "exchange.yaml")),
    "rehearse": ("rehearse", "QUICK"),
    "rehearse-json": ("rehearse", "QUICK", "--json"),
    "routes": ("routes", "QUICK"),
    "config": ("config", str(SHIPPED / "exchange.yaml"), "contoso", "--format", "bird"),
    "explain": ("policy", "explain", "--prefix", "203.0.113.0/24", "--as-path", "64496"),
    "check": ("policy", "check", "TABLE", "--input-format", "json", "--json"),
    "edge": ("edge", "--listen", "127.0.0.2:0"),
    "location": ("location", "list"),
}


def printing(name: str, tmp_path: Path) -> list[str]:
    quick, table = write(document(), tmp_path / "quick.yaml"), tmp_path / "table.json"
    table.write_text('{"prefix": "203.0.113.0/24", "as-path": "64496", "next-hop": "192.0.2.1"}\n')
    return [word.replace("QUICK", str(quick)).replace("TABLE", str(table)) for word in _PRINTING[name]]


@pytest.mark.parametrize("name", _PRINTING)
def test_a_full_disk_is_one_line(name: str, tmp_path: Path, state: dict[str, str]) -> None:
    command = [sys.executable, "-m", "simulator", *printing(name, tmp_path)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=state, timeout=60, check=False
        )
    assert done.returncode == 3
    told = [line for line in done.stderr.splitlines() if "cannot be written" in line]
    assert told == ["turnup: standard output cannot be written: No space left on device"]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("name", _PRINTING)
def test_a_reader_that_is_gone_is_no_word_and_141(name: str, tmp_path: Path, state: dict[str, str]) -> None:
    gone, end = os.pipe()
    os.close(gone)
    command = [sys.executable, "-m", "simulator", *printing(name, tmp_path)]
    try:
        done = subprocess.run(
            command, stdout=end, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=state, timeout=60, check=False
        )
    finally:
        os.close(end)
    assert done.returncode == 141
    assert "rror" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_changes_nothing_else(closed: str, tmp_path: Path, state: dict[str, str]) -> None:
    quick, wrong = write(document(), tmp_path / "quick.yaml"), tmp_path / "none.yaml"
    for arguments, code in ((["rehearse", str(quick)], 0), (["validate", str(wrong)], 2)):
        line = f'exec "$@" {closed}'
        command = ["sh", "-c", line, "sh", sys.executable, "-m", "simulator", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=state, timeout=60, check=False)
        assert done.returncode == code
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
@pytest.mark.parametrize("name", [name for name in _PRINTING if name != "edge"])
def test_an_odd_encoding_changes_characters_and_not_the_end(
    name: str, encoding: str, tmp_path: Path, state: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "simulator", *printing(name, tmp_path)]
    codes = []
    for given in ("utf-8", encoding):
        env = {**state, "PYTHONIOENCODING": given}
        done = subprocess.run(command, capture_output=True, cwd=ROOT, env=env, timeout=60, check=False)
        codes.append(done.returncode)
        assert b"Traceback" not in done.stderr
        assert done.stdout
    assert codes[0] == codes[1]


# --- the report ---


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 KiB."""
    folder = tmp_path / "full"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.privileged
def test_a_report_that_cannot_be_written_is_told_before_anything_starts(
    full_disk: Path, long: Path, state: dict[str, str]
) -> None:
    with start("rehearse", long, "--report", full_disk, env=state) as process:
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    (line,) = errors.splitlines()
    assert line.startswith(f"turnup: report file {full_disk}/report.json cannot be written: No space left on device")
    assert list(full_disk.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/none"])
def test_a_directory_that_cannot_be_made_is_told_before_anything_starts(
    place: str, long: Path, tmp_path: Path, state: dict[str, str]
) -> None:
    (tmp_path / "file").write_text("")
    with start("rehearse", long, "--report", tmp_path / place, env=state) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode in (2, 3)
    assert (out, len(errors.splitlines())) == ("", 1)
    assert errors.startswith("turnup: ")
