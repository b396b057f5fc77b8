"""Octets that nobody wrote: only typed errors, nothing malformed in Adj-RIB-In, the gate stays shut.

TURNUP_FUZZ_SECONDS=600 makes it run that long with ever new seeds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from simulator.peer.events import MalformedUpdate, SpeakerEvent
from simulator.rib.loc import LocRib
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.wire import nlri
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import decode, encode
from simulator.wire.checked_attributes import NlriLocation, check_attributes
from simulator.wire.framing import KEEPALIVE, Framer, MessageType, ProtocolError, frame
from simulator.wire.received_update import read_update
from simulator.wire.update import count_nlri
from simulator.wire.update_faults import AttributeFault, ErrorHandling, UpdateError
from tests.peer.bench import Bench
from tests.speakers.support import LOOPBACK6, PEER4, V4, announcement, prefixes, raw_open, raw_routes
from tests.wire.rfc7606 import cases

SECONDS = int(os.environ.get("TURNUP_FUZZ_SECONDS", "0"))
EXAMPLES = 250
VALID = {family: raw_routes(prefixes(family, 3), family)[19:] for family in Family}
BODIES = [case.body for case in cases()] + list(VALID.values())
# What mutations are made of: type codes, flags, lengths and the values around them.
OCTET = st.sampled_from([0, 1, 2, 3, 4, 5, 8, 14, 15, 16, 17, 0x40, 0x50, 0x7F, 0x80, 0xC0, 0xE0, 0xFF]) | st.integers(
    0, 255
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=200))
    if kind == 1:
        block, announced = draw(st.binary(max_size=120)), draw(st.binary(max_size=20))
        return b"\0\0" + len(block).to_bytes(2, "big") + block + announced
    body = bytearray(draw(st.sampled_from(BODIES)))
    if kind == 2 and len(body) > 4:  # two of them spliced, the lengths made right
        other = draw(st.sampled_from(BODIES))
        block = bytes(body[4 : draw(st.integers(4, len(body)))]) + other[4:]
        return b"\0\0" + len(block).to_bytes(2, "big") + block + b"\x18\x29\0\0"
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, max(len(body) - 1, 0)))
        match draw(st.integers(0, 3)):
            case 0:
                body[position : position + 1] = bytes((draw(OCTET),))
            case 1:
                del body[position : position + draw(st.integers(1, 8))]
            case 2:
                body[position:position] = draw(st.binary(min_size=1, max_size=8))
            case _ if body:
                body[position] ^= 1 << draw(st.integers(0, 7))
    return bytes(body)


def fuzz(test: Callable[[], None]) -> None:
    """Once, or again and again with other seeds."""
    end = time.monotonic() + SECONDS / 2  # there are two of them
    turn = 0
    while True:
        seed(turn if SECONDS == 0 else time.time_ns())(test)()
        turn += 1
        if time.monotonic() >= end:
            return


FUZZ = settings(
    max_examples=EXAMPLES if SECONDS == 0 else 2000,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
slow = pytest.mark.timeout(SECONDS + 180)


@slow
def test_only_typed_errors_leave_the_wire_package() -> None:
    @FUZZ
    @given(bodies(), st.booleans(), st.booleans())
    def test(body: bytes, asn4: bool, external: bool) -> None:
        try:
            reading = read_update(body)
        except UpdateError as error:
            assert error.notification.code == 3 and error.faults[-1].outcome is ErrorHandling.SESSION_RESET
            return
        for part in reading.announced:
            try:
                path = decode(
                    reading.attributes, asn4=asn4, external=external, reach=part.reach, next_hop=part.next_hop
                )
            except AttributeFault as refused:
                assert refused.outcome >= ErrorHandling.TREAT_AS_WITHDRAW and refused.reason
                continue
            assert path.next_hop is not None
            assert all(fault.outcome is ErrorHandling.DISCARD for fault in path.discarded)
            # What was accepted can be sent on, and is found sound by whoever gets it.
            again = check_attributes(encode(path, asn4=True), asn4=True, external=False)
            assert again.faults == ()
        check_attributes(reading.attributes, asn4=asn4, external=external, reach=NlriLocation.NOTHING)

    fuzz(test)


class Fuzzed:
    """An Established session of an edge."""

    def __init__(self, family: Family, asn4: bool) -> None:
        self.family, self.asn4 = family, asn4
        self.events: list[SpeakerEvent] = []
        self.loc_rib = LocRib()
        ours = (announcement(family, prefixes(family, 3, 50)),)
        there = PEER4 if family is V4 else LOOPBACK6  # the next hop of `raw_routes`
        options: dict[str, Any] = {"dial": False, "remote": None, "peer_address": there}
        self.bench = Bench(family, ours, self.loc_rib, told=self.events.append, **options)
        self.peer, config = self.bench.peer, self.bench.peer.config
        self.addresses = SessionAddresses(config.peer_address.packed, config.local_address.packed)
        self.bench.start()
        self.line = self.bench.call()
        self.line.says(raw_open(family, asn4=asn4) + KEEPALIVE)
        assert self.established

    @property
    def established(self) -> bool:
        return self.peer.view().bgp_state is BgpState.ESTABLISHED

    def refused(self, body: bytes) -> set[bytes] | None:
        """The prefixes of this UPDATE that must not be held now, by a verdict of our own. None: no session either."""
        refused: set[bytes] = set()
        try:
            reading = read_update(body)
            if reading.end_of_rib is None:
                for part in reading.announced:
                    verdict = check_attributes(
                        reading.attributes,
                        asn4=self.asn4,
                        reach=part.reach,
                        next_hop=part.next_hop,
                        addresses=self.addresses,
                    )
                    if any(fault.outcome is ErrorHandling.SESSION_RESET for fault in verdict.faults):
                        return None
                    if part.family is self.family:
                        # Of two places that name a prefix, the later one counts.
                        refused = refused - set(part.keys) if verdict.usable else refused | set(part.keys)
        except ProtocolError:
            return None
        return refused

    def check(self, body: bytes) -> None:
        before = len(self.events)
        disabled = self.peer.view().disabled
        self.line.says(frame(2, body))
        view, adj_in = self.peer.view(), self.peer.adj_in
        malformed = [event for event in self.events[before:] if isinstance(event, MalformedUpdate)]
        refused = self.refused(body)
        if refused is None or any(event.outcome is ErrorHandling.SESSION_RESET for event in malformed):
            assert not self.established and view.received == 0 and malformed
            assert max(event.outcome for event in malformed) is ErrorHandling.SESSION_RESET
            return
        assert self.established, "no reset outside the reset cases"
        held = {route.key for route in adj_in.routes()}
        assert not refused & held
        assert not refused or malformed
        if disabled or any(
            event.outcome is ErrorHandling.AFI_SAFI_DISABLE and event.family is self.family for event in malformed
        ):
            assert view.disabled and not held
        for route in adj_in.routes():
            assert route.family is self.family and nlri.split(route.key, self.family) == [route.key]
            assert all(fault.outcome is ErrorHandling.DISCARD for fault in route.attributes.path.discarded)
        # The gate: nothing came in past it and nothing went out.
        assert (view.gate_open, view.taken, view.leaked_in, view.leaked_out) == (False, 0, 0, 0)
        assert self.loc_rib.count("edge") == 0

    def close(self) -> None:
        framer = Framer()
        framer.feed(bytes(self.line.received))
        assert not any(count_nlri(body)[0] for kind, body in framer.messages() if kind == MessageType.UPDATE)
        self.bench.lose(self.line, fin=True)


@slow
def test_a_session_survives_or_ends_as_the_verdict_says() -> None:
    def play(family: Family, asn4: bool, updates: list[bytes]) -> None:
        session = Fuzzed(family, asn4)
        session.check(raw_routes(prefixes(family, 3), family, asn4=asn4)[19:])
        assert session.peer.view().received == 3
        for body in updates:
            if len(body) < 4:
                continue  # not an UPDATE at all: the framer refuses it
            session.check(body)
            if not session.established:
                break
        session.close()

    @FUZZ
    @given(st.sampled_from(Family), st.booleans(), st.lists(bodies(), min_size=1, max_size=6))
    def test(family: Family, asn4: bool, updates: list[bytes]) -> None:
        play(family, asn4, updates)

    fuzz(test)
