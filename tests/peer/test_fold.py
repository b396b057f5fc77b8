"""A run of UPDATEs beside a model of RFC 4271 §4.3, RFC 4760 and RFC 7606's treat-as-withdraw: what is held in
Adj-RIB-In and Loc-RIB, what is told, and what a route server's client has of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.connection.states import ConnectionState
from simulator.peer.events import NeighborConfig, RoutesAnnounced, RoutesWithdrawn
from simulator.peer.inbound import Inbound
from simulator.peer.session_gate import SessionGate
from simulator.places.endpoint import Endpoint
from simulator.policy.policy import Policy
from simulator.policy.rule import PolicyContext
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.loc import LocRib
from simulator.session.messages import Family
from simulator.session.negotiation import Negotiated
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from tests.examples import examples
from tests.rib.route_server_support import RS_AS, V4, V6, Exchange, address, key

POOL = {
    V4: [f"20.0.{number}.0/24" for number in range(4)],
    V6: [f"2a00:{number}::/32" for number in range(1, 5)],
}
GOOD, REFUSED, MALFORMED = "good", "refused", "malformed"
AS_OF = {GOOD: 3999, REFUSED: 12076, MALFORMED: 3999}
"""Behind the client's own."""
PEER = 3321


@dataclass
class Update:
    """What is said of prefixes, by their numbers, in each place of one UPDATE; `med` tells one UPDATE from another."""

    withdrawn: list[int] = field(default_factory=list)
    unreach: list[int] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)
    reach: list[int] = field(default_factory=list)
    attributes: str = GOOD
    reach_hop: bool = True
    """Whether the next hop of MP_REACH_NLRI can be used."""
    med: int = 0

    def body(self, family: Family) -> bytes:
        def run(numbers: list[int]) -> bytes:
            return b"".join(key(POOL[family][number]) for number in numbers)

        head = family.afi.to_bytes(2, "big") + bytes((family.safi,))
        block = b""
        if self.reach:
            hop = (
                address(1, family).packed
                if self.reach_hop
                else (b"\xe0\0\0\1" if family is V4 else b"\xff" + bytes(15))
            )
            value = head + bytes((len(hop),)) + hop + b"\0" + run(self.reach)
            block += bytes((0x80, 14, len(value))) + value
        if self.unreach:
            value = head + run(self.unreach)
            block += bytes((0x80, 15, len(value))) + value
        if self.reach or (self.announced and family is V4):
            path = PathAttributes(
                as_path=(AsSegment(SegmentKind.SEQUENCE, (PEER, AS_OF[self.attributes])),),
                next_hop=address(1, V4) if self.announced else None,
                med=self.med,
            )
            octets = encode(path, asn4=True)
            block += octets[:3] + b"\7" + octets[4:] if self.attributes == MALFORMED else octets
        withdrawn, announced = (run(self.withdrawn), run(self.announced)) if family is V4 else (b"", b"")
        return len(withdrawn).to_bytes(2, "big") + withdrawn + len(block).to_bytes(2, "big") + block + announced


def model(held: dict[int, tuple[int, bool]], update: Update, family: Family) -> dict[int, tuple[int, bool]]:
    """Number → (MED, whether the policy accepts it), after one UPDATE."""
    after = dict(held)
    field_, reach = update.announced if family is V4 else [], update.reach
    gone = (set(update.withdrawn) if family is V4 else set()) | set(update.unreach)
    for number in gone - set(field_) - set(reach):
        after.pop(number, None)
    for numbers, sound in ((field_, True), (reach, update.reach_hop)):
        for number in numbers:
            if sound and update.attributes != MALFORMED:
                after[number] = update.med, update.attributes == GOOD
            else:
                after.pop(number, None)
    return after


class Both(LocRib):
    """Loc-RIB of an edge, and the table of a route server that has the same session."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.exchange = exchange

    def take(self, session: str, family: Family, routes: Mapping[bytes, AttributeSet]) -> None:
        super().take(session, family, routes)
        self.exchange.table.take(self.exchange.clients[1], routes)

    def forget(self, session: str, family: Family, keys: Any) -> None:
        super().forget(session, family, list(keys))
        self.exchange.table.forget(self.exchange.clients[1], list(keys))


class Bench:
    """One session that is lifted, without a socket, and two other clients of the same route server."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.exchange = Exchange(family)
        for number in (1, 2, 3):
            self.exchange.client(number, PEER if number == 1 else 0)
        self.exchange.join(2)
        self.events: list[Any] = []
        self.loc_rib = Both(self.exchange)
        here, there = address(200, family), address(1, family)
        config = NeighborConfig(
            id="c1",
            local_as=RS_AS,
            router_id="192.0.2.200",
            local_address=here,
            peer_address=there,
            peer_as=PEER,
            local=Endpoint(here, 179),
            remote=Endpoint(there, 179),
            policy=Policy("exchange", PolicyContext(PEER, str(there), RS_AS)),
        )
        gate = SessionGate(config, self.events.append)
        gate.gate.rule(ConnectionState.ACTIVE, session_validated=True)
        self.inbound = Inbound(config, gate, self.loc_rib, self.events.append)
        self.agreed = cast(Negotiated, SimpleNamespace(families=frozenset({family}), asn4=True))

    def update(self, update: Update) -> list[Any]:
        """What is told of it."""
        self.events.clear()
        self.inbound.update(update.body(self.family), self.agreed, 0.0)
        return [event for event in self.events if isinstance(event, RoutesAnnounced | RoutesWithdrawn)]

    def number(self, found: bytes) -> int:
        return POOL[self.family].index(nlri.text(self.family, found))

    def numbered(self, routes: Mapping[bytes, AttributeSet]) -> dict[int, int | None]:
        return {self.number(found): attributes.path.med for found, attributes in routes.items()}


