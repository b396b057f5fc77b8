"""What `turnup test` does: find the files, check all of them, play the cases, show what came of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from simulator.cli.exit_codes import FAILED, INTERRUPTED, LAB, PASSED, USAGE, fail, warn
from simulator.cli.formats import JsonObject, RowFormat, show
from simulator.cli.link_choice import enter_namespaces
from simulator.counts import count_of
from simulator.places.link import LinkKind
from simulator.places.scratch import scratch
from simulator.scenarios.load import LoadedScenario, load, plan
from simulator.scenarios.model import ScenarioCase
from simulator.scenarios.needs import link_of
from simulator.scenarios.results import CaseOutcome, CaseResult, worst
from simulator.scenarios.shipped import found
from simulator.scenarios.shipped import shipped as all_shipped
from simulator.topology.faults import TopologyError

_COLUMNS: Final = (
    ("Case", "case"),
    ("Outcome", "outcome"),
    ("Seconds", "seconds"),
    ("Why", "text"),
)
_LISTED: Final = (("Case", "case"), ("What it proves", "proves"), ("File", "file"))
_CODES: Final = {CaseOutcome.BAD: USAGE, CaseOutcome.LAB: LAB, CaseOutcome.FAILED: FAILED, CaseOutcome.PASSED: PASSED}


def test(
    paths: Sequence[str],
    *,
    shipped: bool,
    listing: bool,
    only: Sequence[str],
    routers: Sequence[str],
    families: Sequence[str],
    settings: Sequence[str],
    jobs: int | None,
    report: Path | None,
    junit: Path | None,
    record: Path | None,
    require_routers: bool,
    how: RowFormat,
) -> int:
    """The command; returns the exit code."""
    scenarios = _loaded([*paths, *(all_shipped() if shipped else ())], _settings(settings))
    cases = [case for scenario in scenarios for case in scenario.cases if _wanted(case, only, routers, families)]
    if not cases:
        many = sum(len(scenario.cases) for scenario in scenarios)
        fail(USAGE, f"none of {count_of(many, 'case')} is left: look at --list without --only, --router and --family")
    on_namespaces = _check(scenarios, cases)
    proves = {scenario.file: scenario.proves for scenario in scenarios}
    if listing:
        rows = [{"case": str(case), "proves": proves[case.file], "file": str(case.file)} for case in cases]
        show(rows, _LISTED, how)
        return PASSED
    if on_namespaces:
        enter_namespaces()  # without them these cases are skipped, and say so
    return _played(cases, jobs, report, junit, record, require_routers, how)


def _loaded(paths: Sequence[str], settings: Mapping[str, str]) -> list[LoadedScenario]:
    if not paths:
        fail(USAGE, "name a scenario file or a directory of them, or say --shipped (see turnup test --help)")
    loaded: list[LoadedScenario] = []
    faults: list[str] = []
    try:
        for file in dict.fromkeys(found(paths)):
            try:
                loaded.append(load(file, settings))
            except TopologyError as error:
                faults += map(str, error.faults)
    except TopologyError as error:
        faults += map(str, error.faults)
    if faults:
        fail(USAGE, *faults)
    return loaded


def _settings(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            fail(USAGE, f"--set {text}: NAME=VALUE is wanted")
        found[name] = value
    return found


def _wanted(case: ScenarioCase, only: Sequence[str], routers: Sequence[str], families: Sequence[str]) -> bool:
    """A case whose matrix has no family has both; one whose matrix has no router is no router's."""
    named = not only or any(text in str(case) for text in only)
    right = not routers or case.variant.get("router") in routers
    return named and right and (not families or case.variant.get("family") in (*families, None))


def _check(scenarios: Sequence[LoadedScenario], cases: Sequence[ScenarioCase]) -> bool:
    """Whether a case needs network namespaces; ends with all that is wrong with any file, before a lab starts."""
    faults: dict[str, None] = {}
    links = set[LinkKind]()
    by_file = {scenario.file: scenario for scenario in scenarios}
    with scratch("turnup-test-") as folder:
        for case in cases:
            try:
                links.add(link_of(plan(by_file[case.file], case, folder).topology))
            except TopologyError as error:
                faults |= dict.fromkeys(map(str, error.faults))
    if faults:
        fail(USAGE, *faults)
    return LinkKind.NETNS in links


def _made(directory: Path | None) -> str:
    """A directory that is there, by its whole path; empty for none."""
    if directory is None:
        return ""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(USAGE, f"--record {directory}: {error.strerror}")
    return str(directory.absolute())


def _played(
    cases: Sequence[ScenarioCase],
    jobs: int | None,
    report: Path | None,
    junit: Path | None,
    record: Path | None,
    require_routers: bool,
    how: RowFormat,
) -> int:
    from rich.console import Console

    from simulator.cli.leftovers import remove_leftovers
    from simulator.scenarios.play import PlayOptions, play_all

    console = Console(stderr=True)
    if report is not None and report.exists() and not report.is_dir():
        fail(USAGE, f"--report {report}: this is a file: name a directory")
    remove_leftovers(console)
    results: list[CaseResult] = []

    def told(result: CaseResult) -> None:
        results.append(result)
        why = f": {result.text}" if result.text else ""
        line = f"{len(results):>4}/{len(cases)} {result.outcome.value:<10} {result.case} ({result.seconds:.1f} s){why}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
        if result.recording:
            warn(f"recording: {result.recording}")

    options = PlayOptions(str(report.absolute()) if report else "", _made(record), require_routers)
    interrupted = False
    try:
        results = play_all(cases, options, jobs, told)
    except KeyboardInterrupt:
        left = f"{len(cases) - len(results)} of {count_of(len(cases), 'case')} not played to the end"
        console.print(f"turnup: interrupted: the labs are taken down; {left}", highlight=False)
        interrupted = True
    if junit is not None:
        _write_junit(junit, results)
    _print(results, how)
    return INTERRUPTED if interrupted else _CODES[worst(results)]


def _write_junit(file: Path, results: Sequence[CaseResult]) -> None:
    from simulator.scenarios.junit import junit_xml

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(junit_xml(results))
    except OSError as error:
        fail(LAB, f"--junit {file}: {error.strerror}")


def _print(results: Sequence[CaseResult], how: RowFormat) -> None:
    if how is not RowFormat.table:
        show([_row(result) for result in results], (*_COLUMNS, ("Report", "report"), ("File", "file")), how)
        return
    for result in results:
        if result.detail:
            sys.stdout.write(f"\n{result.case}\n{result.detail}\n")
    counts = {outcome: sum(result.outcome is outcome for result in results) for outcome in CaseOutcome}
    words = [f"{count} {outcome.value}" for outcome, count in counts.items() if count]
    sys.stdout.write(f"{count_of(len(results), 'case')}: {', '.join(words) or 'none was played'}\n")


def _row(result: CaseResult) -> JsonObject:
    return {
        "case": str(result.case),
        "scenario": result.case.name,
        "values": dict(result.case.variant.values),
        "outcome": result.outcome.value,
        "seconds": round(result.seconds, 3),
        "text": result.text,
        "detail": result.detail,
        "report": result.report,
        "file": str(result.case.file),
        "proves": result.proves,
    }
