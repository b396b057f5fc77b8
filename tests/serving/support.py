"""A lab behind the real server on a real port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import Settings
from simulator.serving.server import listen, serving
from simulator.topology.schema import Topology
from tests.azure.provider import support
from tests.patience import PATIENCE

ROOT = "/subscriptions/lab/providers/Microsoft.Peering"
ASN = f"{ROOT}/peerAsns/contoso?api-version=2025-05-01"


class Served:
    """A running server with a client of it."""

    def __init__(self, provider: Provider, url: str, client: httpx.AsyncClient) -> None:
        self.provider = provider
        self.url = url
        self.client = client
        self.port = urlsplit(url).port

    async def raw(self, octets: bytes, *, end: bool = True, within: float = PATIENCE) -> bytes:
        """What comes back until the server ends the connection; `end`: nothing more comes from us."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(octets)
            if end:
                writer.write_eof()
            async with asyncio.timeout(within):
                return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def served(
    tmp_path: Path, token: str = "", settings: Settings = support.AT_ONCE, topology: Topology | None = None
) -> AsyncIterator[Served]:
    """The shipped exchange behind its server; afterwards nothing has failed, and nothing was said of a defect."""
    stray: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: stray.append(context))
    async with support.provider(f"sqlite:///{tmp_path}/store.db", settings, topology) as provider:
        with listen("127.0.0.1", 0) as socket:
            async with (
                serving(provider, socket, token) as url,
                httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client,
            ):
                yield Served(provider, url, client)
    assert stray == []
