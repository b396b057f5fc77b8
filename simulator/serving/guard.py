"""Who may call the server, and how much they may send. Stands before everything else."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from simulator.portal.sign_ins import SIGN_IN, UNSENT, SignIns

BODY_LIMIT: Final = 1024 * 1024
"""Octets of a request's body (simulator; ARM's own limit is 4 MiB)."""
BODY_SECONDS: Final = 20.0
"""Seconds in which all of a body has to come (simulator)."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_API: Final = ("/subscriptions", "/providers", "/lab/v1")
"""What takes the bearer token alone. Compared in lower case."""
_STYLES: Final = "/static/"
_TO_SIGN_IN: Final = {"GET": SIGN_IN.encode(), "POST": UNSENT.encode()}
"""By method, where a browser goes that is not signed in. After a form the page there says that nothing was sent."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

AsgiScope = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[MutableMapping[str, Any]]]
AsgiSend = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[AsgiScope, AsgiReceive, AsgiSend], Awaitable[None]]


HttpRefusal = tuple[int, str, str]
_TOO_LARGE: Final = (413, "RequestContentTooLarge", f"The request content is over {BODY_LIMIT} octets.")
_TOO_SLOW: Final = (408, "RequestTimeout", f"The request content did not come within {BODY_SECONDS:g} seconds.")


class AccessGuard:
    """Without a token only this machine's own names are answered, so that no web page elsewhere can reach the lab.

    With one, callers send it with each request; a browser signs in with it.
    """

    def __init__(self, app: App, token: str, sign_ins: SignIns) -> None:
        self._app = app
        self._token = token.encode()
        self._sign_ins = sign_ins

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {key.lower(): value for key, value in scope["headers"]}
        refusal = self._refusal(headers, scope["method"], scope["path"])
        if refusal is not None and refusal[0] == 401 and _wants_a_page(headers, scope["method"], scope["path"]):
            where = [(b"location", _TO_SIGN_IN[scope["method"]]), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 303, "headers": [*where, (b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        if refusal is not None:
            await _answer(send, *refusal)
            return
        exchange = _Exchange(receive, send)
        await self._app(scope, exchange.receive, exchange.send)
        await exchange.end()

    def _refusal(self, headers: dict[bytes, bytes], method: str, path: str) -> HttpRefusal | None:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > BODY_LIMIT:
            return _TOO_LARGE
        if self._token:
            if b"authorization" not in headers and self._is_open(headers, method, path):
                return None
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._token):
                return 401, "AuthenticationFailed", "Authentication failed: send 'Authorization: Bearer <the token>'."
            return None
        host = headers.get(b"host", b"")
        if _host(host) not in _LOOPBACK:
            return 403, "Forbidden", "Without --token the server answers only to 127.0.0.1, ::1 and localhost."
        if method not in _READING and not _own_page(headers, host):
            return (
                403,
                "Forbidden",
                "A page of another site, or of another port of this machine, may not change the lab.",
            )
        return None

    def _is_open(self, headers: dict[bytes, bytes], method: str, path: str) -> bool:
        """Whether a browser may have it without the token: signing in, and pages (never the API) once it has.

        Each form of a page is checked for where it comes from by the portal itself (`simulator.portal.csrf`).
        """
        if path == SIGN_IN or (path.startswith(_STYLES) and method in _READING):
            return True
        return not _is_api(path) and self._sign_ins.is_signed_in(headers.get(b"cookie", b"").decode("latin-1"))


def _is_api(path: str) -> bool:
    return path.lower().startswith(_API)


def _wants_a_page(headers: dict[bytes, bytes], method: str, path: str) -> bool:
    """Whether a browser goes there, with a form or without; the script of an open page gets 401 instead."""
    accepts_html = b"text/html" in headers.get(b"accept", b"") and b"turnup-live" not in headers
    return method in ("GET", "POST") and accepts_html and b"authorization" not in headers and not _is_api(path)


def _own_page(headers: dict[bytes, bytes], host: bytes) -> bool:
    """Whether a request comes from no page, or from one of this server: same scheme, name and port (RFC 6454 §4).

    To a browser another port of the same name is the same *site*: `Sec-Fetch-Site: same-site` is not ours.
    """
    origin = headers.get(b"origin")
    if origin is not None and origin.lower() != b"http://" + host.lower():
        return False
    return headers.get(b"sec-fetch-site", b"none") in (b"none", b"same-origin")


def _host(value: bytes) -> str:
    try:
        return (urlsplit(f"//{value.decode('ascii')}").hostname or "").lower()
    except ValueError:
        return ""


class _Exchange:
    """One request and its answer. To the application a body that is too large or too slow looks cut short."""

    def __init__(self, receive: AsgiReceive, send: AsgiSend) -> None:
        self._receive = receive
        self._send = send
        self._refusal: HttpRefusal | None = None
        self._began = False
        self._complete = False
        self._octets = 0
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS

    async def receive(self) -> MutableMapping[str, Any]:
        if self._complete:  # what comes now tells only that the client went away, which may take hours
            return await self._receive()
        if self._refusal is not None:
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            return self._refused(_TOO_SLOW)
        self._octets += len(message.get("body", b""))
        if self._octets > BODY_LIMIT:
            return self._refused(_TOO_LARGE)
        self._complete = not message.get("more_body", False)
        return message

    def _refused(self, refusal: HttpRefusal) -> MutableMapping[str, Any]:
        self._refusal = refusal
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self._refusal is None or self._began:
            self._began = True
            await self._send(message)

    async def end(self) -> None:
        """The application has answered: say what it did not know."""
        if self._refusal is not None and not self._began:
            await _answer(self._send, *self._refusal)


async def _answer(send: AsgiSend, status: int, code: str, message: str) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status in (408, 413):
        headers.append((b"connection", b"close"))  # the rest of the body is not waited for
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
