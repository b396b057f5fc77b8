"""`turnup campaign`: its options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.formats import FormatOption, JsonOption, RowFormat, chosen
from simulator.cli.options import FamilyOption, JobsOption, RequireRoutersOption, RouterOption


class SecurityOption(StrEnum):
    """Names of --security."""

    none = "none"
    md5 = "md5"
    gtsm = "gtsm"
    both = "md5+gtsm"


def campaign(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH…", help="Scenario and topology files, directories of them, or names of those of turnup's."
        ),
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Every scenario and topology that comes with turnup.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the cells, and run none.")] = False,
    router: Annotated[
        list[RouterOption] | None,
        typer.Option(help="With this router. May be repeated: with each.", show_default=False),
    ] = None,
    family: Annotated[
        list[FamilyOption] | None,
        typer.Option(help="With this family alone. May be repeated: with each.", show_default=False),
    ] = None,
    security: Annotated[
        list[SecurityOption] | None,
        typer.Option(help="With MD5, GTSM, both or none. May be repeated: with each.", show_default=False),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="With this fault in each topology, besides without; `all`: with every one. May be repeated.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Only cells in whose name this is, as --list has it. May be repeated: all of them.",
            show_default=False,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Another value of a scenario's variable. May be repeated.",
            show_default=False,
        ),
    ] = None,
    soak: Annotated[
        float | None, typer.Option(min=0, metavar="S", help="Override the topologies' soak time, in seconds.")
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="S", help="Override the topologies' deadline of a validation, in seconds."),
    ] = None,
    repeat: Annotated[
        int,
        typer.Option(min=1, max=1000, metavar="N", help="Run each N times: one that does not always pass is flaky."),
    ] = 1,
    time_limit: Annotated[
        float, typer.Option(min=1, metavar="S", help="Seconds after which a cell that is not over is ended.")
    ] = 300,
    jobs: JobsOption = None,
    report: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the report and the journal go.", envvar="TURNUP_REPORT")
    ] = Path("campaign"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the campaign whose journal is there: what is done stays.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again, though the campaign that is there was not finished.")
    ] = False,
    on: Annotated[
        str,
        typer.Option(
            metavar="CLUSTER",
            help="Run it on a Ray cluster that is there: `auto`, HOST:PORT or ray://HOST.",
            show_default=False,
        ),
    ] = "",
    require_routers: RequireRoutersOption = False,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
) -> None:
    """Run scenarios and topologies with each router, family, security and fault, all at once.

    Each cell is one rehearsal in a process of its own. Progress goes to standard error, and the report to
    `campaign/`, with what failed first. A campaign that was interrupted, or killed, goes on with --resume.

    Example: turnup campaign topologies/exchange.yaml --router bird --router frr --security none --security md5
    """
    from simulator.campaign.planning import CampaignChoice
    from simulator.cli.run import campaign as run

    times = (("soak", soak), ("deadline", deadline))
    choice = CampaignChoice(
        routers=[each.value for each in router or ()],
        families=[each.label for each in family or ()],
        securities=[each.value for each in security or ()],
        faults=fault or (),
        settings=run.settings(set_ or ()),
        only=only or (),
        times=[(name, value) for name, value in times if value is not None],
    )
    options = run.CampaignOptions(
        repeat=repeat,
        limit=time_limit,
        jobs=jobs,
        report=report,
        resume=resume,
        fresh=fresh,
        require=require_routers,
        on=on,
    )
    how = chosen(how, as_json)
    planned = run.plan(paths or [], choice, shipped=shipped)
    raise typer.Exit(run.show_cells(planned, how) if list_ else run.campaign(planned, options, how))
