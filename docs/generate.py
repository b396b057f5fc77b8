"""Writes the generated parts of the pages in docs/: run `python docs/generate.py` after a table has changed.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else is written by hand.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from simulator.azure.rest import pages as arm
from simulator.cli import check_rows
from simulator.cli import pages as commands
from simulator.connection import diagram as connection
from simulator.connection.states import Flow
from simulator.diagnosis import pages as diagnosis
from simulator.diagnosis.about import About
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.policy import pages as policy
from simulator.portal.forms.field import SIMULATOR
from simulator.portal.forms.peering_fields import BASICS, CONFIGURATION, CONNECTION_FIELDS
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.mender import RouterMender, mender
from simulator.scenarios import pages as scenarios
from simulator.session import diagram as session
from simulator.topology import pages as topology
from simulator.topology.kinds import LANGUAGES, Says
from simulator.topology.route import RouterRoute

DOCS = Path(__file__).parent
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z0-9-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _fenced(mermaid: str) -> str:
    return f"```mermaid\n{mermaid}\n```"


_OUTCOMES = {
    "session-reset": "session reset",
    "afi-safi-disable": "AFI/SAFI disable",
    "treat-as-withdraw": "treat-as-withdraw",
    "discard": "attribute discard",
}


def _rfc7606_cases() -> list[dict[str, Any]]:
    table = DOCS.parent / "tests" / "wire" / "rfc7606_cases.toml"
    cases: list[dict[str, Any]] = tomllib.loads(table.read_text(encoding="utf-8"))["case"]
    return cases


def _rfc7606_counts() -> str:
    counts = Counter(case["outcome"] for case in _rfc7606_cases())
    rows = [f"| {label} | {counts[outcome]} |" for outcome, label in _OUTCOMES.items()]
    return "\n".join(["| outcome | cases |", "|---|---|", *rows, f"| **all** | **{sum(counts.values())}** |"])


def _rfc7606_matrix() -> str:
    lines = ["| attribute | defect | session | outcome | clause | case |", "|---|---|---|---|---|---|"]
    for case in _rfc7606_cases():
        outcome = _OUTCOMES[case["outcome"]]
        if "notification" in case:
            outcome += f" ({case['notification']})"
        if "disables" in case:
            outcome += f" of {case['disables']}"
        session = case.get("session", "IPv4") + ("" if case.get("asn4", True) else ", two-octet AS")
        name = case["attribute"] + (f" ({case['code']})" if "code" in case else "")
        defect = case["defect"] + (f"; {case['note']}" if "note" in case else "")
        lines.append(f"| {name} | {defect} | {session} | {outcome} | {case['clause']} | `{case['id']}` |")
    return "\n".join(lines)


def _sayable() -> str:
    lines = [f"| | {' | '.join(f'`{name}`' for name in LANGUAGES)} |", f"|---|{'---|' * len(LANGUAGES)}"]
    for what in Says:
        marks = ("yes" if what in says else "" for says in (language.says for language in LANGUAGES.values()))
        lines.append(f"| {what.value} | {' | '.join(marks)} |")
    return "\n".join(lines)


def _clauses() -> str:
    table = DOCS.parent / "tests" / "speakers" / "clauses.toml"
    lines = ["| clause | what the peer sends | state | what follows | then | case |", "|---|---|---|---|---|---|"]
    for case in tomllib.loads(table.read_text(encoding="utf-8"))["case"]:
        answer = f"NOTIFICATION {case['answer']}" if "/" in case["answer"] else case["answer"]
        if "told" in case and case["answer"] == "nothing":
            answer = "told"
        cells = (case["clause"], case["says"], case["state"], answer, case["then"], f"`{case['id']}`")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _published_examples() -> str:
    """Each published example with what a lab answers otherwise; tests/azure/rest/test_published.py sends them all."""
    table = tomllib.loads(
        (DOCS.parent / "tests" / "azure" / "rest" / "published_differences.toml").read_text(encoding="utf-8")
    )
    lines = ["| example | answers | differs in |", "|---|---|---|"]
    for name, statuses in table["examples"].items():
        found = [f"_{row['what']}_ · {row['why']}" for row in table["difference"] if name in row["in"]]
        lines.append(f"| {name} | {', '.join(map(str, statuses))} | {'<br>'.join(found) or 'nothing'} |")
    return "\n".join(lines)


_PACKAGE = DOCS.parent / "simulator"
_NO_ROOMS = {"__init__", "__main__", "addresses", "axis"}
"""What starts the program, and types that every room shares."""


def _arrows() -> dict[str, set[str]]:
    """By room, the rooms that its modules import."""
    found: dict[str, set[str]] = {}
    for module in sorted(_PACKAGE.rglob("*.py")):
        room = module.relative_to(_PACKAGE).parts[0].removesuffix(".py")
        if room not in _NO_ROOMS:
            found.setdefault(room, set()).update(_imported(module) - {room})
    return {room: rooms & found.keys() for room, rooms in found.items()}


def _imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("simulator.")}


def _remedies() -> str:
    """Of one session, in all languages: AS64496 at 192.0.2.1, Microsoft's edge at 192.0.2.2."""
    ours, edge = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
    session = RouterSession("s", ours, edge, 8075, Endpoint(edge, BGP_PORT), "key", gtsm=True, max_prefixes=2000)
    config = RouterConfig("contoso", 64496, "192.0.2.1", (session,), (RouterRoute("203.0.113.0/24"),))
    found = {language: mender(language, config, "s", None) for language in LANGUAGES}
    return diagnosis.remedies({name: partial(_remedy, each) for name, each in found.items() if each is not None})


