"""A router's kernel holds what its sessions hold, and leads to an edge that still announces it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.lent_routes import LentRoutes
from simulator.lab.fib import FibRoute

EDGES = {f"s{number}": IPv4Address(f"192.0.2.{number}") for number in range(3)}


@given(st.lists(st.tuples(st.sampled_from(sorted(EDGES)), st.sets(st.sampled_from([b"a", b"b", b"c"]))), max_size=12))
def test_every_prefix_leads_to_an_edge_that_the_router_has_it_from(says: list[tuple[str, set[bytes]]]) -> None:
    lent, kernel, holds = LentRoutes(), dict[bytes, FibRoute](), {session: set[bytes]() for session in EDGES}
    for session, keys in says:
        holds[session] = keys
        put, gone = lent.change("r", session, [FibRoute(key, EDGES[session], 1) for key in keys])
        assert not {route.key for route in put} & set(gone), "in whichever order a kernel takes them"
        for key in gone:
            del kernel[key]
        kernel |= {route.key: route for route in put}
        assert kernel.keys() == set().union(*holds.values())
        for key, route in kernel.items():
            assert any(EDGES[each] == route.gateway and key in held for each, held in holds.items())


def test_versions_and_routers_are_apart() -> None:
    lent = LentRoutes()
    four, six = FibRoute(b"a", EDGES["s1"], 1), FibRoute(b"a", IPv6Address("2001:db8::1"), 1)
    assert lent.change("r", "s1", [four]) == ([four], [])
    assert lent.change("r", "s6", [six]) == ([six], [])
    assert lent.change("q", "s2", [four]) == ([four], [])
    assert lent.change("r", "s1", []) == ([], [b"a"])
    assert lent.has("r") and lent.has("q") and not lent.has("p")


@given(st.permutations(sorted(EDGES)), st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_sessions_that_change_at_once_leave_the_kernel_as_they_left_it(order: list[str], pauses: list[int]) -> None:
    """Deprovisioned together, however long the kernel takes for each: no way to an edge is left."""

    async def play() -> dict[bytes, FibRoute]:
        lent, kernel = LentRoutes(), dict[bytes, FibRoute]()

        async def one(session: str, keys: Sequence[bytes], pause: int) -> None:
            async def apply(put: Sequence[FibRoute], gone: Sequence[bytes]) -> None:
                for _ in range(pause):
                    await asyncio.sleep(0)
                for key in gone:
                    del kernel[key]
                kernel.update({route.key: route for route in put})

            await lent.lend("r", session, [FibRoute(key, EDGES[session], 1) for key in keys], apply)

        for session in EDGES:
            await one(session, [b"a", b"b"], 0)
        await asyncio.gather(*(one(session, [], pause) for session, pause in zip(order, pauses, strict=True)))
        return kernel

    assert asyncio.run(play()) == {}
