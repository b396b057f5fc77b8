"""The webhook against a real receiver that takes, fails, hangs, is slow, redirects, and talks nonsense."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.connection.states import ConnectionState
from simulator.engine.log import DeliveryFailed, EventLog, Notice, Remark
from simulator.engine.rows import row
from simulator.webhook.delivery import (
    ATTEMPTS,
    DELIVERY,
    EVENT,
    LONGEST_PAUSE,
    SIGNATURE,
    Destination,
    is_taken,
    may_pass,
    pause_after,
    signature,
    told,
)
from simulator.webhook.sender import Webhook
from tests.azure.provider import support
from tests.patience import PATIENCE
from tests.topologies import build, document
from tests.webhook.receiver import Receiver, receiving

KEY = "a-shared-key-0123"


def notice(number: int = 0) -> Notice:
    return Notice(
        1000.0 + number, "contoso/edge-1", "active", f"Connection {number} is Active", "traffic is allowed ü €"
    )


def webhook(log: EventLog, url: str, **changes: Any) -> Webhook:
    plain: dict[str, Any] = {"timeout": PATIENCE, "at_the_end": PATIENCE}
    plain["pause"] = lambda attempt: 0.01 if attempt < 4 else None
    return Webhook(Destination(url, KEY), log, time.time, **plain | changes)


def failures(log: EventLog) -> list[DeliveryFailed]:
    return [event for event in log.entries if isinstance(event, DeliveryFailed)]


async def until_failed(log: EventLog, count: int = 1) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(failures(log)) < count:
            await log.next_event(1)


def verify(octets: bytes, header: str, key: str) -> None:
    """As a receiver does it who has read the documentation."""
    fields = dict(part.split("=", 1) for part in header.split(","))
    wanted = hmac.new(key.encode(), fields["t"].encode() + b"." + octets, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(wanted, fields["v1"])
    assert abs(time.time() - int(fields["t"])) < 60


async def test_a_delivery_is_the_events_row_and_signed() -> None:
    log = EventLog()
    async with receiving() as receiver, webhook(log, receiver.url):
        log.append(Remark(1.0, "nobody is to hear this"))
        log.append(notice())
        await receiver.until(1)
    (request,) = receiver.requests
    assert json.loads(request.octets) == row(notice())
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/json"
    assert request.headers[EVENT.lower()] == "notice"
    assert request.headers[DELIVERY.lower()]
    verify(request.octets, request.headers[SIGNATURE.lower()], KEY)
    assert failures(log) == []


async def test_deliveries_come_in_order_and_each_once() -> None:
    log = EventLog()
    async with receiving() as receiver, webhook(log, receiver.url):
        for number in range(20):
            log.append(notice(number))
        await receiver.until(20)
    subjects = [json.loads(request.octets)["subject"] for request in receiver.requests]
    assert subjects == [f"Connection {number} is Active" for number in range(20)]
    assert len({request.headers[DELIVERY.lower()] for request in receiver.requests}) == 20


@pytest.mark.parametrize("first", ["500", "503", "429", "408", "close", "hang", "slow", "garbage"])
async def test_what_passes_by_is_tried_again_and_is_an_event(first: str) -> None:
    log = EventLog()
    async with (
        receiving(lambda number: first if number == 0 else "200") as receiver,
        webhook(log, receiver.url, timeout=2 if first in ("hang", "slow") else PATIENCE) as sender,
    ):
        log.append(notice())
        await receiver.until(2)
        async with asyncio.timeout(PATIENCE):
            await sender.idle()
    assert len(receiver.requests) == 2
    assert receiver.requests[0].octets == receiver.requests[1].octets
    assert receiver.requests[0].headers[DELIVERY.lower()] == receiver.requests[1].headers[DELIVERY.lower()]
    (failure,) = failures(log)
    assert (failure.attempt, failure.again is not None) == (1, True)
    assert failure.why
    assert row(failure)["event"] == "webhook-failed"


@pytest.mark.parametrize("answer", ["400", "401", "404", "410"])
async def test_a_refusal_is_not_tried_again(answer: str) -> None:
    log = EventLog()
    async with receiving(lambda number: answer) as receiver, webhook(log, receiver.url):
        log.append(notice())
        await until_failed(log)
    assert len(receiver.requests) == 1
    assert [(each.why, each.again) for each in failures(log)] == [(f"HTTP {answer}", None)]


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
async def test_nothing_goes_to_where_a_redirect_points(status: str) -> None:
    log = EventLog()
    async with receiving() as elsewhere:
        answer = f"{status} Location: {elsewhere.url}\r\n"
        async with receiving(lambda number: answer) as receiver, webhook(log, receiver.url):
            log.append(notice())
            await until_failed(log)
    assert len(receiver.requests) == 1
    assert elsewhere.requests == []
    assert [(each.why, each.again) for each in failures(log)] == [(f"HTTP {status}", None)]


async def test_a_body_without_an_end_holds_nobody_up() -> None:
    log = EventLog()
    async with receiving(lambda number: "endless") as receiver, webhook(log, receiver.url):
        log.append(notice(0))
        log.append(notice(1))
        await receiver.until(2)
    assert failures(log) == []


async def test_a_receiver_that_never_takes_is_given_up_and_the_next_delivery_has_its_turn() -> None:
    log = EventLog()
    async with receiving(lambda number: "500" if number < 4 else "200") as receiver, webhook(log, receiver.url):
        log.append(notice(0))
        log.append(notice(1))
        await receiver.until(5)
    subjects = [json.loads(request.octets)["subject"] for request in receiver.requests]
    assert subjects == ["Connection 0 is Active"] * 4 + ["Connection 1 is Active"]
    assert [each.again is None for each in failures(log)] == [False, False, False, True]


async def test_nobody_listens() -> None:
    log = EventLog()
    async with receiving() as receiver:
        url = receiver.url
    async with webhook(log, url):
        log.append(notice())
        await until_failed(log, 4)
    assert failures(log)[-1].again is None


async def test_the_engine_never_waits_and_the_queue_is_bounded() -> None:
    log = EventLog()
    async with (
        receiving(lambda number: "hang" if number == 0 else "200") as receiver,
        webhook(log, receiver.url, waiting=10, timeout=2, pause=lambda attempt: None) as sender,
    ):
        log.append(notice())
        await receiver.until(1)
        for number in range(1, 1000):
            log.append(notice(number))  # at once: nothing is awaited
        assert len(receiver.requests) == 1
        async with asyncio.timeout(PATIENCE):
            await sender.idle()
    subjects = [json.loads(request.octets)["subject"] for request in receiver.requests]
    assert subjects[0] == "Connection 0 is Active"
    assert subjects[1:] == [f"Connection {number} is Active" for number in range(991, 1000)], "the newest are kept"
    assert [each.why for each in failures(log) if "lost" in each.why] == [
        "990 deliveries are lost: more than 10 waited",
    ]


async def test_it_ends_in_time_whatever_the_receiver_does() -> None:
    log = EventLog()
    async with receiving(lambda number: "hang") as receiver:
        async with webhook(log, receiver.url, timeout=60, at_the_end=0.2):
            log.append(notice(0))
            log.append(notice(1))
            await receiver.until(1)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        log.append(notice(2))  # nobody takes it any more
        await asyncio.sleep(0)
    assert len(receiver.requests) == 1
    assert [each.why for each in failures(log)] == ["2 deliveries are lost: the lab stopped"]


async def test_what_comes_last_is_still_delivered_at_the_end() -> None:
    log = EventLog()
    async with receiving() as receiver:
        async with webhook(log, receiver.url):
            log.append(notice())
        assert len(receiver.requests) == 1


def test_the_key_is_in_no_word_about_it() -> None:
    to = Destination("https://user:pass@noc.example.net:8443/hook/abc?token=1#x", KEY)
    assert KEY not in repr(to)
    assert to.shown == "https://noc.example.net:8443"
    assert Destination("http://[::1]:80/x", KEY).shown == "http://[::1]:80"


@given(st.binary(max_size=200), st.integers(0, 2**40), st.text(min_size=8, max_size=40))
def test_a_signature_is_of_the_key_the_time_and_every_octet(octets: bytes, when: int, key: str) -> None:
    header = signature(key, when, octets)
    assert header == signature(key, when, octets)
    assert header != signature(key + "x", when, octets)
    assert header.partition(",")[2] != signature(key, when + 1, octets).partition(",")[2]
    assert header != signature(key, when, octets + b" ")


def test_the_pauses_grow_to_a_bound_and_end() -> None:
    pauses = [pause_after(attempt) for attempt in range(1, ATTEMPTS + 1)]
    assert pauses[-1] is None
    grown = [pause for pause in pauses if pause is not None]
    assert len(grown) == ATTEMPTS - 1
    assert grown == sorted(grown)
    assert max(grown) <= LONGEST_PAUSE


@given(st.integers(100, 599))
def test_every_status_is_taken_passes_by_or_is_final(status: int) -> None:
    assert is_taken(status) == (status // 100 == 2)
    assert not (is_taken(status) and may_pass(status))
    if 300 <= status < 400:
        assert not may_pass(status)


def test_only_notices_and_what_a_watch_tells_are_delivered() -> None:
    assert told(Remark(1.0, "x")) is None
    assert told(DeliveryFailed(1.0, "http://x", "", 1, "x", None)) is None, "or a failure would follow from a failure"
    assert told(notice()) is not None


async def test_a_served_peering_that_becomes_active_is_announced(tmp_path: Path) -> None:
    async with receiving() as receiver, support.provider(f"sqlite:///{tmp_path}/store.db") as provider:
        async with webhook(provider.log, receiver.url):
            await support.active(provider)
            await receiver.until(2)
        stream = [event for event in provider.unit.events(0, 10_000, None) if event.event == "notice"]
    told_ = [json.loads(request.octets) for request in receiver.requests]
    assert {each["kind"] for each in told_} == {"active"}
    assert {each["connection"] for each in told_} == {record.id for record in support.records(provider)}
    assert all("traffic is allowed" in each["text"] for each in told_)
    assert {event.row["subject"] for event in stream} == {each["subject"] for each in told_}


async def test_a_failed_validation_is_announced_with_its_diagnosis(tmp_path: Path) -> None:
    found = document()
    found["times"] = {"soak": 0.1, "deadline": 2}
    found["policy"]["rules"] |= {"bogon-asn": True}
    url = f"sqlite:///{tmp_path}/store.db"
    async with receiving() as receiver, support.provider(url, lab=build(found)) as provider:
        async with webhook(provider.log, receiver.url):
            await support.approved_asn(provider)
            support.ask_for_peering(provider)
            await support.until_all(provider, ConnectionState.PROVISIONING_FAILED)
            await receiver.until(2)
        messages = {record.id: record.connection.error_message for record in support.records(provider)}
    for request in receiver.requests:
        each = json.loads(request.octets)
        assert each["kind"] == "validation-failed"
        assert each["text"] == messages[each["connection"]]
        assert each["diagnosis"][0]["id"] == "bogon-asn"
        assert each["diagnosis"][0]["remedy"]
        assert each["diagnosis"][0]["text"] in each["text"]


def test_the_receiver_of_these_tests_is_a_real_one() -> None:
    async def ask() -> tuple[int, Receiver]:
        async with receiving() as receiver, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            return (await client.post(receiver.url, content=b"x")).status_code, receiver

    status, receiver = asyncio.run(ask())
    assert (status, receiver.requests[0].octets) == (204, b"x")
