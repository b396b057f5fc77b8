"""What we may do here, found out by doing it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from simulator.lab import privilege
from simulator.lab.privilege import MARK, netns_problem, reexec_in_userns, userns_problem
from simulator.places.errors import LabError
from tests.lab_support import missing, require_netns

ROOT = Path(__file__).parents[2]


@pytest.mark.privileged
def test_no_problem_where_namespaces_can_be_made() -> None:
    require_netns()
    assert netns_problem() is None


@pytest.mark.privileged
async def test_it_can_be_asked_from_a_running_event_loop() -> None:
    require_netns()
    assert netns_problem() is None


def test_the_problem_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("simulator.lab.namespace.Namespace._unshare", staticmethod(refuse))
    problem = netns_problem()
    assert problem is not None
    assert "run as root or in a user namespace, or use link: loopback" in problem
    assert "\n" not in problem


def test_missing_unshare_is_a_problem_of_user_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.places.process.shutil.which", lambda *_args, **_more: None)
    assert userns_problem() == "no user namespace: unshare is not installed: apt-get install util-linux"


def test_the_words_of_unshare_come_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unshare = tmp_path / "unshare"
    unshare.write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    unshare.chmod(0o755)
    monkeypatch.setattr(privilege, "find_program", lambda _name: unshare)
    problem = userns_problem()
    assert problem is not None
    assert problem.startswith("no user namespace: unshare: unshare failed: Operation not permitted")


def test_it_enters_a_user_namespace_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MARK, "1")
    with pytest.raises(LabError, match="this is a user namespace already"):
        reexec_in_userns([])


def test_what_is_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def execve(path: str, argv: list[str], environment: dict[str, str]) -> None:
        calls.append((path, argv, environment[MARK]))
        raise SystemExit

    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(SystemExit):
        reexec_in_userns(["rehearse", "x.yaml"])
    ((path, argv, mark),) = calls
    assert argv == [path, "--user", "--map-root-user", "--", sys.executable, "-m", "simulator", "rehearse", "x.yaml"]
    assert mark == "1"


_ORDINARY = """
import asyncio, os, sys
from ipaddress import ip_network
from simulator.lab.netns import NetnsLink
from simulator.lab.privilege import netns_problem
from simulator.lab.probe import ping
from simulator.lab.state import LabState
from simulator.routers.base import RouterConfig, RouterFiles
from simulator.places.errors import LabError
from simulator.places.link import CableSpec, NodeSpec
from simulator.routers.bird.adapter import Bird
from tests.lab_support import lan, v4, v6
from tests.patience import PATIENCE

async def main():
    state, bird = LabState.create("ordinary"), Bird()
    try:
        prefix = ip_network("198.51.100.0/31")
        cable = CableSpec("c", (prefix,), (NodeSpec("n1", (prefix[0],)), NodeSpec("far", (prefix[1],))))
        async with NetnsLink(lan(2), state, [cable]) as link:
            place = link.place("n1")
            print((await ping(place, prefix[1], timeout=PATIENCE)).answered)
            print([(await ping(place, address, timeout=PATIENCE)).answered for address in (v4(2), v6(2))])
            config = RouterConfig("n1", 65001, "192.0.2.1", (), ())
            try:
                await bird.start(place, config, RouterFiles(state.subdirectory("n1")))
                print((await bird.version()).split()[0])
            except LabError as error:
                print(str(error).split()[0])
            await bird.stop()
    finally:
        state.remove()

print(netns_problem())
asyncio.run(main())
"""


@pytest.mark.privileged
def test_an_ordinary_user_builds_a_lab_in_a_user_namespace() -> None:
    problem = userns_problem()
    if problem is not None:
        missing(problem)
    command = ["unshare", *privilege.USERNS, sys.executable, "-c", _ORDINARY]
    environment = {**os.environ, MARK: "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    if os.getuid() == 0:
        # This interpreter may be out of an ordinary user's reach, the packages that it uses are not.
        interpreter = shutil.which("python3", path="/usr/bin")
        if interpreter is None or sys.version_info[:2] != _version(interpreter):
            pytest.skip("no interpreter of this version that another user may run")
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        command[command.index(sys.executable)] = interpreter
    # Not below tmp_path, which is root's alone; short, because Unix sockets live in it.
    with tempfile.TemporaryDirectory(prefix="turnup-") as runtime:
        if os.getuid() == 0:
            os.chown(runtime, 65534, 65534)
        environment["XDG_RUNTIME_DIR"] = runtime
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", timeout=60)
    assert done.stdout.splitlines() == ["None", "True", "[True, True]", "BIRD"], done.stderr


def _version(interpreter: str) -> tuple[int, int]:
    text = subprocess.run(
        [interpreter, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True
    )
    major, minor = map(int, text.stdout.split())
    return major, minor
