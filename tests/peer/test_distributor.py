"""What each client of a route server is sent, however fast it reads, against a model of what it should hold.

Nothing that the clients share may show: a client that reads slowly, falls behind, comes late, is cut half-way or is
denied meanwhile holds in the end just what is rendered for it alone from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import compiled
from simulator.connection.states import ConnectionState
from simulator.peer.client import ClientOutbound, Distributor
from simulator.peer.events import NeighborConfig
from simulator.peer.run import Run
from simulator.peer.session_gate import SessionGate
from simulator.places.endpoint import Endpoint
from simulator.rib.adj_out import Images
from simulator.rib.route_server import journal
from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.stream import Receiver, UpdateRenderer
from simulator.rib.route_server.transparent import MessageFormat
from simulator.session.messages import Family, Role
from simulator.session.negotiation import Negotiated
from simulator.wire.path_attributes import PathAttributes
from tests.examples import examples
from tests.rib.route_server_model import (
    ASNS,
    COUNT,
    FORMATS,
    HOP,
    NO_BLACKHOLES,
    PREFIXES,
    REFUSED,
    attributes,
    check,
)
from tests.rib.route_server_support import RS_AS, V4, V6, Exchange, address, apply, key, path

NOW = 1000.0


@dataclass(eq=False)
class ClientReader:
    """One client's session without a socket: it takes runs, some of them in parts."""

    exchange: Exchange
    distributor: Distributor
    number: int
    format: MessageFormat
    held: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    is_up: bool = False

    def __post_init__(self) -> None:
        family, client = self.exchange.family, self.exchange.clients[self.number]
        here = address(200, family)
        config = NeighborConfig(
            id=client.id,
            local_as=RS_AS,
            router_id="192.0.2.200",
            local_address=here,
            peer_address=client.address,
            peer_as=client.asn,
            local=Endpoint(here, 179),
            remote=None,
            role=Role.ROUTE_SERVER if self.format.otc else None,
        )
        self.gate = SessionGate(config, lambda event: None)
        self.outbound = ClientOutbound(config, client, self.distributor, Images(()), self.gate)
        self._run: Run | None = None
        self._octets = b""

    def up(self) -> None:
        format_, client = self.format, self.exchange.clients[self.number]
        agreed = Negotiated(
            client.asn,
            str(IPv4Address(self.number)),
            90,
            frozenset({self.exchange.family}),
            format_.asn4,
            True,
            False,
            format_.message_size,
            None,
        )
        self.outbound.up(agreed, NOW)
        self.is_up = True

    def again(self, format_: MessageFormat) -> ClientReader:
        """Its next session, with capabilities of its own; lifted where this one was."""
        found = ClientReader(self.exchange, self.distributor, self.number, format_)
        found.up()
        found.rule(self.gate.is_open)
        return found

    def down(self) -> None:
        """Cut, perhaps in the middle of a message."""
        self.outbound.down()
        self.held.clear()
        self._run, self._octets, self.is_up = None, b"", False

    def rule(self, opened: bool) -> None:
        """As the peer does; a deny is one of a client for which nothing waits, or it would be reset."""
        state = ConnectionState.ACTIVE if opened else ConnectionState.APPROVED
        before = self.gate.is_open
        self.gate.gate.rule(state, session_validated=opened)
        if opened and not before:
            self.outbound.send_everything(NOW)
        elif before and not opened:
            if self._run is not None or self.outbound.waits:
                self.down()
            else:
                self.outbound.withdraw_everything(NOW)

    def read(self, octets: int) -> bool:
        """Take at most so many octets; returns whether there is nothing more."""
        while octets > 0:
            if self._run is None:
                self._run = self.outbound.next(NOW) if self.is_up else None
                if self._run is None:
                    return True
                assert self.gate.is_open or not self._run.announces, "past a shut gate"
            run = self._run
            taken = min(octets, run.end - run.taken)
            self._octets += run.octets[run.taken : run.taken + taken]
            run.taken += taken
            octets -= taken
            if run.taken == run.end:
                self._run = None
                if run.done is not None:
                    run.done()
                apply(self.held, self._octets, self.exchange.family)
                self._octets = b""
                assert self.outbound.sent == len(self.held), "counted otherwise than held"
        return False

    def drain(self) -> None:
        while not self.read(1 << 20):
            pass


