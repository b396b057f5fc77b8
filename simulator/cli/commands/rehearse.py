"""`turnup rehearse`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.coercion import any_case
from simulator.cli.formats import FormatOption, JsonOption, RowFormat, chosen
from simulator.cli.options import LinkOption, ReportOption, TopologyFile, WebhookOption


def rehearse(
    topology: TopologyFile,
    link: LinkOption = None,
    report: ReportOption = None,
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
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
    webhook: WebhookOption = "",
    markdown: Annotated[
        Path | None,
        typer.Option(
            envvar="GITHUB_STEP_SUMMARY",
            metavar="FILE",
            help="Add a summary in Markdown to this file, as CI systems show it.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PEERING", help="Rehearse this peering alone. May be repeated.", show_default=False),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="A check that warns fails the rehearsal, but those that `expect` permits."),
    ] = False,
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Run this check, and those that it rests on; no others but D1 and D2. May be repeated.",
            show_default=False,
        ),
    ] = None,
    step: Annotated[
        bool, typer.Option("--step", help="Wait for Enter before each step of the life cycle; needs a terminal.")
    ] = False,
    hold: Annotated[
        bool,
        typer.Option(
            "--hold", help="Keep the lab after the verdict, until Enter or Ctrl-C, and say how to enter its routers."
        ),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Record it, for `turnup replay`.", show_default=False),
    ] = None,
    config_format: Annotated[
        str | None,
        typer.Option(
            envvar="TURNUP_CONFIG_FORMAT",
            metavar="NAME",
            callback=any_case(),
            help="The language of the configuration that is printed for an external router, as of `turnup config`.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Play a topology's whole life cycle through on real BGP sessions.

    From the request over DENY ALL, the validation and the lift of the policy to the deprovisioning.

    With `--format json` (report.json) or `csv` (a line a session) only that goes to standard output, the rest to
    standard error.
    """
    from simulator.cli.run.rehearse import rehearse as run

    raise typer.Exit(
        run(
            topology,
            link=link.value if link else None,
            report=report,
            soak=soak,
            deadline=deadline,
            plain=plain,
            how=chosen(how, as_json),
            step=step,
            hold=hold,
            config_format=config_format,
            only=only or (),
            checks=check or (),
            strict=strict,
            markdown_file=markdown,
            webhook=webhook,
            record=record,
        )
    )
