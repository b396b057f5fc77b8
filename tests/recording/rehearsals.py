"""Rehearsals that are recorded, for tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

from simulator.places.link import LinkKind
from simulator.recording.changes import NO_CHANGES, Changes
from simulator.recording.file import RecordingReader
from simulator.recording.outcome import Played
from simulator.recording.player import RecordingPlayer
from simulator.recording.tape import RecordingTape
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.report.model import Report
from simulator.topology.schema import Topology


def recorded(topology: Topology, kind: LinkKind, path: Path) -> Report:
    """Rehearse, and write the recording there."""

    async def run() -> Report:
        tape = RecordingTape(path)
        try:
            return await Rehearsal(topology, kind, tape=tape).run()
        finally:
            tape.close()

    return asyncio.run(run())


def played(path: Path, changes: Changes = NO_CHANGES, *, keeps_routes: bool = False) -> Played:
    return RecordingPlayer(RecordingReader(path), changes, keeps_routes=keeps_routes).play()
