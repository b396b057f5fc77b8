"""A rehearsal over the API's domain that is killed with SIGKILL at its nth commit. Run by test_crashes.

usage: crashing.py DATABASE N before|after
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

from simulator.azure.provider.settings import Settings
from simulator.azure.store.store import Store, Transaction
from simulator.connection.states import ConnectionState
from tests.azure.provider import support

_count = 0


def _die_at(number: int, when: str) -> None:
    """Kill this process around the nth transaction that changes more than the event log."""
    original = Store.transaction

    @contextlib.contextmanager
    def counted(self: Store) -> Iterator[Transaction]:
        global _count
        with original(self) as transaction:
            wrote = False

            def noting(write: Callable[..., None]) -> Callable[..., None]:
                def written(*args: object) -> None:
                    nonlocal wrote
                    wrote = True
                    write(*args)

                return written

            for name in ("save", "save_connection", "forget", "forget_connection"):
                setattr(transaction, name, noting(getattr(transaction, name)))
            yield transaction
            _count += wrote
            if wrote and when == "before" and _count == number:
                os.kill(os.getpid(), signal.SIGKILL)
        if wrote and _count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    Store.transaction = counted  # type: ignore[method-assign]


async def play(url: str) -> None:
    """From the PeerAsn to Active, and to the end."""
    async with support.provider(url, Settings(removal=0)) as running:
        await support.approved_asn(running)
        support.ask_for_peering(running)
        await support.until_all(running, ConnectionState.ACTIVE)
        running.delete_peering(support.PEERING_ID.lower())
        await support.until(running, lambda: not running.control.records)


if __name__ == "__main__":
    _die_at(int(sys.argv[2]), sys.argv[3])
    asyncio.run(play(sys.argv[1]))
    print(_count)
