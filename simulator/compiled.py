"""Which code runs on the route path: the modules as they stand, or what mypyc made of the same modules (`make fast`).

The compiled code is used only while it is of these very sources: a source that has changed since makes all of it pure
Python again. `TURNUP_CODE` chooses: `pure` leaves it aside, `compiled` raises CompiledCodeError where it cannot run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, ModuleSpec
from types import ModuleType

PACKAGE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(PACKAGE, "_compiled")
"""The compiled modules, in folders as their sources are, beside `MANIFEST`. Git does not see it."""
MANIFEST = "sources"
"""The names of the modules; then a line for each source that they are of, and for each file that was made of them: its
SHA-256, and its path in the package or in `FOLDER`."""
GROUP = "turnup__mypyc"
"""What all compiled modules are in: the others only lead there."""

HOT = (
    *("wire.framing", "wire.received_update", "wire.attribute_block", "wire.attribute_checks", "wire.attribute_codec"),
    *("wire.checked_attributes", "wire.nlri", "wire.update", "wire.update_faults", "wire.outlines"),
    *("policy.policy", "policy.prefixes", "policy.prefix_rules", "policy.attribute_rules", "policy.route_rules"),
    *("policy.rule", "policy.verdict"),
    *("rib.adj_in", "rib.adj_out"),
    *("rib.route_server.backlog", "rib.route_server.client", "rib.route_server.control"),
    *("rib.route_server.journal", "rib.route_server.offer", "rib.route_server.policy", "rib.route_server.stream"),
    *("rib.route_server.table", "rib.route_server.transparent"),
    *("peer.inbound", "peer.attribute_sets", "peer.peer", "peer.outbound", "peer.client", "peer.stream", "peer.run"),
    *("mrt.records", "mrt.bgp4mp", "tables.mrt_reader", "tables.bgp4mp_replay", "tables.tally"),
)
"""The modules of `simulator` that are compiled: those on the way of a route. The gate is not one of them."""


class CompiledCodeError(ImportError):
    """The compiled code was asked for, and cannot run: one line."""


def digest(path: str, folder: str = "") -> str:
    """Of one file in the package, or in another folder. Raises OSError."""
    from hashlib import sha256

    with open(os.path.join(folder or PACKAGE, path), "rb") as file:
        return sha256(file.read()).hexdigest()


def code() -> str:
    """`compiled` or `pure`, with the reason where somebody may have expected otherwise."""
    return _FINDER.code()


class Finder:
    """Finds the compiled modules, where they are those of the sources. The first import of one of them decides."""

    def __init__(self) -> None:
        self._modules: frozenset[str] | None = None
        self._reason = ""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != GROUP and not name.startswith("simulator."):
            return None
        if self._modules is None:
            if name not in _CANDIDATES:
                return None
            self._modules = self._decide()
        if name not in self._modules:
            return None
        folder = os.path.join(FOLDER, *name.split(".")[1:-1])
        return FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES)).find_spec(name)

    def code(self) -> str:
        if self._modules is None:
            self._modules = self._decide()
        return "compiled" if self._modules else f"pure{self._reason}"

    def _decide(self) -> frozenset[str]:
        wanted = os.environ.get("TURNUP_CODE", "")
        if wanted == "pure":
            self._reason = ", as TURNUP_CODE says"
            return frozenset()
        found = problem() or self._refusal()
        if not found:
            return _CANDIDATES
        if wanted == "compiled":
            raise CompiledCodeError(f"TURNUP_CODE=compiled: {found}: make fast")
        self._reason = f": {found}" if os.path.isdir(FOLDER) else ""
        return frozenset()

    def _refusal(self) -> str:
        """Why the system does not load what is whole (no program may run from that disk); empty: it is loaded."""
        self._modules = _CANDIDATES  # it is this finder that finds it
        try:
            import_module(GROUP)
        except ImportError as error:
            return f"it cannot be loaded: {error}"
        finally:
            self._modules = None
        return ""


_CANDIDATES = frozenset({GROUP, *(f"simulator.{name}" for name in HOT)})
_FINDER = Finder()


def problem() -> str:
    """Why the compiled code must not run; empty: it may."""
    try:
        with open(os.path.join(FOLDER, MANIFEST), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return "there is no compiled code"
    except ValueError:
        return "its list of sources cannot be read"
    if not _is_there(GROUP):
        return "the compiled code is of another Python"
    if lines[:1] != [" ".join(HOT)]:
        return "other modules are to be compiled now"
    if not all(_is_there(name.replace(".", os.sep)) for name in HOT):  # pure and compiled classes are not the same
        return "a part of the compiled code is missing"
    for line in lines[1:]:
        known, _, path = line.partition(" ")
        made = path.endswith(EXTENSION_SUFFIXES[0])
        try:
            changed = digest(path, FOLDER if made else PACKAGE) != known
        except OSError:
            changed = True
        if changed:
            return f"{path} {'is damaged' if made else 'has changed since it was compiled'}"
    return ""


def _is_there(name: str) -> bool:
    return any(os.path.exists(os.path.join(FOLDER, name + suffix)) for suffix in EXTENSION_SUFFIXES)


def install() -> None:
    """Put the finder before all others, where there is compiled code at all."""
    if os.path.isdir(FOLDER) or os.environ.get("TURNUP_CODE") == "compiled":
        sys.meta_path.insert(0, _FINDER)
