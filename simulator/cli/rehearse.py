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
from simulator.cli.summary import print_summary
from simulator.cli.view import LiveView, PlainView
from simulator.lab.link import LabError, LinkKind
from simulator.lab.load import TopologyError, load
from simulator.lab.privilege import MARK, netns_problem, reexec_in_userns, userns_problem
from simulator.lab.state import LabState, clean, leftovers
from simulator.lab.topology import Topology
from simulator.provisioning.rehearsal import Rehearsal
from simulator.report.json_report import as_dict
from simulator.report.model import Report
from simulator.report.pcap import Capture
from simulator.report.writer import ReportError, write_report


def rehearse(
    path: Path,
    *,
    link: str | None,
    report: Path | None,
    soak: float | None,
    deadline: float | None,
    plain: bool,
    as_json: bool,
) -> int:
    """The command; returns the exit code."""
    try:
        topology = load(path)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    topology = _override(topology, soak, deadline)
    kind = choose_link(topology, link, sys.argv[1:])
    if report is not None and report.exists() and not report.is_dir():
        fail(USAGE, f"--report {report}: this is a file: name a directory")
    # With --json the result alone goes to standard output.
    console = Console(stderr=as_json)
    if not console.is_terminal:
        console.width = 140  # a log has no window to fit into
    _remove_leftovers(console)
    with _scratch(topology) as scratch:
        rehearsal = Rehearsal(topology, kind, report is not None, scratch / "capture.pcap")
        live = console.is_terminal and not plain and not as_json
        with LiveView(topology, console) if live else PlainView(topology, console) as view:
            rehearsal.log.subscribe(view.take)
            result = asyncio.run(_interruptible(rehearsal))
        if result is None:
            console.print("turnup: interrupted: the lab is taken down, every session closed with a Cease")
            return INTERRUPTED
        print_summary(console, rehearsal, result)
        if report is not None:
            _write(report, result, console)
    if as_json:
        where = Capture(str(report / "wire.pcap") if report else "", "interfaces" if result.capture else "speakers")
        sys.stdout.write(json.dumps(as_dict(result, where), indent=2) + "\n")
    return {"passed": PASSED, "failed": FAILED, "error": LAB}[result.outcome]


def _remove_leftovers(console: Console) -> None:
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
    real = [peer for peer in topology.peers if peer.router_kind != "simulated"]
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


async def _interruptible(rehearsal: Rehearsal) -> Report | None:
    """Run to the end, or to the first SIGINT or SIGTERM: then take the lab down and return None."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(rehearsal.run())
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
