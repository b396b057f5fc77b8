"""The main proof: no order of connection events, BGP events, octets, refreshes, rulings and restarts lets NLRI pass
unless the connection is Active and the session validated; and neither state machine ever writes the other's state.

What was written is read back by a parser of its own, so that one mistake in `simulator.wire` cannot hide another. The
second half breaks the gate in several ways and asks that the proof fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from simulator import compiled
from simulator.connection.connection import Connection, ConnectionTransition, TransitionRefusedError
from simulator.connection.states import ConnectionEvent, ConnectionState
from simulator.connection.table import INDEX, Facts, possible
from simulator.gate import Change, Gate, nlri_may_pass
from simulator.peer.events import BgpStateChanged, GateMoved, GateWithheld, SpeakerEvent, cease
from simulator.peer.inbound import Inbound
from simulator.peer.outbound import Outbound
from simulator.peer.peer import BgpPeer
from simulator.peer.run import Run
from simulator.peer.stream import NOTHING_HELD
from simulator.rib.loc import LocRib
from simulator.session.messages import Family, RouteRefresh
from simulator.session.states import BgpState
from simulator.wire.framing import KEEPALIVE
from simulator.wire.notification import encode_notification
from simulator.wire.route_refresh import encode_refresh
from simulator.wire.update import end_of_rib
from tests.examples import examples
from tests.peer.bench import Bench, Line
from tests.speakers.support import (
    EDGE_AS,
    LOOPBACK6,
    PEER4,
    V4,
    V6,
    announcement,
    prefixes,
    raw_open,
    raw_routes,
    raw_withdrawals,
)

HOPS = {V4: PEER4, V6: LOOPBACK6 + 1}
ALL_FACTS = Facts(peer_asn_approved=True, blocking_checks_passed=True, sessions_removed=True)

# --- a parser of its own ---


def messages(octets: bytearray) -> list[tuple[int, bytes]]:
    """(type, body) of the whole messages, which are taken away: the kernel may have taken a part of the next one."""
    found = []
    while len(octets) >= 19:
        assert octets[:16] == b"\xff" * 16
        size = int.from_bytes(octets[16:18], "big")
        assert size >= 19
        if size > len(octets):
            break
        found.append((octets[18], bytes(octets[19:size])))
        del octets[:size]
    return found


def cut(field: bytes) -> list[bytes]:
    """Prefixes of an NLRI field."""
    found = []
    while field:
        size = 1 + (field[0] + 7) // 8
        assert len(field) >= size
        found.append(field[:size])
        field = field[size:]
    return found


def announced_and_withdrawn(body: bytes) -> tuple[list[bytes], list[bytes]]:
    """Every prefix of an UPDATE, of either family and in either place."""
    withdrawn_size = int.from_bytes(body[:2], "big")
    withdrawn, body = cut(body[2 : 2 + withdrawn_size]), body[2 + withdrawn_size :]
    size = int.from_bytes(body[:2], "big")
    attributes, announced = body[2 : 2 + size], cut(body[2 + size :])
    while attributes:
        flags, code = attributes[0], attributes[1]
        wide = bool(flags & 0x10)
        at = 4 if wide else 3
        length = int.from_bytes(attributes[2:at], "big")
        value, attributes = attributes[at : at + length], attributes[at + length :]
        assert len(value) == length
        if code == 14:
            announced += cut(value[5 + value[3] :])
        elif code == 15:
            withdrawn += cut(value[3:])
    return announced, withdrawn


# --- the machine ---

# What a peer may say next: (name, octets) of each kind, for both families.
SAYINGS = st.sampled_from(
    [
        "open",
        "keepalive",
        "routes",
        "routes",
        "rejected",
        "withdraw",
        "refresh",
        "end-of-rib",
        "borr",
        "eorr",
        "notification",
        "bad-attributes",
        "bad-header",
        "bad-open",
        "bad-as",
        "bad-length",
        "random",
    ]
)


class GateMachine(RuleBasedStateMachine):
    """One connection, one session of it, both driven in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        """What is found in the middle of a step."""
        self.family: Family = V4
        self.bench: Bench | None = None
        self.connection = Connection("c")
        self.moves: list[ConnectionTransition] = []
        self.validated = False
        self.ruled: tuple[ConnectionState | None, bool] = (None, False)
        """What the gate of this session was last told."""
        self.bgp = BgpState.IDLE
        self.loc_rib = LocRib()
        self.gates: list[Gate] = []
        self.logged = 0

    # --- helpers ---

    @property
    def may_pass(self) -> bool:
        return nlri_may_pass(*self.ruled)

    @property
    def peer(self) -> BgpPeer:
        assert self.bench is not None
        return self.bench.peer

    def announcements_wait(self, line: Line) -> bool:
        """Whether this is the session's connection, and something that may be announced has not all been taken."""
        return line.stream is self.peer.established and (
            self.peer.outbound.waits or line.stream.has_unsent_announcements(NOTHING_HELD)
        )

    def lines(self) -> list[Line]:
        return [line for line in self.bench.lines if line.is_up] if self.bench else []

    def written(self, bench: Bench, line: Line, data: bytes) -> None:
        """Behind the gate: every octet on its way to the socket."""
        # The rest of a message that was begun has to go, or the peer could not read our last one.
        under_way = bool(line.begun)
        line.begun += data
        for kind, body in messages(line.begun):
            if kind == 2:
                announced, withdrawn = announced_and_withdrawn(body)
                if announced and not self.may_pass:
                    self.problems.append(f"{len(announced)} NLRI written under {self.ruled}")
                if announced and line.stream is not bench.peer.established and not under_way:
                    self.problems.append("NLRI written to a connection that is not Established")
                line.holds |= set(announced)
                line.holds -= set(withdrawn)
            under_way = False

    def told(self, event: SpeakerEvent) -> None:
        if isinstance(event, BgpStateChanged):
            if event.transition.source is not self.bgp:
                self.problems.append(f"BGP moved from {event.transition.source}, it was {self.bgp}")
            self.bgp = event.transition.target
        elif isinstance(event, GateWithheld):
            self.logged += len(event.withheld.nlri)
        elif isinstance(event, GateMoved) and event.is_open is not self.may_pass:
            self.problems.append("the gate moved without a ruling")

    def ruling(self) -> None:
        """Provisioning's part: whoever leaves Active is denied and has to be validated again."""
        if self.connection.state is not ConnectionState.ACTIVE:
            self.validated = False
        if self.bench is None:
            return
        unsent = [line for line in self.lines() if self.announcements_wait(line)]
        before, self.ruled = self.may_pass, (self.connection.state, self.validated)
        bgp, history = self.peer.view().bgp_state, list(self.connection.history)
        change = self.bench.rule(self.connection.state, session_validated=self.validated)
        wanted = Change.NOTHING if before == self.may_pass else Change.DENIED if before else Change.LIFTED
        assert change is wanted, "the gate did not follow the ruling"
        cut = [line for line in unsent if line.was_reset]
        assert bool(cut) is (change is Change.DENIED and bool(unsent)), "a re-deny resets whom announcements wait for"
        if not cut:
            assert self.peer.view().bgp_state is bgp, "a ruling moved the BGP state"
        assert self.connection.history == history
        if change is Change.DENIED:
            for line in self.lines():
                if (
                    not line.stream.is_closing and not line.stream.is_blocked
                ):  # over such a connection everything was said
                    assert not line.holds, "a re-deny withdraws everything"

    # --- rules: the session's life ---

    @initialize(family=st.sampled_from([V4, V6]), dial=st.booleans())
    def provision_first(self, family: Family, dial: bool) -> None:
        self.family = family
        self.provision(dial)

    @precondition(lambda self: self.bench is None)
    @rule(dial=st.booleans())
    def provision(self, dial: bool) -> None:
        """A new process, or a new session: a new neighbour, which knows nothing of an earlier ruling."""
        ours = (
            announcement(self.family, prefixes(self.family, 20)),
            announcement(self.family, prefixes(self.family, 5)),
        )
        self.ruled = (None, False)
        self.bgp = BgpState.IDLE

        self.bench = Bench(self.family, ours, self.loc_rib, self.written, self.told, dial=dial)
        self.gates.append(self.bench.peer.gate)
        self.bench.start()

    @precondition(lambda self: self.bench is not None)
    @rule()
    def crash(self) -> None:
        """Nothing survives: not the table, not the ruling."""
        self.bench, self.loc_rib, self.bgp = None, LocRib(), BgpState.IDLE

    @precondition(lambda self: self.bench is not None)
    @rule()
    def deprovision(self) -> None:
        assert self.bench is not None
        self.bench.stop(cease(2, "deprovisioned"))
        assert self.peer.view().bgp_state is BgpState.IDLE
        for line in self.lines():
            self.bench.lose(line, fin=True)
        assert not self.bench.is_dialling and not self.peer.streams.open, "a connection outlived its session"
        assert self.peer.next_timer() is None, "a timer outlived its session"
        self.bench = None

    # --- rules: the connection ---

    @rule(data=st.data())
    def connection_event(self, data: st.DataObject) -> None:
        """One that the table knows here; its guard may or may not hold."""
        options = possible(self.connection.state, self.connection.flow)
        event = data.draw(st.sampled_from(options))
        facts = data.draw(st.sampled_from([ALL_FACTS, ALL_FACTS, Facts()]))
        self.apply(event, facts)

    @rule(event=st.sampled_from(ConnectionEvent))
    def any_connection_event(self, event: ConnectionEvent) -> None:
        self.apply(event, ALL_FACTS)

    @rule()
    def turn_up(self) -> None:
        """The way to Active, so that the open gate is not a rare find."""
        for event in (ConnectionEvent.LEGACY_FOUND, ConnectionEvent.VALIDATION_PASSED):
            self.apply(event, ALL_FACTS)
        self.validated = self.connection.state is ConnectionState.ACTIVE
        self.ruling()

    @precondition(lambda self: self.may_pass and self.connection.state is ConnectionState.ACTIVE)
    @rule(event=st.sampled_from([ConnectionEvent.REVALIDATION_REQUIRED, ConnectionEvent.DEPROVISION_REQUESTED]))
    def deny_again(self, event: ConnectionEvent) -> None:
        self.apply(event, ALL_FACTS)

    def apply(self, event: ConnectionEvent, facts: Facts) -> None:
        before, bgp, steps = self.connection.state, self.bgp, len(self.connection.history)
        row = INDEX.get((before, event, self.connection.flow))
        try:
            self.moves.append(self.connection.apply(event, 0.0, facts))
        except TransitionRefusedError:
            assert self.connection.state is before and len(self.connection.history) == steps
        else:
            assert row is not None and self.connection.state is row.target
        assert self.bgp is bgp, "a connection event moved the BGP state"
        self.ruling()

    @precondition(lambda self: self.connection.state is ConnectionState.ACTIVE)
    @rule(validated=st.booleans())
    def session_validation(self, validated: bool) -> None:
        self.validated = validated
        self.ruling()

    @precondition(lambda self: self.bench is not None)
    @rule(state=st.sampled_from([None, *ConnectionState]), validated=st.booleans())
    def odd_ruling(self, state: ConnectionState | None, validated: bool) -> None:
        """The rule holds whatever the ruling is; a confused store may say anything."""
        self.ruled = (state, validated)
        assert self.bench is not None
        self.bench.rule(state, session_validated=validated)

    # --- rules: TCP and BGP ---

    @precondition(lambda self: self.bench is not None)
    @rule()
    def peer_calls(self) -> None:
        assert self.bench is not None
        self.bench.call()

    @precondition(lambda self: self.bench is not None and self.bench.is_dialling)
    @rule(answers=st.booleans())
    def dial_ends(self, answers: bool) -> None:
        assert self.bench is not None
        (self.bench.answer if answers else self.bench.refuse)()

    @precondition(lambda self: self.lines())
    @rule(data=st.data(), fin=st.booleans())
    def tcp_lost(self, data: st.DataObject, fin: bool) -> None:
        line = data.draw(st.sampled_from(self.lines()))
        assert self.bench is not None
        self.bench.lose(line, fin=fin)

    @precondition(lambda self: self.lines())
    @rule(data=st.data(), room=st.sampled_from([0, 1, 18, 30, 60, 130, None, None]))
    def tcp_takes(self, data: st.DataObject, room: int | None) -> None:
        """The peer has read so much, and no more from now on; or goes on reading."""
        line: Line = data.draw(st.sampled_from(self.lines()))
        line.reads(room)

    @precondition(lambda self: self.bench is not None)
    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 5.0, 31.0, 500.0]))
    def time_passes(self, seconds: float) -> None:
        assert self.bench is not None
        self.bench.advance(seconds)

    @precondition(lambda self: self.lines())
    @rule(data=st.data(), said=st.lists(SAYINGS, min_size=1, max_size=4))
    def peer_says(self, data: st.DataObject, said: list[str]) -> None:
        line = data.draw(st.sampled_from(self.lines()))
        octets = b"".join(self.octets(kind, data) for kind in said)
        line.says(octets)

    @precondition(lambda self: self.bench is not None and self.bgp is not BgpState.ESTABLISHED)
    @rule(routes=st.booleans())
    def peer_comes_up(self, routes: bool) -> None:
        """The way to Established in one step, as often as not with routes right behind."""
        assert self.bench is not None
        line = self.bench.answer() if self.bench.is_dialling else self.bench.call()
        octets = raw_open(self.family, hold=90) + KEEPALIVE
        if routes:
            octets += raw_routes(prefixes(self.family, 3, 100), self.family, HOPS[self.family])
        line.says(octets)

    @precondition(lambda self: self.bench is not None and self.bgp is not BgpState.ESTABLISHED)
    @rule()
    def everything_comes_up(self) -> None:
        """Established with routes and, where the life cycle allows it, lifted: what most defects need to show."""
        self.peer_comes_up(True)
        self.turn_up()

    @precondition(lambda self: self.bgp is BgpState.ESTABLISHED)
    @rule(said=st.lists(st.sampled_from(["routes", "withdraw", "refresh", "rejected", "borr", "eorr"]), min_size=1))
    def established_peer_says(self, said: list[str]) -> None:
        stream = self.peer.established
        assert self.bench is not None and stream is not None
        octets = b"".join(self.octets(kind, None) for kind in said)
        self.bench.line(stream).says(octets)

    @precondition(lambda self: self.bgp is BgpState.ESTABLISHED and self.may_pass)
    @rule(room=st.sampled_from([0, 30, 60, 130]))
    def established_peer_asks_and_does_not_read(self, room: int) -> None:
        line = next(line for line in self.lines() if line.stream is self.peer.established)
        line.reads(room)
        self.established_peer_says(["refresh", "refresh"])

    @precondition(lambda self: self.bgp is BgpState.ESTABLISHED and not self.peer.adj_in.received)
    @rule()
    def established_peer_announces(self) -> None:
        self.established_peer_says(["routes"])

    def octets(self, kind: str, data: st.DataObject | None) -> bytes:
        family = self.family
        match kind:
            case "open":
                return raw_open(family, hold=90)
            case "keepalive":
                return KEEPALIVE
            case "routes":
                first = data.draw(st.integers(100, 104)) if data else 100
                return raw_routes(prefixes(family, 4, first), family, HOPS[family])
            case "rejected":
                return raw_routes(prefixes(family, 2, 101), family, HOPS[family] + 9)
            case "withdraw":
                return raw_withdrawals(prefixes(family, 2, 100), family)
            case "refresh":
                return encode_refresh(RouteRefresh(family))
            case "borr":
                return encode_refresh(RouteRefresh(family, 1))
            case "eorr":
                return encode_refresh(RouteRefresh(family, 2))
            case "end-of-rib":
                return end_of_rib(family)
            case "notification":
                return encode_notification(cease(4))
            case "bad-attributes":
                return raw_routes(prefixes(family, 1, 101), family, HOPS[family]).replace(
                    b"\x40\x01\x01\x00", b"\x40\x01\x01\x09"
                )
            case "bad-header":
                return bytes(19)
            case "bad-open":
                return raw_open(family, hold=1)
            case "bad-as":
                return raw_open(family, asn=EDGE_AS)
            case "bad-length":
                return b"\xff" * 16 + b"\0\x17\2\xff\xff\0\0"
        return data.draw(st.binary(max_size=60)) if data else b"\xff"

    # --- what must always hold ---

    @invariant()
    def check(self) -> None:
        assert self.problems == []
        for gate in self.gates:
            assert set(gate.leaked.values()) == {0}, "the gate leaked"
        assert self.logged == sum(sum(gate.withheld.values()) for gate in self.gates), "what is withheld is logged"
        # The connection moves by its own table only.
        assert self.connection.history == self.moves
        assert self.connection.state is (self.moves[-1].target if self.moves else ConnectionState.NONE)
        sources = [ConnectionState.NONE, *(step.target for step in self.moves)]
        assert [step.source for step in self.moves] == sources[:-1]
        if self.bench is None:
            assert self.loc_rib.count("edge") == 0, "Loc-RIB holds routes that it may not"
            return
        peer, view = self.peer, self.peer.view()
        assert view.bgp_state is self.bgp, "the BGP state moved without a transition"
        assert peer.gate.is_open is view.gate_open is self.may_pass, "the gate moved without a ruling"
        taken = self.loc_rib.prefixes("edge")[self.family]
        if not self.may_pass or self.bgp is not BgpState.ESTABLISHED:
            assert not taken, "Loc-RIB holds routes that it may not"
            blocked = self.bgp is BgpState.ESTABLISHED and peer.outbound.waits
            assert view.sent == 0 or blocked, "the peer holds what the gate says"
        if self.may_pass and self.bgp is BgpState.ESTABLISHED:
            assert taken == set(peer.adj_in.acceptable(self.family)), "an open gate takes everything acceptable"
        for line in self.lines():
            if line.stream is peer.established:
                agreed = self.family in view.negotiated_families
                wanted = set(prefixes(self.family, 20)) if self.may_pass and agreed else set()
                if line.stream.is_blocked:
                    assert self.may_pass or not line.stream.has_unsent_announcements(NOTHING_HELD), (
                        "announcements wait at a shut gate"
                    )
                else:
                    assert line.holds == wanted, "the peer holds what the gate says"
                assert view.sent == len(line.holds), "what is said to be sent was sent"
                assert len(peer.outbound._tasks) <= 4 and len(line.stream._messages) <= 4, "what waits is bounded"


