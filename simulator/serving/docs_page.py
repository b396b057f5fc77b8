"""/docs: the page that shows what /lab/v1 can do, and does it. It is made from the OpenAPI document.

The page needs no Internet, and no script or style stands in the HTML itself, so that a strict Content-Security-Policy
goes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: its own files, and requests to its own server."""
_FILES: Final = {"docs.css": "text/css", "docs.js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    where: str
    """`path` or `query`."""
    required: bool
    default: str
    values: tuple[str, ...]
    """What it can be; empty: not only a few."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the OpenAPI document, as the page shows it."""

    id: str
    verb: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    has_body: bool


def add_docs_page(app: FastAPI) -> None:
    """Answer /docs and its two files."""
    page = _page(app)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(), headers={"Content-Security-Policy": POLICY})

    @app.get("/docs/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        if name not in _FILES:
            return Response(status_code=404)
        octets = resources.files("simulator.serving").joinpath("templates", name).read_bytes()
        return Response(octets, media_type=_FILES[name])


def _page(app: FastAPI) -> Callable[[], str]:
    environment = Environment(
        loader=PackageLoader("simulator.serving"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("docs.html")

    def render() -> str:
        document = app.openapi()
        groups: dict[str, list[Operation]] = {}
        for tag, operation in operations(document):
            groups.setdefault(tag, []).append(operation)
        return template.render(info=document["info"], groups=groups)

    return render


def operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    """Every operation of an OpenAPI document, each with its first tag."""
    for path, verbs in document["paths"].items():
        for verb, found in verbs.items():
            parameters = tuple(_parameter(document, each) for each in found.get("parameters", ()))
            yield (
                found["tags"][0],
                Operation(
                    found["operationId"],
                    verb.upper(),
                    path,
                    found["summary"],
                    found.get("description", ""),
                    parameters,
                    "requestBody" in found,
                ),
            )


def _parameter(document: dict[str, Any], found: dict[str, Any]) -> Parameter:
    schema = found["schema"]
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    kind = document["components"]["schemas"][name] if name else schema
    values = ("false", "true") if kind.get("type") == "boolean" else tuple(map(str, kind.get("enum", ())))
    default = schema.get("default", "")
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return Parameter(found["name"], found["in"], found.get("required", False), text, values)
