"""What a rehearsal says when it is over: the sessions, the checks that matter, the gate, the outcome."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.report.model import Report
from simulator.views.check import CheckView, Status
from simulator.views.states import style_of


def print_summary(console: Console, rehearsal: Rehearsal, report: Report) -> None:
    """The end of `turnup rehearse`."""
    records = list(rehearsal.control.records.values())
    if rehearsal.best_views:
        console.print(_sessions(rehearsal, records), highlight=False)
    for record in records:
        _print_checks(console, record)
    gate = report.gate
    leaked = gate.nlri_sent_while_denied + gate.routes_taken_while_denied
    console.print(
        Text.assemble(
            ("Gate: ", "bold"),
            (
                f"{gate.nlri_sent_while_denied} NLRI sent and {gate.routes_taken_while_denied} taken",
                "bold red" if leaked else "green",
            ),
            f" while the policy was DENY ALL; {gate.nlri_withheld} withheld",
        )
    )
    for error in report.errors:
        console.print(Text.assemble(("  ✗ ", "bold red"), error), soft_wrap=True, highlight=False)
    style = "bold green" if report.outcome == "passed" else "bold red"
    console.print(
        Text.assemble(("Rehearsal ", "bold"), (report.outcome, style), f": {_sentence(records, report)}"),
        soft_wrap=True,
    )


def _sentence(records: list[ConnectionRecord], report: Report) -> str:
    reached = sum(ConnectionState.ACTIVE in {step.target for step in record.connection.history} for record in records)
    removed = sum(record.state is ConnectionState.NONE and bool(record.connection.history) for record in records)
    text = f"{reached} of {len(records)} connections became Active"
    return f"{text}, {removed} deprovisioned" if removed else text


def _sessions(rehearsal: Rehearsal, records: list[ConnectionRecord]) -> Table:
    title = "Each session as it stood when its connection had got furthest"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("Neighbor", "AS", "Edge", "Connection", "BGP"):
        table.add_column(name, overflow="fold")
    for name in ("Received", "Accepted", "Rejected", "Sent"):
        table.add_column(name, justify="right")
    for record in records:
        history = {step.target for step in record.connection.history}
        state = ConnectionState.ACTIVE if ConnectionState.ACTIVE in history else record.state
        for plan in record.plans:
            view = rehearsal.best_views.get(plan.id)
            if view is None:
                continue
            table.add_row(
                str(view.peer_address),
                str(plan.peer.asn),
                plan.edge.name,
                Text(state.value, style_of(state)),
                Text(view.bgp_state.value, style_of(view.bgp_state)),
                *map(str, (view.received, view.accepted, view.rejected, view.sent)),
            )
    return table


def _print_checks(console: Console, record: ConnectionRecord) -> None:
    """The passed ones in one line; whatever did not pass with evidence, causes and remedies."""
    passed = [result.id for result in record.results if result.status is Status.SUCCESS]
    others = [r for r in record.results if r.status not in (Status.SUCCESS, Status.SKIPPED)]
    skipped = [result.id for result in record.results if result.status is Status.SKIPPED]
    steps = [step for step in record.connection.history if step.source is not step.target]
    if steps:
        states = " → ".join(str(step.target) for step in steps)
        console.print(Text.assemble((f"{record.id} ", "bold"), f"connection {states}"), highlight=False)
    text = Text.assemble("  ", (f"✓ {' '.join(passed)}" if passed else "no check passed", "green"))
    if skipped:
        text.append(f"  skipped: {' '.join(skipped)}", "dim")
    console.print(text, highlight=False)
    for result in others:
        _print_failure(console, result)


def _print_failure(console: Console, result: CheckView) -> None:
    warning = not result.stops
    console.print(
        Text.assemble(
            ("  ! " if warning else "  ✗ ", "yellow" if warning else "bold red"),
            f"check {result.id} ",
            (result.status.value, "yellow" if warning else "bold red"),
            f": {result.title}",
        ),
        highlight=False,
    )
    for evidence in result.evidence[:6]:
        console.print(Text(f"      {evidence}", "dim"), soft_wrap=True, highlight=False)
    for cause in result.causes:
        console.print(Text.assemble("      cause:  ", cause.text), soft_wrap=True, highlight=False)
        if cause.remedy:
            console.print(Text.assemble("      remedy: ", (cause.remedy, "cyan")), soft_wrap=True, highlight=False)
