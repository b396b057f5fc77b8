"""Every kind of router that a topology can name, with the class that runs it.

A kind is a line of `simulator.topology.kinds` and a folder here; its `adapter.py` says which class it is (`ROUTER`).
An adapter is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from simulator.routers.base import Router
from simulator.topology.kinds import KINDS


class _Routers(Mapping[str, type[Router]]):
    def __getitem__(self, kind: str) -> type[Router]:
        if kind not in KINDS:
            raise KeyError(kind)
        router: type[Router] = import_module(f"simulator.routers.{kind.replace('-', '_')}.adapter").ROUTER
        return router

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)


ROUTERS = _Routers()
"""By the name that topologies give."""
