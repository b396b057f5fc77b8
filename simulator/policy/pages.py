"""The policy's rules as Markdown, for the documentation."""

from __future__ import annotations

from simulator.policy.policy import PROFILES
from simulator.policy.rules import RULES


def rules() -> str:
    """Every rule: id, what it refuses, its parameters, its source, the profiles that have it."""
    lines = ["| id | refuses a route because | looks at | parameters | Euro-IX | source | profiles |"]
    lines.append("|---|---|---|---|---|---|---|")
    for rule in RULES.values():
        looks = "the prefix" if rule.prefix is not None else "the path attributes"
        parameters = ", ".join(f"`{key}: {str(value).lower()}`" for key, value in rule.parameters.items())
        profiles = ", ".join(name for name, ids in PROFILES.items() if rule.id in ids)
        cells = (f"`{rule.id}`", rule.explanation, looks, parameters, rule.euro_ix, rule.source, profiles)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
