"""The five files of a report, staged first and put in place together, so that no reader sees half a report."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simulator.report.events import events_jsonl
from simulator.report.json_report import json_report
from simulator.report.junit import junit_xml
from simulator.report.model import Report
from simulator.report.pcap import WirePcap, write_capture
from simulator.report.proof import find_frames

REPORT_JSON, REPORT_HTML, JUNIT_XML = "report.json", "report.html", "junit.xml"
EVENTS_JSONL, WIRE_PCAP = "events.jsonl", "wire.pcap"


_LEAST = 1 << 16
"""Octets that the smallest report takes."""


class ReportError(Exception):
    """A report could not be written; the text is one line: what, where, what to do."""


def write_report(directory: Path, report: Report) -> dict[str, Path]:
    """Write the report into `directory` (made when missing); returns file name → path. Raises ReportError.

    The report learns the numbers of its frames, so that who tells of it afterwards can name them too.
    """
    _make(directory)
    staged: dict[str, Path] = {}
    try:
        with _blame(directory, WIRE_PCAP):
            staged[WIRE_PCAP] = temporary = _temporary(directory, WIRE_PCAP)
            capture = write_capture(temporary, report, WIRE_PCAP)
            report.frames = find_frames(temporary, report)
        for name, content in _texts(report, capture):
            with _blame(directory, name):
                staged[name] = temporary = _temporary(directory, name)
                temporary.write_bytes(content)
        written: dict[str, Path] = {}
        for name, temporary in staged.items():
            with _blame(directory, name):
                written[name] = temporary.replace(directory / name)
        return written
    finally:
        for temporary in staged.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def require_writable(directory: Path) -> None:
    """Write a little into `directory` (made when missing) and remove it again. Raises ReportError."""
    _make(directory)
    with _blame(directory, REPORT_JSON):
        temporary = _temporary(directory, REPORT_JSON)
        try:
            temporary.write_bytes(b" " * _LEAST)
        finally:
            temporary.unlink(missing_ok=True)


def _texts(report: Report, capture: WirePcap) -> Iterator[tuple[str, bytes]]:
    from simulator.report.html_report import html_report  # its templates are for those who have a report written

    yield EVENTS_JSONL, events_jsonl(report.events)
    yield JUNIT_XML, junit_xml(report)
    yield REPORT_HTML, html_report(report, capture)
    # Last, so that a program that waits for report.json finds the others in place.
    yield REPORT_JSON, json_report(report, capture)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ReportError(
            f"report directory {directory} is a file or lies below one; remove it or choose another directory"
        ) from None
    except OSError as error:
        raise ReportError(
            f"report directory {directory} cannot be made: {error.strerror}; choose a directory that you may write to"
        ) from None


def _temporary(directory: Path, name: str) -> Path:
    path = directory / f".{name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    path.open("xb").close()
    return path


@contextmanager
def _blame(directory: Path, name: str) -> Iterator[None]:
    """Turn an operating system error into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"report file {directory / name} cannot be written: {error.strerror or error}; "
            f"choose a directory that you may write to, with space left"
        ) from None
