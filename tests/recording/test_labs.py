"""Labs that are recorded beside rehearsals: scenarios and faults. Recordings are tests of pytest."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from simulator.faults.cell import FaultCell, run
from simulator.faults.verdict import CellVerdict
from simulator.places.link import LinkKind
from simulator.report.findings import diagnosis_of
from simulator.scenarios.load import load
from simulator.scenarios.play import PlayOptions, play, recording_of
from simulator.scenarios.results import CaseOutcome
from simulator.scenarios.shipped import shipped
from simulator.speakers.recorded import TurnClock
from tests.lab_support import require_netns, require_program
from tests.recording.rehearsals import played, recorded
from tests.recording.test_replay import exchange
from tests.users_pytest import users_pytest


def test_a_scenario_is_recorded_and_played_to_the_same_report(tmp_path: Path) -> None:
    file = shipped()["turn-up"]
    case = next(case for case in load(file, {}).cases if "simulated" in str(case))
    result = play(case, PlayOptions(record=str(tmp_path)))
    assert result.outcome is CaseOutcome.PASSED, result
    found = played(recording_of(case, str(tmp_path)))
    assert found.differences == []
    assert found.result is not None


@pytest.mark.privileged
@pytest.mark.parametrize(("fault", "router", "family"), [("wrong-remote-as", "bird", "IPv4")])
def test_a_fault_is_recorded_and_played_to_the_same_diagnosis(
    fault: str, router: str, family: str, tmp_path: Path
) -> None:
    require_netns()
    require_program(router if router == "bird" else "bgpd")
    cell = FaultCell(fault, router, family, record=str(tmp_path))
    assert run(cell).outcome.verdict is CellVerdict.FIRST
    assert cell.recording is not None
    found = played(cell.recording)
    assert found.differences == []
    assert found.result is not None
    assert found.result["diagnosis"]
    assert found.result["diagnosis"][0]["id"] == diagnosis_of(found.report)[0].id


def test_a_recording_is_a_test_of_pytest(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.recording", tmp_path / "bad.recording"
    recorded(exchange(), LinkKind.LOOPBACK, good)
    text = gzip.decompress(good.read_bytes()).replace(b'"to":"Established"', b'"to":"Idle"', 1)
    bad.write_bytes(gzip.compress(text))
    done = users_pytest(tmp_path)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "to Idle" in done.stdout
    assert f"turnup replay {bad}" in done.stdout


def test_the_clock_of_a_tape_goes_on_when_the_loop_is_closed() -> None:
    """An interrupted rehearsal's report is made, and taken down, behind its last turn."""
    loop = asyncio.new_event_loop()
    clock = TurnClock(loop)
    loop.close()
    assert clock.now() <= clock.now()
