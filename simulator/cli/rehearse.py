"""`turnup rehearse`: choose the link, run the rehearsal, show it, write the report."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from simulator.cli.exits import FAILED, INTERRUPTED, LAB, PASSED, USAGE, fail
from simulator.cli.external import handing_over
from simulator.cli.own_files import require_readable
from simulator.cli.stepping import Stepper
from simulator.cli.summary import print_summary
from simulator.cli.view import LiveView, PlainView
from simulator.lab.host_interface import check_all
from simulator.lab.privilege import MARK, netns_problem, reexec_in_userns, userns_problem
from simulator.lab.state import LabState, clean, leftovers
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.rehearsal.script import Rehearsal
from simulator.report.json_report import as_dict
from simulator.report.model import Report
from simulator.report.pcap import Capture
from simulator.report.writer import ReportError, write_report
from simulator.routers.configs.registry import FORMATS
from simulator.topology.checks.external import unreachable
from simulator.topology.load import TopologyError, load
from simulator.topology.schema import Topology
from simulator.topology.segments import cables_of, lan_of


def rehearse(
    path: Path,
    *,
    link: str | None,
    report: Path | None,
    soak: float | None,
    deadline: float | None,
    plain: bool,
    as_json: bool,
    step: bool = False,
    format_: str | None = None,
) -> int:
    """The command; returns the exit code."""
    try:
        topology = load(path)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    topology = _override(topology, soak, deadline)
    if format_ is not None and format_ not in FORMATS:
        fail(USAGE, f"--format {format_}: there is no such format (one of {', '.join(FORMATS)})")
    if step and not (sys.stdin.isatty() and (sys.stderr if as_json else sys.stdout).isatty()):
        fail(USAGE, "--step: there is no terminal to press Enter at: leave it out, or run this in a terminal")
    kind = choose_link(topology, link, sys.argv[1:])
    require_readable(topology)
    if report is not None and report.exists() and not report.is_dir():
        fail(USAGE, f"--report {report}: this is a file: name a directory")
    # With --json the result alone goes to standard output.
    console = Console(stderr=as_json)
    if not console.is_terminal:
        console.width = 140  # a log has no window to fit into
    remove_leftovers(console)
    with _scratch(topology) as scratch:
        rehearsal = Rehearsal(topology, kind, report is not None, scratch / "capture.pcap")
        # A view that repaints itself and a person who presses Enter would write over each other.
        live = console.is_terminal and not plain and not as_json and not step
        with LiveView(topology, console) if live else PlainView(topology, console) as view:
            rehearsal.log.subscribe(view.take)
            rehearsal.hand_over = handing_over(topology, kind, format_, view.show)
            result = asyncio.run(_interruptible(rehearsal, Stepper(view.show, sys.stdin.fileno()) if step else None))
        if result is None:
            console.print("turnup: interrupted: the lab is taken down, every session closed with a Cease")
            return INTERRUPTED
        print_summary(console, rehearsal, result)
        if report is not None:
            _write(report, result, console)
    if as_json:
        where = Capture(str(report / "wire.pcap") if report else "", "interfaces" if result.capture else "speakers")
        sys.stdout.write(json.dumps(as_dict(result, where), indent=2) + "\n")
    if rehearsal.refused:
        return USAGE
    return {"passed": PASSED, "failed": FAILED, "error": LAB}[result.outcome]


def remove_leftovers(console: Console) -> None:
    """What an earlier run left behind when it was killed goes now, and is told."""
    with contextlib.suppress(LabError):
        for leftover in leftovers():
            for text in clean(leftover):
                console.print(f"turnup: of an earlier run: {text}", style="dim", highlight=False)


@contextlib.contextmanager
def _scratch(topology: Topology) -> Iterator[Path]:
    """A directory for the evidence until the report is written; `turnup clean` finds it if we are killed."""
    try:
        state = LabState.create(f"{topology.name}-evidence")
    except LabError as error:
        fail(LAB, str(error))
    try:
        yield state.directory
    finally:
        state.remove()


def _override(topology: Topology, soak: float | None, deadline: float | None) -> Topology:
    changes = {name: value for name, value in (("soak", soak), ("deadline", deadline)) if value is not None}
    return topology.model_copy(update={"times": topology.times.model_copy(update=changes)})


def choose_link(topology: Topology, wanted: str | None, argv: list[str]) -> LinkKind:
    """The link to use; replaces this process by one in a user namespace where only that gives the privilege."""
    choice = wanted or topology.link
    real = [peer for peer in (*topology.peers, *topology.customers) if not peer.router_abilities.on_loopback]
    if choice == "auto" and not real and any(peer.is_external for peer in topology.peers):
        return LinkKind.LOOPBACK
    for fault in unreachable(topology, "netns" if choice == "auto" else choice):
        fail(USAGE, fault.text)
    if choice == "interface":
        return _interface_link(topology)
    if choice == "loopback":
        if real:
            fail(
                USAGE,
                f"router '{real[0].router_kind}' of {real[0].name} needs real addresses and port 179: use --link netns",
            )
        return LinkKind.LOOPBACK
    problem = netns_problem()
    if problem is None:
        return LinkKind.NETNS
    if MARK not in os.environ and userns_problem() is None:
        reexec_in_userns(argv)
    if choice == "auto" and not real:
        return LinkKind.LOOPBACK
    return fail(LAB, f"link netns: {problem}: run as root, or use --link loopback where every router is simulated")


def _interface_link(topology: Topology) -> LinkKind:
    """Root is needed, and not that of a user namespace: nobody else may attach anything to the host's interfaces."""
    try:
        check_all(lan_of(topology), cables_of(topology))
    except LabError as error:
        fail(LAB, f"link interface: {error}")
    if MARK in os.environ or (problem := netns_problem()) is not None:
        why = "" if MARK in os.environ else f": {problem}"
        fail(LAB, f"link interface needs root, to attach the lab to an interface of this host{why}")
    return LinkKind.INTERFACE


async def _interruptible(rehearsal: Rehearsal, stepper: Stepper | None) -> Report | None:
    """Run to the end, or to the end of input, SIGINT or SIGTERM: then take the lab down and return None."""
    if stepper is not None:
        rehearsal.pause = stepper.pause
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(rehearsal.run())
    if stepper is not None:
        stepper.ended = task.cancel
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _write(directory: Path, report: Report, console: Console) -> None:
    try:
        files = write_report(directory, report)
    except ReportError as error:
        fail(LAB, str(error))
    console.print(
        f"Report: {files['report.html']}" if "report.html" in files else f"Report: {directory}", highlight=False
    )
