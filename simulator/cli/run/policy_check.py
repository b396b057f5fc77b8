"""What `turnup policy check` does."""

from __future__ import annotations

from pathlib import Path

from simulator.cli.exit_codes import FAILED, PASSED, USAGE, fail, warn
from simulator.cli.formats import RowFormat
from simulator.cli.table_verdicts import TableWriter
from simulator.judging import sessions as session_policies
from simulator.judging.options import JudgingOptions, SessionOptions
from simulator.judging.table_file import TableFileError, table_file
from simulator.tables.tally import Judge


def check(
    judging: JudgingOptions,
    peering: SessionOptions,
    path: Path | None,
    wanted: str | None,
    export_as: str | None,
    how: RowFormat,
    *,
    rejected: bool,
) -> int:
    """The command; `path` None reads standard input. Returns the exit code."""
    try:
        exporter = session_policies.asn(export_as, "--export-as") if export_as else None
        peer_as = session_policies.peer_asn(peering)
        made = session_policies.sessions(judging, peering, exporter if peer_as is None else peer_as, warn)
        # A router that announces its own table sets itself as the next hop.
        judge = Judge(made.session if exporter is None else lambda _, family: made.self_announced(family), exporter)
    except ValueError as error:
        fail(USAGE, *session_policies.faults(error))
    writer = TableWriter(how, rejected)
    judge.told = writer.unreadable
    try:
        return _judge_all(judge, path, wanted, writer, how)
    except TableFileError as error:
        fail(USAGE, str(error))


def _judge_all(judge: Judge, path: Path | None, wanted: str | None, writer: TableWriter, how: RowFormat) -> int:
    """Judge and list a whole file as it streams by; returns the exit code. Raises TableFileError."""
    with table_file(path, wanted) as table:
        for routes, hits in judge.judge(table.entries):
            writer.routes(routes, hits)
        tally = judge.tally
        nothing = not tally.routes and not tally.taken_back
        if not nothing or how is RowFormat.json:
            writer.summary(table.name, table.format, tally)
        if nothing:
            why = f": {tally.named[0]}" if tally.named else ""
            raise TableFileError(f"{table.name}: there is no route in it{why}")
    return PASSED if tally.clean else FAILED
