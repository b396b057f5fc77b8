"""The catalogue as Markdown, for the documentation."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.diagnosis.catalogue import DEPROVISIONED, LIFTED, VALIDATION
from simulator.diagnosis.check import Check
from simulator.diagnosis.remedies import REMEDIES
from simulator.views.check import Blocks

_WHEN = {Blocks.ACTIVE: "keeps the policy DENY ALL", Blocks.REHEARSAL: "fails the rehearsal", Blocks.WARN: "warns"}


def checks() -> str:
    """Every check: id, what it looks at, what it rests on, where it comes from."""
    lines = ["| id | check | when | a failure | rests on | source |", "|---|---|---|---|---|---|"]
    for when, group in (("validating", VALIDATION), ("after the lift", LIFTED), ("PendingRemove", DEPROVISIONED)):
        lines += [_row(check, when) for check in group]
    return "\n".join(lines)


def _row(check: Check, when: str) -> str:
    when = f"{when} ({check.only})" if check.only else when
    return (
        f"| {check.id} | {check.title} | {when} | {_WHEN[check.blocks]} | {', '.join(check.needs)} | {check.source} |"
    )


def remedies(routers: Mapping[str, Mapping[str, str]]) -> str:
    """Every cause and its remedies, by router."""
    lines = ["| cause | router | remedy |", "|---|---|---|"]
    for cause, general in REMEDIES.items():
        own = {name: texts[cause] for name, texts in routers.items() if cause in texts}
        for router, text in {"any": general, **own}.items():
            shown = text.replace("{{", "{").replace("}}", "}").replace("|", "\\|")
            lines.append(f"| `{cause}` | {router} | `{shown}` |")
    return "\n".join(lines)
