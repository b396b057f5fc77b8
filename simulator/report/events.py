"""events.jsonl: one JSON object a line, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator.report.text import dump_json


def events_jsonl(events: Iterable[dict[str, Any]]) -> bytes:
    """The whole file; order is the caller's, because the log's order is itself evidence."""
    return "".join(f"{dump_json(event)}\n" for event in events).encode()
