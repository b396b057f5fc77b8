"""`turnup config`: the peer's side of a topology, written for a router."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.coercion import any_case
from simulator.cli.exit_codes import LAB, PASSED, USAGE, fail
from simulator.cli.formats import RowFormat, show


def config(
    topology: Annotated[
        Path, typer.Argument(metavar="TOPOLOGY", help="A topology file, such as topologies/exchange.yaml.")
    ],
    peer: Annotated[
        str, typer.Argument(metavar="[PEER]", help="The peer's name in it; where omitted, the peers are listed.")
    ] = "",
    format_: Annotated[
        str | None,
        typer.Option(
            "--config-format",
            "--format",
            envvar="TURNUP_CONFIG_FORMAT",
            metavar="NAME",
            callback=any_case(),
            help="bird, frr, openbgpd, gobgp, exabgp, junos, iosxr, ios, eos, routeros or vyos; the peer's own router "
            "where omitted. Of the list: table, json or csv.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            envvar="TURNUP_OUTPUT",
            metavar="FILE",
            help="Write here; nobody else may read a new file.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the configuration of a peer's router: every session with Microsoft, its filters and its limits.

    Example: turnup config topologies/exchange.yaml contoso --format junos
    """
    raise typer.Exit(_config(topology, peer, format_, output) if peer else _list(topology, format_))


_PEERS = (("Peer", "name"), ("AS", "asn"), ("Router", "router"), ("Format", "format"), ("Sessions", "sessions"))


def _list(path: Path, wanted: str | None) -> int:
    from simulator.routers.configs.registry import FORMATS
    from simulator.topology.load import TopologyError, load
    from simulator.topology.plan import plans

    try:
        topology = load(path, own_files=False)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    if wanted is not None and wanted not in [*RowFormat]:
        names = ", ".join(peer.name for peer in topology.peers)
        fail(USAGE, f"--format {wanted}: whose configuration? Name a PEER (there are: {names})")
    planned = plans(topology)
    rows = [
        {
            "name": peer.name,
            "asn": peer.asn,
            "router": peer.router_kind,
            "format": peer.router_choice.format or (peer.router_kind if peer.router_kind in FORMATS else None),
            "sessions": sum(plan.peer.name == peer.name for plan in planned),
        }
        for peer in topology.peers
    ]
    show(rows, _PEERS, RowFormat(wanted or RowFormat.table))
    return PASSED


def _config(path: Path, name: str, wanted: str | None, output: Path | None) -> int:
    from simulator.engine.peer_config import carried_config
    from simulator.places.errors import LabError
    from simulator.routers.configs.registry import FORMATS
    from simulator.topology.load import TopologyError, load

    try:
        topology = load(path, own_files=False)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    peer = next((found for found in topology.peers if found.name == name), None)
    if peer is None:
        fail(USAGE, f"{path}: no peer '{name}' (there are: {', '.join(found.name for found in topology.peers)})")
    known = ", ".join(FORMATS)
    wanted = wanted or peer.router_choice.format
    if wanted is None and peer.router_kind not in FORMATS:
        fail(USAGE, f"the router of {name} is {peer.router_kind}, which has no file: give --format (one of {known})")
    format_ = wanted or peer.router_kind
    if format_ not in FORMATS:
        fail(USAGE, f"--format {format_}: there is no such format (one of {known})")
    try:
        # With the lines of what this language has no way to say.
        agreed = carried_config(load(path, own_files=False, formats={name: format_}), peer)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    except LabError as error:
        fail(USAGE, f"{path}: {error}")
    try:
        text = FORMATS[format_](agreed)
    except LabError as error:
        fail(USAGE, f"--format {format_}: {error}")
    if output is None:
        sys.stdout.write(text)
        return PASSED
    try:
        _write(output, text)
    except OSError as error:
        fail(LAB, f"--output {output}: {error.strerror}")
    return PASSED


def _write(path: Path, text: str) -> None:
    """A new file is for its owner's eyes: it may hold MD5 keys. Raises OSError."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
