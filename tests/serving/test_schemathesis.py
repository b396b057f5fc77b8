"""Everything that /openapi.json allows, and more: never an answer of 5xx, and every answer as it is described there.

`TURNUP_SCHEMATHESIS=200` makes that many requests of each kind instead of a few.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import Settings
from simulator.serving.lab_api import lab_api
from simulator.serving.server import listen, serving
from simulator.topology.schema import Topology
from tests.azure.provider import support
from tests.topologies import build, document

EACH = int(os.environ.get("TURNUP_SCHEMATHESIS", "8"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
REAL = {"peering": "contoso", "edge": "ash-edge-1", "subscription": "lab", "name": "contoso"}
"""What the lab has: half of the requests are about that, and half about whatever the schema allows."""


def _lab() -> Topology:
    found = document()
    found["times"] = {"soak": 0.01, "deadline": 0.2}
    return build(found)


class _Thread(threading.Thread):
    """A lab with a peering, behind its server, in an event loop of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._store = url
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._ready = threading.Event()
        self.url = ""
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            self.error = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        async with support.provider(self._store, Settings(removal=0), _lab()) as provider:
            await support.active(provider)
            with listen("127.0.0.1", 0) as socket:
                async with serving(provider, socket) as self.url:
                    self._ready.set()
                    await self._over.wait()

    def __enter__(self) -> _Thread:
        self.start()
        assert self._ready.wait(60) and self.error is None, self.error
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self.join(30)
        assert self.error is None, self.error


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with _Thread(f"sqlite:///{tmp_path_factory.mktemp('lab')}/store.db") as thread:
        yield thread.url
    # its end asserts that nothing failed


# What is described does not depend on the lab, so that each kind of request can be a test by itself.
SCHEMA = schemathesis.openapi.from_dict(lab_api(cast(Provider, None), asyncio.Event()).openapi())


# The lab's own dice (BGP's jitter) are cast in another thread of this process, not in a strategy.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@SCHEMA.parametrize()
@settings(max_examples=EACH, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_it_is_described(case: Any, url: str) -> None:
    if case.query:
        case.query.pop("follow", None)  # an answer without an end
    case.call_and_validate(base_url=url, checks=CHECKS, timeout=30)
    known = {name: REAL[name] for name in case.path_parameters or () if name in REAL}
    if known:
        case.path_parameters = {**case.path_parameters, **known}
        case.call_and_validate(base_url=url, checks=CHECKS, timeout=30)
