"""`turnup topologies`: the topologies that come with turnup."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.exit_codes import LAB, USAGE, fail
from simulator.cli.formats import FormatOption, RowFormat, show

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The topologies that come with turnup: list them, or copy one to start from.",
)


@app.command("list")
def list_(how: FormatOption = RowFormat.table) -> None:
    """List them, each with its first line."""
    rows = [{"name": name, "what": _first_line(file)} for name, file in sorted(_shipped().items())]
    show(rows, (("Name", "name"), ("What it is", "what")), how)


@app.command()
def copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of `turnup topologies list`.")],
    to: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to; the files keep their names.")] = Path(),
) -> None:
    """Copy one, with the files that it names. A file that is there already is not written over."""
    shipped = _shipped()
    if name not in shipped:
        fail(USAGE, f"there is no topology '{name}' (there are: {', '.join(sorted(shipped))})")
    text = shipped[name].read_text(encoding="utf-8")
    others = [file for file in _folder().iterdir() if not file.name.endswith(".yaml") and file.name in text]
    wanted = [shipped[name], *others]
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


def _shipped() -> dict[str, Traversable]:
    """Name → file."""
    return {file.name.removesuffix(".yaml"): file for file in _folder().iterdir() if file.name.endswith(".yaml")}


def _first_line(file: Traversable) -> str:
    return file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ").rstrip(".")
