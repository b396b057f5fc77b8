"""Clause by clause: what a session does with the octets that its peer sends (`clauses.toml`)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from simulator.engine.rows import row
from simulator.peer.events import BgpStateChanged, SpeakerEvent
from simulator.rib.loc import LocRib
from simulator.session.config import SessionTimes
from simulator.session.messages import Family, Role
from simulator.session.states import BgpState
from simulator.wire.framing import KEEPALIVE, Framer, MessageType
from simulator.wire.notification import decode_notification
from tests.peer.bench import Bench
from tests.speakers.support import V4, V6, announcement, prefixes, raw_open

TABLE = Path(__file__).with_name("clauses.toml")


@dataclass(frozen=True)
class Clause:
    """One row."""

    id: str
    clause: str
    says: str
    state: str
    octets: str
    answer: str
    then: str
    data: str | None = None
    session: str = "IPv4"
    asn: str = ""
    ours: dict[str, Any] = field(default_factory=dict)
    peer: dict[str, Any] = field(default_factory=dict)
    told: str = ""

    @property
    def family(self) -> Family:
        return V4 if self.session == "IPv4" else V6


CASES = [Clause(**row) for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["case"]]


def octets(text: str) -> bytes:
    """`ff*16 0013 04`: hexadecimal words, some of them repeated."""
    found = b""
    for word in text.split():
        digits, _, times = word.partition("*")
        found += bytes.fromhex(digits) * int(times or 1)
    return found


def bench_for(case: Clause, told: list[SpeakerEvent]) -> Bench:
    options: dict[str, Any] = {"dial": False, "times": SessionTimes(idle_hold=30)}
    if case.asn == "any":
        options["peer_as"] = None
    if "role" in case.ours:
        options["role"] = Role(case.ours["role"])
    ours = (announcement(case.family, prefixes(case.family, 3)),)
    bench = Bench(case.family, ours, LocRib(), told=told.append, **options)
    session = bench.peer._session
    others = {name: value for name, value in case.ours.items() if name != "role"}
    local = session.config.local
    session.config = replace(session.config, local=replace(local, capabilities=replace(local.capabilities, **others)))
    return bench


def sent(data: bytes) -> list[tuple[int, bytes]]:
    framer = Framer()
    framer.max_size = 65535
    framer.feed(data)
    return list(framer)


@pytest.mark.parametrize("chunk", [1 << 20, 1], ids=["at once", "octet by octet"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_clause(case: Clause, chunk: int) -> None:
    told: list[SpeakerEvent] = []
    bench = bench_for(case, told)
    bench.start()
    line = bench.call()
    before = {
        "OpenSent": b"",
        "OpenConfirm": raw_open(case.family, **case.peer),
        "Established": raw_open(case.family, **case.peer) + KEEPALIVE,
    }
    if case.peer.get("graceful_restart"):  # a capability that is never sent by us
        opening = bytearray(before[case.state])
        value = bytes((2, 4, 64, 2, 0, 120))
        opening[16:18] = (int.from_bytes(opening[16:18]) + len(value)).to_bytes(2)
        opening[28] += len(value)
        end = int.from_bytes(opening[16:18]) - len(value)
        opening[end:end] = value
        before[case.state] = bytes(opening)
    line.says(before[case.state])
    assert bench.peer.view().bgp_state.value == case.state
    line.received.clear()
    told.clear()

    data = octets(case.octets)
    for at in range(0, len(data), chunk):
        line.says(data[at : at + chunk])

    view = bench.peer.view()
    messages = sent(bytes(line.received))
    if re.fullmatch(r"\d+/\d+", case.answer):
        assert [kind for kind, _ in messages] == [MessageType.NOTIFICATION]
        notification = decode_notification(messages[0][1])
        assert f"{notification.code}/{notification.subcode}" == case.answer
        assert line.half_closed, "closed in order, so that the peer reads it"
        if case.data is not None:
            assert notification.data.hex() == case.data
    elif case.answer == "nothing":
        assert messages == []
    else:
        assert {MessageType(kind).name.replace("_", "-") for kind, _ in messages} == {case.answer}
    assert view.bgp_state.value == case.then
    assert (view.sent, view.taken, view.leaked_out, view.leaked_in) == (0, 0, 0, 0)
    if view.bgp_state is BgpState.IDLE:
        assert any(isinstance(event, BgpStateChanged) for event in told) and view.last_error
    if case.told:
        assert any(case.told in str(row(event)) for event in told)


def test_each_row_says_something_of_its_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert {case.state for case in CASES} == {"OpenSent", "OpenConfirm", "Established"}