def made(family: Family, format_: MessageFormat | None = None) -> tuple[Exchange, Distributor, dict[int, ClientReader]]:
    """All of one format, or of several."""
    exchange = Exchange(family, RouteServerSettings(RS_AS, {V4: HOP}))
    distributor = Distributor(family, exchange.table, exchange.transparent)
    readers = {}
    for number in range(1, COUNT + 1):
        refuses = REFUSED.get(number, frozenset())
        exchange.client(number, ASNS[number], refuses=refuses, blackholes=number not in NO_BLACKHOLES)
        readers[number] = ClientReader(exchange, distributor, number, format_ or FORMATS[number // 2])
    return exchange, distributor, readers


def compare(exchange: Exchange, readers: dict[int, ClientReader], model: dict[str, dict[int, PathAttributes]]) -> None:
    """Who is lifted holds what the words of the documentation say; who is denied holds nothing."""
    exchange.formats.clear()
    for number, reader in readers.items():
        if not reader.is_up or not reader.gate.is_open:
            assert not reader.held, f"client {number} is denied"
            continue
        exchange.formats[number], exchange.held[number] = reader.format, reader.held
        counts = exchange.receivers.setdefault(number, Receiver())
        counts.count = reader.outbound.rendered
    check(exchange, model, exchange.family)


numbers = st.integers(1, COUNT)
chosen = st.sets(st.integers(0, 3), min_size=1)
steps = st.one_of(
    numbers.flatmap(lambda n: st.tuples(st.just("announce"), st.just(n), attributes(n), chosen)),
    st.tuples(st.just("withdraw"), numbers, st.none(), chosen),
    st.tuples(st.just("forget"), numbers, st.none(), st.none()),
    st.tuples(st.just("up"), numbers, st.sampled_from(FORMATS), st.none()),
    st.tuples(st.just("cut"), numbers, st.none(), st.none()),
    st.tuples(st.just("rule"), numbers, st.booleans(), st.none()),
    st.tuples(st.just("read"), numbers, st.integers(1, 300), st.none()),
    st.tuples(st.just("flush"), st.just(0), st.none(), st.none()),
)


@pytest.mark.parametrize("limit", [0, 1500, journal.SHARED])
@settings(max_examples=examples(250), deadline=None)
@given(family=st.sampled_from([V4, V6]), script=st.lists(steps, max_size=40), portion=st.sampled_from([100, 65536]))
def test_every_client_holds_what_it_should(limit: int, family: Family, script: list[Any], portion: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "SHARED", limit)
        patch.setattr(journal, "PORTION", portion)
        exchange, distributor, readers = made(family)
        model: dict[str, dict[int, PathAttributes]] = {prefix: {} for prefix in PREFIXES[family]}
        for number, reader in readers.items():
            if number != 3:
                reader.up()
                reader.rule(True)
        for what, number, given_, which in script:
            touched = [PREFIXES[family][index] for index in sorted(which)] if which else []
            if what == "announce":
                exchange.announce(number, given_, *touched)
                for prefix in touched:
                    model[prefix][number] = given_
            elif what == "withdraw":
                exchange.withdraw(number, *touched)
                for prefix in touched:
                    model[prefix].pop(number, None)
            elif what == "forget":
                exchange.down(number)
                for routes in model.values():
                    routes.pop(number, None)
            elif what == "up" and not readers[number].is_up:
                readers[number] = readers[number].again(given_)
            elif what == "cut" and readers[number].is_up:
                readers[number].down()
            elif what == "rule":
                readers[number].rule(given_)
            elif what == "read":
                readers[number].read(given_)
            elif what == "flush":
                distributor.flush(NOW)
        distributor.flush(NOW)
        for reader in readers.values():
            reader.drain()
        compare(exchange, readers, model)


@pytest.mark.skipif(compiled.code() == "compiled", reason="compiled code cannot be counted from outside")
def test_clients_that_are_behind_by_the_same_messages_cost_one_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """And they take the very same octets."""
    exchange, distributor, readers = made(V4, FORMATS[0])
    for reader in readers.values():
        reader.up()
        reader.rule(True)
        reader.drain()
    rendered: list[int] = []
    messages = UpdateRenderer._messages

    def counted(*given_: Any) -> Any:
        rendered.append(1)
        return messages(*given_)

    monkeypatch.setattr(UpdateRenderer, "_messages", counted)
    for number in range(500):
        exchange.announce(1, path(ASNS[1], med=number), f"198.18.{number >> 8}.{number & 255}/32")
        distributor.flush(NOW)
    assert len(rendered) == 500
    runs = {}
    for number in (2, 3, 4):
        run = readers[number].outbound.next(NOW)
        assert run is not None
        runs[number] = run.octets
        readers[number].drain()
    assert len(rendered) == 500, "what waited was rendered once for all"
    assert runs[2] == runs[3] == runs[4]


def test_what_waits_is_bounded_by_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not read costs a place in the journal, which is bounded, and a prefix once."""
    monkeypatch.setattr(journal, "SHARED", 100_000)
    exchange, distributor, readers = made(V4, FORMATS[0])
    fast, slow = readers[2], readers[3]
    for reader in (fast, slow):
        reader.up()
        reader.rule(True)
    prefixes = [f"198.18.0.{number}/32" for number in range(100)]
    for turn in range(300):
        exchange.announce(1, path(ASNS[1], med=turn), *prefixes[:50])
        distributor.flush(NOW)
        exchange.withdraw(1, *prefixes[: turn % 50])
        distributor.flush(NOW)
        fast.drain()
        (journal_,) = {member._journal for member in distributor._members}
        assert journal_.size <= 100_000 + 2 * journal.PORTION
        assert len(slow.outbound.changes) <= 100
    assert len(slow.outbound.changes) > 0, "it fell behind"
    slow.drain()
    assert slow.held == fast.held and set(slow.held) == {key(prefixes[49])}
    assert slow.outbound.sent == slow.outbound.rendered == len(slow.held) == 1
    assert not slow.outbound.waits