SETTINGS = settings(
    deadline=None,
    max_examples=examples(120),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
GateMachine.TestCase.settings = SETTINGS
TestGate = GateMachine.TestCase


# --- breaking it ---


def always_asks(self: Gate, direction: Any, family: str, nlri: Sequence[bytes], now: float) -> bool:
    return True


def routes_past_the_gate(self: Outbound, now: float) -> bool:
    return self.image is not None


def takes_past_the_gate(self: Inbound, keys: Iterable[bytes], now: float) -> bool:
    return True


def deaf_to(state: ConnectionState) -> Callable[..., Change]:
    honest = Gate.rule

    def rule(self: Gate, connection_state: ConnectionState | None, *, session_validated: bool) -> Change:
        if connection_state is state:
            return Change.NOTHING
        return honest(self, connection_state, session_validated=session_validated)

    return rule


def refresh_past_the_gate(self: Outbound, enhanced: bool) -> Iterator[Run]:
    if self.image is not None:
        yield Run(self.image.announce, announces=True)


def resets_nobody(self: BgpPeer, now: float, kernel: Any) -> None:
    sent = self.outbound.withdraw_everything(now)
    self.streams.write(self.established)
    self._moved(now, sent, self.inbound.forget_everything())


def keeps_on_deny(self: Inbound | Outbound, *now: float) -> int:
    return 0


def broken_rule(connection_state: ConnectionState | None, session_validated: bool) -> bool:
    return connection_state is ConnectionState.ACTIVE


def opens_when_established(self: BgpPeer, negotiated: Any, now: float) -> None:
    honest_up(self, negotiated, now)
    self.gate.rule(ConnectionState.ACTIVE, session_validated=True)


def resets_on_deny(self: BgpPeer, now: float, sent: int, taken: int, cut: object = None) -> None:
    self.stop(cease(2), now)


honest_up = BgpPeer._up

MUTATIONS: dict[str, tuple[Any, str, Any]] = {
    "the gate always says yes": (Gate, "asks", always_asks),
    "routes are sent without asking": (Outbound, "_may_go", routes_past_the_gate),
    "routes are taken without asking": (Inbound, "_may_take", takes_past_the_gate),
    "a refresh is answered without asking": (Outbound, "_answer", refresh_past_the_gate),
    "PendingRemove does not shut the gate": (Gate, "rule", deaf_to(ConnectionState.PENDING_REMOVE)),
    "a re-deny withdraws nothing": (Outbound, "withdraw_everything", keeps_on_deny),
    "a re-deny leaves Loc-RIB as it is": (Inbound, "forget_everything", keeps_on_deny),
    "Established opens the gate": (BgpPeer, "_up", opens_when_established),
    "a re-deny resets the session": (BgpPeer, "_moved", resets_on_deny),
    "a re-deny lets go what waits": (BgpPeer, "_denied", resets_nobody),
    "the end of a session leaves Loc-RIB as it is": (LocRib, "forget_all", lambda self, session: None),
}
COMPLAINTS = "|".join(
    (
        "NLRI written under",
        "the gate leaked",
        "announcements wait at a shut gate",
        "Loc-RIB holds routes that it may not",
        "the peer holds what the gate says",
        "a re-deny withdraws everything",
        "the gate did not follow the ruling",
        "the gate moved without a ruling",
        "a ruling moved the BGP state",
        "a re-deny resets whom announcements wait for",
    )
)
"""What the machine says of a broken gate; any other failure would prove nothing."""

QUICK = settings(
    SETTINGS,
    derandomize=True,
    max_examples=examples(400),
    phases=[Phase.generate],
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
)


needs_pure = pytest.mark.skipif(
    compiled.code() == "compiled", reason="a test cannot break a compiled method: it breaks those of the same source"
)


@needs_pure
@pytest.mark.parametrize("name", MUTATIONS)
def test_the_proof_fails_when_the_gate_is_broken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, attribute, mutant = MUTATIONS[name]
    monkeypatch.setattr(where, attribute, mutant)
    with pytest.raises(AssertionError, match=COMPLAINTS):
        run_state_machine_as_test(GateMachine, settings=QUICK)


@needs_pure
def test_the_proof_fails_when_validation_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule itself, as the gate sees it; the machine keeps the true one."""
    monkeypatch.setattr("simulator.gate.nlri_may_pass", broken_rule)
    with pytest.raises(AssertionError, match=COMPLAINTS):
        run_state_machine_as_test(GateMachine, settings=QUICK)


def test_the_same_run_passes_when_nothing_is_broken() -> None:
    run_state_machine_as_test(GateMachine, settings=settings(QUICK, max_examples=examples(120)))
