"""`--hold` and `turnup enter`: people look into a lab that stands; and a leak in a user's own file stops a deploy."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from ruamel.yaml import YAML

from simulator.lab.privilege import userns_problem
from simulator.routers.registry import ROUTERS
from tests.cli.test_main import ROOT
from tests.lab_support import missing, require_netns, require_program
from tests.topologies import document, write

EXAMPLES = ROOT / "tests" / "routers" / "examples"
_READY = "The lab stands"


def leaking(folder: Path, *, leaks: bool = True, **expect: object) -> Path:
    """A production frr.conf as it is; with a leak, a private prefix more is in its table and in its prefix list."""
    folder.mkdir(parents=True, exist_ok=True)
    found = YAML(typ="safe").load(EXAMPLES / "own-file.yaml")
    text = (EXAMPLES / "frr.conf").read_text()
    if leaks:
        text = text.replace("  network 192.0.2.0/24\n", "  network 192.0.2.0/24\n  network 10.20.0.0/16\n")
        text = text.replace(
            "ip prefix-list OWN4 seq 5", "ip prefix-list OWN4 seq 1 permit 10.20.0.0/16\nip prefix-list OWN4 seq 5"
        )
    (folder / "frr.conf").write_text(text)
    found["peers"][0]["router"] = {"kind": "frr", "config": "./frr.conf"}
    found["peerings"][0]["expect"] |= expect
    found["times"]["soak"] = 0.2
    return write(found, folder / "lab.yaml")


def own_router(kind: str, folder: Path) -> Path:
    found = document("exchange-bird")
    found["peers"][0]["router"] = kind
    return write(found, folder / "lab.yaml")


@contextlib.contextmanager
def held(path: Path, command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A rehearsal from the moment on in which its lab is held; ended at the latest with the block."""
    arguments = [*command, "rehearse", str(path), "--hold"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=env, cwd="/"
    ) as lab:
        try:
            assert lab.stdout is not None
            assert any(_READY in line for line in lab.stdout), lab.communicate()
            yield lab
        finally:
            if lab.poll() is None:
                lab.terminate()


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """At the end no lab has left anything behind."""
    with tempfile.TemporaryDirectory(prefix="turnup-") as state:  # short, because Unix sockets live in it
        yield {**os.environ, "TURNUP_STATE_DIR": state, "PYTHONPATH": str(ROOT)}
        assert list(Path(state).iterdir()) == []


TURNUP = [sys.executable, "-u", "-m", "simulator"]


def run(command: list[str], env: dict[str, str], given: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, env=env, timeout=60, cwd="/", check=False
    )
    return done.returncode, done.stdout, done.stderr


CONSOLES = {
    "bird": (["birdc", "show", "protocols"], r"bgp_contoso-ashburn\S+ .*Established"),
    "frr": (["vtysh", "-c", "show bgp summary"], r"206\.126\.236\.17 +4 +8075 .* 00:0"),
    "gobgp": (["gobgp", "neighbor"], r"206\.126\.236\.17 +8075 +\S+ +Establ"),
    "openbgpd": (["bgpctl", "show", "summary"], r"206\.126\.236\.17 +8075 "),
}
"""Kind → a command of its console, and what this router alone answers."""


