"""Every case of the table on a session of its own: a scripted peer's octets against a real edge."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from simulator.engine.rows import row
from simulator.peer.events import EndOfRib, MalformedUpdate, NotificationExchanged
from simulator.session.states import BgpState
from simulator.speakers.neighbor import Neighbor
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind
from simulator.wire.framing import MessageType, frame
from simulator.wire.update import end_of_rib
from simulator.wire.update_faults import ErrorHandling
from tests.speakers.support import (
    EDGE4,
    LOOPBACK6,
    PEER4,
    PEER_AS,
    V4,
    V6,
    RawPeer,
    Scene,
    edge_config,
    lift,
    prefixes,
    raw_routes,
    routes_of,
    scene,
)
from tests.wire.rfc7606 import Case, cases

HOPS = {V4: PEER4, V6: LOOPBACK6}


class Session:
    """An edge that has taken two routes of its peer: the first is the one that the case is about."""

    def __init__(self, case: Case, stage: Scene, here: Neighbor, peer: RawPeer) -> None:
        self.case, self.stage, self.here, self.peer = case, stage, here, peer
        self.keys = prefixes(case.family, 2)

    async def announce(self) -> None:
        await self.peer.send(raw_routes(self.keys, self.case.family, asn4=self.case.asn4))

    async def read(self) -> None:
        """Wait until the edge has read all that was sent."""
        before = len(self.stage.of(EndOfRib))
        await self.peer.send(end_of_rib(self.case.family))
        await self.stage.until(lambda: len(self.stage.of(EndOfRib)) > before, "everything was read")

    def taken(self) -> set[bytes]:
        return set(self.stage.speakers[0].loc_rib.prefixes("edge")[self.case.family])

    def path(self, **attributes: int) -> PathAttributes:
        """What the route must look like: nothing of a discarded attribute is left."""
        sequence = (AsSegment(SegmentKind.SEQUENCE, (PEER_AS,)),)
        return replace(PathAttributes(as_path=sequence, next_hop=HOPS[self.case.family]), **attributes)  # type: ignore[arg-type]


async def treat_as_withdraw(session: Session) -> None:
    assert routes_of(session.here) == session.taken() == {session.keys[1]}


async def discard(session: Session) -> None:
    held = {route.key: route for route in session.here.adj_in.routes()}
    assert set(held) == session.taken() == set(session.keys)
    route = held[session.keys[0]]
    assert route.hits == ()
    marked = {"med": 7} if session.case.announces else {}
    assert replace(route.attributes.path, discarded=()) == session.path(**marked)


async def disable(session: Session) -> None:
    if session.case.disables:
        await discard(session)
        assert not session.here.view().disabled
        return
    assert routes_of(session.here) == session.taken() == set()
    await session.announce()
    await session.read()
    assert routes_of(session.here) == session.taken() == set(), "ignored from then on"
    assert session.here.view().disabled


AFTER = {
    ErrorHandling.TREAT_AS_WITHDRAW: treat_as_withdraw,
    ErrorHandling.DISCARD: discard,
    ErrorHandling.AFI_SAFI_DISABLE: disable,
}


def check_events(session: Session) -> None:
    case, events = session.case, session.stage.of(MalformedUpdate, "edge")
    assert len(events) == case.faults
    worst = max(events, key=lambda event: event.outcome)
    assert (worst.outcome, worst.attribute, worst.clause) == (case.outcome, case.code, case.clause)
    for event in events:
        assert event.update == case.body and event.reason
        assert event.octets
        told = row(event)
        assert json.loads(json.dumps(told)) == told
        assert (told["outcome"], told["update"]) == (event.outcome.label, case.body.hex())
    if case.outcome in (ErrorHandling.DISCARD, ErrorHandling.TREAT_AS_WITHDRAW) and case.announces:
        assert worst.keys == session.keys[:1]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
async def test_one_session(case: Case) -> None:
    family = case.family
    async with scene() as stage:
        edge = stage.speaker("edge")
        where = await edge.listen(EDGE4 if family is V4 else LOOPBACK6)
        here = edge.add(edge_config(where, HOPS[family], dial=False))
        async with await RawPeer.dial(where) as peer:
            await peer.greet(family, asn4=case.asn4)
            await stage.established(here)
            lift(here)
            session = Session(case, stage, here, peer)
            await session.announce()
            await stage.until(lambda: here.view().taken == 2, "the two routes were taken")
            await peer.updates_to_end_of_rib(family)
            await peer.send(frame(MessageType.UPDATE, case.body))
            if case.notification is not None:
                notification = await peer.refused()
                assert (notification.code, notification.subcode) == case.notification
                assert routes_of(here) == session.taken() == set()
                check_events(session)
                return
            await session.read()
            check_events(session)
            await AFTER[case.outcome](session)
            assert here.view().bgp_state is BgpState.ESTABLISHED and here.view().established_transitions == 1
            assert stage.of(NotificationExchanged) == [], "no reset outside the reset cases"
