"""/docs: every operation has its form, without the Internet and under a strict policy."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import cast

from simulator.azure.provider.provider import Provider
from simulator.engine.verbs import VERBS
from simulator.serving.docs_page import Operation, Parameter, operations
from simulator.serving.lab_api import lab_api
from tests.serving.support import served

DOCUMENT = lab_api(cast(Provider, None), asyncio.Event()).openapi()


async def test_the_page_has_a_form_for_every_operation(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        page = (await lab.client.get("/docs")).text
        described = {(verb.upper(), path) for path, verbs in DOCUMENT["paths"].items() for verb in verbs}
        assert set(re.findall(r'<form data-verb="(\w+)" data-path="([^"]+)">', page)) == described
        assert len(described) > 2 * len(VERBS)


async def test_the_page_needs_no_internet_and_has_a_strict_policy(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        answer = await lab.client.get("/docs")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert re.findall(r"<script[^>]*>(?!</script>)|<style| style=| on\w+=", answer.text) == [], "nothing inline"
        files = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert set(files) == {"data:,", "/docs/docs.css", "/docs/docs.js", "/openapi.json"}
        for name, kind in (("docs.css", "text/css"), ("docs.js", "text/javascript")):
            file = await lab.client.get(f"/docs/{name}")
            assert (file.status_code, file.headers["content-type"].split(";")[0]) == (200, kind)
        assert (await lab.client.get("/docs/docs.html")).status_code == 404, "a template is no file"


def test_parameters_have_their_values_and_defaults() -> None:
    found = {operation.path: operation for _, operation in operations(DOCUMENT) if operation.verb == "GET"}
    routes = found["/lab/v1/routes"]
    assert isinstance(routes, Operation) and not routes.has_body
    assert routes.parameters == (
        Parameter("session", "query", True, "", ()),
        Parameter("prefix", "query", False, "", ()),
        Parameter("rejected", "query", False, "false", ("false", "true")),
        Parameter("limit", "query", False, "1000", ()),
    )
    shapes = next(each for each in found["/lab/v1/looking-glass"].parameters if each.name == "shape")
    assert shapes.default in shapes.values and len(shapes.values) > 1


def test_bodies_are_asked_for_where_there_are_any() -> None:
    bodies = {(operation.verb, operation.path): operation.has_body for _, operation in operations(DOCUMENT)}
    assert bodies["PUT", "/lab/v1/settings"] and bodies["POST", "/lab/v1/peerings/{peering}/reject"]
    assert not bodies["POST", "/lab/v1/settings/realistic"]
