"""What `turnup policy diff` does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulator.cli.exit_codes import FAILED, PASSED, USAGE, fail, warn
from simulator.cli.formats import JsonObject, RowColumns, RowFormat, cells, write_csv
from simulator.counts import count_of
from simulator.judging import sessions as session_policies
from simulator.judging.decompression import DecompressedFile, DecompressionError
from simulator.judging.options import JudgingOptions, SessionOptions
from simulator.judging.table_file import TableFile, TableFileError, table_file
from simulator.policy.profiles import PROFILES
from simulator.policy.verdict import Hits
from simulator.session.messages import Family
from simulator.tables.input_formats import InputFormat
from simulator.tables.json_lines import common_json
from simulator.tables.session_policies import SessionPolicies, SessionPolicy
from simulator.tables.table_entries import Announcer
from simulator.tables.tally import Judge, Tally
from simulator.tables.verdict_diff import ChangedRoute, DiffTally, VerdictChange, VerdictDiff
from simulator.tables.verdict_file import VerdictFile, is_verdict_line
from simulator.topology.files import FileReadError, open_stream
from simulator.wire import nlri

_FILES = {
    "vrp": "vrp",
    "irr": "irr",
    "registered-prefixes": "registered_prefixes",
    "registered-asns": "registered_asns",
}
"""The data files of a side → their field in JudgingOptions."""
_COLUMNS: RowColumns = (
    ("Event", "event"),
    ("Change", "change"),
    ("Family", "family"),
    ("Prefix", "prefix"),
    ("AS path", "asPath"),
    ("Old", "old"),
    ("New", "new"),
    ("Next hop", "nextHop"),
    ("Peer", "peer"),
    ("Peer AS", "peerAs"),
)
_HOW = "give a profile or a topology file, then settings behind commas: exchange,vrp=FILE,as-path-too-long=limit=10"


@dataclass(frozen=True, slots=True)
class DiffTable:
    """The routes to compare by, as the options give them."""

    routes: str | None
    """A file, `-` for standard input; None where OLD holds them."""
    format: str | None
    export_as: str | None


def diff(
    old: str,
    new: str,
    judging: JudgingOptions,
    peering: SessionOptions,
    given: DiffTable,
    how: RowFormat,
    *,
    only_summary: bool,
) -> int:
    """The command. Returns the exit code: 1 where a verdict changes, or something cannot be compared."""
    try:
        if _holds_verdicts(old):
            return _compare_with_file(Path(old), new, judging, peering, given, how, only_summary=only_summary)
        if given.routes is None:
            raise ValueError(f"--routes is missing: {old} is no file with verdicts, so it needs routes to judge")
        exporter = session_policies.asn(given.export_as, "--export-as") if given.export_as else None
        before, after = (_judge(text, judging, peering, exporter) for text in (old, new))
        path = None if given.routes == "-" else Path(given.routes)
        with table_file(path, given.format) as table:
            return _compare(VerdictDiff(before, after), table, how, only_summary=only_summary)
    except TableFileError as error:
        fail(USAGE, str(error))
    except ValueError as error:
        fail(USAGE, *session_policies.faults(error))


def _holds_verdicts(name: str) -> bool:
    """Is this what `turnup policy check --json` printed?"""
    if name.casefold() in PROFILES or not Path(name).is_file():
        return False
    try:
        with open_stream(Path(name)) as file:
            begins = next(DecompressedFile(file).chunks(), b"")
    except (FileReadError, DecompressionError, OSError):
        return False
    return is_verdict_line(begins.lstrip().partition(b"\n")[0].decode(errors="replace"))


def _compare_with_file(
    path: Path,
    new: str,
    judging: JudgingOptions,
    peering: SessionOptions,
    given: DiffTable,
    how: RowFormat,
    *,
    only_summary: bool,
) -> int:
    """The routes and the verdicts of a file against a policy of today. Raises ValueError."""
    for option, value in (
        ("--routes", given.routes),
        ("--input-format", given.format),
        ("--export-as", given.export_as),
    ):
        if value is not None:
            raise ValueError(f"{option} {value}: the routes are those in {path}, as they were judged")
    made = _side_of(new, judging, peering, None)

    def session(announcer: Announcer | None, family: Family) -> SessionPolicy:
        # A router that announces its own table, and a route that says no next hop: itself.
        return made.self_announced(family) if announcer is None else made.session(announcer, family)

    found = VerdictFile(Judge(session))
    with table_file(path, InputFormat.JSON, found.read) as table:
        code = _compare(found, table, how, only_summary=only_summary)
    if found.shortfall:
        warn(f"{path}: {found.shortfall}")
        return FAILED
    return code


def _compare(found: VerdictDiff | VerdictFile, table: TableFile, how: RowFormat, *, only_summary: bool) -> int:
    """Compare and list a whole file as it streams by; returns the exit code. Raises TableFileError."""
    if how is RowFormat.csv:
        write_csv([[heading for heading, _ in _COLUMNS]])
    for route in found.changed(table.entries):
        if not only_summary:
            _show(route, how)
    tally = found.new.tally
    if not tally.routes and not tally.unreadable:
        raise TableFileError(f"{table.name}: there is no route in it")
    _summary(table, found.tally, tally, how)
    return FAILED if found.tally.changed or tally.unreadable else PASSED


def _judge(text: str, judging: JudgingOptions, peering: SessionOptions, exporter: int | None) -> Judge:
    made = _side_of(text, judging, peering, exporter)
    return Judge(made.session if exporter is None else lambda _, family: made.self_announced(family), exporter)


def _side_of(text: str, judging: JudgingOptions, peering: SessionOptions, exporter: int | None) -> SessionPolicies:
    """The same; the ValueError names the side."""
    try:
        return _side(text, judging, peering, exporter)
    except ValueError as error:
        raise ValueError(f"{text}: {'; '.join(session_policies.faults(error))}") from None


def _side(text: str, judging: JudgingOptions, peering: SessionOptions, exporter: int | None) -> SessionPolicies:
    """One side of the comparison: what all options say, and then what the side says itself. Raises ValueError."""
    base, *parts = text.split(",")
    if base.casefold() in PROFILES:
        judging = replace(judging, profile=base.casefold())
    elif Path(base).exists():
        peering = replace(peering, topology=Path(base))
    else:
        raise ValueError(f"there is no profile and no file of this name (profiles: {', '.join(PROFILES)}); {_HOW}")
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise ValueError(f"'{part}' says nothing; {_HOW}")
        if key == "peer":
            peering = replace(peering, peer=value)
        elif field := _FILES.get(key):
            mine: dict[str, Any] = {field: tuple(Path(each[len(key) + 1 :]) for each in parts if _is(each, key))}
            judging = replace(judging, **mine)
        else:
            judging = replace(judging, rules=(*judging.rules, part))
    peer_as = session_policies.peer_asn(peering)
    return session_policies.sessions(judging, peering, exporter if peer_as is None else peer_as, warn)


def _is(part: str, key: str) -> bool:
    return part.startswith(f"{key}=")


def _show(route: ChangedRoute, how: RowFormat) -> None:
    prefix = nlri.text(route.routes.family, route.key)
    if how is RowFormat.table:
        path = route.routes.path.as_path_text or "-"
        rules = _signed("-", route.old, route.new) + _signed("+", route.new, route.old)
        sys.stdout.write(f"{prefix}  path {path}  {route.change}{rules}\n")
        return
    row: JsonObject = {
        "event": "change",
        "change": _KEYS[route.change],
        "family": route.routes.family.label,
        "prefix": prefix,
        "old": _verdict(route.old),
        "new": _verdict(route.new),
        **common_json(route.routes.path, route.routes.announcer),
    }
    if how is RowFormat.csv:
        row |= {"old": _words(route.old), "new": _words(route.new)}
        write_csv([cells(row, _COLUMNS)])
    else:
        sys.stdout.write(json.dumps(row) + "\n")


_KEYS = {VerdictChange.LOST: "lost", VerdictChange.WON: "won", VerdictChange.OTHER_RULES: "otherRules"}


def _verdict(hits: Hits) -> JsonObject:
    reasons = [{"rule": hit.rule, "value": hit.value} for hit in hits]
    return {"verdict": "reject" if hits else "accept", "reasons": reasons}


def _words(hits: Hits) -> str:
    return ", ".join(f"{hit.rule} {hit.value}" for hit in hits) or "accept"


def _signed(sign: str, hits: Hits, others: Hits) -> str:
    """The rules that only one side has."""
    shared = {hit.rule for hit in others}
    return "".join(f"  {sign}{hit.rule} ({hit.value})" for hit in hits if hit.rule not in shared)


def _summary(table: TableFile, changes: DiffTally, tally: Tally, how: RowFormat) -> None:
    """CSV has none: each of its lines is a route."""
    if how is RowFormat.json:
        counts = {_KEYS[change]: count for change, count in changes.changes.items()}
        row: dict[str, Any] = {
            "event": "summary",
            "file": table.name,
            "format": table.format.value,
            "routes": tally.routes,
            "changed": changes.changed,
            **counts,
            "rules": [
                {"rule": rule, "begins": changes.begins.get(rule, 0), "ends": changes.ends.get(rule, 0)}
                for rule in _by_weight(changes)
            ],
            "unreadable": tally.unreadable,
        }
        sys.stdout.write(json.dumps(row) + "\n")
    elif how is RowFormat.table:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(table, changes, tally)))


def _lines(table: TableFile, changes: DiffTally, tally: Tally) -> Iterable[str]:
    yield f"{table.name}: {count_of(tally.routes, 'route')}, {changes.changed or 'none'} with another verdict"
    for change, count in changes.changes.items():
        if count:
            yield f"  {count:>8}  {change}"
    rules = _by_weight(changes)
    if rules:
        width = max(map(len, rules)) + 2
        yield ""
        yield f"  {'rule':<{width}}{'refuses now':>12}{'no longer':>12}"
        for rule in rules:
            yield f"  {rule:<{width}}{changes.begins.get(rule, 0):>12}{changes.ends.get(rule, 0):>12}"
    if tally.unreadable:
        yield f"  {tally.unreadable} could not be read:"
        yield from (f"    {entry}" for entry in tally.named)


def _by_weight(changes: DiffTally) -> list[str]:
    weight = {
        rule: changes.begins.get(rule, 0) + changes.ends.get(rule, 0) for rule in {*changes.begins, *changes.ends}
    }
    return sorted(weight, key=lambda rule: (-weight[rule], rule))
