"""Every command that README and docs print runs, with the files that it names; a new one is here at once."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from simulator.cli.app import COMMANDS, load
from simulator.places.process import find_program
from tests.cli.test_main import ROOT
from tests.lab_support import require_bird, require_netns
from tests.recording.test_importing import mrt
from tests.topologies import SHIPPED

SAMPLES = Path(__file__).parent / "printed"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LANGUAGES = ("", "sh", "bash", "shell", "console", "text")
_RUNS = re.compile(r"(?:^|[|&;] *)(?:\$ )?(?:\.venv/bin/)?(?:turnup|make) ")
_SPAN = re.compile(r"`(?:\.venv/bin/)?turnup ([^`]+)`")


def printed(page: Path) -> list[str]:
    """The commands in a page's blocks."""
    blocks = [text for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if language in _LANGUAGES]
    lines = [line.removeprefix("$ ") for text in blocks for line in text.splitlines()]
    return [line for line in lines if _RUNS.search(line)]


_REJECTED: Final = 1
CODES: Final = {
    'policy explain --prefix 203.0.113.0/24 --as-path "64496 12076"': _REJECTED,
    "policy check rib.20261122.0000.bz2 --rejected": _REJECTED,
    "policy check announcements.txt": _REJECTED,
    "policy check - --export-as 64496": _REJECTED,
    "policy diff exchange,vrp=yesterday.json": 1,
    "policy diff lab-old.yaml": 1,
    "policy diff exchange my-exchange.yaml": 1,
    "replay incident.recording --with-policy": 1,
    "replay monday.recording --with-data vrp=today.json": 1,
}
"""A part of a printed line → its exit code. Every other line ends with 0."""
STAYS: Final = {"edge ": "listens on", "events --follow": "connection-state", "serve ": "turnup serves"}
"""What runs until Ctrl-C → what it prints when it runs, and then ends with 0 (events: with 130)."""
REAL: Final = {"exchange-bird.yaml", "enter "}
"""What needs a real router and network namespaces."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader stands: in a clone, beside the files that the pages name."""
    here = tmp_path_factory.mktemp("workspace")
    shutil.copytree(SAMPLES, here, dirs_exist_ok=True)
    (here / "topologies").symlink_to(SHIPPED)
    for name in ("my-exchange.yaml", "lab-old.yaml", "lab.yaml"):
        shutil.copy(SHIPPED / "exchange.yaml", here / name)
    new = (SHIPPED / "exchange.yaml").read_text(encoding="utf-8")
    (here / "lab-new.yaml").write_text(new.replace("bogon-prefix: {documentation: false}", "bogon-prefix: false"))
    programs = here / ".venv" / "bin"
    programs.mkdir(parents=True)
    _program(programs / "turnup", f'exec {sys.executable} -u -m simulator "$@"')
    for line in (
        "turnup routes my-exchange.yaml --mrt rib.mrt --link loopback",
        "turnup rehearse my-exchange.yaml --link loopback --record monday.recording --report monday",
        "cp monday/wire.pcap incident.pcap",
        "turnup import incident.pcap -o incident.recording",
    ):
        done = run(line, here)
        assert done.returncode == 0, done.stderr
    (here / "updates.mrt.gz").write_bytes(gzip.compress(mrt()))
    for name in ("rib.bz2", "rib.20261122.0000.bz2"):
        (here / name).write_bytes(bz2.compress((here / "rib.mrt").read_bytes()))
    return here


