"""What waits for its review: PeerAsns, registered prefixes, prefixes of peering services."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.azure.model.resources import ReviewedResource
from simulator.azure.provider.settings import CurrentSettings
from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.engine.log import Event
from simulator.peer.events import GateMoved


@dataclass(frozen=True, slots=True)
class Review:
    """How the resources of one type are reviewed."""

    delay: str
    """The setting that says how long it takes."""
    decide: Callable[[Any], object]
    """What it leaves pending is put to it again at the next look."""


class Reviews:
    """One task for all of them. It works from the resources alone, so that a restart forgets nothing."""

    def __init__(
        self,
        unit: UnitOfWork,
        now: Callable[[], float],
        settings: CurrentSettings,
        reviews: Mapping[type[ReviewedResource], Review],
        changed: asyncio.Event,
        failed: Callable[[BaseException], None],
    ) -> None:
        """`reviews`: by the kind of resource. `changed` is set when something became pending or a delay changed."""
        self._unit = unit
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
                for resource in self._unit.all(ReviewedResource):
                    review = self._reviews[type(resource)]
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

    def _due(self, resource: ReviewedResource, review: Review) -> float | None:
        """None: not pending, or waiting for somebody who asks for the decision."""
        if not resource.pending:
            return None
        due = self._settings.due(review.delay, resource.since)
        return resource.since if due is None and resource.asked else due
