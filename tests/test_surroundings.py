"""No option of a command, set where the tests are run, reaches a command that a test runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from simulator.cli.app import app
from tests.surroundings import REQUIRE, STEERING, required, settle


def _options(command: Any) -> Iterator[str]:
    """The environment variables that a command and those below it read."""
    for parameter in command.params:
        names = parameter.envvar or ()
        yield from [names] if isinstance(names, str) else names
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from _options(command.get_command(context, name))


OPTIONS = sorted(set(_options(get_command(app))))


def test_every_option_is_taken_out_and_what_steers_the_tests_stays() -> None:
    assert REQUIRE in OPTIONS and "TURNUP_FORMAT" in OPTIONS and not STEERING & set(OPTIONS)
    environment = dict.fromkeys([*OPTIONS, *STEERING, "HOME"], "1")
    settle(environment)
    assert not set(OPTIONS) & environment.keys()
    assert {*STEERING, "HOME"} <= environment.keys() and required(environment)


def test_it_is_so_where_this_test_runs() -> None:
    assert not set(OPTIONS) & os.environ.keys()


def test_what_is_imported_is_compiled_once() -> None:
    """By this process, a worker where there are some, and by the commands that it starts."""
    code = "import sys; print(sys.dont_write_bytecode)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (sys.dont_write_bytecode, done.stdout) == (False, "False\n")


def test_only_one_requires() -> None:
    for value, is_required in (("1", True), ("0", False), ("", False)):
        environment = {REQUIRE: value}
        settle(environment)
        assert required(environment) is is_required
