"""Who may call, how much they may send, and that nothing that they send stops the server."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
import json
import re
import socket
from pathlib import Path

import httpx
import pytest

from simulator.serving import guard, http_connection
from simulator.serving.guard import BODY_LIMIT
from tests.azure.provider import support
from tests.patience import PATIENCE
from tests.serving.support import ASN, ROOT, Served, served

TOKEN = "a-token-of-the-tests"
PATHS = ("/lab/v1/status", "/docs", "/openapi.json", f"{ROOT}/peerAsns?api-version=2025-05-01", "/nothing")


def request(head: str, body: bytes = b"") -> bytes:
    return head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body


async def still_there(lab: Served) -> None:
    assert (await lab.client.get("/lab/v1/status")).status_code == 200


# --- the token ---


async def test_with_a_token_every_path_asks_for_it(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab:
        for path in PATHS:
            for header in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}):
                answer = await lab.client.get(path, headers=header)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                assert answer.json()["error"]["code"] == "AuthenticationFailed" and TOKEN not in answer.text
        answer = await lab.client.get(
            "/lab/v1/status", headers={"Authorization": f"bearer {TOKEN}", "Host": "lab.example"}
        )
        assert answer.status_code == 200


async def test_the_token_is_compared_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return hmac.compare_digest(left, right)

    monkeypatch.setattr(guard, "hmac", type("Hmac", (), {"compare_digest": staticmethod(compare)}))
    async with served(tmp_path, TOKEN) as lab:
        for given, wanted in (("a", 401), (TOKEN, 200), ("é" * 9, 401)):
            answer = await lab.client.get("/lab/v1/status", headers={b"Authorization": f"Bearer {given}".encode()})
            assert answer.status_code == wanted
    assert [left for left, _ in compared] == [b"a", TOKEN.encode(), ("é" * 9).encode()]


async def test_the_token_is_told_to_nobody(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with served(tmp_path, TOKEN) as lab:
        lab.client.headers["Authorization"] = f"Bearer {TOKEN}"
        await lab.client.put(ASN, json={"properties": {"peerAsn": 64496}})
        texts = [(await lab.client.get(path)).text for path in (*PATHS, "/lab/v1/events", "/lab/v1/settings")]
        await lab.raw(b"nonsense\r\n\r\n")
    texts += [*capfd.readouterr(), (tmp_path / "store.db").read_bytes().decode("latin-1")]
    assert not any(TOKEN in text for text in texts)


# --- without a token ---


OURS = ("127.0.0.1", "localhost:80", "[::1]:8075", "LOCALHOST")
FOREIGN = ("lab.example", "127.0.0.1.evil.example", "evil@lab.example", "localhost.evil.example", "[", "::1", "1")


async def test_only_this_machines_own_names_are_answered(tmp_path: Path) -> None:
    """DNS rebinding: a web page whose own name leads to 127.0.0.1."""
    async with served(tmp_path) as lab:
        for host in OURS:
            assert (await lab.client.get("/lab/v1/status", headers={"Host": host})).status_code == 200, host
        for host in FOREIGN:
            for path in PATHS:
                assert (await lab.client.get(path, headers={"Host": host})).status_code == 403, host
        assert b" 403 " in await lab.raw(request("GET /lab/v1/status HTTP/1.0"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://localhost:3000"}, 403),  # another port is another program of this machine
        ({"Origin": "http://localhost"}, 403),
        ({"Origin": "https://{host}"}, 403),
        ({"Origin": "http://{host}"}, 200),
        ({"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_only_a_page_of_the_server_itself_changes_anything(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async with served(tmp_path, settings=support.BY_HAND) as lab:
        await lab.client.put(ASN, json={"properties": {"peerAsn": 64496}})
        sent = {name: value.format(host=f"127.0.0.1:{lab.port}") for name, value in headers.items()}
        answer = await lab.client.post("/lab/v1/asns/lab/contoso/approve", headers=sent)
        assert answer.status_code == status
        looked = await lab.client.get("/lab/v1/status", headers=sent)
        assert looked.status_code == 200 and "access-control-allow-origin" not in looked.headers


# --- how much ---


@pytest.mark.parametrize("path", [ASN, "/lab/v1/settings"])
async def test_a_body_over_the_limit_is_413_whatever_it_says_of_its_length(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as lab:
        answer = await lab.client.put(path, content=b" " * (BODY_LIMIT + 1))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "RequestContentTooLarge")
        head = f"PUT {path} HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\nContent-Type: application/json"
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        assert b" 413 " in (await lab.raw(request(head, chunk * 17), end=False)).splitlines()[0]
        whole = await lab.client.put(path, content=b"{" + b" " * (BODY_LIMIT - 2) + b"}")
        assert whole.status_code in (400, 422)
        for length in ("99999999999999999999999", "-1", "x"):
            answer_line = await lab.raw(request(f"PUT {path} HTTP/1.1\nHost: localhost\nContent-Length: {length}"))
            assert answer_line.split()[1] in (b"400", b"413")
        await still_there(lab)


@pytest.mark.parametrize("path", [ASN, "/lab/v1/settings"])
async def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    async with served(tmp_path) as lab:
        head = f"PUT {path} HTTP/1.1\nHost: localhost\nContent-Length: 50\nContent-Type: application/json"
        answer = await lab.raw(request(head, b'{"'), end=False, within=5)
        assert answer.startswith(b"HTTP/1.1 408 ") and b"RequestTimeout" in answer
        await still_there(lab)


async def test_a_client_that_hangs_up_in_the_middle_harms_nobody(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        for path in (ASN, "/lab/v1/settings"):
            _, writer = await asyncio.open_connection("127.0.0.1", lab.port)
            writer.write(request(f"PUT {path} HTTP/1.1\nHost: localhost\nContent-Length: 50", b'{"'))
            await writer.drain()
            writer.transport.abort()
        await still_there(lab)


# --- clients that do not finish ---


HEAD = b"GET /lab/v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
UNFINISHED = {
    "nothing": b"",
    "half a head": HEAD,
    "a second head": request("GET /lab/v1/settings HTTP/1.1\nHost: localhost") + HEAD,
}


@pytest.mark.parametrize("octets", UNFINISHED.values(), ids=UNFINISHED)
async def test_a_head_that_does_not_come_is_not_waited_for(
    tmp_path: Path, octets: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "HEAD_SECONDS", 0.2)
    async with served(tmp_path) as lab:
        answer = await lab.raw(octets, end=False, within=5)
        assert (b"RequestTimeout" in answer) is bool(octets) and answer.count(b"HTTP/1.1 408 ") <= 1
        assert answer.count(b"HTTP/1.1 200 ") == octets.count(b"settings")
        await still_there(lab)


PATIENT = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": request(f"PUT {ASN} HTTP/1.1\nHost: localhost\nContent-Length: 50", b'{"'),
    "most of a large body": request(f"PUT {ASN} HTTP/1.1\nHost: localhost\nContent-Length: 900000", b" " * 90_000),
}


@pytest.mark.parametrize("octets", PATIENT.values(), ids=PATIENT)
async def test_600_clients_that_wait_keep_nobody_out(tmp_path: Path, octets: bytes) -> None:
    """Whoever waits longest goes, so that as many stay as are bearable, and the others get their answers meanwhile."""
    loop = asyncio.get_running_loop()
    async with served(tmp_path) as lab:
        with contextlib.ExitStack() as opened:
            clients = []
            for _ in range(600):
                client = opened.enter_context(socket.socket())
                client.setblocking(False)
                await loop.sock_connect(client, ("127.0.0.1", lab.port))
                with contextlib.suppress(ConnectionError):
                    await loop.sock_sendall(client, octets)
                clients.append(client)
            answers = await asyncio.gather(*(lab.client.get("/lab/v1/settings") for _ in range(20)))
            assert {answer.status_code for answer in answers} == {200}
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(_until_the_end(client) for client in clients[:450]))
            created = await lab.client.put(ASN, json={"properties": {"peerAsn": 64496}})
            assert created.status_code == 201


async def _until_the_end(client: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):
        while await asyncio.get_running_loop().sock_recv(client, 65536):
            pass


async def test_an_answer_that_nobody_reads_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "READ_SECONDS", 0.2)
    async with served(tmp_path) as lab:
        _, writer = await asyncio.open_connection("127.0.0.1", lab.port, limit=1)
        one = request("GET /openapi.json HTTP/1.1\nHost: localhost")
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while True:  # until its buffers are full, and it has had enough
                    writer.write(one)
                    await writer.drain()
                    await asyncio.sleep(0)
        writer.transport.abort()
        await still_there(lab)


# --- what ---


DEEP = b"[" * 100_000 + b"]" * 100_000
BODIES = {
    "not JSON": b"{",
    "a list": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "nothing": b"",
    "invalid UTF-8": b'{"properties": {"peerName": "\xff", "peerAsn": 64496}}',
    "UTF-16": '{"properties": {"peerAsn": 64496}}'.encode("utf-16"),
    "a NUL": b'{"properties": {"peerName": "\\u0000", "peerAsn": 64496}}',
    "a lone surrogate": b'{"properties": {"peerName": "\\ud800", "peerAsn": 64496}}',
    "a surrogate as a name": b'{"properties": {"\\udfff": 1, "peerAsn": 64496}}',
    "deep": DEEP,
    "deep inside": b'{"properties": {"peerAsn": 64496, "x": ' + b"[" * 40 + b"]" * 40 + b"}}",
    "endless": b'{"properties": {"peerAsn": 64496, "x": 1e999}}',
    "NaN": b'{"properties": {"peerAsn": 64496, "x": NaN}}',
    "a number of 5000 digits": b'{"properties": {"peerAsn": ' + b"9" * 5000 + b"}}",
    "a huge ASN": b'{"properties": {"peerAsn": 4294967296}}',
    "a fraction": b'{"properties": {"peerAsn": 64496.5}}',
    "a number in text": b'{"properties": {"peerAsn": "64496"}}',
    "true": b'{"properties": {"peerAsn": true}}',
    "a list for an object": b'{"properties": []}',
}


LAB_BODIES = (("PUT", "/lab/v1/settings"), ("PATCH", "/lab/v1/settings"), ("POST", "/lab/v1/asns/lab/x/reject"))


async def test_no_body_is_taken_that_cannot_be_kept(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        for name, body in BODIES.items():
            for headers in ({"Content-Type": "application/json"}, {"Content-Type": "text/plain"}, {}):
                answer = await lab.client.put(ASN, content=body, headers=headers)
                assert (answer.status_code, set(answer.json()["error"]) - {"target"}) == (400, {"code", "message"}), (
                    name
                )
                for verb, path in LAB_BODIES:
                    answer = await lab.client.request(verb, path, content=body, headers=headers)
                    assert answer.status_code in (400, 404, 422), (name, verb, path, answer.text)
        assert lab.provider.unit.resources == {}
        await still_there(lab)


@pytest.mark.parametrize("key", ["\x00", "é" * 50, "\n", "k" * 81, " "])
async def test_md5_keys_that_no_router_takes_are_refused(tmp_path: Path, key: str) -> None:
    async with served(tmp_path) as lab:
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
        path = "/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering/peerings/p?api-version=2025-05-01"
        answer = await lab.client.put(path, content=json.dumps(body))
        assert answer.status_code == 400 and lab.provider.peerings.records == {}, answer.text
        assert "md5AuthenticationKey" in answer.text or key == "\x00"
        await still_there(lab)


ODD_PATHS = (
    "/../../../../etc/passwd",
    "/subscriptions/../../etc/passwd",
    "/subscriptions/lab/providers/Microsoft.Peering/peerAsns/..%2f..%2f..%2fetc%2fpasswd?api-version=2025-05-01",
    "/subscriptions/lab/providers/Microsoft.Peering/peerAsns/%00?api-version=2025-05-01",
    "/subscriptions/lab/providers/Microsoft.Peering/peerAsns/%ff%fe?api-version=2025-05-01",
    "/subscriptions/lab/providers/Microsoft.Peering/peerAsns/" + "a" * 5000 + "?api-version=2025-05-01",
    "/subscriptions/" + "/".join("a" * 2000),
    "/providers/Microsoft.Peering/operations?api-version=%00",
    "/docs/../../../../etc/passwd",
    "/docs/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/lab/v1/events?subject=%00",
    "/lab/v1/events?after=99999999999999999999",
    "/lab/v1/routes?session=%F0%9F%92%A9",
    "/lab/v1/connections/..%2f../x",
    "*",
)
VERBS = ("GET", "PUT", "DELETE", "POST", "PATCH", "OPTIONS", "HEAD", "TRACE", "WHAT")


async def test_no_path_reads_a_file_or_stops_the_server(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        for verb, path in itertools.product(VERBS, ODD_PATHS):
            answer = await lab.raw(request(f"{verb} {path} HTTP/1.1\nHost: localhost\nConnection: close"), end=False)
            assert answer.split()[1] in (b"204", b"400", b"404", b"405", b"422"), (verb, path, answer[:300])
            assert b"root:" not in answer
        await still_there(lab)


async def test_what_is_no_http_gets_a_400_or_the_end(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        for octets in (
            b"\x00" * 100,
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET /nothing HTTP/9.9\r\nHost: localhost\r\n\r\n",
            b"GET /nothing\r\n\r\n",
            request("GET /nothing HTTP/1.1\nHost: localhost\nHost: evil.example"),
            request("GET /nothing HTTP/1.1\nHost: localhost\nX: " + "a" * 100_000),
            request("GET /nothing HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked", b"zz\r\n"),
            request("PUT /lab/v1/settings HTTP/1.1\nHost: localhost\nContent-Length: 1\nContent-Length: 2", b"{}"),
        ):
            answer = await lab.raw(octets)
            assert answer == b"" or answer.split()[1] in (b"400", b"403", b"404", b"431"), answer[:200]
        await still_there(lab)


async def test_requests_in_one_go_are_answered_in_order(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        one = request("GET /lab/v1/settings HTTP/1.1\nHost: localhost")
        other = request("GET /nothing HTTP/1.1\nHost: localhost")
        last = request("GET /lab/v1/status HTTP/1.1\nHost: localhost\nConnection: close")
        answer = await lab.raw(one + other + last, end=False)
        codes = re.findall(rb"HTTP/1\.1 (\d+) ", answer)
        assert codes == [b"200", b"404", b"200"]


async def test_many_callers_at_once_are_all_answered(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        # Each with a connection of its own: one that is used again may just be ended for its idleness.
        limits, own = httpx.Limits(max_connections=100), {"Connection": "close"}
        async with httpx.AsyncClient(
            base_url=lab.url, limits=limits, headers=own, timeout=PATIENCE, trust_env=False
        ) as client:
            answers = await asyncio.gather(*(client.get("/lab/v1/settings") for _ in range(200)))
        assert {answer.status_code for answer in answers} == {200}