def require_console(kind: str) -> None:
    console = ROUTERS[kind].console
    assert console is not None
    require_program(console.program)


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("kind", CONSOLES)
def test_a_router_of_a_lab_that_is_held_answers_its_own_console(
    kind: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    require_netns()
    require_console(kind)
    path = leaking(tmp_path, leaks=False) if kind == "frr" else own_router(kind, tmp_path)
    words, answer = CONSOLES[kind]
    with held(path, TURNUP, environment) as lab:
        enter = [*TURNUP, "enter", "contoso"]
        code, out, errors = run([*enter, "--", *words], environment)
        assert (code, errors) == (0, "")
        assert re.search(answer, out), out
        # Without a command: its dialogue, or a shell that knows its console.
        dialogue = kind in ("bird", "frr")
        typed = {"bird": "show protocols\n", "frr": "show bgp summary\n"}.get(kind, f"{' '.join(words)}; exit 5\n")
        code, out, errors = run(enter, environment, typed)
        assert re.search(answer, out), (out, errors)
        assert code == (0 if dialogue else 5)
        if kind == "bird":
            _anything_runs_in_a_node(environment)
        # The first Ctrl-C ends the holding, and the rehearsal goes on to its end.
        lab.send_signal(signal.SIGINT)
        rest, errors = lab.communicate(timeout=60)
        assert (lab.returncode, errors) == (0, "")
        assert "connection Active → PendingRemove" in rest
        assert "deprovisioned" in rest.splitlines()[-1]
    code, _, errors = run(enter, environment)
    assert (code, "no lab runs: start one with turnup rehearse FILE --hold" in errors) == (3, True)


def _anything_runs_in_a_node(environment: dict[str, str]) -> None:
    enter = [*TURNUP, "enter", "contoso"]
    # Any command, in the node's own network; its exit code is ours.
    code, out, _ = run([*enter, "--", "ip", "-o", "addr"], environment)
    assert (code, "206.126.239.200/22" in out) == (0, True)
    code, out, _ = run([*TURNUP, "enter", "ash-edge-1", "--", "ip", "-o", "addr"], environment)
    assert (code, "206.126.236.17/22" in out) == (0, True)
    assert run([*enter, "--", "sh", "-c", "exit 7"], environment)[0] == 7
    assert run([*enter, "--", "nosuch"], environment) == (127, "", "turnup: nosuch: there is no such command\n")
    code, _, errors = run([*TURNUP, "enter", "nobody"], environment)
    assert (code, "has no such node (there are: ash-edge-1," in errors) == (2, True)
    code, _, errors = run([*enter, "--lab", "elsewhere"], environment)
    assert (code, "--lab elsewhere: no such lab runs (there are: " in errors) == (2, True)
    code, out, _ = run([*TURNUP, "enter", "--format", "csv"], environment)
    rows = {line.split(",")[1]: line.split(",")[2:] for line in out.splitlines()}
    assert rows["contoso"] == ["bird", "birdc"]
    assert rows["ash-edge-1"] == ["edge", "shell"]


def test_a_lab_on_loopback_is_held_and_has_nothing_to_enter(tmp_path: Path, environment: dict[str, str]) -> None:
    path = write(document(), tmp_path / "lab.yaml")
    with held(path, TURNUP, environment) as lab, held(path, TURNUP, environment) as other:
        code, _, errors = run([*TURNUP, "enter", "contoso"], environment)
        assert (code, "2 labs run: say which one with --lab" in errors) == (2, True)
        name = f"exchange-{lab.pid}"
        code, _, errors = run([*TURNUP, "enter", "contoso", "--lab", name], environment)
        assert (code, errors.startswith(f"turnup: contoso has no network namespace: {name} stands")) == (3, True)
        directory = f"{environment['TURNUP_STATE_DIR']}/{name}"
        assert run([*TURNUP, "enter", "contoso", "--lab", directory], environment) == (code, "", errors)
        # SIGTERM ends more than the holding.
        lab.terminate()
        other.terminate()
        assert [each.wait(30) for each in (lab, other)] == [130, 130]


@pytest.mark.privileged
@pytest.mark.router
def test_an_ordinary_user_enters_the_lab_of_its_user_namespace(tmp_path: Path) -> None:
    if (problem := userns_problem()) is not None:
        missing(problem)
    require_console("bird")
    with tempfile.TemporaryDirectory(prefix="turnup-") as runtime:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "XDG_RUNTIME_DIR": runtime}
        environment.pop("TURNUP_STATE_DIR", None)
        command = TURNUP
        if os.getuid() == 0:
            interpreter = shutil.which("python3", path="/usr/bin")
            if interpreter is None or b"%d.%d" % sys.version_info[:2] not in subprocess.check_output(
                [interpreter, "-V"]
            ):
                pytest.skip("no interpreter of this version that another user may run")
            os.chown(runtime, 65534, 65534)
            command = [
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                interpreter,
                "-u",
                "-m",
                "simulator",
            ]
        path = own_router("bird", Path(runtime))
        with held(path, command, environment) as lab:
            code, out, errors = run([*command, "enter", "contoso", "--", *CONSOLES["bird"][0]], environment)
            assert (code, errors) == (0, "")
            assert re.search(CONSOLES["bird"][1], out)
            assert run([*command, "enter", "contoso", "--", "sh", "-c", "exit 7"], environment)[0] == 7
            lab.send_signal(signal.SIGINT)
            assert lab.wait(60) == 0


# --- a leak in a real frr.conf ---

_DEPLOY = f"{sys.executable} -m simulator rehearse {{file}} {{options}} && echo deploy"


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize(
    ("leaks", "expect", "options", "deploys"),
    [
        (True, {}, "--strict", False),
        (True, {"rejected": 0}, "", False),
        (False, {"rejected": 0, "warnings": "none"}, "--strict", True),
    ],
)
def test_a_leak_in_a_users_own_frr_conf_stops_a_deploy(
    leaks: bool, expect: dict[str, object], options: str, deploys: bool, tmp_path: Path, environment: dict[str, str]
) -> None:
    require_netns()
    require_console("frr")
    file, report = leaking(tmp_path, leaks=leaks, **expect), tmp_path / "out"
    shell = _DEPLOY.format(file=file, options=f"{options} --report {report}")
    code, out, errors = run(["sh", "-c", shell], environment)
    assert ("deploy" in out.splitlines()) is deploys, out + errors
    assert (code == 0) is deploys
    cases = list(ET.parse(report / "junit.xml").getroot().iter("testcase"))
    assert any(case.find("failure") is not None for case in cases) is not deploys
    bogon = [case for case in cases if "R3.bogon-prefix" in case.get("name", "")]
    assert bool(bogon) is leaks
    assert not leaks or "10.20.0.0/16" in "".join(bogon[0].itertext()) + str(bogon[0].attrib) + str(
        [child.attrib for child in bogon[0]]
    )
