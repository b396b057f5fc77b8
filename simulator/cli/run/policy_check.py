"""What `turnup policy check` does."""

from __future__ import annotations

import sys
from io import BufferedReader
from pathlib import Path
from typing import cast

from simulator.cli import session_policies
from simulator.cli.decompression import DecompressedFile, DecompressionError
from simulator.cli.exit_codes import FAILED, PASSED, USAGE, fail
from simulator.cli.explanation import print_json
from simulator.cli.policy_options import JudgingOptions, SessionOptions
from simulator.cli.table_verdicts import (
    print_routes,
    print_summary,
    print_unreadable,
    summary_json,
)
from simulator.tables.encodings import utf8
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.table_entries import FilePosition, Unreadable
from simulator.tables.tally import Judge


def check(
    judging: JudgingOptions,
    peering: SessionOptions,
    path: Path | None,
    wanted: str | None,
    export_as: str | None,
    *,
    rejected: bool,
    as_json: bool,
) -> int:
    """The command; `path` None reads standard input. Returns the exit code."""
    name = "standard input" if path is None else str(path)
    if wanted is not None and wanted not in list(InputFormat):
        fail(USAGE, f"--format {wanted}: there is no such format (there are: {', '.join(InputFormat)})")
    try:
        exporter = session_policies.asn(export_as, "--export-as") if export_as else None
        peer_as = session_policies.peer_asn(peering)
        made = session_policies.sessions(judging, peering, exporter if peer_as is None else peer_as)
        # A router that announces its own table sets itself as the next hop.
        judge = Judge(made.session if exporter is None else lambda _, family: made.self_announced(family), exporter)
    except ValueError as error:
        fail(USAGE, *session_policies.faults(error))
    try:
        with sys.stdin.buffer if path is None else path.open("rb") as file:
            format_ = _judge_all(judge, cast(BufferedReader, file), name, wanted, rejected=rejected, as_json=as_json)
        tally = judge.tally
        nothing = not tally.routes and not tally.taken_back
        if as_json:
            print_json({"event": "summary", "file": name, **summary_json(format_, tally)})
        elif not nothing:
            print_summary(name, format_, tally)
        if nothing:
            fail(USAGE, f"{name}: there is no route in it" + (f": {tally.named[0]}" if tally.named else ""))
    except OSError as error:
        fail(USAGE, f"{name}: {error.strerror or error}")
    return PASSED if tally.clean else FAILED


def _judge_all(
    judge: Judge, file: BufferedReader, name: str, wanted: str | None, *, rejected: bool, as_json: bool
) -> InputFormat:
    """Judge and list a whole file as it streams by; returns its format."""
    source = DecompressedFile(file)
    try:
        found, chunks = recognise(utf8(source.chunks()))
    except DecompressionError as error:
        fail(USAGE, f"{name}: {error}")
    if wanted is None and not isinstance(found, InputFormat):
        unknown = f"this is no table that is known here: say --format ({', '.join(InputFormat)})"
        fail(USAGE, f"{name}: {source.problem or found or unknown}")
    format_ = InputFormat(wanted) if wanted is not None else cast(InputFormat, found)
    judge.told = print_unreadable if as_json else None
    for routes, hits in judge.judge(READERS[format_](chunks)):
        if as_json or (rejected and hits):
            print_routes(routes, hits, everything=not rejected, as_json=as_json)
    if source.problem:
        # Uncounted as to routes, but never passed over.
        list(judge.judge((Unreadable(FilePosition("chunk", source.chunks_read + 1), source.problem),)))
    return format_
