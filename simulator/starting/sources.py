"""Which of the files that people have is which: told from the content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from simulator.starting import ixf, peeringdb, router_file
from simulator.starting.facts import ExchangeFacts, RouterFacts, StartError
from simulator.topology.files import LARGEST_DATA, FileReadError, read_text

_EXPORTS: Final[tuple[tuple[Callable[[Any], bool], Callable[[Any, str], list[ExchangeFacts]]], ...]] = (
    (ixf.is_ixf, ixf.exchanges),
    (peeringdb.is_peeringdb, peeringdb.exchanges),
)
"""What JSON it is → its reader."""
TAKEN: Final = "a PeeringDB export, an IX-F member export, or the file of a BIRD, FRR, OpenBGPD, GoBGP or ExaBGP router"


def read(paths: Iterable[Path]) -> tuple[list[ExchangeFacts], RouterFacts | None]:
    """The exchanges of all exports, and the router. Raises StartError."""
    exchanges: list[ExchangeFacts] = []
    routers: list[RouterFacts] = []
    for path in paths:
        found = _read(path)
        if isinstance(found, RouterFacts):
            routers.append(found)
        else:
            exchanges += found
    if len(routers) > 1:
        raise StartError(f"{routers[1].file}: a second router: give one file, with what it includes")
    return exchanges, routers[0] if routers else None


def _read(path: Path) -> list[ExchangeFacts] | RouterFacts:
    try:
        text = read_text(path, LARGEST_DATA, f"give {TAKEN}")
    except FileReadError as error:
        raise StartError(f"{path}: {error}") from None
    document, fault = _json(text)
    for fits, exchanges in _EXPORTS:
        if document is not None and fits(document):
            try:
                return exchanges(document, path.name)
            except StartError as error:
                said = str(error)
                raise StartError(said if said.startswith(path.name) else f"{path}: {said}") from None
    kind = router_file.language(text)
    if kind is not None:
        return router_file.read(path, kind)
    if not text.strip():
        raise StartError(f"{path}: it is empty: give {TAKEN}")
    why = f"; as JSON: {fault}" if fault and text.lstrip()[0] in "{[" else ""
    raise StartError(f"{path}: this is not {TAKEN}{why}")


def _json(text: str) -> tuple[Any, str]:
    """The document, or why there is not one."""
    try:
        return json.loads(text), ""
    except ValueError as error:
        return None, str(error)
    except RecursionError:
        return None, "it is nested too deeply"
