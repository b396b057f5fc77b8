"""The table of all commands and formats in docs/cli.md, drawn from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.cli.app import COMMANDS, load


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command below one with its full name; itself where it has none."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
    for word, each in (below or {}).items():
        yield from leaves(each, f"{name} {word}")


def every_command() -> list[tuple[str, Any]]:
    """Every command with its full name, in the order of `turnup --help`."""
    return [leaf for command in COMMANDS for leaf in leaves(load(command), command.name)]


def table() -> str:
    """A row a command: what it does, how it prints, and which variables it reads."""
    lines = ["| Command | What it does | Output | Variables |", "|---|---|---|---|"]
    for name, command in every_command():
        variables = sorted({f"`{each.envvar}`" for each in command.params if each.envvar})
        what = str(command.help).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        lines.append(f"| `{name}` | {what} | {_formats(command)} | {' '.join(variables)} |")
    return "\n".join(lines)


def _formats(command: Any) -> str:
    options = {option: each for each in command.params for option in each.opts}
    if "--format" in options and (choices := options["--format"].type_descriptor.choices):
        return ", ".join(choice.value for choice in choices)
    return "text, `--json`" if "--json" in options else "text"
