"""The event log."""

from __future__ import annotations

import asyncio
import json

import pytest

from simulator.connection.connection import ConnectionTransition
from simulator.connection.states import Actor, ConnectionEvent, ConnectionState
from simulator.engine.log import CheckEnded, ConnectionMoved, Event, EventLog, Remark
from simulator.engine.rows import row, rows
from simulator.gate import Direction, Withheld
from simulator.peer.events import (
    BgpStateChanged,
    CallerRefused,
    EndOfRib,
    GateMoved,
    GateWithheld,
    MessageIgnored,
    NotificationExchanged,
    RoutesAnnounced,
    RoutesWithdrawn,
    UnknownPeer,
)
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family, Notification
from simulator.session.outputs import BgpTransition, NotificationSeen
from simulator.session.states import BgpState
from simulator.views.check import Blocks, CheckView, Status
from simulator.views.times import timestamp
from simulator.wire import nlri
from simulator.wire.attribute_codec import PathAttributes

KEY = nlri.key("192.0.2.0/24")[1]
STEP = ConnectionTransition(
    1.0,
    ConnectionState.VALIDATING,
    ConnectionState.ACTIVE,
    ConnectionEvent.VALIDATION_PASSED,
    Actor.AUTOMATION,
    "r",
    "doc",
)
EVENTS: list[Event] = [
    ConnectionMoved("c", STEP),
    BgpStateChanged("s", BgpTransition(2.0, BgpState.CONNECT, BgpState.ACTIVE, "r")),
    CheckEnded(3.0, "c", CheckView("S1", "t", "RFC", Blocks.ACTIVE, Status.SUCCESS, ("e",))),
    Remark(4.0, "text"),
    NotificationExchanged("s", NotificationSeen(5.0, True, Notification(6, 2))),
    RoutesAnnounced("s", 6.0, Family.IPV4, (KEY,), AttributeSet(PathAttributes(), ()), 1),
    RoutesWithdrawn("s", 7.0, Family.IPV4, (KEY,)),
    EndOfRib("s", 8.0, Family.IPV6),
    GateWithheld("s", Withheld(9.0, Direction.OUT, "IPv4", (KEY,), "why")),
    GateMoved("s", 10.0, True, 5, 3),
    UnknownPeer("edge", 11.0, "192.0.2.9", 3),
    CallerRefused("s", 12.0, "192.0.2.9", "why", 13.0),
    CallerRefused("s", 12.0, "192.0.2.9", "why", None, 3),
    MessageIgnored("s", 14.0, "why"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_a_flat_json_row_with_a_time(event: Event) -> None:
    found = row(event)
    json.dumps(found)
    assert found["time"].endswith("Z")
    assert found["event"]
    assert not any(isinstance(value, dict) for value in found.values())


def test_the_two_actives_cannot_be_taken_for_each_other() -> None:
    connection, bgp = row(EVENTS[0]), row(EVENTS[1])
    assert (connection["to"], connection["axis"]) == ("Active", "connection")
    assert (bgp["to"], bgp["axis"]) == ("Active", "bgp")
    assert "session" not in connection
    assert "connection" not in bgp


def test_rows_are_numbered_in_order() -> None:
    log = EventLog()
    for event in EVENTS:
        log.append(event)
    assert [found["seq"] for found in rows(log)] == list(range(1, len(EVENTS) + 1))
    assert [found["prefixes"] for found in rows(log) if found["event"] == "gate-withheld"] == [["192.0.2.0/24"]]


async def test_waiting_ends_with_the_next_event_or_with_the_time() -> None:
    log = EventLog()
    waiting = asyncio.ensure_future(log.next_event(30))
    await asyncio.sleep(0)
    log.append(EVENTS[0])
    assert await waiting is True
    assert await log.next_event(0) is False
    assert await log.next_event(-1) is False


async def test_who_follows_one_of_many_looks_at_its_events_alone() -> None:
    """If all looked at each event of one, a thousand would do the work of a million."""
    log = EventLog()

    def waiting(*of: str) -> asyncio.Future[bool]:
        return asyncio.ensure_future(log.next_event(30, of))

    waits = {of: waiting(*of) for of in ((), ("s",), ("c",), ("other", "s"), ("other",))}
    await asyncio.sleep(0)
    log.append(EVENTS[0])  # of the connection c
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [of for of, wait in waits.items() if wait.done()] == [(), ("c",)]
    log.append(EVENTS[1])  # of the session s
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [of for of, wait in waits.items() if not wait.done()] == [("other",)]
    log.wake(["s", "c"])
    await asyncio.sleep(0)
    assert not waits["other",].done()
    log.wake()
    assert await waits["other",] is True
    assert await log.next_event(0, ["a", "b"]) is False
    assert log._waiting == {}


async def test_a_cancellation_that_comes_with_the_event_is_not_lost() -> None:
    log = EventLog()
    waiting = asyncio.ensure_future(log.next_event(30))
    await asyncio.sleep(0)
    log.append(EVENTS[0])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_listener_that_fails_keeps_nobody_from_hearing() -> None:
    log, heard, failed = EventLog(), list[Event](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))

    def broken(event: Event) -> None:
        raise RuntimeError("broken")

    log.subscribe(broken)
    log.subscribe(heard.append)
    waiting = asyncio.ensure_future(log.next_event(30))
    await asyncio.sleep(0)
    log.append(EVENTS[0])
    assert await waiting is True
    assert heard == log.entries == [EVENTS[0]]
    assert [str(error) for error in failed] == ["broken"]


def test_timestamps_are_utc() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000000Z"


def test_a_bound_keeps_the_newest_and_no_routes() -> None:
    log, heard = EventLog(10), list[Event]()
    log.subscribe(heard.append)
    for number in range(100):
        log.append(Remark(number, "something"))
        log.append(EVENT_OF_ROUTES)
    assert len(heard) == 200
    assert log.entries == [event for event in heard if isinstance(event, Remark)][-len(log.entries) :]
    assert 5 <= len(log.entries) <= 10


EVENT_OF_ROUTES = RoutesWithdrawn("s", 1.0, Family.IPV4, (b"\x18\x0a\x00\x00",))
