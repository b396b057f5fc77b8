"""`--hold`: the lab stands after the verdict, so that people can look into it, until Enter or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from simulator.cli.own_command import own_command
from simulator.cli.stepping import line_read
from simulator.cli.summary import summary_lines
from simulator.lab.running import RunningNode, running_labs
from simulator.report.model import Report


class Holder:
    """Shows the verdict and how to enter the lab, and waits."""

    def __init__(
        self, console: Console, show: Callable[[Text], None], directory: Callable[[], Path], terminal: int | None
    ) -> None:
        """`directory`: the lab's; `terminal`: a descriptor to read Enter from, or None where only Ctrl-C will do."""
        self._console = console
        self._show = show
        self._directory = directory
        self._terminal = terminal

    async def hold(self, report: Callable[[], Report]) -> None:
        """Until Enter, the end of input, or a SIGINT, which then ends nothing else."""
        for line in (*summary_lines(self._console, report()), *self._ways_in()):
            self._show(line)
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in one"
        loop.add_signal_handler(signal.SIGINT, over.set)
        reading = asyncio.ensure_future(self._enter(over))
        try:
            await over.wait()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            # As `until_interrupted` had it: it runs this very task.
            loop.add_signal_handler(signal.SIGINT, task.cancel)
        self._show(Text("the lab is no longer held", "bold cyan"))

    async def _enter(self, over: asyncio.Event) -> None:
        if self._terminal is None:
            return
        termios.tcflush(self._terminal, termios.TCIFLUSH)  # what was typed before means something else
        await line_read(self._terminal)
        over.set()

    def _ways_in(self) -> Iterator[Text]:
        nodes = [node for lab in running_labs() if lab.directory == self._directory() for node in lab.nodes]
        yield Text()
        yield Text.assemble(
            ("The lab stands", "bold"),
            f" as it is now, until {'Enter or ' if self._terminal is not None else ''}Ctrl-C.",
        )
        inside = [node for node in nodes if node.enter]
        if not inside:
            yield Text("Its nodes are on loopback: only with --link netns is there something to enter.")
            return
        yield Text("From another terminal:")
        width = max(len(node.name) for node in inside)
        for node in inside:
            yield Text.assemble("  ", (f"{own_command()} enter {node.name:<{width}}", "cyan"), f"  {_what(node)}")


def _what(node: RunningNode) -> str:
    from simulator.cli.run.enter import console_of

    console = console_of(node.router)
    if console is None:
        return f"a shell ({node.router})"
    return console.name if console.is_dialogue else f"a shell, in which {console.name} asks it"
