from __future__ import annotations

import json
import stat
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from simulator.report.model import Report
from simulator.report.writer import ReportError, write_report
from tests.report import sample
from tests.report.page import Page

NAMES = {"report.json", "report.html", "junit.xml", "events.jsonl", "wire.pcap"}


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.mark.parametrize(
    "report",
    [sample.passed_report(), sample.failed_report(), sample.broken_report(), sample.hostile_report("<x>\0\n")],
    ids=["passed", "failed", "broken", "hostile"],
)
def test_five_files_and_nothing_else(tmp_path: Path, report: Report) -> None:
    directory = tmp_path / "a" / "b"
    written = write_report(directory, report)
    assert written == {name: directory / name for name in NAMES}
    assert files(directory) == NAMES
    data = json.loads((directory / "report.json").read_bytes())
    assert data["outcome"] == report.outcome
    ET.parse(directory / "junit.xml")
    Page((directory / "report.html").read_bytes())
    assert len((directory / "events.jsonl").read_text("utf-8").splitlines()) == len(report.events)


def test_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    write_report(tmp_path, sample.passed_report())
    (tmp_path / "notes.txt").write_text("mine")
    write_report(tmp_path, sample.broken_report())
    assert json.loads((tmp_path / "report.json").read_bytes())["outcome"] == "error"
    assert (tmp_path / "events.jsonl").read_bytes() == b""
    assert files(tmp_path) == NAMES | {"notes.txt"}


def test_the_capture_may_already_lie_in_place(tmp_path: Path) -> None:
    wire = tmp_path / "wire.pcap"
    wire.write_bytes(b"captured")
    report = sample.passed_report()
    report.capture = str(wire)
    write_report(tmp_path, report)
    assert wire.read_bytes() == b"captured"
    assert json.loads((tmp_path / "report.json").read_bytes())["capture"]["source"] == "interfaces"


def test_files_are_readable_by_others_as_the_umask_allows(tmp_path: Path) -> None:
    probe = tmp_path / "probe"
    probe.touch()
    for path in write_report(tmp_path / "r", sample.passed_report()).values():
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(probe.stat().st_mode)


def check_one_line(error: pytest.ExceptionInfo[ReportError], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_way(tmp_path: Path, below: str) -> None:
    (tmp_path / "report").write_text("a file")
    with pytest.raises(ReportError) as error:
        write_report(tmp_path / "report" / below, sample.passed_report())
    check_one_line(error, str(tmp_path / "report"), "is a file", "choose another")


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(ReportError) as error:
        write_report(tmp_path, sample.passed_report())
    check_one_line(error, str(tmp_path / "report.html"), "cannot be written")
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]


def test_nothing_is_touched_when_staging_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(tmp_path, sample.passed_report())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    whole = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if ".report.html." in path.name:
            raise OSError(28, "No space left on device")
        return whole(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ReportError) as error:
        write_report(tmp_path, sample.broken_report())
    check_one_line(error, "No space left on device", "with space left")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_directory_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(ReportError) as error:
        write_report(tmp_path / "r", sample.passed_report())
    check_one_line(error, str(tmp_path / "r"), "Permission denied", "choose a directory that you may write to")
