"""Every language that `turnup config` writes, with its writer: of a router that the lab runs in that router's folder.

A language is a line of `simulator.topology.kinds`. A writer is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from simulator.routers.base import RouterConfig
from simulator.topology.kinds import KINDS, LANGUAGES

Renderer = Callable[[RouterConfig], str]


class _Formats(Mapping[str, Renderer]):
    def __getitem__(self, name: str) -> Renderer:
        if name not in LANGUAGES:
            raise KeyError(name)
        where = f"{name}.config" if name in KINDS else f"configs.{name}"
        render: Renderer = import_module(f"simulator.routers.{where}").render
        return render

    def __iter__(self) -> Iterator[str]:
        return iter(LANGUAGES)

    def __len__(self) -> int:
        return len(LANGUAGES)


FORMATS = _Formats()
"""A renderer raises LabError, one line, for what its language has no way to write."""
