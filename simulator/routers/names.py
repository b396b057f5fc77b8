"""The interfaces and VRFs that a user's file binds its sessions to: where production and the lab may differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from simulator.routers.base import Reason

INTERFACE, VRF = "interface", "vrf"
CAUSES = {INTERFACE: "interface-name", VRF: "vrf-name"}

_INCLUDE = re.compile(r'^[ \t]*include[ \t]+"([^"\n]+)"', re.MULTILINE)
_INCLUDING = ("bird", "openbgpd")
_COMMENTS = {
    "bird": re.compile(r"#[^\n]*|/\*.*?\*/", re.DOTALL),
    "frr": re.compile(r"^[ \t]*!.*$", re.MULTILINE),
}
_HASH = re.compile(r"#[^\n]*")

_BINDS: dict[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    "bird": (
        (INTERFACE, re.compile(r'\binterface\s+"([^"]+)"')),
        (INTERFACE, re.compile(r"\bneighbor\s+[0-9A-Fa-f:.]+\s*%\s*'?([\w.@-]+)'?")),
        (INTERFACE, re.compile(r"\blocal\s+[0-9A-Fa-f:.]+\s*%\s*'?([\w.@-]+)'?")),
        (VRF, re.compile(r'\bvrf\s+"([^"]+)"')),
    ),
    "frr": (
        (INTERFACE, re.compile(r"^ +neighbor +\S+ +update-source +(?![\d.]+\s|[0-9A-Fa-f]*:)(\S+)", re.MULTILINE)),
        (INTERFACE, re.compile(r"^ +neighbor +(\S+) +interface\b", re.MULTILINE)),
        (VRF, re.compile(r"^router +bgp +\d+ +vrf +(\S+)", re.MULTILINE)),
    ),
    "openbgpd": ((INTERFACE, re.compile(r'\bdepend\s+on\s+"?([\w.-]+)"?')),),
    "gobgp": ((INTERFACE, re.compile(r'\bbind-interface"?\s*[=:]\s*"?([\w.-]+)"?')),),
    "exabgp": ((INTERFACE, re.compile(r'\bsource-interface\s+"?([\w.-]+)"?')),),
}
_BLOCK = re.compile(r"^[ \t]*(?:protocol|template)\s+(\w+)", re.MULTILINE)
"""Of BIRD: `interface` means something else in other protocols."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One place in a file that binds sessions to a name."""

    what: str
    """INTERFACE or VRF."""
    name: str
    file: Path
    line: int


def bindings(kind: str, path: Path) -> Iterator[Binding]:
    """Of a router's own file and of what it includes, in the order of the text."""
    for file, text in sources(kind, path):
        blanked = _COMMENTS.get(kind, _HASH).sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), text)
        found = []
        for what, pattern in _BINDS.get(kind, ()):
            for hit in pattern.finditer(blanked):
                blocks = _BLOCK.findall(blanked, 0, hit.start()) if kind == "bird" else ["bgp"]
                if blocks and blocks[-1] == "bgp":
                    found.append(Binding(what, hit[1], file, blanked.count("\n", 0, hit.start(1)) + 1))
        yield from sorted(found, key=lambda binding: binding.line)


def sources(kind: str, path: Path) -> Iterator[tuple[Path, str]]:
    """A file and what it includes, each once; what cannot be read is left out."""
    yield from _sources(kind, path, set())


def _sources(kind: str, path: Path, seen: set[Path]) -> Iterator[tuple[Path, str]]:
    if path.resolve() in seen:
        return
    seen.add(path.resolve())
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return
    yield path, text
    for pattern in _INCLUDE.findall(text) if kind in _INCLUDING else ():
        base = Path("/") if pattern.startswith("/") else path.parent
        for file in sorted(base.glob(pattern.lstrip("/"))):
            yield from _sources(kind, file, seen)


def misnamed(kind: str, path: Path, interfaces: Iterable[str], vrfs: Iterable[str]) -> list[Reason]:
    """Why sessions of the file cannot come up on a node that has these interfaces and VRFs, at most one of each."""
    here = {INTERFACE: ("lo", *interfaces), VRF: tuple(vrfs)}
    found = list(bindings(kind, path))
    reasons: dict[str, Reason] = {}
    for binding in found:
        if any(fnmatchcase(name, binding.name) for name in here[binding.what]):
            continue
        there = ", ".join(name for name in here[binding.what] if name != "lo") or "in no VRF"
        have = f"the router's interfaces here are {there}"
        if binding.what is VRF:
            have = f"here the router is {there}" if not here[VRF] else f"the router's VRF here is {there}"
        text = f"{binding.file}:{binding.line} binds to {binding.what} {binding.name}, and {have}"
        reasons.setdefault(binding.what, Reason(CAUSES[binding.what], text))
    if here[VRF] and not any(binding.what is VRF for binding in found):
        text = f"the topology puts the router into VRF {', '.join(here[VRF])}, and {path} has no session in a VRF"
        reasons.setdefault(VRF, Reason(CAUSES[VRF], text))
    return list(reasons.values())
