from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.report.events import events_jsonl


def test_one_object_a_line_in_the_given_order() -> None:
    events: tuple[dict[str, Any], ...] = ({"n": 2, "text": "zwei\nZeilen"}, {"n": 1, "text": "é\u2028"}, {})
    lines = events_jsonl(events).decode("utf-8").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == list(events)
    assert "é" in lines[1]


def test_what_is_no_json_becomes_text() -> None:
    moment = datetime(2026, 5, 4, tzinfo=UTC)
    event: dict[Any, Any] = {"path": Path("/x"), "when": moment, "rate": float("inf"), 5: b"\xff"}
    (line,) = events_jsonl([event]).splitlines()
    assert json.loads(line) == {"path": "/x", "when": str(moment), "rate": "inf", "5": r"b'\xff'"}


def test_no_events_no_lines() -> None:
    assert events_jsonl([]) == b""
