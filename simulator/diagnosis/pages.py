"""The causal table as Markdown, for the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from simulator.diagnosis.causes import CAUSES
from simulator.diagnosis.fact import ABNORMAL, Fact
from simulator.diagnosis.remedies import REMEDIES, RULES


def causes() -> str:
    """Every cause: who acts, what it explains, what tells it, what contradicts it."""
    lines = [
        "| cause | who acts | in words | explains | told by | only with | contradicted by | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in CAUSES:
        told = _names(row.told_by) + (" or nothing better" if row.possible else "")
        explains = ", ".join(sorted(set(row.explains)))
        lines.append(
            f"| `{row.id}` | {row.side.value} | {row.text} | {explains} | {told} | {_names(row.needs)} | "
            f"{_names(row.contradicted)} | {row.source} |"
        )
    return "\n".join(lines)


def _names(facts: Iterable[Fact]) -> str:
    return ", ".join(f"`{fact.name}`" for fact in facts)


def facts() -> str:
    """Every fact: what it means, and the check that it is evidence for where no healthy session shows it."""
    lines = ["| fact | what was observed | asks for a cause at |", "|---|---|---|"]
    lines += [f"| `{fact.name}` | {fact.value} | {ABNORMAL.get(fact, '')} |" for fact in Fact]
    return "\n".join(lines)


def remedies(languages: Mapping[str, Callable[[str], str]]) -> str:
    """Every cause and rule with its remedies: in plain words, and by language where that has words of its own."""
    lines = ["| cause | language | remedy |", "|---|---|---|"]
    for cause, general in (*REMEDIES.items(), *RULES.items()):
        own = {language: remedy(cause) for language, remedy in languages.items()}
        for language, text in {"plain words": general, **own}.items():
            if text:
                shown = text.replace("|", "\\|").replace("\t", "  ").replace("`", "")
                lines.append(f"| `{cause}` | {language} | `{'` <br> `'.join(shown.splitlines())}` |")
    return "\n".join(lines)
