"""The `turnup` command."""

from __future__ import annotations

import json
from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

import typer

import simulator
from simulator.cli import asked, azure, operate
from simulator.cli import config as config_command
from simulator.cli import policy as policy_command
from simulator.cli import routes as routes_command
from simulator.cli.exits import LAB, USAGE, fail
from simulator.cli.location import location

app = typer.Typer(
    name="turnup",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 passed · 1 a check or expectation failed · 2 bad usage or bad topology · "
    "3 the lab itself failed · 130 interrupted.",
)

TopologyFile = Annotated[
    Path, typer.Argument(metavar="TOPOLOGY", help="A topology file, such as topologies/exchange.yaml.")
]


class LinkOption(StrEnum):
    """Names of --link."""

    loopback = "loopback"
    netns = "netns"
    interface = "interface"
    auto = "auto"


class StateOption(StrEnum):
    """Names of edge --state."""

    validating = "Validating"
    active = "Active"


class LimitOption(StrEnum):
    """Names of edge --over-limit."""

    warn = "warn"
    block = "block"
    cease = "cease"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"turnup {simulator.__version__}")
        raise typer.Exit


@app.callback()
def turnup(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Rehearse the turn-up of BGP sessions with Microsoft (AS8075) before the maintenance window.

    Simulated AS8075 edges bring your sessions up under a DENY ALL policy, validate them end to end, and lift the policy
    only when the peering [bold]connection[/bold] becomes Active. That state and the [bold]BGP[/bold] state (which has
    an Active of its own, meaning the opposite) are always shown side by side.

    Start here: [cyan]turnup rehearse topologies/exchange.yaml[/cyan]
    """


@app.command()
def rehearse(
    topology: TopologyFile,
    link: Annotated[
        LinkOption | None, typer.Option(envvar="TURNUP_LINK", help="Override the topology's link.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            envvar="TURNUP_REPORT",
            metavar="DIR",
            help="Write report.html, report.json, junit.xml, events.jsonl and wire.pcap here.",
        ),
    ] = None,
    soak: Annotated[
        float | None, typer.Option(envvar="TURNUP_SOAK", min=0, metavar="S", help="Override the soak time, in seconds.")
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            envvar="TURNUP_DEADLINE", min=0.1, metavar="S", help="Override the validation's deadline, in seconds."
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", envvar="TURNUP_PLAIN", help="Plain lines, also on a terminal.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print report.json to standard output, the rest to standard error.")
    ] = False,
    step: Annotated[
        bool, typer.Option("--step", help="Wait for Enter before each step of the life cycle; needs a terminal.")
    ] = False,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            envvar="TURNUP_FORMAT",
            metavar="NAME",
            help="The language of the configuration that is printed for an external router, as of `turnup config`.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Play a topology's whole life cycle through on real BGP sessions.

    From the request over DENY ALL, the validation and the lift of the policy to the deprovisioning.
    """
    from simulator.cli.rehearse import rehearse as run

    wanted = link.value if link else None
    raise typer.Exit(
        run(
            topology,
            link=wanted,
            report=report,
            soak=soak,
            deadline=deadline,
            plain=plain,
            as_json=as_json,
            step=step,
            format_=format_,
        )
    )


@app.command()
@asked.takes(judging=asked.judging)
def edge(
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Where to listen, e.g. 127.0.0.2:1790 or [::1]:1790.")
    ],
    peer: Annotated[str, typer.Option(metavar="ADDRESS|any", help="Who may call.")] = "any",
    peer_as: Annotated[str, typer.Option(metavar="ASN|any", help="The ASN that its OPEN must carry.")] = "any",
    local_as: Annotated[int, typer.Option(min=1, max=4294967295, help="Our ASN.")] = 8075,
    peer_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port to dial; that of --listen where omitted.", show_default=False),
    ] = None,
    md5: Annotated[
        str | None, typer.Option(envvar="TURNUP_MD5", metavar="KEY", help="TCP MD5 key (needs --peer).")
    ] = None,
    gtsm: Annotated[bool, typer.Option("--gtsm", help="TTL security (RFC 5082).")] = False,
    announce: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Routes to announce: ExaBGP's syntax or bare prefixes, one a line."),
    ] = None,
    state: Annotated[
        StateOption, typer.Option(help="The connection state: Validating denies everything, Active lifts the policy.")
    ] = StateOption.validating,
    passive: Annotated[bool, typer.Option("--passive", help="Never dial.")] = False,
    max_prefixes: Annotated[
        int | None, typer.Option(min=1, help="How many prefixes the peer may announce.", show_default=False)
    ] = None,
    over_limit: Annotated[LimitOption, typer.Option(help="What more prefixes than that lead to.")] = LimitOption.warn,
    hold_time: Annotated[int, typer.Option(min=0, max=65535, help="Hold time in seconds: 0, or at least 3.")] = 90,
    router_id: Annotated[
        str | None, typer.Option(metavar="A.B.C.D", help="BGP Identifier.", show_default=False)
    ] = None,
    *,
    judging: asked.Judging,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """One stand-alone AS8075 speaker: point any router at it and read its verdict on every route.

    Ctrl-C ends it: every session is closed with a Cease, and the exit code is 0.
    """
    from simulator.cli import edge as command
    from simulator.connection.states import ConnectionState
    from simulator.session.md5 import md5_fault

    try:
        where = command.endpoint(listen)
        who = None if peer == "any" else command.address(peer)
        if who is not None and who.version != where.host.version:
            raise ValueError(f"--peer {peer} and --listen {listen} are of different address families")
        if peer_as != "any" and not (peer_as.isdigit() and 1 <= int(peer_as) <= 4294967295):
            raise ValueError(f"--peer-as '{peer_as}' is no ASN (1 to 4294967295, or any)")
        if md5 and who is None:
            raise ValueError("--md5 needs --peer: the kernel keeps MD5 keys by address")
        if md5 and (fault := md5_fault(md5)):
            raise ValueError(f"--md5 {fault}")
        if hold_time in (1, 2):
            raise ValueError("--hold-time is 0 or at least 3 seconds (RFC 4271 §4.2)")
        identifier = (
            IPv4Address(router_id)
            if router_id
            else where.host
            if where.host.version == 4 and not where.host.is_unspecified
            else IPv4Address("10.80.75.1")
        )
        if not int(identifier):
            raise ValueError("--router-id 0.0.0.0 is no BGP Identifier (RFC 6286 §2.1)")
        routes = command.read_announcements(announce, where.host) if announce else ()
        options = command.EdgeOptions(
            listen=where,
            peer=who,
            peer_as=None if peer_as == "any" else int(peer_as),
            peer_port=peer_port or where.port,
            local_as=local_as,
            state=ConnectionState(state.value),
            md5=md5,
            gtsm=gtsm,
            passive=passive,
            policy=command.policy_options(judging, routes, local_as),
            max_prefix=command.max_prefix(max_prefixes, over_limit.value),
            hold_time=hold_time,
            router_id=IPv4Address(str(identifier)),
            announcements=tuple(routes),
        )
    except OSError as error:
        fail(USAGE, f"--announce {announce}: {error.strerror}")
    except ValueError as error:
        fail(USAGE, str(error))
    raise typer.Exit(command.edge(options, as_json=as_json))


