"""`turnup test`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.formats import FormatOption, JsonOption, RowFormat, chosen
from simulator.cli.options import FamilyOption, JobsOption, RequireRoutersOption, RouterOption


def test(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH…", help="Scenario files, directories of them, or names of those that come with turnup."
        ),
    ] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="Every scenario that comes with turnup.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the cases, and play none.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Only cases in whose name this is, as --list has it. May be repeated.",
            show_default=False,
        ),
    ] = None,
    router: Annotated[
        list[RouterOption] | None,
        typer.Option(help="Only cases with this router. May be repeated.", show_default=False),
    ] = None,
    family: Annotated[
        list[FamilyOption] | None,
        typer.Option(help="Only cases of this family, or of both. May be repeated.", show_default=False),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Another value of a variable. May be repeated.", show_default=False
        ),
    ] = None,
    jobs: JobsOption = None,
    report: Annotated[
        Path | None,
        typer.Option(
            envvar="TURNUP_REPORT",
            metavar="DIR",
            help="Write a report of each case here, in a directory of its own.",
            show_default=False,
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit XML.", show_default=False)
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Record each case here, for `turnup replay`.", show_default=False),
    ] = None,
    require_routers: RequireRoutersOption = False,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
) -> None:
    """Play scenario files, and compare what happens with what they expect.

    A case is a scenario with one combination of its matrix. Progress goes to standard error. The exit code is 1 where
    an expectation did not hold, 2 where a file is wrong (then nothing is started), and 3 where a lab failed.

    Example: turnup test scenarios/ --router bird -j 4 --junit junit.xml
    """
    from simulator.cli.run import test as run

    raise typer.Exit(
        run.test(
            paths or [],
            shipped=shipped,
            listing=list_,
            only=only or (),
            routers=[each.value for each in router or ()],
            families=[each.label for each in family or ()],
            settings=set_ or (),
            jobs=jobs,
            report=report,
            junit=junit,
            record=record,
            require_routers=require_routers,
            how=chosen(how, as_json),
        )
    )
