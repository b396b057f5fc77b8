"""The event log as server-sent events, octet by octet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.serving import event_stream
from tests.azure.provider import support


async def test_each_event_is_one_message_and_silence_is_a_comment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "_PING_SECONDS", 0)
    ending = asyncio.Event()
    async with support.provider(f"sqlite:///{tmp_path}/store.db", support.BY_HAND) as provider:
        support.ask_for_asn(provider)
        kept = provider.unit.events(0, 100)
        response = event_stream.event_stream(provider.unit, ending, kept[0].seq - 1, "")
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (response.headers["cache-control"], response.headers["x-accel-buffering"]) == ("no-store", "no")
        messages: AsyncIterator[object] = aiter(response.body_iterator)
        for row in kept:
            octets = await anext(messages)
            assert isinstance(octets, bytes)
            name, event, data, *rest = octets.decode().split("\r\n")
            assert (name, event, rest) == (f"id: {row.seq}", f"event: {row.event}", ["", ""])
            assert json.loads(data.removeprefix("data: "))["row"] == row.row
        assert await anext(messages) == b": ping\r\n\r\n"
        ending.set()
        assert [message async for message in messages] == []
