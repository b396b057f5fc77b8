"""Talking to a running `turnup serve`: one place for its address, its token and what can go wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from simulator.cli.exit_codes import FAILED, LAB, USAGE, fail
from simulator.cli.formats import JsonObject

if TYPE_CHECKING:
    import httpx

ServerOption = Annotated[
    str, typer.Option("--server", envvar="TURNUP_SERVER", metavar="URL", help="Where turnup serve listens.")
]
SubscriptionOption = Annotated[
    str, typer.Option("--subscription", "-s", envvar="TURNUP_SUBSCRIPTION", help="The subscription: any name.")
]
GroupOption = Annotated[
    str, typer.Option("--resource-group", "-g", envvar="TURNUP_RESOURCE_GROUP", help="The resource group: any name.")
]
SERVER, SUBSCRIPTION, GROUP = "http://127.0.0.1:8075", "lab", "lab"


class Remote:
    """A running server. Every call ends the command, in one line, where it is refused or not answered."""

    def __init__(self, server: str) -> None:
        token = os.environ.get("TURNUP_TOKEN", "")
        if not token.isascii() or not token.isprintable():
            fail(USAGE, "TURNUP_TOKEN: printable ASCII characters are wanted")
        if not _is_url(server):
            fail(USAGE, f"--server {server}: not a URL, such as {SERVER}")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        import httpx  # here and below: it takes as long to import as the rest of the command line

        self._client = httpx.Client(base_url=server, headers=headers, timeout=30, trust_env=False)
        self._server = server

    def call(self, verb: str, path: str, body: JsonObject | None = None, **query: Any) -> Any:
        """The answer's JSON; None for an answer without a body."""
        answer = self._answer(verb, path, body, query)
        try:
            return answer.json() if answer.content else None
        except ValueError:
            fail(LAB, f"{self._server} is no turnup server: its answer is no JSON")

    def text(self, path: str, **query: Any) -> str:
        """An answer that is text."""
        return self._answer("GET", path, None, query).text

    def _answer(self, verb: str, path: str, body: JsonObject | None, query: JsonObject) -> httpx.Response:
        import httpx

        found = {name.replace("_", "-"): value for name, value in query.items() if value not in (None, "")}
        try:
            answer = self._client.request(verb, path, params=found or None, json=body)
        except httpx.HTTPError as error:
            fail(LAB, f"{self._server} does not answer ({error}): is `turnup serve` running there?")
        if answer.status_code >= 400:
            fail(FAILED, _refusal(answer))
        if warning := answer.headers.get("x-turnup-warning"):
            print(f"turnup: warning: {warning}", file=sys.stderr)  # noqa: T201
        return answer

    def arm(self, verb: str, path: str, body: JsonObject | None = None, **query: Any) -> Any:
        """A call of the ARM surface, in its newest api-version."""
        from simulator.azure.rest.api_versions import NEWEST

        return self.call(verb, path, body, **query, api_version=NEWEST)

    def delete(self, path: str) -> None:
        """Delete a resource. A resource that does not exist is no error, as in the API; the command says so."""
        from simulator.azure.rest.api_versions import NEWEST

        if self._answer("DELETE", path, None, {"api_version": NEWEST}).status_code == HTTPStatus.NO_CONTENT:
            print(f"turnup: nothing to delete: there is no {path}", file=sys.stderr)  # noqa: T201

    def every(self, path: str, **query: Any) -> list[JsonObject]:
        """Every page of an ARM list."""
        page = self.arm("GET", path, **query) or {"value": []}
        found = list(page["value"])
        while page.get("nextLink"):
            page = self.call("GET", page["nextLink"])
            found += page["value"]
        return found

    def follow(self, path: str, silence: float | None, **query: Any) -> Iterator[JsonObject]:
        """Server-sent events, until none came for `silence` seconds (None: for ever) or the command is interrupted."""
        import httpx

        patience = httpx.Timeout(30, read=max(silence, 0.001) if silence is not None else None)
        try:
            with self._client.stream("GET", path, params=query, timeout=patience) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    fail(FAILED, _refusal(answer))
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line[5:])
        except httpx.ReadTimeout:
            return
        except httpx.HTTPError as error:
            fail(LAB, f"{self._server}: the server ended ({error})")


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # not a port, or not an IPv6 address
        return False


def _refusal(answer: httpx.Response) -> str:
    """The one line of an ARM error, nested or flat, or of the lab's."""
    try:
        body = answer.json()
        error = body.get("error", body)
        text = error["detail"] if "detail" in error else f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        text = f"HTTP {answer.status_code} {answer.reason_phrase}"
    return str(text)
