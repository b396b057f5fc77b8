"""A real HTTP receiver on loopback that behaves as a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tests.patience import PATIENCE


@dataclass
class Request:
    """One that came."""

    path: str
    headers: dict[str, str]
    octets: bytes


@dataclass
class Receiver:
    """Answers each request by the number in which it comes, from 0: a status, or how it misbehaves."""

    answer: Callable[[int], str]
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the sender left
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        octets = await reader.readexactly(int(headers["content-length"]))
        number = len(self.requests)
        self.requests.append(Request(lines[0].split()[1], headers, octets))
        self._came.set()
        await self._behave(self.answer(number), writer)

    async def _behave(self, what: str, writer: asyncio.StreamWriter) -> None:
        if what == "hang":
            await self._over.wait()
        elif what == "slow":  # an octet of the head now and then: no read ever times out
            for octet in b"HTTP/1.1 200 OK\r\n" * 1000:
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(0.02)
        elif what == "endless":  # its head is there at once, its body never ends
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not self._over.is_set():
                writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        elif what == "garbage":
            writer.write(b"\x00\xff nonsense\r\n\r\n")
        elif what != "close":
            status, _, more = what.partition(" ")
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{more}\r\n".encode())
            if more:
                writer.write(b"\r\n")
            await writer.drain()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.requests) < count:
                self._came.clear()
                await self._came.wait()

    def end(self) -> None:
        self._over.set()


@contextlib.asynccontextmanager
async def receiving(answer: Callable[[int], str] = lambda _number: "204") -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        receiver.end()
        server.close()
        for task in receiver.tasks:
            task.cancel()
        await asyncio.gather(*receiver.tasks, return_exceptions=True)
