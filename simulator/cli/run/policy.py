"""What `turnup policy explain` and `turnup policy check` do with their checked options."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import cast

from simulator.cli import session_policies
from simulator.cli.decompression import DecompressedFile, DecompressionError
from simulator.cli.exit_codes import FAILED, INTERRUPTED, PASSED, USAGE, fail
from simulator.cli.policy_options import Judging, Peering
from simulator.cli.policy_output import (
    explanation_json,
    print_explanation,
    print_json,
    print_routes,
    print_summary,
    print_unreadable,
    summary_json,
)
from simulator.policy.verdict import RouteOutcome
from simulator.session.messages import Family
from simulator.tables import notation
from simulator.tables.encodings import utf8
from simulator.tables.explain import explain as explain_route
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.table_entries import FilePosition, Unreadable
from simulator.tables.tally import Judge
from simulator.topology.load import TopologyError
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes, SegmentKind


@dataclass(frozen=True, slots=True)
class RouteText:
    """The options that make up one route."""

    prefix: str
    as_path: str
    next_hop: str | None
    communities: tuple[str, ...]
    large_communities: tuple[str, ...]
    extended_communities: tuple[str, ...]
    med: int | None
    otc: int | None
    as_set: str | None


def explain(judging: Judging, peering: Peering, route: RouteText, *, as_json: bool) -> int:
    """The command; returns the exit code."""
    try:
        family, key, path = _route(route)
        made = session_policies.sessions(judging, peering, _peer_as(peering))
        if made.peer_as is None:
            made = replace(made, peer_as=path.first_as)
        session = made.session(None, family) if path.next_hop else made.self_announced(family)
        judged = path if path.next_hop else replace(path, next_hop=session.next_hop)
        outcome, hits, results = explain_route(session, family, key, judged)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    except ValueError as error:
        fail(USAGE, str(error))
    if as_json:
        print_json(explanation_json(family, key, path, hits, made.peer_as, made.profile, results), indent=2)
    else:
        print_explanation(family, key, path, made.peer_as, made.profile, outcome, results)
    return PASSED if outcome is RouteOutcome.ACCEPT else FAILED


def _route(route: RouteText) -> tuple[Family, bytes, PathAttributes]:
    if not route.prefix:
        raise ValueError("--prefix is missing: which route? (as in --prefix 203.0.113.0/24)")
    family, key = nlri.key(route.prefix)
    as_path = notation.as_path(route.as_path)
    if route.as_set is not None:
        members = notation.as_path(route.as_set.strip().removeprefix("{").removesuffix("}"))
        as_path += tuple(notation.segment(SegmentKind.SET, (asn for part in members for asn in part.asns)))
    path = PathAttributes(
        as_path=as_path,
        next_hop=session_policies.address(route.next_hop, "--next-hop") if route.next_hop else None,
        med=route.med,
        communities=tuple(map(notation.community, route.communities)),
        large_communities=notation.large_communities(route.large_communities),
        extended_communities=tuple(map(notation.extended_community, route.extended_communities)),
        otc=route.otc,
    )
    return family, key, path


def check(
    judging: Judging,
    peering: Peering,
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
        exporter = _asn(export_as, "--export-as") if export_as else None
        peer_as = _peer_as(peering)
        made = session_policies.sessions(judging, peering, exporter if peer_as is None else peer_as)
        # Whoever announces its own table sets itself as the next hop.
        judge = Judge(made.session if exporter is None else lambda _, family: made.self_announced(family), exporter)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    except ValueError as error:
        fail(USAGE, str(error))
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
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us is gone: nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        fail(USAGE, f"{name}: {error.strerror or error}")
    except KeyboardInterrupt:
        return INTERRUPTED
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


def _peer_as(peering: Peering) -> int | None:
    return _asn(peering.peer_as, "--peer-as") if peering.peer_as else None


def _asn(text: str, option: str) -> int:
    digits = text.strip().upper().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10 or not 1 <= int(digits) <= 4294967295:
        raise ValueError(f"{option} '{text}' is no ASN (1 to 4294967295)")
    return int(digits)
