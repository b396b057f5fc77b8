"""Writes the generated parts of the pages in docs/: run `python docs/generate.py` after a table has changed.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from simulator.connection import diagram as connection
from simulator.connection.states import Flow
from simulator.lab import pages as topology
from simulator.policy import pages as policy
from simulator.session import diagram as session
from simulator.validation import pages as validation

DOCS = Path(__file__).parent
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _fenced(mermaid: str) -> str:
    return f"```mermaid\n{mermaid}\n```"


PARTS: dict[str, Callable[[], str]] = {
    "connection-exchange": lambda: _fenced(connection.mermaid(Flow.EXCHANGE)),
    "connection-direct": lambda: _fenced(connection.mermaid(Flow.DIRECT)),
    "connection-table": connection.markdown,
    "bgp-diagram": lambda: _fenced(session.mermaid()),
    "bgp-table": session.markdown,
    "checks": validation.checks,
    "remedies": validation.remedies,
    "rules": policy.rules,
    "topology-keys": topology.keys,
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
