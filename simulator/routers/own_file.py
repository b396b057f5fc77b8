"""A user's own configuration file, in any router's language: what it includes, binds its sessions to, and asks for.

The interfaces and VRFs that it binds sessions to are where production and the lab may differ. What is a language's own
stands in `simulator.routers.<kind>.file`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from simulator.diagnosis.router_answer import PeerTrouble, Setting, Statement
from simulator.routers.reason import Reason
from simulator.routers.statements import Scopes, StatementSpan, chased, same, statements

INTERFACE, VRF = "interface", "vrf"
TROUBLES = {INTERFACE: PeerTrouble.INTERFACE_NAME, VRF: PeerTrouble.VRF_NAME}

NO_RPKI_CACHE = "the lab has no RPKI cache: what it would tell is not known here"

_NOWHERE = re.compile(r"(?!)")
_INCLUDE = re.compile(r'^[ \t]*include[ \t]+"([^"\n]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that the daemon refuses. `line` counts from 1; 0 where the daemon does not tell it."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


Parser = Callable[[Path, str, Path], list[Fault]]
"""The daemon's own parser: of a file, its text and a directory to write in, everything that it refuses."""


@dataclass(frozen=True, slots=True)
class OwnFile:
    """How the files of one kind of router are read."""

    parse: Parser
    binds: tuple[tuple[str, re.Pattern[str]], ...]
    """INTERFACE or VRF, and where its name stands."""
    comments: re.Pattern[str] = re.compile(r"#[^\n]*")
    block: re.Pattern[str] | None = None
    """What begins a block of the file; bindings outside of blocks called `bgp` mean something else."""
    includes: bool = False
    """`include "FILE"` is part of the language."""
    absent: tuple[tuple[re.Pattern[str], str], ...] = ()
    """What no lab has, and what is said of it."""
    scopes: Scopes = lambda text, address: []
    """Which parts of a text configure one session: with an address, or of those that are taken from a prefix."""
    settings: tuple[tuple[Setting, re.Pattern[str]], ...] = ()
    """What to look for there; the first group is the value."""
    family: Callable[[str, str], bool | None] = lambda text, address: None
    """Does a text without comments give the session with an address its own family? None: it does not say."""
    name: Callable[[str, str], str] = lambda text, address: ""
    """The router's own name for the session with an address, by a text without comments; empty where it has none."""
    view: Callable[[Path, str, Path], str] | None = None
    """The file as the daemon itself has parsed it, in its own language; empty: refused. None: it does not show it."""
    constants: re.Pattern[str] | None = None
    """What gives a name a value: both are groups."""
    neighbors: re.Pattern[str] | None = None
    """What says that there is a session with an address, which is the first group."""
    ranges: re.Pattern[str] | None = None
    """What says that sessions are taken from a prefix, which is the first group."""
    anchors: tuple[tuple[frozenset[Setting], re.Pattern[str]], ...] = ()
    """Behind what a statement is added; no setting: behind what any other is."""
    place: Callable[[str, StatementSpan, str], tuple[int, str] | None] = lambda text, part, statement: None
    """Of a language with a table for each kind of setting: where in the part of one session what `turnup config` says
    of it goes in, and the lines that are missing there."""

    def anchor(self, setting: Setting) -> re.Pattern[str]:
        """Behind what a statement is added; a pattern that finds nothing where there is no such place."""
        return next((where for those, where in self.anchors if setting in those or not those), _NOWHERE)

    def blank(self, text: str) -> str:
        """The text with blanks in place of its comments: every offset stays."""
        return self.comments.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), text)


@dataclass(frozen=True, slots=True)
class Binding:
    """One place in a file that binds sessions to a name."""

    what: str
    """INTERFACE or VRF."""
    name: str
    file: Path
    line: int


def bindings(own: OwnFile, path: Path, addresses: Iterable[str] = ()) -> Iterator[Binding]:
    """Of a router's own file and of what it includes, in the order of the text.

    `addresses`: only what binds the sessions with these neighbors, where the file has one of them.
    """
    texts = [(file, own.blank(text)) for file, text in sources(own, path)]
    whole, start = "\n".join(text for _, text in texts), 0
    near = [span for address in addresses for span in own.scopes(whole, address)]
    for file, blanked in texts:
        found = []
        for what, pattern in own.binds:
            for hit in pattern.finditer(blanked):
                if near and not any(first <= start + hit.start(1) < last for first, last in near):
                    continue
                blocks = own.block.findall(blanked, 0, hit.start()) if own.block is not None else ["bgp"]
                if blocks and blocks[-1] == "bgp":
                    found.append(Binding(what, hit[1], file, blanked.count("\n", 0, hit.start(1)) + 1))
        yield from sorted(found, key=lambda binding: binding.line)
        start += len(blanked) + 1


def sources(own: OwnFile, path: Path) -> Iterator[tuple[Path, str]]:
    """A file and what it includes, each once; what cannot be read is left out."""
    yield from _sources(own, path, set())