numbers = st.lists(st.integers(0, 3), max_size=3)
updates = st.builds(
    Update,
    withdrawn=numbers,
    unreach=numbers,
    announced=numbers,
    reach=numbers,
    attributes=st.sampled_from([GOOD, GOOD, REFUSED, MALFORMED]),
    reach_hop=st.sampled_from([True, True, False]),
    med=st.integers(0, 3),
).filter(lambda found: bool(found.withdrawn or found.unreach or found.announced or found.reach))


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from([V4, V6]), st.lists(updates, max_size=12))
def test_every_table_is_what_the_model_says(family: Family, script: list[Update]) -> None:
    bench = Bench(family)
    expected: dict[int, tuple[int, bool]] = {}
    told: dict[int, int | None] = {}
    for update in script:
        before, expected = expected, model(expected, update, family)
        withdrawn: list[int] = []
        for event in bench.update(update):
            for number in map(bench.number, event.keys):
                if isinstance(event, RoutesAnnounced):
                    told[number] = event.attributes.path.med
                else:
                    assert number in told, "only what was held is withdrawn"
                    del told[number]
                    withdrawn.append(number)
        assert told == {number: med for number, (med, _) in expected.items()}
        if update.attributes != MALFORMED and update.reach_hop:
            assert sorted(withdrawn) == sorted(before.keys() - expected.keys()), "and only what is gone"
        assert bench.numbered(dict(bench.inbound.adj_in.items(family))) == told
        accepted = {number: med for number, (med, passes) in expected.items() if passes}
        assert bench.inbound.adj_in.accepted == len(accepted)
        assert bench.numbered(dict(bench.loc_rib.routes("c1", family))) == accepted
        bench.exchange.tell()
        has = bench.exchange.held[2]
        assert {bench.number(found) for found in has} == accepted.keys()
        for found, octets in has.items():
            med = bench.exchange.decoded(octets, bench.exchange.formats[2]).med
            assert med == accepted[bench.number(found)]


BOTH = pytest.mark.parametrize(
    ("family", "update"),
    [
        (V4, Update(withdrawn=[0], announced=[0], med=2)),
        (V4, Update(unreach=[0], announced=[0], med=2)),
        (V4, Update(withdrawn=[0], reach=[0], med=2)),
        (V4, Update(unreach=[0], reach=[0], med=2)),
        (V6, Update(unreach=[0], reach=[0], med=2)),
        (V4, Update(withdrawn=[0, 1], unreach=[0, 1], announced=[0, 1], med=2)),
    ],
)


@BOTH
def test_a_prefix_withdrawn_and_announced_in_one_update_is_announced(family: Family, update: Update) -> None:
    """RFC 4271 §4.3; nobody is told of a withdrawal, and no client is sent one."""
    bench = Bench(family)
    everything = [0, 1, 2]
    bench.update(Update(announced=everything, reach=[] if family is V4 else everything))
    bench.exchange.tell()
    assert len(bench.exchange.held[2]) == 3
    assert [type(event) for event in bench.update(update)] == [RoutesAnnounced]
    changes = bench.exchange.table.changes
    assert changes and all(change.pick is not None for change in changes)
    bench.exchange.tell()
    assert len(bench.exchange.held[2]) == 3


@BOTH
def test_what_is_announced_with_malformed_attributes_is_withdrawn_once(family: Family, update: Update) -> None:
    bench = Bench(family)
    bench.update(Update(announced=[0, 1], reach=[] if family is V4 else [0, 1]))
    malformed = Update(**{**update.__dict__, "attributes": MALFORMED})
    (event,) = bench.update(malformed)
    assert isinstance(event, RoutesWithdrawn) and event.malformed
    assert [bench.number(found) for found in event.keys] == sorted({*update.announced, *update.reach})
    assert bench.update(malformed) == [], "nothing is held of them any more"


def test_a_withdrawal_of_nothing_is_not_told() -> None:
    bench = Bench(V4)
    bench.update(Update(announced=[0]))
    assert bench.update(Update(withdrawn=[1, 2, 3])) == []
    (event,) = bench.update(Update(withdrawn=[0, 0, 3]))
    assert isinstance(event, RoutesWithdrawn) and event.keys == (key(POOL[V4][0]),)
