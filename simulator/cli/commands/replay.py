"""`turnup replay`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.formats import FormatOption, JsonOption, RowFormat, chosen
from simulator.cli.options import ReportOption


def replay(
    recording: Annotated[Path, typer.Argument(metavar="FILE", help="What `turnup rehearse --record` wrote.")],
    with_policy: Annotated[
        str | None,
        typer.Option(
            metavar="TOPOLOGY|PROFILE",
            help="Judge by the policy of this topology, or by this profile, and show what that changes.",
            show_default=False,
        ),
    ] = None,
    with_data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=FILE",
            help="Judge by these data (vrp, irr, registered-prefixes, registered-asns, peeringdb), and show what that "
            "changes. May be repeated.",
            show_default=False,
        ),
    ] = None,
    report: ReportOption = None,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
) -> None:
    """Play a recording again, without sockets or daemons, through the sessions, policies, gates and checks of today.

    It says what does not come out as recorded; with `--with-policy` or `--with-data`, what they change.

    Exit codes: as of the rehearsal; 1 where something comes out differently, or is changed; 2 no recording.
    """
    from simulator.cli.run.replay import replay as run

    raise typer.Exit(run(recording, policy=with_policy, data=with_data or (), report=report, how=chosen(how, as_json)))
