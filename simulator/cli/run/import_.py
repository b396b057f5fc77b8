"""`turnup import`: what a file holds becomes a recording, and what it came to is shown."""

from __future__ import annotations

import shlex
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from simulator.cli.exit_codes import FAILED, PASSED, USAGE, fail, warn
from simulator.cli.formats import JsonObject, RowFormat, show
from simulator.cli.own_command import own_command
from simulator.counts import count_of
from simulator.recording.file import RecordingError
from simulator.recording.importing.messages import ImportedFile, ImportFileError
from simulator.recording.importing.sessions import Importer
from simulator.topology.load import TopologyError, load

_COLUMNS: Final = (
    ("Session", "session"),
    ("Peer AS", "peerAs"),
    ("BGP", "bgpState"),
    ("Received", "received"),
    ("Accepted", "accepted"),
    ("Rejected", "rejected"),
    ("Causes", "causes"),
)
_HARMLESS: Final = frozenset({"packets of other TCP ports", "packets that are not TCP", "frames that are not IP"})
"""Of no use, and of no session either: everybody's captures have them."""
_AGAIN: Final = "octets that were sent again"


def import_file(file: Path, output: Path, topology: Path | None, edge: str | None, how: RowFormat) -> int:
    """The command; returns the exit code."""
    try:
        address = ip_address(edge) if edge is not None else None
        known = load(topology, own_files=False) if topology is not None else None
    except ValueError:
        fail(USAGE, f"--edge {edge}: not an IP address")
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    if output.exists() and file.exists() and output.samefile(file):
        fail(USAGE, f"--output {output}: this is the file that is read: give the recording another name")
    try:
        found = Importer(ImportedFile(file), known, address).write(output)
    except (ImportFileError, RecordingError) as error:
        fail(USAGE, str(error))
    rows: list[JsonObject] = [
        {
            "session": session.id,
            "peerAs": connection.peer_as,
            "bgpState": session.bgp_state.value,
            "received": session.received,
            "accepted": session.accepted,
            "rejected": session.rejected,
            "causes": ", ".join(dict.fromkeys(cause.id for check in connection.checks for cause in check.causes)),
        }
        for connection in found.played.report.connections
        for session in connection.sessions
    ]
    show(rows, _COLUMNS, how)
    lost = {what: count for what, count in found.unused.items() if what not in _HARMLESS and what != _AGAIN}
    for what, count in found.unused.items():
        warn(f"{file}: {count} {what}" + ("" if what in lost else ": nothing of a session"))
    for note in found.notes:
        warn(f"{file}: {note}")
    if found.assumed:
        assumed = count_of(found.assumed, "OPEN is", "OPENs are")
        warn(f"{file}: {assumed} assumed: the file begins later")
    many = f"{count_of(found.messages, 'message')} of {count_of(found.sessions, 'session')}"
    warn(f"{output}: {many}; see it: {own_command()} replay {shlex.quote(str(output))}")
    return FAILED if lost or found.notes else PASSED
