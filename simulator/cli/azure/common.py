"""What the commands that mirror `az peering` share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from simulator.azure.rest.ids import NAME_RULE, is_name
from simulator.cli.coercion import any_case
from simulator.cli.exit_codes import USAGE, fail
from simulator.cli.formats import JsonObject


def valid_name(name: str) -> str:
    """A resource's name, which cannot make another path of the one that it stands in."""
    if not is_name(name):
        fail(USAGE, f"--name {name}: is no resource's name: {NAME_RULE}")
    return name


PeeringKindOption = Annotated[str, typer.Option(callback=any_case("Exchange", "Direct"), help="Exchange or Direct.")]
NameOption = Annotated[str, typer.Option("--name", "-n", callback=valid_name, help="Its name.")]
PeeringNameOption = Annotated[str, typer.Option("--peering-name", callback=valid_name, help="The peering's name.")]


def new_app(what: str) -> typer.Typer:
    return typer.Typer(no_args_is_help=True, help=what, rich_markup_mode=None, pretty_exceptions_enable=False)


def scope(subscription: str, group: str = "") -> str:
    middle = f"/resourceGroups/{group}" if group else ""
    return f"/subscriptions/{subscription}{middle}/providers/Microsoft.Peering"


def pairs(text: str, option: str) -> dict[str, str]:
    """`role=Noc email=noc@example.net` as a dictionary."""
    found = {}
    for part in text.split():
        name, equals, value = part.partition("=")
        if not equals:
            fail(USAGE, f"{option} '{text}': write it as name=value, separated by spaces")
        found[name] = value
    return found


def json_object(text: str, option: str) -> JsonObject:
    """JSON, or `@FILE` that holds it."""
    try:
        content = Path(text[1:]).read_text() if text.startswith("@") else text
        found = json.loads(content)
    except OSError as error:
        fail(USAGE, f"{option} {text}: {error.strerror}")
    except ValueError as error:
        fail(USAGE, f"{option}: not JSON ({error})")
    if not isinstance(found, dict):
        fail(USAGE, f"{option}: a JSON object is wanted")
    return found
