"""The table of all commands and formats in docs/cli.md, drawn from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.cli.app import COMMANDS, load
from simulator.cli.formats import RowFormat


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
    heads = ["Command", "What it does", *RowFormat, "Other output", "Variables"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name, command in every_command():
        variables = sorted({f"`{each.envvar}`" for each in command.params if each.envvar})
        what = str(command.help).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        formats = formats_of(command)
        cells = [f"`{name}`", what, *("yes" if each in formats else "" for each in RowFormat)]
        cells += [", ".join(f"`{option}`" for option in _others(command)), " ".join(variables)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def formats_of(command: Any) -> tuple[RowFormat, ...]:
    """What `--format` takes of the three; none for a command that prints no rows. `config` has its list of peers."""
    return tuple(RowFormat) if "--format" in _options(command) else ()


def _others(command: Any) -> list[str]:
    """The options for what is no table."""
    writes = ("--birdwatcher", "--birdwatcher-dir", "--mrt", "--mrt-updates", "--pcap", "--report", "--markdown")
    return [option for option in (*writes, "--output") if option in _options(command)]


def _options(command: Any) -> set[str]:
    return {option for each in command.params for option in each.opts}
