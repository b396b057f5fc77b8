"""What `turnup fault` does."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from simulator.cli.exit_codes import FAILED, INTERRUPTED, LAB, PASSED, USAGE, fail
from simulator.cli.formats import RowFormat, show
from simulator.cli.leftovers import remove_leftovers
from simulator.cli.link_choice import choose_link
from simulator.diagnosis.causes import CAUSES
from simulator.faults.cell import CellResult, FaultCell
from simulator.faults.cell import run as run_cell
from simulator.faults.load import FaultFileError, load, matching, shipped
from simulator.faults.matrix import cells_of, healthy_cells, jobs_by_default, markdown, pooled, run_all
from simulator.faults.mutations import Mutation, MutationOutcome, MutationResult, try_out
from simulator.faults.schema import FAMILIES, ROUTERS, RehearsedFault
from simulator.faults.verdict import CellVerdict
from simulator.topology.load import load as load_topology

_COLUMNS: Final = (
    ("Fault", "fault"),
    ("Router", "router"),
    ("Family", "family"),
    ("Verdict", "verdict"),
    ("Named", "named"),
    ("Why", "detail"),
)
_PART: Final = re.compile(r"(<!-- written by: turnup fault run --all -->\n).*?(<!-- end -->)", re.DOTALL)
_CHOICES: Final = 6


def _load(name: str) -> RehearsedFault:
    try:
        return load(name)
    except FaultFileError as error:
        fail(USAGE, *map(str, error.faults))


def _named(names: Sequence[str]) -> list[str]:
    """Each fault once: a pattern stands for those shipped faults whose names it matches."""
    try:
        return list(dict.fromkeys(each for name in names for each in matching(name)))
    except FaultFileError as error:
        fail(USAGE, *map(str, error.faults))


def list_all(how: RowFormat) -> None:
    """`turnup fault list`."""
    rows = [
        {"name": name, "side": fault.side, "cause": _expected(fault), "title": fault.title}
        for name, fault in ((name, _load(name)) for name in shipped())
    ]
    show(rows, (("Name", "name"), ("Who acts", "side"), ("Cause", "cause"), ("What is wrong", "title")), how)


def _expected(fault: RehearsedFault) -> str:
    if fault.pair:
        return ", ".join(fault.pair)
    return ", ".join(each.cause for each in fault.expect.causes) or f"refused: {fault.expect.refused}"


def show_one(name: str) -> None:
    """`turnup fault show`: the file as it stands, and where it does not apply."""
    fault = _load(name)
    sys.stdout.write(shipped().get(name, Path(name)).read_text(encoding="utf-8"))
    for router in ROUTERS:
        reasons = {family: fault.inapplicable(router, family).removeprefix(f"{family}: ") for family in FAMILIES}
        both = reasons["IPv4"] if len(set(reasons.values())) == 1 else ""
        words = both or "; ".join(f"{family}: {why}" for family, why in reasons.items() if why)
        sys.stdout.write(f"# {router}: {f'not applicable: {words}' if words else 'applies'}\n")


def _require_namespaces() -> None:
    """Every lab of a fault stands on network namespaces."""
    from importlib.resources import as_file, files

    with as_file(files("simulator").joinpath("topologies/exchange-bird.yaml")) as path:
        choose_link(load_topology(path), "netns")


def run_faults(
    names: Sequence[str],
    every: bool,
    routers: Sequence[str],
    families: Sequence[str],
    jobs: int | None,
    write: Path | None,
    record: Path | None,
    how: RowFormat,
) -> int:
    """`turnup fault run`; returns the exit code."""
    if every == bool(names):
        fail(USAGE, "name faults, or say --all")
    if write is not None and not (every and not routers and not families):
        fail(USAGE, "--write takes the whole table: say --all, and neither --router nor --family")
    page = _page(write) if write is not None else ""
    faults = {each: _load(each) for each in (shipped() if every else _named(names))}
    cells = cells_of(faults.items(), routers, families)
    if every:
        cells = [*healthy_cells(routers), *cells]
    _require_namespaces()
    if record is not None:
        record.mkdir(parents=True, exist_ok=True)
        cells = [replace(cell, record=str(record.absolute())) for cell in cells]
    from rich.console import Console

    console = Console(stderr=True)
    remove_leftovers(console)
    done: list[CellResult] = []

    def told(result: CellResult) -> None:
        done.append(result)
        if result.outcome.verdict is not CellVerdict.INAPPLICABLE:
            console.print(_progress(len(done), len(cells), result), highlight=False, markup=False, soft_wrap=True)

    try:
        results = run_all(cells, jobs or jobs_by_default(), told)
    except KeyboardInterrupt:
        console.print(f"turnup: interrupted after {len(done)} of {len(cells)}: the labs are taken down")
        show([_row(result) for result in done], _COLUMNS, how)
        return INTERRUPTED
    show([_row(result) for result in results], _COLUMNS, how)
    if not every and how is RowFormat.table:
        for result in results:
            whose = f"{result.cell.fault} " if len(faults) > 1 else ""
            for text in result.outcome.texts:
                sys.stdout.write(f"{whose}{result.cell.router} {result.cell.family}: {text}\n")
    if write is not None:
        write.write_text(_PART.sub(lambda part: f"{part[1]}{markdown(results, faults)}\n{part[2]}", page), "utf-8")
    verdicts = {result.outcome.verdict for result in results}
    if CellVerdict.ERROR in verdicts:
        return LAB
    return PASSED if all(verdict.good for verdict in verdicts) else FAILED


def _page(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        fail(USAGE, f"--write {path}: {error.strerror}")
    if not _PART.search(text):
        fail(USAGE, f"--write {path}: there is no `<!-- written by: turnup fault run --all -->` with an end in it")
    return text


def _progress(done: int, of: int, result: CellResult) -> str:
    cell, outcome = result.cell, result.outcome
    why = f": {outcome.detail}" if outcome.detail else ""
    what = f"{cell.fault} {cell.router} {cell.family}"
    asking = f", diagnosis in {outcome.asking:.1f} s" if outcome.asking else ""
    return f"{done:>4}/{of} {outcome.verdict.value:<8} {what} ({result.seconds:.0f} s{asking}){why}"


def _row(result: CellResult) -> dict[str, Any]:
    cell, outcome = result.cell, result.outcome
    return {
        "fault": cell.fault,
        "router": cell.router,
        "family": cell.family,
        "verdict": outcome.verdict.value,
        "named": ", ".join(outcome.causes),
        "detail": outcome.detail,
        "diagnosisSeconds": None if outcome.asking is None else round(outcome.asking, 3),
    }


# --- mutated configurations ---


def run_mutations(routers: Sequence[str], count: int, seed: int, jobs: int | None, how: RowFormat) -> int:
    """`turnup fault mutate`; returns the exit code."""
    daemons = [router for router in ROUTERS if router != "simulated"]
    if "simulated" in routers:
        fail(USAGE, f"--router simulated: it has no configuration (one of {', '.join(daemons)})")
    _require_namespaces()
    from rich.console import Console

    console = Console(stderr=True)
    remove_leftovers(console)
    wanted = [Mutation(router, number, seed) for router in routers or daemons for number in range(1, count + 1)]
    done: list[MutationResult] = []

    def told(result: MutationResult) -> None:
        done.append(result)
        words = f"{result.mutation.router} {result.change}: {', '.join(result.causes) or result.detail}"
        line = f"{len(done):>4}/{len(wanted)} {result.outcome.value:<8} {words}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    def failed(mutation: Mutation, why: str) -> MutationResult:
        return MutationResult(mutation, "", MutationOutcome.SILENT, detail=why)

    try:
        results = pooled(try_out, wanted, jobs or jobs_by_default(), told, failed)
    except KeyboardInterrupt:
        console.print(f"turnup: interrupted after {len(done)} of {len(wanted)}: the labs are taken down")
        show([_mutation_row(result) for result in done], _MUTATION_COLUMNS, how)
        return INTERRUPTED
    show([_mutation_row(result) for result in results], _MUTATION_COLUMNS, how)
    return PASSED if all(result.outcome.good for result in results) else FAILED


_MUTATION_COLUMNS: Final = (
    ("Router", "router"),
    ("No.", "number"),
    ("Change", "change"),
    ("Outcome", "outcome"),
    ("Named", "named"),
    ("Why", "detail"),
)


def _mutation_row(result: MutationResult) -> dict[str, Any]:
    return {
        "router": result.mutation.router,
        "number": result.mutation.number,
        "change": result.change,
        "outcome": result.outcome.value,
        "named": ", ".join(result.causes),
        "detail": result.detail,
    }


# --- find the fault ---


def run_blind(names: Sequence[str], routers: Sequence[str], families: Sequence[str]) -> int:
    """`turnup fault run --blind`: inject one, ask, check the answer."""
    if names:
        fail(USAGE, "--blind chooses the fault itself: leave the name out")
    if not sys.stdin.readable():
        fail(USAGE, "--blind: there is nobody to ask")
    _require_namespaces()
    cell, fault = _any_cell(routers, families)
    sys.stdout.write(f"A lab with a {cell.router} router and one fault is rehearsed: some seconds.\n")
    sys.stdout.flush()
    result = run_cell(cell)
    if result.outcome.verdict is CellVerdict.ERROR:
        fail(LAB, result.outcome.detail)
    sys.stdout.write("\n".join(["What the checks found:", *(f"  {line}" for line in result.outcome.findings), ""]))
    right = [each.cause for each in fault.expected(cell.router).causes]
    choices = _choices(right)
    sys.stdout.write("Which cause is it?\n")
    for number, id_ in enumerate(choices, 1):
        sys.stdout.write(f"  {number}. {id_}\n")
    sys.stdout.write("Its number or its id: ")
    sys.stdout.flush()
    answer = sys.stdin.readline().strip()
    named = choices[int(answer) - 1] if answer.isdecimal() and 1 <= int(answer) <= len(choices) else answer
    story = "\n".join(result.outcome.texts)
    if named in right:
        sys.stdout.write(f"\nRight: {fault.title} ({fault.name}).\n{story}\n")
        return PASSED
    sys.stdout.write(f"\nNo: it was {', '.join(right)}: {fault.title} ({fault.name}).\n{story}\n")
    return FAILED


def _any_cell(routers: Sequence[str], families: Sequence[str]) -> tuple[FaultCell, RehearsedFault]:
    faults = {name: _load(name) for name in shipped()}
    cells = [
        cell
        for cell in cells_of(faults.items(), routers, families)
        if (fault := faults[cell.fault]).expect.causes and not fault.inapplicable(cell.router, cell.family)
    ]
    if not cells:
        fail(USAGE, "--blind: no fault applies to this router and family")
    cell = random.choice(cells)
    return cell, faults[cell.fault]


def _choices(right: Sequence[str]) -> list[str]:
    others = [row.id for row in CAUSES if row.id not in right]
    return sorted([*right, *random.sample(others, _CHOICES - len(right))])
