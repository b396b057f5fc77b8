"""The queue of prefixes that wait for their validation: what is Pending in the books is judged when its time comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from simulator.azure.provider.books import Books
from simulator.azure.provider.registrations import PENDING
from simulator.azure.provider.settings import Settings
from simulator.azure.store.store import Resource


class PrefixReview:
    """One task for all of them. It works from the books alone, so that a restart forgets nothing."""

    def __init__(
        self,
        books: Books,
        now: Callable[[], float],
        settings: Callable[[], Settings],
        judges: Mapping[str, Callable[[Resource], None]],
        failed: Callable[[BaseException], None],
    ) -> None:
        """`judges`: by resource type. What one of them leaves Pending is put to it again at the next look."""
        self._books = books
        self._now = now
        self._settings = settings
        self._judges = judges
        self._failed = failed
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    def look(self) -> None:
        """Something was queued, or the settings have changed."""
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
                for resource in [each for each in self._books.resources.values() if each.type in self._judges]:
                    due = self._due(resource)
                    if due is not None and due <= now:
                        self._judges[resource.type](resource)
                    elif due is not None:
                        next_due = due if next_due is None else min(due, next_due)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if next_due is None else max(next_due - self._now(), 0)):
                        await self._changed.wait()
        except Exception as error:
            self._failed(error)

    def _due(self, resource: Resource) -> float | None:
        """None: not Pending, or waiting for somebody who asks for the validation."""
        if resource.status["prefixValidationState"] != PENDING:
            return None
        since: float = resource.status["since"]
        due = self._settings().due("prefix_validation", since)
        return since if due is None and resource.status.get("asked") else due
