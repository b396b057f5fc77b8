"""An option whose values are words takes them in any case: every option of every command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from simulator.cli.app import COMMANDS, app, load


def parameters(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for below, each in (getattr(command, "commands", None) or {}).items():
        yield from parameters(each, f"{path} {below}")
    for param in command.get_params(typer.Context(command)):
        yield f"{path} {param.name}", param


def enumerations(annotation: Any) -> list[type[Enum]]:
    inner = [found for each in get_args(annotation) for found in enumerations(each)]
    return [annotation, *inner] if isinstance(annotation, type) and issubclass(annotation, Enum) else inner


_CHOICES = {
    name: (param, kinds)
    for command in COMMANDS
    for name, param in parameters(load(command), command.name)
    if (described := getattr(param, "type_descriptor", None)) and (kinds := enumerations(described.annotation))
}


@pytest.mark.parametrize("name", _CHOICES)
@pytest.mark.parametrize("write", [str.upper, str.lower, str.swapcase, str.title])
def test_a_choice_is_taken_in_any_case(name: str, write: Any) -> None:
    param, (kind, *_) = _CHOICES[name]
    for choice in kind:
        given = write(str(choice.value))
        found = param.process_value(None, [given] if param.multiple else given)
        assert found == ([choice] if param.multiple else choice)


def test_there_are_choices() -> None:
    assert {"test family", "test router", "fault run router", "routes state"} <= {*_CHOICES}


@pytest.mark.parametrize(
    "words",
    [
        "policy explain --prefix 203.0.113.0/24 --as-path 64496 --profile EXCHANGE --json",
        "policy check - --input-format Json --profile Direct",
        "policy diff Exchange DIRECT --routes - --input-format JSON",
        "config topologies/exchange.yaml contoso --format JunOS",
        "init DIRECTORY --yes --ci GitLab --router BIRD --kind exchange",
    ],
)
def test_a_word_of_a_table_is_taken_in_any_case(words: str, tmp_path: Any) -> None:
    route = json.dumps({"prefix": "203.0.113.0/24", "as-path": "64496", "next-hop": "192.0.2.1"})
    done = CliRunner().invoke(app, words.replace("DIRECTORY", str(tmp_path / "a")).split(), input=route)
    assert done.exit_code in (0, 1), done.stderr
