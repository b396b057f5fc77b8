"""`--step`: the rehearsal waits for Enter before each step of the life cycle; sessions and timers go on meanwhile."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Callable

from rich.text import Text


class Stepper:
    """Asks at a terminal, one step at a time."""

    def __init__(self, show: Callable[[Text], None], terminal: int, ended: Callable[[], object]) -> None:
        """`terminal`: a descriptor to read lines from. `ended` is called at the end of input (Ctrl-D): it is to cancel
        the waiter in `pause`."""
        self._show = show
        self._terminal = terminal
        self._asking = asyncio.Lock()
        self._ended = ended

    async def pause(self, step: str, what: str) -> None:
        """Say what the step will do and wait for Enter. Connections that get to a step at once are asked in turn."""
        async with self._asking:
            # What was typed before the question is no answer to it.
            termios.tcflush(self._terminal, termios.TCIFLUSH)
            text = Text.assemble(("next: ", "bold cyan"), (step, "bold"), f"  {what}", ("  [Enter]", "bold cyan"))
            self._show(text)
            if not await line_read(self._terminal):
                self._ended()
                await asyncio.get_running_loop().create_future()


async def line_read(terminal: int) -> bool:
    """Wait for the next Enter at a descriptor; False at the end of input."""
    loop, come = asyncio.get_running_loop(), asyncio.Event()
    while True:
        come.clear()
        loop.add_reader(terminal, come.set)
        try:
            await come.wait()
        finally:
            loop.remove_reader(terminal)
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the terminal is gone
            return False
        if not data or data.endswith(b"\n"):
            return bool(data)
