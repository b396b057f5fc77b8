"""Arguments and options that several commands take. Imports nothing slow."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

TopologyFile = Annotated[
    Path, typer.Argument(metavar="TOPOLOGY", help="A topology file, such as topologies/exchange.yaml.")
]


class LinkName(StrEnum):
    """Names of --link."""

    loopback = "loopback"
    netns = "netns"
    interface = "interface"
    auto = "auto"


class StateName(StrEnum):
    """Names of --state."""

    validating = "Validating"
    active = "Active"


class RouterOption(StrEnum):
    """Names of --router."""

    bird = "bird"
    frr = "frr"
    gobgp = "gobgp"
    openbgpd = "openbgpd"
    exabgp = "exabgp"
    simulated = "simulated"


class FamilyOption(StrEnum):
    """Names of --family."""

    ipv4 = "ipv4"
    ipv6 = "ipv6"

    @property
    def label(self) -> str:
        """As topologies and reports write it."""
        return "IPv4" if self is FamilyOption.ipv4 else "IPv6"


LinkOption = Annotated[
    LinkName | None,
    typer.Option("--link", envvar="TURNUP_LINK", help="Override the topology's link.", show_default=False),
]
WebhookOption = Annotated[
    str,
    typer.Option(
        "--webhook",
        envvar="TURNUP_WEBHOOK",
        metavar="URL",
        help="Announce there what begins and ends, signed with TURNUP_WEBHOOK_SECRET.",
        show_default=False,
    ),
]
StateOption = Annotated[
    StateName,
    typer.Option("--state", help="The connection state: Validating denies everything, Active lifts the policy."),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        envvar="TURNUP_JOBS",
        help="How many are played at once; by the processors where omitted.",
        show_default=False,
    ),
]
ReportOption = Annotated[
    Path | None,
    typer.Option(
        envvar="TURNUP_REPORT",
        metavar="DIR",
        help="Write report.html, report.json, junit.xml, events.jsonl and wire.pcap here.",
    ),
]
RequireRoutersOption = Annotated[
    bool,
    typer.Option(
        "--require-routers",
        envvar="TURNUP_REQUIRE_ROUTERS",
        help="Fail, and do not skip, where a router or a privilege is missing.",
    ),
]
