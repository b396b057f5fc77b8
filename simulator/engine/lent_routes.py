"""What the lab puts into the kernels of routers whose daemons program none, as each says that it holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from simulator.lab.fib import FibRoute

Apply = Callable[[Sequence[FibRoute], Sequence[bytes]], Awaitable[object]]
"""Changes a router's kernel: what to put in, and the keys of the prefixes to take out."""


class LentRoutes:
    """By router and session."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._lent: dict[tuple[str, str], dict[tuple[int, bytes], FibRoute]] = {}
        """Each route by its IP version and prefix key."""

    def has(self, router: str) -> bool:
        """Whether something was ever put into a router's kernel."""
        return any(name == router for name, _ in self._lent)

    async def lend(self, router: str, session: str, held: Iterable[FibRoute], apply: Apply) -> bool:
        """Bring a router's kernel to what it holds of a session from now on; whether there was anything to change.

        One after the other: two sessions that change at once concern the same prefixes, and the kernel has to hear of
        them in the order in which they were decided.
        """
        async with self._turn:
            put, gone = self.change(router, session, held)
            if put or gone:
                await apply(put, gone)
        return bool(put or gone)

    def change(self, router: str, session: str, held: Iterable[FibRoute]) -> tuple[list[FibRoute], list[bytes]]:
        """What to put in and which prefixes to take out, as the router holds `held` of a session from now on.

        A kernel has one way to a prefix: what goes on this session, and is there on another, leads to that one's edge.
        """
        wanted: dict[tuple[int, bytes], FibRoute] = {(route.gateway.version, route.key): route for route in held}
        before = self._lent.get((router, session), {})
        self._lent[router, session] = wanted
        others: dict[tuple[int, bytes], FibRoute] = {}
        for (name, other), routes in self._lent.items():
            if name == router and other != session:
                others |= routes
        gone = [key for key in before if key not in wanted]
        put = [route for key, route in wanted.items() if key not in before]
        put += [others[key] for key in gone if key in others]
        return put, [key for _, key in (each for each in gone if each not in others)]
