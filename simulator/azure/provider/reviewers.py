"""What the workflow asks of Microsoft.Peering: whose an address is, and what becomes of a resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from simulator.azure.provider.peerings import Peerings
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.workflow import Reviewers


class PeeringReviewers(Reviewers):
    """Asks the peerings."""

    def __init__(self, control: ControlPlane, peerings: Peerings) -> None:
        super().__init__(control)
        self._peerings = peerings
        self.lifting: Callable[[ConnectionRecord], Awaitable[None]] | None = None
        """Awaited before a connection becomes Active, by somebody who wants to look; None: nobody does."""

    def conflict(self, record: ConnectionRecord) -> str:
        live = self._peerings.live(record.id)
        return self._peerings.conflict_of(live) if live is not None else ""

    def convert(self, record: ConnectionRecord) -> None:
        self._peerings.convert(record)

    async def before_lift(self, record: ConnectionRecord) -> None:
        if self.lifting is not None:
            await self.lifting(record)

    def remove(self, record: ConnectionRecord) -> None:
        self._peerings.remove(record)
