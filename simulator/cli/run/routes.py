"""What `turnup routes` does: bring the sessions up, look, take them down, print."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import chain
from pathlib import Path

import simulator
from simulator.cli.exit_codes import FAILED, INTERRUPTED, LAB, PASSED, USAGE, fail
from simulator.cli.formats import cells, write_csv
from simulator.cli.link_choice import choose_link
from simulator.cli.remote import Remote
from simulator.cli.route_columns import ROUTES
from simulator.connection.connection import TransitionRefusedError
from simulator.judging.topologies import peer_of
from simulator.lab.interruption import until_interrupted
from simulator.mrt.bgp4mp import pack_message
from simulator.mrt.table_dump_v2 import RibEntry, rib_dump
from simulator.places.errors import LabError
from simulator.rehearsal.looking_glass import LookingGlass
from simulator.report.pcap import write_segments
from simulator.tables import birdwatcher
from simulator.tables.captured_updates import rewrite_next_hops, updates
from simulator.tables.output_formats import OutputFormat, lines
from simulator.tables.received_routes import SessionTable, covering
from simulator.tables.table_entries import Announcer
from simulator.topology.checks.contradictions import times_problem
from simulator.topology.load import TopologyError, load
from simulator.topology.schema import Topology
from simulator.views.octets import Octets
from simulator.views.times import short_time, timestamp


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options that say what is shown."""

    peer: str | None
    active: bool
    prefix: str | None
    rejected: bool
    shape: OutputFormat
    as_csv: bool = False
    """The routes of `shape` JSON as CSV."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files that are written."""

    birdwatcher: Path | None = None
    mrt: Path | None = None
    updates: Path | None = None
    pcap: Path | None = None


def routes(where: str, wanted: Wanted, files: Files, *, link: str | None, deadline: float | None) -> int:
    """The command; returns the exit code."""
    if where.startswith(("http://", "https://")):
        return _of_server(where, wanted, files)
    try:
        topology = load(Path(where))
        peer = peer_of(topology, wanted.peer)
        if wanted.prefix is not None:
            covering((), wanted.prefix)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    except ValueError as error:
        fail(USAGE, str(error))
    if deadline is not None:
        topology = topology.model_copy(update={"times": topology.times.model_copy(update={"deadline": deadline})})
        if wanted.active and (problem := times_problem(topology)):
            fail(USAGE, f"--deadline: {problem}")
    kind = choose_link(topology, link)
    record = files.updates is not None or files.pcap is not None
    try:

        async def look() -> tuple[LookingGlass, list[SessionTable]]:
            glass = LookingGlass(topology, kind, peer, lift=wanted.active, record_octets=record)
            return glass, await glass.run()

        looked = asyncio.run(until_interrupted(look()))
        if looked is None:
            return INTERRUPTED
        glass, tables = looked
        _write_files(topology, glass, tables, files)
        _print(tables, wanted)
    except TransitionRefusedError as error:
        fail(FAILED, f"the request was refused: {error}")
    except LabError as error:
        fail(LAB, str(error))
    except OSError as error:
        fail(USAGE, f"{error.filename or where}: {error.strerror}")
    if glass.problems:
        fail(FAILED, *glass.problems)
    return PASSED


def _of_server(server: str, wanted: Wanted, files: Files) -> int:
    """What a running server holds now: nothing is brought up or taken down."""
    if files != Files():
        fail(USAGE, f"{server}: files are written of a topology's sessions, not of a server's")
    query = {"peer": wanted.peer, "prefix": wanted.prefix, "shape": wanted.shape.value}
    rejected = "true" if wanted.rejected else ""
    text = Remote(server).text("/lab/v1/looking-glass", **query, rejected=rejected)
    if wanted.as_csv:
        _print_csv(text.splitlines())
    else:
        sys.stdout.write(text)
    return PASSED


def _print(tables: list[SessionTable], wanted: Wanted) -> None:
    found = lines(tables, wanted.shape, wanted.prefix, wanted.rejected, _version(), _times())
    if wanted.as_csv:
        _print_csv(found)
    else:
        sys.stdout.writelines(f"{line}\n" for line in found)


def _print_csv(found: Iterable[str]) -> None:
    """The routes among lines of JSON."""
    rows = (row for row in map(json.loads, found) if row["event"] == "route")
    write_csv(chain([[heading for heading, _ in ROUTES]], (cells(row, ROUTES) for row in rows)))


def _version() -> str:
    return f"turnup {simulator.__version__}"


def _times() -> birdwatcher.TimeFormats:
    return birdwatcher.TimeFormats(time.time(), timestamp, short_time)


def _write_files(topology: Topology, glass: LookingGlass, tables: list[SessionTable], files: Files) -> None:
    """Raises OSError."""
    if files.birdwatcher is not None:
        router_id = str(topology.edges[0].identifier)
        for name, document in birdwatcher.documents(tables, _version(), router_id, _times()).items():
            path = files.birdwatcher / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if files.mrt is not None:
        collector = IPv4Address(str(topology.edges[0].identifier))
        dump = rib_dump(time.time(), collector, topology.name, [(table.peer, _entries(table)) for table in tables])
        _write(files.mrt, dump)
    if files.updates is not None:
        _write(files.updates, _updates(glass.octets, tables))
    if files.pcap is not None:
        with files.pcap.open("wb") as file:
            write_segments(file, glass.octets)
    if glass.octets_cut:
        glass.problems.append("the sessions carried more octets than are kept: the recording is cut")


def _write(path: Path, records: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(records)


def _entries(table: SessionTable) -> Iterator[RibEntry]:
    return (RibEntry(held.family, held.key, held.path, held.time) for held in table.routes)


def _updates(octets: Iterable[Octets], tables: Iterable[SessionTable]) -> Iterator[bytes]:
    """Every UPDATE that the peer sent, as a collector in AS8075's place would have recorded it."""
    ends = {(str(table.peer.address), str(table.edge_address)): table for table in tables}
    for seen, update in updates(octets):
        table = ends.get((seen.source, seen.destination))
        if table is not None:
            local = Announcer(table.edge_as, table.edge_address)
            names = {real.packed: named.packed for real, named in table.carried}
            yield pack_message(seen.time, table.peer, local, rewrite_next_hops(update, names), asn4=table.asn4)
