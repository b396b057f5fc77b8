"""The records of a recording: which there are, and what is computed of an event (docs/recording.md)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final
from zlib import crc32

from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.engine.datafiles import DataFileRead
from simulator.engine.log import DeliveryFailed, Event, Remark
from simulator.engine.rows import row
from simulator.peer.events import CallerRefused, GateWithheld, RoutesAnnounced, RoutesWithdrawn, UnknownPeer
from simulator.report.json_report import as_dict
from simulator.report.model import Report
from simulator.report.pcap import WirePcap

SAID: Final[dict[str, type]] = {
    each.__name__: each for each in (Remark, DataFileRead, DeliveryFailed, UnknownPeer, CallerRefused)
}
"""Events that nothing computes: they are played as they were recorded."""

COMPUTED_OF_SESSION: Final = frozenset(
    {
        *("view", "carried", "max_prefixes", "mender", "soaked", "settled", "foreign_identifiers", "was_up"),
        *("prefixes", "turned_away", "rejected", "announced", "expected", "lost", "watched", "through_server"),
        *("marks", "flapping", "mtu"),
    }
)
"""Of what a check looks at in a session: what follows from the sessions themselves. All else was seen from outside."""

COMPUTED: Final = frozenset(
    {"connection", "sessions", "soak", "final", "direct", "edges", "edges_there", "quality_asked", "siblings"}
)
"""The same of a connection."""

SEEN_OF_SESSION: Final = tuple(each.name for each in fields(SessionEvidence) if each.name not in COMPUTED_OF_SESSION)
SEEN: Final = tuple(each.name for each in fields(Observation) if each.name not in COMPUTED)


def fingerprint(event: Event) -> list[Any]:
    """What a computed event has to be again: its row; of routes, of which there may be a million, a checksum."""
    if isinstance(event, RoutesAnnounced | RoutesWithdrawn):
        sum_ = crc32(b"".join(event.keys))
        if isinstance(event, RoutesAnnounced):
            rules = [hit.rule for hit in event.attributes.hits]
            late = sorted((key.hex(), [hit.rule for hit in hits]) for key, hits in event.hits.items())
            sum_ = crc32(repr((event.attributes.path.as_path_text, rules, late)).encode(), sum_)
        return [type(event).__name__, event.session, len(event.keys), sum_]
    if isinstance(event, GateWithheld):
        held = event.withheld
        return [type(event).__name__, event.session, held.direction.value, len(held.nlri), crc32(b"".join(held.nlri))]
    return [row(event)]


def in_words(found: list[Any]) -> str:
    """A fingerprint in one line, for people."""
    if len(found) == 1 and isinstance(found[0], dict):
        said = {name: each for name, each in found[0].items() if each not in ("", [], None)}
        return ", ".join(f"{name} {_short(each)}" for name, each in said.items())
    return " ".join(str(each) for each in found[:-1])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


_SHORT: Final = 120


def result_of(report: Report) -> dict[str, Any]:
    """What of a report has to come out again."""
    found = as_dict(report, WirePcap("", "speakers"))
    return {name: each for name, each in found.items() if name not in ("capture", "notes")}