def _remedy(router: RouterMender, cause: str) -> str:
    if cause in ("session-missing", "not-configured"):
        return f"what turnup config --format {router.language} prints for the session"
    return router.remedy(cause, About())


def _beyond(room: str, rooms: Mapping[str, set[str]]) -> set[str]:
    """What a room reaches through others."""
    reached: set[str] = set()
    waiting = [further for nearer in rooms[room] for further in rooms[nearer]]
    while waiting:
        if (further := waiting.pop()) not in reached:
            reached.add(further)
            waiting += rooms[further]
    return reached


def _rooms() -> str:
    """A Mermaid flowchart; an arrow that follows from others is left out."""
    rooms = _arrows()
    lines = ["flowchart TD"]
    for room in sorted(rooms):
        needed = sorted(rooms[room] - _beyond(room, rooms))
        lines += [f"    {room} --> {other}" for other in needed] or [f"    {room}"]
    return _fenced("\n".join(lines))


def _portal_fields() -> str:
    """Create a Peering, step by step."""
    lines = ["| step | field | in the API's document |", "|---|---|---|"]
    forms = [("Basics", BASICS), ("Configuration", CONFIGURATION)]
    forms += [(f"Connection: {use.value}", fields) for use, fields in CONNECTION_FIELDS.items()]
    for step, fields in forms:
        for number, each in enumerate(fields):
            marks = (" (optional)" if each.optional else "") + (" · simulator" if each.source == SIMULATOR else "")
            path = f"`{each.path}`" if each.path else ""
            lines.append(f"| {'' if number else step} | {each.label}{marks} | {path} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "api-endpoints": arm.endpoints,
    "portal-fields": _portal_fields,
    "published-examples": _published_examples,
    "connection-exchange": lambda: _fenced(connection.mermaid(Flow.EXCHANGE)),
    "connection-direct": lambda: _fenced(connection.mermaid(Flow.DIRECT)),
    "connection-table": connection.markdown,
    "bgp-diagram": lambda: _fenced(session.mermaid()),
    "bgp-table": session.markdown,
    "bgp-clauses": _clauses,
    "bgp-capabilities": session.capabilities,
    "rfc7606-counts": _rfc7606_counts,
    "rfc7606-cases": _rfc7606_matrix,
    "sayable": _sayable,
    "checks": check_rows.table,
    "causes": diagnosis.causes,
    "facts": diagnosis.facts,
    "remedies": _remedies,
    "rooms": _rooms,
    "rules": policy.rules,
    "commands": commands.table,
    "known-sources": topology.sources,
    "topology-keys": topology.keys,
    "scenario-steps": scenarios.steps,
    "scenario-expectations": scenarios.expectations,
    "scenario-faults": scenarios.faults,
    "scenario-keys": scenarios.keys,
}


def generated(text: str) -> str:
    """The page with all of its generated parts written anew. Raises KeyError for a part that nobody generates."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found['name']]()}\n{found[3]}", text)


def main() -> int:
    for page in sorted(DOCS.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = generated(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{page.relative_to(DOCS)}: written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
