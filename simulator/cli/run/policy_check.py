"""What `turnup policy check` does."""

from __future__ import annotations

import sys
from io import BufferedReader
from pathlib import Path
from typing import cast

from simulator.cli import session_policies
from simulator.cli.decompression import DecompressedFile, DecompressionError
from simulator.cli.exit_codes import FAILED, PASSED, USAGE, fail
from simulator.cli.formats import RowFormat
from simulator.cli.policy_options import JudgingOptions, SessionOptions
from simulator.cli.table_verdicts import TableWriter
from simulator.tables.encodings import utf8
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.table_entries import FilePosition, Unreadable
from simulator.tables.tally import Judge
from simulator.topology.files import FileReadError, open_stream


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
    name = "standard input" if path is None else str(path)
    if wanted is not None and wanted not in list(InputFormat):
        fail(USAGE, f"--input-format {wanted}: there is no such format (there are: {', '.join(InputFormat)})")
    try:
        exporter = session_policies.asn(export_as, "--export-as") if export_as else None
        peer_as = session_policies.peer_asn(peering)
        made = session_policies.sessions(judging, peering, exporter if peer_as is None else peer_as)
        # A router that announces its own table sets itself as the next hop.
        judge = Judge(made.session if exporter is None else lambda _, family: made.self_announced(family), exporter)
    except ValueError as error:
        fail(USAGE, *session_policies.faults(error))
    writer = TableWriter(how, rejected)
    try:
        with sys.stdin.buffer if path is None else open_stream(path) as file:
            format_ = _judge_all(judge, cast(BufferedReader, file), name, wanted, writer)
        tally = judge.tally
        nothing = not tally.routes and not tally.taken_back
        if not nothing or how is RowFormat.json:
            writer.summary(name, format_, tally)
        if nothing:
            fail(USAGE, f"{name}: there is no route in it" + (f": {tally.named[0]}" if tally.named else ""))
    except FileReadError as error:
        fail(USAGE, f"{name}: {error}")
    except OSError as error:
        fail(USAGE, f"{name}: {error.strerror or error}")
    return PASSED if tally.clean else FAILED


def _judge_all(judge: Judge, file: BufferedReader, name: str, wanted: str | None, writer: TableWriter) -> InputFormat:
    """Judge and list a whole file as it streams by; returns its format."""
    source = DecompressedFile(file)
    try:
        found, chunks = recognise(utf8(source.chunks()))
    except DecompressionError as error:
        fail(USAGE, f"{name}: {error}")
    if wanted is None and not isinstance(found, InputFormat):
        unknown = f"this is no table that is known here: say --input-format ({', '.join(InputFormat)})"
        fail(USAGE, f"{name}: {source.problem or found or unknown}")
    format_ = InputFormat(wanted) if wanted is not None else cast(InputFormat, found)
    judge.told = writer.unreadable
    for routes, hits in judge.judge(READERS[format_](chunks)):
        writer.routes(routes, hits)
    if source.problem:
        # Uncounted as to routes, but never passed over.
        list(judge.judge((Unreadable(FilePosition("chunk", source.chunks_read + 1), source.problem),)))
    return format_
