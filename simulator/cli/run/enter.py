"""What `turnup enter` does: find the lab and the node, and become the program that is to run there."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from simulator.cli.exit_codes import LAB, USAGE, fail, warn
from simulator.cli.formats import RowFormat, show
from simulator.lab.running import EDGE, RunningLab, RunningNode, running_labs
from simulator.lab.state import base_directory
from simulator.places.errors import LabError
from simulator.places.process import Program, find_program
from simulator.routers.console import RouterConsole
from simulator.routers.registry import ROUTERS

NOT_FOUND: Final = 127
"""As shells say that there is no such command."""
_COLUMNS: Final = (("Lab", "lab"), ("Node", "node"), ("Router", "router"), ("RouterConsole", "console"))
_SBIN: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""An ordinary user's PATH has none of them, and birdc and ip are there."""


def enter(name: str, command: list[str], wanted: str, how: RowFormat) -> None:
    """The command; does not return where something runs."""
    try:
        labs = running_labs()
        if not name:
            show(list(map(_row, _nodes(labs, wanted))), _COLUMNS, how, empty="no lab runs")
            return
        lab = _lab(labs, wanted)
        node = _node(lab, name)
        argv = _argv(node, command)
        nsenter, *options = node.enter
        path = [str(find_program(Program(nsenter, "nsenter", "apt-get install util-linux"))), *options]
    except LabError as error:
        fail(LAB, str(error))
    environment = {**os.environ, "PATH": _search_path()}
    found = shutil.which(argv[0], path=environment["PATH"])
    if found is None:
        fail(NOT_FOUND, f"{argv[0]}: there is no such command")
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(path[0], [*path, "--", found, *argv[1:]], environment)
    except OSError as error:
        fail(LAB, f"{path[0]}: {error.strerror}")


def console_of(router: str) -> RouterConsole | None:
    """What a person asks a kind of router with."""
    return None if router == EDGE else ROUTERS[router].console


def _nodes(labs: list[RunningLab], wanted: str) -> list[tuple[RunningLab, RunningNode]]:
    return [(lab, node) for lab in labs if not wanted or _is(lab, wanted) for node in lab.nodes]


def _row(found: tuple[RunningLab, RunningNode]) -> dict[str, str | None]:
    lab, node = found
    console = console_of(node.router)
    program = console.name if console is not None else "shell"
    return {"lab": lab.name, "node": node.name, "router": node.router, "console": program if node.enter else None}


def _is(lab: RunningLab, wanted: str) -> bool:
    return wanted == lab.name or Path(wanted).absolute() == lab.directory.absolute()


def _lab(labs: list[RunningLab], wanted: str) -> RunningLab:
    found = [lab for lab in labs if not wanted or _is(lab, wanted)]
    names = ", ".join(lab.name for lab in labs)
    if not labs:
        fail(LAB, f"no lab runs: start one with turnup rehearse FILE --hold (looked in {base_directory()})")
    if not found:
        fail(USAGE, f"--lab {wanted}: no such lab runs (there are: {names})")
    if len(found) > 1:
        fail(USAGE, f"{len(found)} labs run: say which one with --lab (there are: {names})")
    return found[0]


def _node(lab: RunningLab, name: str) -> RunningNode:
    node = next((node for node in lab.nodes if node.name == name), None)
    if node is None:
        fail(USAGE, f"{name}: {lab.name} has no such node (there are: {', '.join(node.name for node in lab.nodes)})")
    if not node.enter:
        fail(LAB, f"{name} has no network namespace: {lab.name} stands on loopback, or does not run it (--link netns)")
    return node


def _argv(node: RunningNode, command: list[str]) -> list[str]:
    """What is to run there; the router's own console asks this router. Raises LabError."""
    console = console_of(node.router)
    if console is None:
        return command or _shell(node)
    asking = [str(find_program(console.program)), *console.options_for(node.directory)]
    if not command:
        return asking if console.is_dialogue else _shell(node, asking)
    return [*asking, *command[1:]] if Path(command[0]).name == console.name else command


def _shell(node: RunningNode, asking: list[str] | None = None) -> list[str]:
    """An interactive shell; `asking`: the command by which it asks the router, under the program's own name."""
    lines = [f"PS1='{node.name}# '"]
    if asking is not None:
        name = Path(asking[0]).name
        lines.append(f'{name}() {{ {shlex.join(asking)} "$@"; }}')
        warn(f"{node.name}: {name} asks this router; exit leaves")
    rc = Path(node.directory) / "enter.sh"
    try:
        rc.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise LabError(f"{rc}: {error.strerror}") from error
    bash = shutil.which("bash")
    return [bash, "--rcfile", str(rc), "-i"] if bash else ["env", f"ENV={rc}", "sh", "-i"]


def _search_path() -> str:
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*given, *(each for each in _SBIN if each not in given)])
