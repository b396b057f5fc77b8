"""One request of a browser, and what a page can answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import Request, Response

from simulator.azure.provider.provider import Provider
from simulator.faults.injection import Injections
from simulator.portal.memory import PortalMemory
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.sign_ins import SignIns

_FIELDS_AT_MOST: Final = 5000
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d{1,4})\]")


class PageError(Exception):
    """Ends a request with a page that says why, in one line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class PageWriter(Protocol):
    """The frame, as a page sees it."""

    def __call__(
        self, visit: Visit, template: str, title: str, status: int, problems: Problems, data: Mapping[str, Any]
    ) -> Response: ...


class FormData:
    """What a form sent; a name that it did not send is empty."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._last = dict(pairs)

    @classmethod
    def read(cls, octets: bytes) -> FormData:
        """application/x-www-form-urlencoded. Raises PageError."""
        try:
            text = octets.decode("ascii")
            return cls(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_AT_MOST))
        except ValueError:  # a UnicodeDecodeError is one
            raise PageError(400, "This is no form that a page of the portal sends.") from None

    def __getitem__(self, name: str) -> str:
        return self._last.get(name, "").strip()

    def __contains__(self, name: str) -> bool:
        return name in self._last

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """In the order of the form."""
        return list(self._pairs)

    def document(self) -> dict[str, Any]:
        """Every field whose name is a path with a point or an index, as one JSON object; empty ones are left out.

        Values are text: the page turns what a document has as a number into one.
        """
        whole: dict[str, Any] = {}
        for name, value in self._last.items():
            if value.strip() and ("." in name or "[" in name):
                _put(whole, steps(name), value.strip())
        closed = _closed(whole)
        return closed if isinstance(closed, dict) else {}


def steps(path: str) -> list[str | int]:
    """`a.b[0].c` → `["a", "b", 0, "c"]`."""
    return [name if name else int(index) for name, index in _STEP.findall(path)]


def _put(inside: dict[Any, Any], way: list[str | int], value: str) -> None:
    for step in way[:-1]:
        found = inside.setdefault(step, {})
        if not isinstance(found, dict):
            return  # a name that is both a value and an object: the page would not send it
        inside = found
    inside[way[-1]] = value


def _closed(value: Any) -> Any:
    """Objects whose keys are numbers become lists, in their order."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [_closed(value[key]) for key in sorted(value)]
    return {str(key): _closed(each) for key, each in value.items()}


@dataclass(slots=True)
class Visit:
    """One request."""

    provider: Provider
    memory: PortalMemory
    request: Request
    csrf: str
    render: PageWriter
    faults: Injections
    """Those that the lab has now."""
    sign_ins: SignIns
    say: Callable[[str], str]
    """Keeps a message for the next page; the key by which that page finds it."""
    form: FormData = field(default_factory=lambda: FormData([]))

    @property
    def path(self) -> dict[str, Any]:
        """The names in the page's path."""
        return dict(self.request.path_params)

    @property
    def url(self) -> str:
        """Path and query."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def query(self, name: str, default: str = "") -> str:
        """A parameter, without blanks at its ends, of 200 characters at most."""
        return str(self.request.query_params.get(name, default)).strip()[:200]

    def number(self, name: str, default: int, most: int = 1_000_000) -> int:
        """A whole number from 1 on; anything else is the default."""
        text = self.query(name)
        return min(max(int(text), 1), most) if text.isdecimal() and len(text) < 10 else default

    def here(self, **changes: str | int) -> str:
        """This page with other parameters; one that becomes empty is left out."""
        query = dict(self.request.query_params) | {name: str(value) for name, value in changes.items()}
        query.pop("said", None)
        text = urlencode({name: value for name, value in query.items() if value})
        return quote(self.request.url.path) + (f"?{text}" if text else "")

    def page(
        self, template: str, title: str, *, status: int = 200, problems: Problems = NO_PROBLEMS, **data: Any
    ) -> Response:
        """A page of the frame. `data`: what its template has besides."""
        return self.render(self, template, title, status, problems, data)

    def go(self, path: str, said: str = "") -> Response:
        """On to another page of the portal after a change; `said` is shown there once."""
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"{path} is not a page of the portal")
        if said:
            path, hash_, part = path.partition("#")
            path += f"{'&' if '?' in path else '?'}said={self.say(said)}{hash_}{part}"
        return Response(status_code=303, headers={"Location": path})


PageAnswer = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PortalPage:
    """One line of the portal's table of pages."""

    verb: str
    """GET or POST."""
    path: str
    """As FastAPI writes it: `/peerings/{subscription}/{group}/{name}`."""
    answer: PageAnswer
