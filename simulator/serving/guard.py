"""Who may call the server, and how much they may send. Stands before everything else."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

BODY_LIMIT: Final = 1024 * 1024
"""Octets of a request's body (simulator; ARM's own limit is 4 MiB)."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class TooLargeError(Exception):
    """A body went over the limit while it was read."""


class Guard:
    """Without a token only this machine's own names are answered, so that no web page elsewhere can reach the lab."""

    def __init__(self, app: App, token: str = "") -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {key.lower(): value for key, value in scope["headers"]}
        refusal = self._refusal(headers, scope["method"])
        if refusal is not None:
            await _answer(send, *refusal)
            return
        began = False

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, _counted(receive), sending)
        except TooLargeError:
            if began:
                raise
            await _answer(send, 413, "RequestContentTooLarge", f"The request content is over {BODY_LIMIT} octets.")

    def _refusal(self, headers: dict[bytes, bytes], method: str) -> tuple[int, str, str] | None:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > BODY_LIMIT:
            return 413, "RequestContentTooLarge", f"The request content is over {BODY_LIMIT} octets."
        if self._token:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._token):
                return 401, "AuthenticationFailed", "Authentication failed: send 'Authorization: Bearer <the token>'."
            return None
        if _host(headers.get(b"host", b"")) not in _LOOPBACK:
            return 403, "Forbidden", "Without --token the server answers only to 127.0.0.1, ::1 and localhost."
        origin = headers.get(b"origin")
        if origin is not None and method not in ("GET", "HEAD") and _host(origin.partition(b"://")[2]) not in _LOOPBACK:
            return 403, "Forbidden", "A page of another site may not change the lab."
        return None


def _host(value: bytes) -> str:
    try:
        return (urlsplit(f"//{value.decode('ascii')}").hostname or "").lower()
    except ValueError:
        return ""


def _counted(receive: Receive) -> Receive:
    total = 0

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > BODY_LIMIT:
            raise TooLargeError
        return message

    return receiving


async def _answer(send: Send, status: int, code: str, message: str) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
