"""Events go to listeners, and a listener that fails stops nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def dispatch(listener: Callable[[T], None], event: T) -> None:
    """Hand an event to a listener. What it raises goes to the event loop's exception handler: no session stops."""
    try:
        listener(event)
    except Exception as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"a listener failed at {type(event).__name__}", "exception": error}
        )