@app.command()
def serve(
    topology: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TOPOLOGY]",
            help="A topology file; by default the exchange that comes with turnup.",
            envvar="TURNUP_TOPOLOGY",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(envvar="TURNUP_PORT", min=0, max=65535, help="0: one of the kernel's choice.")
    ] = 8075,
    host: Annotated[str, typer.Option(envvar="TURNUP_HOST", help="The address to listen on.")] = "127.0.0.1",
    database: Annotated[
        str | None,
        typer.Option(
            envvar="TURNUP_DATABASE",
            metavar="URL",
            help="sqlite:///FILE or postgresql://USER@HOST/NAME; by default an SQLite file named after the topology.",
        ),
    ] = None,
    token: Annotated[
        str, typer.Option(envvar="TURNUP_TOKEN", help="Callers must send it as a bearer token.", show_envvar=True)
    ] = "",
    link: Annotated[
        LinkOption | None, typer.Option(envvar="TURNUP_LINK", help="Override the topology's link.", show_default=False)
    ] = None,
    peeringdb: Annotated[
        Path | None,
        typer.Option(
            envvar="TURNUP_PEERINGDB", metavar="FILE", help="A PeeringDB export instead of the embedded list."
        ),
    ] = None,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Nothing is approved, notified or removed by itself.")
    ] = False,
    realistic: Annotated[
        bool, typer.Option("--realistic", help="Reviews of half a day and a day, passing 7,200 times faster.")
    ] = False,
) -> None:
    """Serve the Microsoft.Peering API over a running lab: the real Azure SDK and `az rest` drive it.

    Requests create, change and remove real BGP sessions with the topology's routers. Every state is in a database:
    after a crash the same command takes the lab up where it was, each gate shut until its session is validated again.
    """
    from simulator.cli.serve import serve as run

    wanted = link.value if link else None
    raise typer.Exit(
        run(
            topology,
            host=host,
            port=port,
            database=database,
            token=token,
            link=wanted,
            peeringdb=peeringdb,
            by_hand=by_hand,
            realistic=realistic,
        )
    )


@app.command()
def validate(topology: TopologyFile) -> None:
    """Lint a topology: every error with file, line and what to do. Nothing is started.

    A router's own configuration file is read by the daemon's own parser, where the daemon is installed.
    """
    from simulator.cli.own_files import require_readable
    from simulator.topology.load import TopologyError, load
    from simulator.topology.plan import plans

    try:
        found = load(topology)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    for line in require_readable(found):
        typer.echo(line)
    sessions = plans(found)
    connections = len({plan.connection for plan in sessions})
    typer.echo(
        f"{topology}: no errors: {len(found.peerings)} peerings, {connections} connections, {len(sessions)} sessions"
    )


@app.command()
def schema() -> None:
    """Print the topology files' JSON Schema, for editors that complete and check YAML."""
    from simulator.topology.schema import Topology

    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Topology.model_json_schema(by_alias=True)}
    typer.echo(json.dumps(document, indent=2))


@app.command()
def clean() -> None:
    """Remove what an earlier run left behind when it was killed. Running labs are not touched."""
    from simulator.lab.state import clean as remove
    from simulator.lab.state import leftovers
    from simulator.places.errors import LabError

    try:
        found = leftovers()
        for leftover in found:
            for text in remove(leftover):
                typer.echo(text)
    except LabError as error:
        fail(LAB, str(error))
    typer.echo(f"{len(found)} leftovers removed" if found else "nothing was left behind")


app.add_typer(policy_command.app, name="policy")
app.add_typer(location, name="location")
app.command()(routes_command.routes)
app.command()(config_command.config)
operate.register(app)
for _name, _commands in azure.APPS.items():
    app.add_typer(_commands, name=_name, rich_help_panel="The peer's side of a running server (as az peering)")


def main() -> None:
    """The console script."""
    app(prog_name="turnup")
