"""The `turnup` command: the table of its commands. One is imported only when it is called."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

import simulator
from simulator import compiled
from simulator.cli.coercion import spare
from simulator.cli.exit_codes import INTERRUPTED, PASSED, USAGE, fail, warn


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table of commands."""

    name: str
    place: str
    """The module, and the name there: of a function, of a `typer.Typer`, or `register`, which adds several."""
    help: str
    """How the command's own help begins."""
    panel: str = "Commands"


def _panel(panel: str, *rows: tuple[str, str, str]) -> Iterator[Command]:
    return (Command(*row, panel=panel) for row in rows)


_OPERATE: Final = "operate:register"
COMMANDS: Final = (
    *_panel(
        "Commands",
        (
            "init",
            "commands.init:init",
            "Write a topology, a test and a CI workflow that work at once: your own rehearsal.",
        ),
        ("rehearse", "commands.rehearse:rehearse", "Play a topology's whole life cycle through on real BGP sessions."),
        ("test", "commands.test:test", "Play scenario files, and compare what happens with what they expect."),
        (
            "campaign",
            "commands.campaign:campaign",
            "Run scenarios and topologies with each router, family, security and fault, all at once.",
        ),
        ("replay", "commands.replay:replay", "Play a recording again, without sockets or daemons."),
        ("import", "commands.import_:import_", "Make a recording of a packet capture, or of MRT messages."),
        ("validate", "commands.validate:validate", "Lint a topology: every error with file, line and what to do."),
        ("preflight", "commands.preflight:preflight", "Compare both sides' configurations before any session."),
        ("schema", "commands.schema:schema", "Print the topology files' JSON Schema, for editors."),
        ("config", "commands.config:config", "Print the configuration of a peer's router."),
        ("routes", "commands.routes:routes", "Show every route that a peer announces, with the verdict on it."),
        ("check", "commands.check:app", "The checks of a validation."),
        ("policy", "commands.policy:app", "Ask before you connect: what would the lifted policy accept?"),
        ("edge", "commands.edge:edge", "Run one stand-alone AS8075 speaker, to point any router at."),
        ("serve", "commands.serve:serve", "Serve the Microsoft.Peering API over a running lab."),
        ("fault", "commands.fault:app", "Mistakes to rehearse, each with the diagnosis that must come of it."),
        ("location", "commands.location:location", "Where Microsoft peers."),
        ("topologies", "commands.topologies:app", "The topologies and scenarios that come with turnup."),
        ("report", "commands.report:app", "Compare the reports of two rehearsals."),
        (
            "bench",
            "commands.bench:app",
            "How fast turnup is beside real daemons that do the same work on this machine.",
        ),
        ("enter", "commands.enter:enter", "Enter a node of a running lab: its router's console, or a shell."),
        ("clean", "commands.clean:clean", "Remove what an earlier run left behind when it was killed."),
    ),
    *_panel(
        "Microsoft's side of a running server",
        ("status", _OPERATE, "Every session of a running server."),
        ("events", _OPERATE, "The event log of a running server, oldest first."),
        ("checks", _OPERATE, "The checks of the last validation, with what is wrong."),
        ("settings", _OPERATE, "How Microsoft's side of a running server behaves."),
        ("approve", _OPERATE, "Microsoft approves the request."),
        ("reject", _OPERATE, "Microsoft rejects the request."),
        ("ask", _OPERATE, "Microsoft asks the peer about its request."),
        ("notify", _OPERATE, "The peer notifies Microsoft that it is configured."),
        ("deprovision", _OPERATE, "The peering is set for deprovisioning."),
        ("block", _OPERATE, "Something outside Microsoft blocks the peering."),
        ("unblock", _OPERATE, "The blocker is gone: the request is reviewed again."),
        ("deny", _OPERATE, "DENY ALL now, on sessions that stay Established."),
        ("revalidate", _OPERATE, "DENY ALL again, until the connection is validated again."),
        ("advance", _OPERATE, "Do now what the connection waits for."),
        ("request-type-change", _OPERATE, "A change of the peering's type is requested."),
        ("start-type-change", _OPERATE, "Microsoft starts the change of type."),
        ("complete-type-change", _OPERATE, "The new type is provisioned from the start."),
    ),
    *_panel(
        "The peer's side of a running server (as az peering)",
        ("asn", "azure.asns:asn", "PeerAsns: the ASN that you may peer with."),
        ("peering", "azure.peerings:peering", "Peerings: request, look at, change and delete them."),
        ("legacy", "azure.places:legacy", "Legacy peerings: they run already."),
        ("received-route", "azure.places:received_route", "What Microsoft received from you."),
        ("registered-asn", "azure.below:registered_asn", "Customers' ASNs behind an exchange route server."),
        ("registered-prefix", "azure.below:registered_prefix", "Prefixes registered for Peering Service."),
        ("service", "azure.services:service", "Peering services: a customer's side."),
    ),
)
_BY_NAME: Final = {command.name: command for command in COMMANDS}


