"""One port for Azure's surface and the lab's; how it begins and ends; and where MD5 keys are and are not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
import uvicorn

from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState
from simulator.places.errors import LabError
from simulator.serving.server import _Server, listen, serving
from tests.azure.provider import support
from tests.azure.provider.test_unit_of_work import fill_the_disk
from tests.patience import PATIENCE
from tests.rehearsal import virtual_time
from tests.serving.support import ASN, ROOT, Served, served

KEY = "a-key-that-nobody-may-see"
PEERING = "/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering/peerings/p?api-version=2025-05-01"


async def test_the_two_surfaces_stand_side_by_side(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        for path, wanted in (
            ("/providers/Microsoft.Peering/operations?api-version=2025-05-01", "value"),
            ("/Subscriptions/lab/Providers/microsoft.peering/peerasns?api-version=2025-05-01", "value"),
            ("/lab/v1/status", "topology"),
            ("/openapi.json", "openapi"),
        ):
            answer = await lab.client.get(path)
            assert (answer.status_code, wanted in answer.json()) == (200, True), path


def test_a_port_in_use_is_one_line() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(LabError, match=rf"^127\.0\.0\.1:{port}: it is in use: choose another with --port$"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1.5", "198.51.100.77"])
def test_an_address_that_is_not_here_is_one_line(host: str) -> None:
    with pytest.raises(LabError) as refused:
        listen(host, 0)
    assert str(refused.value).count("\n") == 0


async def test_the_end_does_not_wait_for_those_who_follow_or_dawdle(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.get_running_loop()
    async with support.provider(f"sqlite:///{tmp_path}/store.db") as provider:
        with listen("127.0.0.1", 0) as socket:
            url = f"http://127.0.0.1:{socket.getsockname()[1]}"
            async with (
                httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client,
                serving(provider, socket),
            ):
                await client.put(ASN, json={"properties": {"peerAsn": 64496}})

                async def follow() -> list[str]:
                    async with client.stream("GET", "/lab/v1/events?follow=1", timeout=60) as answer:
                        begun.set()
                        return [line async for line in answer.aiter_lines() if line.startswith("event:")]

                begun = asyncio.Event()
                following = asyncio.ensure_future(follow())
                await begun.wait()
                _, idle = await asyncio.open_connection("127.0.0.1", socket.getsockname()[1])
                idle.write(b"PUT /lab/v1/settings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
                await idle.drain()
                ended = loop.time()
            assert loop.time() - ended < 5
            async with asyncio.timeout(PATIENCE):
                assert "event: peer-asn-state" in await following
            idle.close()
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_server_that_nobody_asks_is_woken_for_its_date_alone_and_ends_at_once() -> None:
    """uvicorn's own loop wakes up ten times a second to see whether it is to end."""

    async def idle() -> None:
        loop, ending = asyncio.get_running_loop(), asyncio.Event()
        assert isinstance(loop, virtual_time.VirtualLoop)
        config = uvicorn.Config(_never, log_config=None)
        config.load()
        server = _Server(config, ending)
        task = asyncio.ensure_future(server.main_loop())
        await asyncio.sleep(60.5)
        assert loop.waits == 61
        assert [name for name, _ in server.server_state.default_headers][:1] == [b"date"]
        ending.set()
        await task
        assert loop.time() == virtual_time.BEGIN + 60.5

    virtual_time.run(idle())


async def _never(_scope: object, _receive: object, _send: object) -> None:
    raise AssertionError("nobody asks")


async def test_followers_hear_what_happens_and_go_on_after_what_they_heard(tmp_path: Path) -> None:
    async with served(tmp_path, settings=support.BY_HAND) as lab:
        await lab.client.put(ASN, json={"properties": {"peerAsn": 64496}})
        first = (await lab.client.get("/lab/v1/events")).json()

        async def next_event(header: dict[str, str]) -> dict[str, object]:
            async with lab.client.stream("GET", "/lab/v1/events?follow=1", headers=header) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        found: dict[str, object] = json.loads(line[5:])
                        return found
            raise AssertionError("the stream ended")

        assert await next_event({}) == first[0]
        waiting = asyncio.ensure_future(next_event({"Last-Event-ID": str(first[-1]["seq"])}))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await lab.client.post("/lab/v1/asns/lab/contoso/approve")
        async with asyncio.timeout(PATIENCE):
            assert (await waiting)["seq"] == first[-1]["seq"] + 1


async def _active(lab: Served, key: str) -> httpx.Response:
    """A peering with an MD5 key, asked for over HTTP; the lab's router has none, so that it is never up."""
    await support.approved_asn(lab.provider)
    session = {"peerSessionIPv4Address": "206.126.239.200", "md5AuthenticationKey": key}
    inner = {
        "peerAsn": {"id": f"{ROOT}/peerAsns/contoso"},
        "connections": [{"peeringDBFacilityId": 1, "bgpSession": session}],
    }
    body = {
        "sku": {"name": "Basic_Exchange_Free"},
        "kind": "Exchange",
        "location": "eastus",
        "properties": {"peeringLocation": "Ashburn", "exchange": inner},
    }
    return await lab.client.put(PEERING, json=body)


async def test_md5_keys_are_echoed_by_azures_surface_and_are_nowhere_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with served(tmp_path, settings=Settings(removal=0, allow_md5_updates=True)) as lab:
        made = await _active(lab, KEY)
        assert made.status_code == 201 and KEY in made.text
        assert KEY in (await lab.client.get(PEERING)).text
        validating = ConnectionState.VALIDATING
        await support.until(
            lab.provider, lambda: all(each.state is validating for each in support.records(lab.provider))
        )
        changed = await _active(lab, KEY + "2")
        assert changed.status_code in (200, 409)
        wrong = {**json.loads(made.text), "properties": {"peeringLocation": KEY, "exchange": {"md5": KEY}}}
        assert (await lab.client.put(PEERING, json=wrong)).status_code == 400
        schema = (await lab.client.get("/openapi.json")).json()
        paths = [path for path, verbs in schema["paths"].items() if "get" in verbs and "{" not in path]
        names = [record.id for record in support.records(lab.provider)]
        for path in [*paths, *(f"/lab/v1/connections/{name}" for name in names)]:
            session = {"session": f"{names[0]}/ipv4"} if path.endswith("routes") else {}
            answer = await lab.client.get(path, params=session)
            assert (answer.status_code, KEY in answer.text) == (200, False), path
        assert KEY not in repr(lab.provider.log.entries) + repr(support.records(lab.provider))
        assert KEY not in repr(lab.provider.peerings.records[PEERING.split("?")[0].lower()].request)
    assert KEY not in "".join(capfd.readouterr())
    assert (tmp_path / "store.db").stat().st_mode & 0o077 == 0, "the store has them: it is its owner's alone"


async def test_a_store_that_fails_is_503_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="disk is full"):
        async with served(tmp_path, settings=support.BY_HAND) as lab:
            fill_the_disk(monkeypatch)
            answer = await lab.client.put(ASN, json={"properties": {"peerAsn": 64496}})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ServiceUnavailable")
            answer = await lab.client.patch("/lab/v1/settings", json={"mesh": False})
            assert (answer.status_code, set(answer.json())) == (503, {"detail"})
            assert lab.provider.failure.done()
