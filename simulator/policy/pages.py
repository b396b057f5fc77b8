"""The policy's rules as Markdown, for the documentation."""

from __future__ import annotations

from simulator.policy.profiles import PROFILES
from simulator.policy.rules import RULES

_LONG = 5
"""A longer list is shown as the number of its entries."""


def rules() -> str:
    """Every rule: id, what it refuses, its parameters, its source, the profiles that have it."""
    head = ["id", "refuses a route because", "looks at", "parameters", "needs"]
    head += ["Euro-IX", "arouteserver", "source", "profiles"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for rule in RULES.values():
        parameters = ", ".join(f"`{key}: {_text(value)}`" for key, value in rule.parameters.items())
        cells = (
            f"`{rule.id}`",
            rule.explanation,
            rule.looks_at,
            parameters,
            f"`{rule.needs}`" if rule.needs else "",
            rule.euro_ix,
            "" if rule.arouteserver is None else str(rule.arouteserver),
            rule.source,
            ", ".join(_profile(name, rule.id) for name in PROFILES if rule.id in PROFILES[name]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _profile(name: str, rule: str) -> str:
    setting = PROFILES[name][rule]
    if isinstance(setting, bool):
        return name if setting else f"{name} (off)"
    return f"{name} ({', '.join(f'`{key}: {_text(value)}`' for key, value in setting.items())})"


def _text(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value[:_LONG]))}{', …' if len(value) > _LONG else ''}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