def load(command: Command) -> Any:
    """Import a command: the object that typer makes of it."""
    module, _, attribute = command.place.partition(":")
    found = getattr(importlib.import_module(f"simulator.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        return spare(get_group(found))
    app = _new_app()
    if attribute == "register":
        found(app)
        return spare(get_group(app).commands[command.name])
    app.command(command.name)(found)
    return spare(get_command(app))


@contextlib.contextmanager
def _interruption_told() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        warn("interrupted")
        raise typer.Exit(INTERRUPTED) from None


def _fail_usage(error: Any) -> NoReturn:
    """One line for a wrong usage; a group that was called without a command has its whole help as the message."""
    text, context = error.format_message().replace("Value error, ", ""), getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(text, err=True)
        raise SystemExit(USAGE)
    command = context.command_path if context is not None else "turnup"
    fail(USAGE, f"{text.rstrip('.')} (see {command} --help)")


class _Commands(TyperGroup):
    """A group that knows its commands by the table, and imports the one that is called."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        names: Any = dict.fromkeys(_BY_NAME)
        self.commands = names  # for "did you mean"
        spare(self)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """As typer does it, but a wrong usage is one line, and what ends the process is left to `cli.main`."""
        try:
            code = super().main(*arguments, **{**options, "standalone_mode": False})
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            _fail_usage(error)
        raise SystemExit(code if isinstance(code, int) else PASSED)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _interruption_told():
            return super().make_context(*arguments, **options)

    def invoke(self, context: Any) -> Any:
        with _interruption_told():
            return super().invoke(context)

    def list_commands(self, _context: Any) -> list[str]:
        return list(_BY_NAME)

    def get_command(self, _context: Any, name: str) -> Any:
        return load(_BY_NAME[name]) if name in _BY_NAME else None

    def format_commands(self, _context: Any, formatter: Any) -> None:
        for panel, commands in groupby(COMMANDS, lambda command: command.panel):
            with formatter.section(panel):
                formatter.write_dl([(command.name, command.help) for command in commands])


def _new_app(**options: Any) -> typer.Typer:
    # Plain help: rich takes longer to import than all the rest.
    settings = {"help_option_names": ["-h", "--help"]}
    return typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=settings,
        add_completion=bool(options),
        **options,
    )


app = _new_app(
    name="turnup",
    cls=_Commands,
    no_args_is_help=True,
    epilog="Exit codes: 0 passed · 1 a check or expectation failed · 2 bad usage or bad topology · "
    "3 the lab itself failed · 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"turnup {simulator.__version__} ({compiled.code()})")
        raise typer.Exit


@app.callback()
def turnup(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Rehearse the turn-up of BGP sessions with Microsoft (AS8075) before the maintenance window.

    Simulated AS8075 edges bring your sessions up under a DENY ALL policy, validate them end to end, and lift the policy
    only when the peering connection becomes Active. That state and the BGP state (which has an Active of its own,
    meaning the opposite) are always shown side by side.

    Start here: turnup rehearse topologies/exchange.yaml
    """