def _sources(own: OwnFile, path: Path, seen: set[Path]) -> Iterator[tuple[Path, str]]:
    if path.resolve() in seen:
        return
    seen.add(path.resolve())
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return
    yield path, text
    for pattern in _INCLUDE.findall(text) if own.includes else ():
        base = Path("/") if pattern.startswith("/") else path.parent
        for file in sorted(base.glob(pattern.lstrip("/"))):
            yield from _sources(own, file, seen)


def misnamed(
    own: OwnFile, path: Path, interfaces: Iterable[str], vrfs: Iterable[str], addresses: Iterable[str] = ()
) -> list[Reason]:
    """Why sessions of the file with these neighbors cannot come up on a node that has these interfaces and VRFs, at
    most one of each; of whatever neighbors where it has none of them.
    """
    here = {INTERFACE: ("lo", *interfaces), VRF: tuple(vrfs)}
    found = list(bindings(own, path, addresses))
    reasons: dict[str, Reason] = {}
    for binding in found:
        if any(fnmatchcase(name, binding.name) for name in here[binding.what]):
            continue
        there = ", ".join(name for name in here[binding.what] if name != "lo") or "in no VRF"
        have = f"the router's interfaces here are {there}"
        if binding.what is VRF:
            have = f"here the router is {there}" if not here[VRF] else f"the router's VRF here is {there}"
        text = f"{binding.file}:{binding.line} binds to {binding.what} {binding.name}, and {have}"
        reasons.setdefault(binding.what, Reason(TROUBLES[binding.what], text))
    if here[VRF] and not any(binding.what is VRF for binding in found):
        text = f"the topology puts the router into VRF {', '.join(here[VRF])}, and {path} has no session in a VRF"
        reasons.setdefault(VRF, Reason(TROUBLES[VRF], text))
    return list(reasons.values())


def absences(own: OwnFile, path: Path) -> list[str]:
    """What a user's file asks for and no lab has: one line each, with the file and the line that asks for it."""
    found: dict[str, str] = {}
    for file, text in sources(own, path):
        for pattern, what in own.absent:
            hit = pattern.search(text)
            if hit is not None:
                found.setdefault(what, f"{file}:{text.count(chr(10), 0, hit.start()) + 1}: {what}")
    return list(found.values())


def statements_of(own: OwnFile, path: Path, address: str) -> dict[Setting, Statement]:
    """What a user's file says of the session with `address`, where it says it."""
    return statements(sources(own, path), address, own.scopes, own.settings, own.blank, constants_of(own, path))


def same_key(found: str, agreed: str) -> bool:
    """A key as it was agreed, or in hexadecimal or base64, as some languages write keys that they cannot quote."""
    octets = agreed.encode()
    return found.strip("\"'") in (agreed, octets.hex(), b64encode(octets).decode())


def has_family(own: OwnFile, path: Path, address: str) -> bool | None:
    """Has the session with an address its own family? None: the file does not say."""
    return own.family(own.blank("\n".join(text for _, text in sources(own, path))), address)


def name_of_session(own: OwnFile, path: Path, address: str) -> str:
    """The router's own name for the session with an address; empty where it has none."""
    return own.name(own.blank("\n".join(text for _, text in sources(own, path))), address)


def neighbors_of(own: OwnFile, path: Path) -> dict[str, list[tuple[Path, int]]]:
    """The addresses that the file has sessions with, as it writes them, and each place where it says so."""
    found: dict[str, list[tuple[Path, int]]] = {}
    known = constants_of(own, path)
    for file, text in sources(own, path):
        blanked = own.blank(text)
        for hit in own.neighbors.finditer(blanked) if own.neighbors is not None else ():
            blocks = own.block.findall(blanked, 0, hit.start()) if own.block is not None else ["bgp"]
            if not blocks or blocks[-1] == "bgp":
                place = (file, blanked.count("\n", 0, hit.start(1)) + 1)
                address = known.get(hit[1].strip("$"), hit[1])
                if same(address, address):  # what is no address names no session
                    found.setdefault(address, []).append(place)
    return found


def ranges_of(own: OwnFile, path: Path) -> dict[str, tuple[Path, int]]:
    """The prefixes that the file takes sessions from without naming each, with where it says so."""
    known = constants_of(own, path)
    return {
        known.get(hit[1], hit[1]): (file, text.count("\n", 0, hit.start(1)) + 1)
        for file, text in sources(own, path)
        for hit in (own.ranges.finditer(own.blank(text)) if own.ranges is not None else ())
    }


def constants_of(own: OwnFile, path: Path) -> dict[str, str]:
    """The names that the file gives values, with those."""
    if own.constants is None:
        return {}
    texts = (own.blank(text) for _, text in sources(own, path))
    return chased((hit[1], hit[2]) for text in texts for hit in own.constants.finditer(text))
