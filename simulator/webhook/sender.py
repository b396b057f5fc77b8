"""The webhook: delivers what begins and ends to one URL, beside the engine and never in its way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final
from uuid import uuid4

import httpx

from simulator.counts import count_of
from simulator.engine.log import DeliveryFailed, Event, EventLog
from simulator.webhook.delivery import (
    DELIVERY,
    EVENT,
    SIGNATURE,
    Destination,
    body,
    is_taken,
    may_pass,
    pause_after,
    signature,
    told,
)

_WAITING: Final = 1000
"""Deliveries that wait at most: the oldest goes, and an event says so."""
_TIMEOUT: Final = 10.0
"""Seconds that a receiver has for its answer's head; its body is not read."""
_AT_THE_END: Final = 2.0
"""Seconds in which what waits is still tried when the lab stops."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    id: str
    event: str
    octets: bytes


class Webhook:
    """Enter to deliver what the log tells from now on; exit to end it, within a few seconds."""

    def __init__(
        self,
        destination: Destination,
        log: EventLog,
        now: Callable[[], float],
        *,
        timeout: float = _TIMEOUT,
        waiting: int = _WAITING,
        at_the_end: float = _AT_THE_END,
        pause: Callable[[int], float | None] = pause_after,
    ) -> None:
        """`now`: the time in seconds since the epoch. `timeout`, `at_the_end`: seconds."""
        self._to = destination
        self._log = log
        self._now = now
        self._timeout = timeout
        self._at_the_end = at_the_end
        self._pause = pause
        self._waiting: deque[_Delivery] = deque()
        self._most = waiting
        self._dropped = 0
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._open = True
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Webhook:
        self._task = asyncio.ensure_future(self._run())
        self._log.subscribe(self._take)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        assert self._task is not None, "it was entered"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._at_the_end):
                await self._idle.wait()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if left := len(self._waiting) + self._dropped:
            self._tell("", 0, f"{count_of(left, 'delivery is', 'deliveries are')} lost: the lab stopped")

    async def idle(self) -> None:
        """Wait until nothing waits: each delivery was taken, or given up."""
        await self._idle.wait()

    def _take(self, event: Event) -> None:
        """A listener of the log: it puts a delivery into the queue, and never waits."""
        found = told(event) if self._open else None
        if found is None:
            return
        if len(self._waiting) >= self._most:
            del self._waiting[min(1, len(self._waiting) - 1)]  # the first one is on its way
            self._dropped += 1
        self._waiting.append(_Delivery(str(uuid4()), found["event"], body(found)))
        self._idle.clear()
        self._more.set()

    async def _run(self) -> None:
        async with httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=self._timeout) as client:
            while True:
                await self._more.wait()
                self._more.clear()
                while self._waiting:
                    await self._deliver(client, self._waiting[0])
                self._idle.set()

    async def _deliver(self, client: httpx.AsyncClient, delivery: _Delivery) -> None:
        attempt = 0
        while True:
            attempt += 1
            why, again = await self._attempt(client, delivery)
            if self._dropped:
                self._tell(
                    "",
                    0,
                    f"{count_of(self._dropped, 'delivery is', 'deliveries are')} lost: more than {self._most} waited",
                )
                self._dropped = 0
            pause = self._pause(attempt) if why and again else None
            if why:
                self._tell(delivery.id, attempt, why, pause)
            if pause is None:
                break
            await asyncio.sleep(pause)
        self._waiting.popleft()

    async def _attempt(self, client: httpx.AsyncClient, delivery: _Delivery) -> tuple[str, bool]:
        """Why a delivery was not taken (empty: it was), and whether that may pass."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "turnup",
            DELIVERY: delivery.id,
            EVENT: delivery.event,
            SIGNATURE: signature(self._to.secret, int(self._now()), delivery.octets),
        }
        try:
            async with asyncio.timeout(self._timeout):
                async with client.stream("POST", self._to.url, content=delivery.octets, headers=headers) as answer:
                    status = answer.status_code
        except (TimeoutError, httpx.TimeoutException):
            return f"no answer within {self._timeout:g} s", True
        except (httpx.HTTPError, OSError) as error:
            return str(error) or type(error).__name__, True
        if is_taken(status):
            return "", False
        return f"HTTP {status}", may_pass(status)

    def _tell(self, delivery: str, attempt: int, why: str, pause: float | None = None) -> None:
        now = self._now()
        again = None if pause is None else now + pause
        self._log.append(DeliveryFailed(now, self._to.shown, delivery, attempt, why, again))
