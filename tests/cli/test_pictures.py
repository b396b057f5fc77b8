"""The live view and the summary: text snapshots at three widths, and what holds at any width."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from simulator.cli.event_lines import WithheldSums
from simulator.cli.paragraphs import hanging, paragraph
from simulator.cli.sessions import SessionRow, session_lines
from simulator.cli.summary import summary_lines
from simulator.cli.view import LiveView, PlainView
from simulator.connection.states import ConnectionState
from simulator.engine.log import CheckEnded, ConnectionMoved
from simulator.gate import Direction, Withheld
from simulator.peer.events import EndOfRib, GateWithheld
from simulator.report.model import RehearsalOutcome, RehearsedConnection
from simulator.session.messages import Family
from simulator.session.states import BgpState
from tests.cli import pictures
from tests.examples import examples

COUNTS = (("Received", "in"), ("Sent", "out"))


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("size", pictures.SIZES)
@pytest.mark.parametrize("width", pictures.WIDTHS)
@pytest.mark.parametrize("phase", pictures.PHASES)
def test_a_picture_is_as_it_was_looked_at(size: int, width: int, phase: str) -> None:
    """`python -m tests.cli.pictures` writes them anew."""
    assert pictures.picture(size, width, phase) == pictures.path(size, width, phase).read_text(encoding="utf-8")


@pytest.mark.parametrize("size", pictures.SIZES)
@pytest.mark.parametrize("width", [50, *pictures.WIDTHS, 200])
@pytest.mark.parametrize("phase", pictures.PHASES)
def test_nothing_is_wider_than_the_terminal_cut_or_broken(size: int, width: int, phase: str) -> None:
    lab = pictures.topology(size)
    found = pictures.rehearsed(lab, phase)
    lasting, shown = pictures.live(lab, found.events, width)
    summary = summary_lines(pictures.console(width), found.report)
    assert all(line.cell_len <= width for line in (*lasting, *shown, *summary))
    assert len(shown) <= pictures.HEIGHT
    assert not any("…" in line.plain or "..." in line.plain for line in (*lasting, *shown))
    reasons = {event.transition.reason for event in found.events if isinstance(event, ConnectionMoved)}
    words = " ".join(" ".join(line.plain for line in lasting).split())
    assert reasons
    assert all(reason in words for reason in reasons), "a reason is wrapped between words, and is there to its end"


@settings(max_examples=examples(200))
@given(st.text("ab —é語", max_size=200), st.integers(12, 60), st.integers(0, 10))
def test_wrapping_keeps_every_word(text: str, width: int, indent: int) -> None:
    console = pictures.console(width)
    for lines in (hanging(console, Text("h" * 8), Text(text), indent), paragraph(console, Text(text), indent)):
        assert all(line.cell_len <= width for line in lines)
        flat = "".join("".join(line.plain for line in lines).split()).removeprefix("h" * 8)
        assert flat == "".join(text.split())


def _row(name: str, state: ConnectionState, bgp: BgpState = BgpState.IDLE, gate_open: bool = False) -> SessionRow:
    return SessionRow(name, f"192.0.2.{name}", 64496, "edge-1", state, bgp, (1, 2), gate_open)


def test_what_needs_someone_stands_first_and_the_others_are_counted() -> None:
    up = [_row(str(n), ConnectionState.ACTIVE, BgpState.ESTABLISHED, True) for n in range(20)]
    waits = _row("30", ConnectionState.APPROVED)
    failed = _row("31", ConnectionState.PROVISIONING_FAILED)
    down = _row("32", ConnectionState.ACTIVE, BgpState.ACTIVE, True)
    lines = [line.plain for line in session_lines(pictures.console(100), [*up, waits, failed, down], COUNTS, 6)]
    assert [line.split()[0] for line in lines[:-1]] == [
        "Neighbor",
        "192.0.2.31",
        "192.0.2.32",
        "192.0.2.30",
        "192.0.2.0",
    ]
    assert lines[-1] == "and 19 sessions more (connection/BGP): 19 Active/Established"
    assert len(session_lines(pictures.console(100), up, COUNTS, 30)) == 21, "with room for all nothing is counted"
    assert session_lines(pictures.console(100), [], COUNTS, 9) == []


@pytest.mark.parametrize("state", ConnectionState)
def test_deny_all_is_red_only_where_something_is_wrong(state: ConnectionState) -> None:
    wrong = {ConnectionState.PROVISIONING_FAILED, ConnectionState.EXTERNAL_BLOCKER}
    policy = _row("1", state, BgpState.ESTABLISHED).policy
    assert (policy.plain, "red" in str(policy.style)) == ("DENY ALL", state in wrong)
    assert _row("1", state, gate_open=True).policy.plain == "lifted"


def _withheld(session: str, direction: Direction, number: int) -> GateWithheld:
    return GateWithheld(session, Withheld(1.0, direction, "IPv4", (b"\x08\x0a",) * number, "DENY ALL"))


def test_what_a_session_withheld_is_one_line() -> None:
    sums = WithheldSums()
    for number in (1, 2, 3):
        sums.add(_withheld("c/ipv4", Direction.IN, number))
    sums.add(_withheld("c/ipv4", Direction.OUT, 4))
    sums.add(_withheld("c/ipv6", Direction.OUT, 5))
    first, second = sums.rest()
    assert (first.subject, first.body.plain) == ("c/ipv4", "gate withheld 6 NLRI in, 4 NLRI out  DENY ALL")
    assert (second.subject, second.body.plain) == ("c/ipv6", "gate withheld 5 NLRI out  DENY ALL")
    assert sums.rest() == []


def test_a_log_sums_up_to_the_sessions_next_event(capsys: pytest.CaptureFixture[str]) -> None:
    console = pictures.console(300)
    lab = pictures.topology(4)
    session = next(iter(PlainView(lab, console).board.rows))
    with PlainView(lab, console) as view:
        for _ in range(3):
            view.take(_withheld(session, Direction.IN, 2))
        view.take(EndOfRib(session, 2.0, Family.IPV4))
        view.take(_withheld(session, Direction.OUT, 1))
    told = [line.split("gate ")[1] for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert [line.split("  ")[0] for line in told] == ["withheld 6 NLRI in", "withheld 1 NLRI out"]


def test_a_live_view_has_one_line_a_session_for_what_it_withheld() -> None:
    view = LiveView(pictures.topology(4), pictures.console(120), lambda: 0.0)
    for number in range(40):
        view.take(_withheld(f"c{number % 2}/ipv4", Direction.IN, 1))
    shown = [line.plain for line in view.picture() if "withheld" in line.plain]
    assert [line.split("withheld ")[1] for line in shown] == ["20 NLRI in  DENY ALL"] * 2


def test_the_summary_has_one_line_for_what_passed_and_the_remedies_last() -> None:
    found = pictures.rehearsed(pictures.topology(50), "failed")
    lines = [line.plain for line in summary_lines(pictures.console(120), found.report)]
    assert sum("checks passed" in line for line in lines) == 1
    assert "45 connections became Active; 225 checks passed, skipped: L1" in "\n".join(lines)
    remedy = max(place for place, line in enumerate(lines) if line.startswith("    do:"))
    assert remedy >= len(lines) - 4
    assert len(lines) <= 48, "a screenful, with 50 connections"
    causes = {cause.text for event in found.events if isinstance(event, CheckEnded) for cause in event.result.causes}
    alike = [line for line in lines if "the router speaks" in line]
    assert causes and len(alike) == 1, "what failed alike is told once"


def test_checks_are_told_by_their_causes_alone() -> None:
    found = pictures.rehearsed(pictures.topology(4), "failed")
    text = " ".join(" ".join(line.plain for line in summary_lines(pictures.console(120), found.report)).split())
    checks = [event.result for event in found.events if isinstance(event, CheckEnded)]
    causes = [cause for check in checks for cause in check.causes]
    assert len(causes) == 2 and not any(check.title in text for check in checks)
    places = [text.index(words) for cause in causes for words in (f": {cause.text}", cause.remedy.split("\n")[0])]
    assert places == sorted(places), "each with its own remedy below it, the first one first"
    assert "who: the peer has to act (check S2)" in text
    assert "who: the link's operator has to act (check S2)" in text


@pytest.mark.parametrize("width", [60, 120])
def test_warnings_are_told_once_and_the_outcome_stays_passed(width: int) -> None:
    found = pictures.rehearsed(pictures.topology(50), "warned")
    text = " ".join(" ".join(line.plain for line in summary_lines(pictures.console(width), found.report)).split())
    assert text.count("warning: the hold time agreed is short") == 1
    assert "and 14 more" in text
    assert "Rehearsal passed" in text


def test_the_proof_is_named_where_there_are_files_to_look_into() -> None:
    found = pictures.rehearsed(pictures.topology(4), "failed").report
    broken = found.connections[1]
    report = replace(found, events=({"event": "check", "connection": broken.id, "check": "S2"},))
    for written in (True, False):
        lines = summary_lines(pictures.console(120), report, written=written)
        assert any("events.jsonl line 1" in line.plain for line in lines) is written


def test_what_no_check_tells_is_told_all_the_same() -> None:
    found = pictures.rehearsed(pictures.topology(4), "failed").report
    sound, broken = found.connections[0], found.connections[1]
    refused = replace(broken, checks=(), error_message="the ASN is not yours")
    stuck = replace(
        broken, checks=(), error_message="", connection_state=ConnectionState.APPROVED, timeline=broken.timeline[:2]
    )
    fault = replace(broken, expected_state=ConnectionState.PROVISIONING_FAILED, expected_failures=("S2",))

    def said(*connections: RehearsedConnection, outcome: RehearsalOutcome = "failed") -> str:
        report = replace(found, connections=connections, outcome=outcome)
        return " ".join(line.plain for line in summary_lines(pictures.console(300), report))

    assert f"✗ {broken.id}: the ASN is not yours" in said(sound, refused)
    assert "it never became Active: it stopped at connection state Approved" in said(sound, stuck)
    assert f"◆ {broken.id}: as expected: the router speaks for another AS" in said(fault, outcome="passed")
    assert "✗" not in said(fault, outcome="passed")
    assert "◆" in said(replace(refused, expected_state=ConnectionState.PROVISIONING_FAILED), outcome="passed")
