"""Microsoft.Peering over HTTP. Everything that HTTP can do wrong ends here, as an ARM error."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import uuid4

from fastapi import Request, Response

from simulator.azure.model.errors import RefusalError
from simulator.azure.provider.provider import Provider
from simulator.azure.rest import documents, endpoints, ids, versions
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest
from simulator.azure.rest.errors import ArmError, refused, unusable
from simulator.azure.store.lock import StoreError

_DEPTH: Final = 32
_ECHOED: Final = re.compile(r"[A-Za-z0-9_.()-]{1,90}\Z")
"""A client's own id of its request, as far as it is sent back."""
_REMAINING: Final = {"GET": ("reads", "11999"), "PUT": ("writes", "1199"), "DELETE": ("deletes", "14999")}


class ArmApp:
    """An ASGI application that answers every path under /subscriptions and /providers."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        response = await self.answer(request)
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        version = next((value for key, value in request.query_params.items() if key.lower() == "api-version"), "")
        try:
            return _with_headers(request, await self._answered(request, version))
        except ArmError as error:
            return _with_headers(request, _json(error.status, error.body(version), error.headers))
        except RefusalError as error:
            told = refused(error)
            return _with_headers(request, _json(told.status, told.body(version)))
        except StoreError as error:
            gone = unusable(error)
            return _with_headers(request, _json(gone.status, gone.body(version), gone.headers))

    async def _answered(self, request: Request, version: str) -> Response:
        query = {key.lower(): value for key, value in request.query_params.items()}
        url = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
        path = request.scope["raw_path"].decode("ascii")
        result = await perform(self._provider, request.method, path, version, query, lambda: _body(request), url)
        if result.body is None and not result.null:
            return Response(status_code=result.status, headers=result.headers)
        return _json(result.status, result.body, result.headers)


async def perform(
    provider: Provider,
    verb: str,
    path: str,
    version: str,
    query: dict[str, str],
    body: Callable[[], Awaitable[Any]],
    url: str = "",
) -> ArmAnswer:
    """One request: for HTTP, and for the portal's pages. Raises ArmError or RefusalError.

    `path` is percent-encoded; the keys of `query` are in lower case; `body` is awaited where the verb has one.
    """
    found = endpoints.target(path)
    _check_names(found)
    answer = endpoints.handler(found, verb)
    checked = versions.checked(version, "/".join(found.types))
    content = await body() if verb in ("PUT", "PATCH", "POST") else None
    result = answer(
        ArmRequest(
            provider, verb, found.subscription, found.group, found.types, found.names, query, content, checked, url
        )
    )
    return await result if inspect.isawaitable(result) else result


def _check_names(found: endpoints.NamedPath) -> None:
    """Raises ArmError 400 for a name that no resource can have."""
    scopes = (("subscription", found.subscription, "SG"), ("resource group", found.group, "G"))
    faults = [ids.scope_fault(what, name) for what, name, of in scopes if found.scope in of]
    faults += [ids.name_fault(type_, name) for type_, name in zip(found.types, found.names, strict=False)]
    for text in filter(None, faults):
        raise ArmError(400, "InvalidResourceName", text)


async def _body(request: Request) -> Any:
    """The JSON of a body; None for none. Raises ArmError for what is no JSON."""
    octets = await _octets(request)
    if not octets.strip():
        return None
    try:
        body = json.loads(octets.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        text = "nested too deeply" if isinstance(error, RecursionError) else str(error).split(": line")[0]
        raise ArmError(400, "InvalidRequestContent", f"The request content was not valid JSON: {text}.") from None
    return kept(body)


def kept(body: Any) -> Any:
    """A body that can be kept as it is. Raises ArmError."""
    if (way := _unkept(body, _DEPTH)) is not None:
        text = f"nests over {_DEPTH} deep, or has a NUL, a surrogate or an endless number"
        place = documents.place(way)
        subject = f"{place}: " if place else "The request content "
        raise ArmError(400, "InvalidRequestContent", f"{subject}{text}.", target=place)
    return body


async def _octets(request: Request) -> bytes:
    """A body as it was sent. Raises ArmError where the client left before its end."""
    parts, more = [], True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ArmError(400, "InvalidRequestContent", "The request ended before its content was complete.")
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _unkept(value: Any, left: int) -> tuple[int | str, ...] | None:
    """The way to a field that cannot be kept; None: every one can.

    PostgreSQL's JSON takes no NUL, UTF-8 no lone surrogate, and JSON no number that a float has no room for.
    """
    if left == 0 or _unstorable(value):
        return ()
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        if _unstorable(name):
            return ()
        if (way := _unkept(each, left - 1)) is not None:
            return (name, *way)
    return None


def _unstorable(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value))


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, media_type="application/json; charset=utf-8")


def _with_headers(request: Request, response: Response) -> Response:
    """The headers that production sends."""
    asked = request.headers.get("x-ms-client-request-id", "")
    correlation = request.headers.get("x-ms-correlation-request-id", "")
    kind, left = _REMAINING.get(request.method, ("writes", "1199"))
    identifier = str(uuid4())
    headers = {
        "x-ms-request-id": identifier,
        "x-ms-correlation-request-id": correlation if _ECHOED.match(correlation) else identifier,
        "x-ms-routing-request-id": f"TURNUP:{identifier}",
        f"x-ms-ratelimit-remaining-subscription-{kind}": left,
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
    if _ECHOED.match(asked):
        headers["x-ms-client-request-id"] = asked
    for name, value in headers.items():
        response.headers[name] = value
    return response
