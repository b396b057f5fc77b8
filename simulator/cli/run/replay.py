"""`turnup replay`: play a recording, show what came of it and what does not come out as recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from simulator.cli.exit_codes import FAILED, LAB, PASSED, USAGE, fail, warn
from simulator.cli.formats import RowFormat, show
from simulator.cli.session_rows import SESSIONS, session_rows
from simulator.cli.summary import print_summary
from simulator.policy.data.reading import DataError
from simulator.recording.changes import DATA_KEYS, NO_CHANGES, Changes, policy_named
from simulator.recording.compared import compared
from simulator.recording.file import RecordingError, RecordingReader
from simulator.recording.outcome import Played
from simulator.recording.player import RecordingPlayer
from simulator.report.json_report import as_dict
from simulator.report.pcap import WirePcap
from simulator.report.writer import ReportError, require_writable, write_report
from simulator.topology.load import TopologyError
from simulator.views.times import timestamp

_CHANGES: Final = (("What", "what"), ("Recorded", "recorded"), ("Now", "now"))


def replay(path: Path, *, policy: str | None, data: Sequence[str], report: Path | None, how: RowFormat) -> int:
    """The command; returns the exit code."""
    changes = _changes(policy, data)
    if report is not None:
        try:
            require_writable(report)
        except ReportError as error:
            fail(USAGE, str(error))
    played = _play(path, NO_CHANGES, keeps_routes=bool(changes))
    told = _tell(path, played)
    shown = played
    if changes:
        shown = _play(path, changes, keeps_routes=True)
        rows = [change.row for change in compared(played, shown)]
        show(rows, _CHANGES, how, empty="nothing would change")
    elif how is RowFormat.json:
        show(as_dict(played.report, WirePcap("", "speakers")), (), how)
    elif how is RowFormat.csv:
        show(list(session_rows(played.report)), SESSIONS, how)
    else:
        console = Console()
        if not console.is_terminal:
            console.width = 140
        print_summary(console, played.report, written=report is not None, replayed=told)
    if report is not None:
        _write(report, shown)
    if told:
        return FAILED
    if changes:
        return FAILED if rows else PASSED
    return {"passed": PASSED, "failed": FAILED, "error": LAB}[played.report.outcome]


def _changes(policy: str | None, data: Sequence[str]) -> Changes:
    try:
        changes = policy_named(policy) if policy is not None else NO_CHANGES
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    files: dict[str, Path | list[Path]] = {}
    for each in data:
        key, _, file = each.partition("=")
        if key not in DATA_KEYS or not file:
            fail(USAGE, f"--with-data {each}: write KEY=FILE, with one of {', '.join(DATA_KEYS)}")
        known = files.get(key)
        if known is not None and key != "irr":
            fail(USAGE, f"--with-data {key}: one file")
        files[key] = [*known, Path(file)] if isinstance(known, list) else [Path(file)] if key == "irr" else Path(file)
    return replace(changes, data=files)


def _play(path: Path, changes: Changes, *, keeps_routes: bool) -> Played:
    try:
        return RecordingPlayer(RecordingReader(path), changes, keeps_routes=keeps_routes).play()
    except (RecordingError, DataError) as error:
        fail(USAGE, str(error))


def _tell(path: Path, played: Played) -> str:
    """What is wrong with the recording, or differs; in short, empty where nothing is."""
    wrong = []
    if played.tampered:
        warn(f"{path}: its lines are not those that were written: it was changed")
        wrong.append("it was changed")
    if played.cut_off:
        warn(f"{path}: it is cut off: it ends at {timestamp(played.last)}, and so does the replay")
        wrong.append("it is cut off")
    if played.differences:
        count = f"{len(played.differences)} differences" if len(played.differences) > 1 else "a difference"
        wrong.append(f"{count} from what was recorded")
        warn(f"{path}: {count} from what was recorded (by turnup {played.made_by}):", *map(str, played.differences))
    for remark in played.remarks:
        warn(f"{path}: {remark}")
    return ", ".join(wrong)


def _write(directory: Path, played: Played) -> None:
    try:
        files = write_report(directory, played.report)
    except ReportError as error:
        fail(LAB, str(error))
    warn(f"report: {files['report.html']}")
