"""A lab in a thread of its own, and its handles for tests that await and for tests that do not.

The lab has its own event loop, which outlives the loop of one test: so a lab can be used by a whole module, and by
tests without any loop. A handle is one of `simulator.testing.handles`; what is a coroutine there is awaited here, or,
in a test without `async`, waited for.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from simulator.axis import AxisError
from simulator.connection.connection import TransitionRefusedError
from simulator.places.errors import LabError
from simulator.testing.diagnosis import LabAssertionError
from simulator.testing.handles import LabEdge, LabPeering, LabRouter, LabSession
from simulator.testing.lab import Lab

T = TypeVar("T")
_TOLD: Final = (LabAssertionError, TransitionRefusedError, LabError, LookupError, AxisError, ValueError)
"""What says all in its own words: where in turnup it was raised helps nobody."""
_HANDLES: Final = (Lab, LabPeering, LabSession, LabEdge, LabRouter)


class LoopThread:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.unawaited: list[str] = []
        """What a test asked for, and has not awaited so far."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="turnup lab", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, function: Callable[[], T]) -> T:
        """What a function gives that is called in the loop."""

        async def called() -> T:
            return function()

        return self.submit(called()).result()

    def close(self) -> None:
        self.submit(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


class Driven:
    """A handle as a test has it: everything is done in the lab's loop."""

    def __init__(self, handle: Any, thread: LoopThread, *, awaits: bool) -> None:
        self._handle, self._thread, self._awaits = handle, thread, awaits

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self._handle).__name__} has no {name}")
        found = inspect.getattr_static(type(self._handle), name, None)
        if inspect.iscoroutinefunction(found):
            return self._coroutine(name)
        if inspect.isfunction(found):
            return self._function(name)
        __tracebackhide__ = True
        try:
            return self._wrapped(self._thread.call(lambda: getattr(self._handle, name)))
        except _TOLD as error:
            raise error.with_traceback(None) from None

    def __repr__(self) -> str:
        kind = self._kind
        name = self._handle.topology.name if isinstance(self._handle, Lab) else getattr(self._handle, "name", "")
        return f"<{kind} {name}>".replace(" >", ">")

    @property
    def _kind(self) -> str:
        return type(self._handle).__name__.removeprefix("Lab").lower() or "lab"

    def _coroutine(self, name: str) -> Callable[..., Any]:
        method = getattr(self._handle, name)

        called = f"{self._kind}.{name}"

        @functools.wraps(method)
        def asked(*given: Any, **named: Any) -> Any:
            self._thread.unawaited.append(called)
            return awaited(*given, **named)

        async def awaited(*given: Any, **named: Any) -> Any:
            __tracebackhide__ = True
            self._thread.unawaited.remove(called)
            try:
                return await asyncio.wrap_future(self._thread.submit(method(*given, **named)))
            except _TOLD as error:
                raise error.with_traceback(None) from None

        @functools.wraps(method)
        def waited_for(*given: Any, **named: Any) -> Any:
            __tracebackhide__ = True
            try:
                return self._thread.submit(method(*given, **named)).result()
            except _TOLD as error:
                raise error.with_traceback(None) from None

        return asked if self._awaits else waited_for

    def _function(self, name: str) -> Callable[..., Any]:
        method = getattr(self._handle, name)

        @functools.wraps(method)
        def called(*given: Any, **named: Any) -> Any:
            __tracebackhide__ = True
            try:
                return self._wrapped(self._thread.call(lambda: method(*given, **named)))
            except _TOLD as error:
                raise error.with_traceback(None) from None

        return called

    def _wrapped(self, given: Any) -> Any:
        return Driven(given, self._thread, awaits=self._awaits) if isinstance(given, _HANDLES) else given
