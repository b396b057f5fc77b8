"""How events are told: whoever listens cannot stop whoever tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def tell(listener: Callable[[T], None], event: T) -> None:
    """Tell an event. What a listener raises goes to the event loop's exception handler: no session or ruling stops."""
    try:
        listener(event)
    except Exception as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"a listener failed at {type(event).__name__}", "exception": error}
        )