@pytest.fixture
def workspace(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for one test: no line depends on the files that another line wrote, or on the order of the tests."""
    here = tmp_path_factory.mktemp("w")  # short: a daemon's control socket lies below it
    shutil.copytree(whole, here, symlinks=True, dirs_exist_ok=True)
    return here


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def environment(here: Path, server: str = "") -> dict[str, str]:
    state = here / "s"
    state.mkdir(exist_ok=True, mode=0o700)
    given = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{here}/.venv/bin{os.pathsep}{os.environ['PATH']}"}
    quick = {"TURNUP_SOAK": "0.2", "TURNUP_PORT": "0", "TURNUP_STATE_DIR": str(state), "TURNUP_FORMAT": "table"}
    return {**given, **quick, "TURNUP_SERVER": server or "http://127.0.0.1:1"}


def run(line: str, here: Path, server: str = "") -> subprocess.CompletedProcess[str]:
    """A line as bash runs it; birdc answers with a table of the samples."""
    bird = f"birdc() {{ cat {here}/birdc-show-route-all.txt; }}; " if line.startswith("birdc ") else ""
    command = ["bash", "-c", f"set -o pipefail; {bird}{runnable(line)}"]
    env = environment(here, server)
    return subprocess.run(command, capture_output=True, text=True, cwd=here, env=env, timeout=120, check=False)


def runnable(line: str) -> str:
    """What is in square brackets is optional, and the port may be in use here."""
    return (
        re.sub(r" \[--[^]]*\]", "", line)
        .replace("127.0.0.2:1790", "127.0.0.2:0")
        .replace("make ", f"make -n -C {ROOT} ")
    )


@contextlib.contextmanager
def staying(line: str, here: Path, server: str = "") -> Iterator[str]:
    """What runs until Ctrl-C; gives what it printed up to the moment when it runs."""
    ready = next(text for words, text in STAYS.items() if words in line)
    command = ["bash", "-c", f"exec {runnable(line)}"]
    pipe, env = subprocess.PIPE, environment(here, server)
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=here, env=env) as process:
        assert process.stdout is not None
        said = ""
        for text in process.stdout:
            said += text
            if ready in text:
                break
        else:
            pytest.fail(f"{line}: {said}{process.communicate()}")
        try:
            yield said
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (130 if "events" in line else 0, ""), line


def code_of(line: str) -> int:
    return next((code for part, code in CODES.items() if part in line), 0)


def fault(line: str, here: Path, server: str = "") -> str:
    """What is wrong with a printed line; empty where nothing is."""
    if any(words in line for words in STAYS):
        with staying(line, here, server):
            return ""
    done = run(line, here, server)
    return "" if done.returncode == code_of(line) else f"{line}: {done.returncode}: {done.stdout}{done.stderr}"


WITHOUT_A_SERVER = [(page, line) for page in PAGES if page.name != "server.md" for line in printed(page)]
_ALONE = [(page, line) for page, line in WITHOUT_A_SERVER if not any(part in line for part in REAL)]


@pytest.mark.parametrize(("page", "line"), _ALONE, ids=[f"{page.name}-{line[:60]}" for page, line in _ALONE])
def test_a_printed_command_runs(page: Path, line: str, workspace: Path) -> None:
    assert fault(line, workspace) == ""


def test_the_commands_of_the_server_s_page_run_one_after_the_other(workspace: Path) -> None:
    serve, *others = printed(ROOT / "docs" / "server.md")
    with staying(serve, workspace) as said:
        url = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert url is not None
        assert [wrong for line in others if (wrong := fault(line, workspace, url[0]))] == []


@pytest.mark.privileged
@pytest.mark.router
def test_the_commands_that_need_a_real_router_run(workspace: Path) -> None:
    require_netns()
    require_bird()
    assert [
        wrong for _, line in WITHOUT_A_SERVER if "exchange-bird.yaml" in line and (wrong := fault(line, workspace))
    ] == []
    env = environment(workspace)
    hold = [str(workspace / ".venv/bin/turnup"), "rehearse", "topologies/exchange-bird.yaml", "--hold"]
    with subprocess.Popen(
        hold, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=workspace, env=env
    ) as lab:
        assert lab.stdout is not None
        assert any("The lab stands" in line for line in lab.stdout)
        enter = [line for _, line in WITHOUT_A_SERVER if line.startswith("turnup enter")]
        assert enter
        assert [wrong for line in enter if (wrong := fault(line, workspace))] == []
        lab.send_signal(signal.SIGINT)
        lab.communicate(timeout=60)
        assert lab.returncode == 0


def test_every_exception_is_of_a_line_that_is_printed() -> None:
    lines = [line for page in PAGES for line in printed(page)]
    assert [part for part in (*CODES, *STAYS, *REAL) if not any(part in line for line in lines)] == []
    assert find_program("bash")


# --- what stands in the text ---

_COMMANDS: Final = {command.name: command for command in COMMANDS}
_SPANS = sorted({(page.name, span) for page in PAGES for span in _SPAN.findall(page.read_text(encoding="utf-8"))})


@pytest.mark.parametrize(("page", "span"), _SPANS)
def test_a_command_in_the_text_exists_with_its_options(page: str, span: str) -> None:
    words = re.sub(r"[|&;].*", "", span.replace("\n", " ")).split()
    name = next((word for word in words if not word.startswith("-")), "")
    if name not in _COMMANDS:
        assert words[0] in ("--help", "--version", "COMMAND", "…"), f"{page}: turnup {span}"
        return
    found = load(_COMMANDS[name])
    for word in words[1:]:
        found = getattr(found, "commands", {}).get(word, found)
    known = {option for parameter in getattr(found, "params", ()) for option in parameter.opts} | {"--help"}
    if not getattr(found, "commands", None):
        asked = {word.partition("=")[0].strip("[].,") for word in words if word.startswith("--") and len(word) > 2}
        assert asked - known == set(), f"{page}: turnup {span}"
