"""What waits for its review in the books: PeerAsns, registered prefixes, prefixes of peering services."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.azure.provider.books import Books
from simulator.azure.provider.settings import CurrentSettings
from simulator.azure.store.store import Resource
from simulator.engine.log import Event
from simulator.peer.events import GateMoved


@dataclass(frozen=True, slots=True)
class Review:
    """How the resources of one type are reviewed."""

    delay: str
    """The setting that says how long it takes."""
    is_pending: Callable[[Resource], bool]
    decide: Callable[[Resource], object]
    """What it leaves pending is put to it again at the next look."""


class Reviews:
    """One task for all of them. It works from the books alone, so that a restart forgets nothing."""

    def __init__(
        self,
        books: Books,
        now: Callable[[], float],
        settings: CurrentSettings,
        reviews: Mapping[str, Review],
        changed: asyncio.Event,
        failed: Callable[[BaseException], None],
    ) -> None:
        """`reviews`: by resource type. `changed` is set when something became pending, or a delay is another one."""
        self._books = books
        self._now = now
        self._settings = settings
        self._reviews = reviews
        self._changed = changed
        self._failed = failed
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    def take(self, event: Event) -> None:
        """Look again when a gate has moved: what waits for the sessions of a peering may now be decided."""
        if isinstance(event, GateMoved):
            self._changed.set()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while True:
                self._changed.clear()
                now, next_due = self._now(), None
                for resource in [each for each in self._books.resources.values() if each.type in self._reviews]:
                    review = self._reviews[resource.type]
                    due = self._due(resource, review)
                    if due is not None and due <= now:
                        review.decide(resource)
                    elif due is not None:
                        next_due = due if next_due is None else min(due, next_due)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if next_due is None else max(next_due - self._now(), 0)):
                        await self._changed.wait()
        except Exception as error:
            self._failed(error)

    def _due(self, resource: Resource, review: Review) -> float | None:
        """None: not pending, or waiting for somebody who asks for the decision."""
        if not review.is_pending(resource):
            return None
        since: float = resource.status["since"]
        due = self._settings.due(review.delay, since)
        return since if due is None and resource.status.get("asked") else due
