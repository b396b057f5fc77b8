"""The generated table of endpoints."""

from __future__ import annotations

import inspect
import re

from azure.mgmt.peering.operations import _operations as sdk

from simulator.azure.rest.endpoints import ENDPOINTS, type_of
from simulator.azure.rest.pages import NOTES, endpoints


def test_every_endpoint_has_its_note_and_no_note_is_left_over() -> None:
    assert {type_of(path) for _, path, _ in ENDPOINTS} == set(NOTES)


def test_the_table_has_every_verb() -> None:
    table = endpoints()
    for verb in ("GET", "PUT", "PATCH", "POST", "DELETE"):
        cells = re.findall(r"(?:\| |<br>)((?:[A-Z]+ )+)`", table)
        assert sum(verb in cell.split() for cell in cells) == sum(asked == verb for _, _, asked in ENDPOINTS)


def test_every_request_of_the_sdk_has_an_endpoint() -> None:
    """Read from the SDK's own code: its request builders name the verb and the path."""
    builders = [value for name, value in vars(sdk).items() if re.fullmatch(r"build_\w+_request", name)]
    asked = set()
    for build in builders:
        source = inspect.getsource(build)
        verb = re.search(r'HttpRequest\(method="([A-Z]+)"', source)
        urls = re.findall(r'"(/[^"]*providers/Microsoft\.Peering[^"]*)"', source)
        assert verb is not None and len(urls) == 1, build
        scope = "G" if "resourceGroups" in urls[0] else "S" if "subscriptions" in urls[0] else "P"
        path = urls[0].split("Microsoft.Peering/")[1]
        asked.add((scope, re.sub(r"\{\w+\}", "*", path), verb[1]))
    assert len(asked) == len(builders) > 40
    assert asked <= set(ENDPOINTS)
    assert set(ENDPOINTS) - asked == {("S", "", "GET"), ("S", "register", "POST")}
