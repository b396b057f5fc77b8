"""`turnup topologies`: the topologies, scenarios and faults that come with turnup."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from simulator.cli.exit_codes import LAB, USAGE, fail
from simulator.cli.formats import FormatOption, RowFormat, show
from simulator.topology.suggest import did_you_mean

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The topologies and scenarios that come with turnup: list them, or copy one to start from.",
)

_KINDS: Final = (
    ("topology", "", ".yaml"),
    ("scenario", "scenarios", ".scenario.yaml"),
    ("fault", "faults", ".yaml"),
)
"""What a file is, the folder it is in, and how its name ends."""


@app.command("list")
def list_(how: FormatOption = RowFormat.table) -> None:
    """List topologies and scenarios, each with its first line; `turnup fault list` has the faults."""
    rows = [
        {"name": _name(kind, name), "kind": kind, "what": _first_line(file)}
        for (kind, name), file in _shipped().items()
        if kind != "fault"
    ]
    show(rows, (("Name", "name"), ("Kind", "kind"), ("What it is", "what")), how)


@app.command()
def copy(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="One of `turnup topologies list`, or of `turnup fault list`.")
    ],
    to: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to; the files keep their names.")] = Path(),
) -> None:
    """Copy one, with the files that it names. A file that is there already is not written over."""
    shipped = _shipped()
    found = next(
        (file for (kind, known), file in shipped.items() if name in (known, file.name, _name(kind, known))), None
    )
    if found is None:
        known = {_name(kind, each): None for kind, each in shipped}
        hint = did_you_mean(name, known) or " (turnup topologies list has them, and turnup fault list the faults)"
        fail(USAGE, f"there is no topology, scenario or fault '{name}'{hint}")
    text = found.read_text(encoding="utf-8")
    others = [file for file in _folder().iterdir() if file.is_file() and not file.name.endswith(".yaml")]
    wanted = [found, *(file for file in others if file.name in text)]
    if there := [to / file.name for file in wanted if (to / file.name).exists()]:
        fail(USAGE, f"{there[0]} is there already: copy into another directory")
    try:
        to.mkdir(parents=True, exist_ok=True)
        for file in wanted:
            (to / file.name).write_bytes(file.read_bytes())
            typer.echo(str(to / file.name))
    except OSError as error:
        fail(LAB, f"{error.filename or to}: {error.strerror}")


def _folder() -> Traversable:
    return files("simulator").joinpath("topologies")


def _shipped() -> dict[tuple[str, str], Traversable]:
    """(kind, name) → file, kind by kind, in the order of their names."""
    return {
        (kind, file.name.removesuffix(ending)): file
        for kind, folder, ending in _KINDS
        for file in sorted(_folder().joinpath(folder).iterdir(), key=lambda file: file.name)
        if file.name.endswith(ending)
    }


def _name(kind: str, name: str) -> str:
    """As `copy` takes it: a scenario may be called as a topology is."""
    return f"{name}.scenario.yaml" if kind == "scenario" else name


def _first_line(file: Traversable) -> str:
    return file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ").rstrip(".")
