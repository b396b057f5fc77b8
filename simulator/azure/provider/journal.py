"""The journal in the store: every step of a connection with the connection itself, in one transaction."""

from __future__ import annotations

from collections.abc import Callable

from simulator.azure.provider.records import PeeringIndex
from simulator.azure.provider.rows import connection_row_of
from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.azure.store.store import SavedConnection
from simulator.connection.states import ConnectionEvent, ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved


class StoreJournal:
    """Writes steps; all methods raise StoreError."""

    def __init__(self, unit: UnitOfWork, index: PeeringIndex) -> None:
        self._unit = unit
        self._index = index

    def write(self, record: ConnectionRecord, moved: ConnectionMoved) -> None:
        step = moved.transition
        owner, live = self._index.owner(record.id), self._index.live(record.id)
        with self._unit.transaction() as transaction:
            number = self._unit.transition(transaction, record.id, moved)
            if owner is None or live is None:
                return  # a legacy peering: no Azure resource knows it yet
            if step.target is ConnectionState.NONE or step.event is ConnectionEvent.CONVERSION_WITHDRAWN:
                transaction.forget_connection(record.id)
                return
            transaction.save_connection(
                SavedConnection(
                    record.id,
                    owner.key,
                    live.position,
                    record.flow.value,
                    step.target.value,
                    step.error_message,
                    connection_row_of(live.request),
                    number,
                )
            )

    def flush(self) -> None:
        self._unit.flush()

    @property
    def behind(self) -> bool:
        return self._unit.behind

    def when_caught_up(self, call: Callable[[], None]) -> None:
        self._unit.when_caught_up(call)
