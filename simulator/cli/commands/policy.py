"""`turnup policy`: what Microsoft's policy would say of a route, or of a whole table, before any session exists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli import policy_options
from simulator.cli.coercion import any_case
from simulator.cli.formats import FormatOption, JsonOption, RowFormat, chosen
from simulator.judging.options import JudgingOptions, SessionOptions

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Ask before you connect: what would the lifted policy accept of a route, or of your table?",
    epilog="Exit codes: 0 everything is accepted · 1 something is rejected or unreadable · 2 bad usage.",
)


@app.command()
@policy_options.takes(judging=policy_options.judging, peering=policy_options.peering)
def explain(
    prefix: Annotated[str, typer.Option(metavar="PREFIX", help="The route's prefix. Host bits are refused.")] = "",
    as_path: Annotated[
        str, typer.Option(metavar="PATH", help='As the peer announces it: "64496 64500", sets in braces.')
    ] = "",
    next_hop: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The peer's own address where omitted.", show_default=False)
    ] = None,
    community: Annotated[
        list[str] | None, typer.Option(metavar="A:B", help="May be repeated; names such as no-export too.")
    ] = None,
    large_community: Annotated[list[str] | None, typer.Option(metavar="A:B:C", help="May be repeated.")] = None,
    extended_community: Annotated[
        list[str] | None, typer.Option(metavar="rt:A:B", help="May be repeated; ro and generic too, as BIRD has them.")
    ] = None,
    med: Annotated[int | None, typer.Option(min=0, max=4294967295, show_default=False)] = None,
    otc: Annotated[
        int | None, typer.Option(min=0, max=4294967295, help="Only to Customer (RFC 9234).", show_default=False)
    ] = None,
    as_set: Annotated[
        str | None, typer.Option(metavar="ASNS", help="An AS_SET at the end of the path.", show_default=False)
    ] = None,
    *,
    judging: JudgingOptions,
    peering: SessionOptions,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
) -> None:
    """What every rule of a profile says of one route, and the verdict.

    Example: turnup policy explain --prefix 203.0.113.0/24 --as-path "64496 64500"
    """
    from simulator.cli.run import policy_explain as run

    route = run.RouteText(
        prefix,
        as_path,
        next_hop,
        tuple(community or ()),
        tuple(large_community or ()),
        tuple(extended_community or ()),
        med,
        otc,
        as_set,
    )
    raise typer.Exit(run.explain(judging, peering, route, chosen(how, as_json)))


@app.command()
@policy_options.takes(judging=policy_options.judging, peering=policy_options.peering)
def check(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="MRT, BIRD's `show route all`, ExaBGP routes or JSON lines; - reads stdin."
        ),
    ],
    input_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            callback=any_case(),
            help="The format of FILE; told from the content where omitted: see ask-first.md for all.",
            show_default=False,
        ),
    ] = None,
    export_as: Annotated[
        str | None,
        typer.Option(
            metavar="ASN",
            help="Judge your router's own table as this AS would announce it: itself in front, itself as next hop.",
            show_default=False,
        ),
    ] = None,
    *,
    judging: JudgingOptions,
    peering: SessionOptions,
    rejected: Annotated[bool, typer.Option("--rejected", help="List every rejected route.")] = False,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
) -> None:
    """What the policy would accept of a whole table, and why not the rest.

    JSON has one object a route, and the summary as its last line; CSV has one line a route.

    Example: birdc show route all | turnup policy check - --export-as 64496
    """
    from simulator.cli.run import policy_check as run

    name = None if file == "-" else Path(file)
    raise typer.Exit(
        run.check(judging, peering, name, input_format, export_as, chosen(how, as_json), rejected=rejected)
    )


@app.command()
@policy_options.takes(judging=policy_options.judging, peering=policy_options.peering)
def diff(
    old: Annotated[
        str,
        typer.Argument(
            metavar="OLD",
            help="A profile or a topology, then settings behind commas: exchange,vrp=old.json,otc=off. Or what "
            "policy check --json printed, also of another version: its routes with its verdicts.",
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same, for the policy that is to come.")],
    routes: Annotated[
        str | None,
        typer.Option(
            "--routes",
            metavar="FILE",
            help="The routes, in any format of check; - reads stdin. Not where OLD holds them.",
            show_default=False,
        ),
    ] = None,
    input_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT", callback=any_case(), help="The format of FILE, as with check.", show_default=False
        ),
    ] = None,
    export_as: Annotated[
        str | None,
        typer.Option(metavar="ASN", help="Judge them as this AS announces them, as with check.", show_default=False),
    ] = None,
    *,
    judging: JudgingOptions,
    peering: SessionOptions,
    summary: Annotated[bool, typer.Option("--summary", help="Only the counts.")] = False,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
) -> None:
    """Which routes change their verdict between two policies, and by which rules.

    All other options hold for both sides. Exit codes: 0 no verdict changes, 1 some do or a route is unreadable.

    Example: turnup policy diff exchange,vrp=yesterday.json exchange,vrp=today.json --routes rib.mrt
    """
    from simulator.cli.run import policy_diff as run

    table = run.DiffTable(routes, input_format, export_as)
    raise typer.Exit(run.diff(old, new, judging, peering, table, chosen(how, as_json), only_summary=summary))
