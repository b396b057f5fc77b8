"""What arrives at a shut gate is put to it once a read, with every NLRI of it."""

from __future__ import annotations

from simulator.connection.states import ConnectionState
from simulator.gate import Direction
from simulator.peer.events import EndOfRib, GateWithheld, RoutesAnnounced, RoutesWithdrawn, SpeakerEvent
from simulator.rib.loc import LocRib
from simulator.session.states import BgpState
from simulator.wire.framing import KEEPALIVE
from simulator.wire.update import end_of_rib
from tests.peer.bench import Bench, Line
from tests.speakers.support import V4, prefixes, raw_open, raw_routes, raw_withdrawals

KEYS = prefixes(V4, 9)
GARBAGE = bytes(19)


def denied(told: list[SpeakerEvent]) -> tuple[Bench, Line, LocRib]:
    loc_rib = LocRib()
    bench = Bench(V4, (), loc_rib, told=told.append)
    bench.start()
    line = bench.answer()
    line.says(raw_open() + KEEPALIVE)
    assert bench.peer.bgp_state is BgpState.ESTABLISHED
    told.clear()
    return bench, line, loc_rib


def withheld(told: list[SpeakerEvent]) -> list[tuple[bytes, ...]]:
    return [event.withheld.nlri for event in told if isinstance(event, GateWithheld)]


def test_the_gate_is_asked_once_for_the_updates_of_a_read() -> None:
    told: list[SpeakerEvent] = []
    bench, line, _ = denied(told)
    line.says(raw_routes(KEYS[:4]) + raw_routes(KEYS[4:]) + KEEPALIVE + raw_routes(KEYS[:1]))
    assert withheld(told) == [(*KEYS, KEYS[0])]
    assert bench.peer.gate.withheld[Direction.IN] == len(KEYS) + 1
    line.says(raw_routes(KEYS[:2]))
    assert withheld(told)[1:] == [KEYS[:2]]


def test_what_came_before_is_told_before() -> None:
    told: list[SpeakerEvent] = []
    _, line, _ = denied(told)
    line.says(raw_routes(KEYS) + raw_withdrawals(KEYS[:1]) + raw_routes(KEYS[:1]) + end_of_rib(V4))
    kinds = [type(event) for event in told]
    assert kinds == [RoutesAnnounced, GateWithheld, RoutesWithdrawn, RoutesAnnounced, GateWithheld, EndOfRib]


def test_the_gate_is_asked_before_the_session_ends_in_the_same_read() -> None:
    told: list[SpeakerEvent] = []
    bench, line, _ = denied(told)
    line.says(raw_routes(KEYS) + GARBAGE)
    assert bench.peer.bgp_state is not BgpState.ESTABLISHED
    assert withheld(told) == [KEYS]


def test_what_waits_is_taken_where_the_gate_has_opened_meanwhile() -> None:
    told: list[SpeakerEvent] = []
    bench, line, loc_rib = denied(told)
    line.says(raw_routes(KEYS[:1]))
    agreed, inbound = bench.peer._session.negotiated, bench.peer.inbound
    too_long = bytes((25, *KEYS[8][1:], 0))
    inbound.update(raw_routes((*KEYS[1:], too_long))[19:], agreed, 1.0)
    bench.peer.gate.rule(ConnectionState.ACTIVE, session_validated=True)
    inbound.knock(1.0)
    assert loc_rib.prefixes(bench.peer.config.id)[V4] == {*KEYS[1:]}
    assert not any(bench.peer.gate.leaked.values())
    inbound.knock(2.0)
    assert bench.peer.gate.passed[Direction.IN] == len(KEYS[1:])


def test_at_an_open_gate_nothing_waits() -> None:
    told: list[SpeakerEvent] = []
    bench, line, loc_rib = denied(told)
    bench.lift()
    line.says(raw_routes(KEYS) + raw_withdrawals(KEYS[:2]))
    assert loc_rib.prefixes(bench.peer.config.id)[V4] == {*KEYS[2:]}
    assert not withheld(told) and any(isinstance(event, RoutesAnnounced) for event in told)
