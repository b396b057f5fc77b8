"""The life cycle as a Mermaid diagram and as a Markdown table, drawn from the transition table."""

from __future__ import annotations

from simulator.connection.states import ConnectionState, Flow
from simulator.connection.table import TABLE


def _node(state: ConnectionState) -> str:
    return "[*]" if state is ConnectionState.NONE else state.value


def mermaid(flow: Flow) -> str:
    """A Mermaid state diagram of one flow. Edges between the same two states are joined."""
    edges: dict[tuple[str, str], list[str]] = {}
    for row in TABLE:
        if flow in row.flows:
            edges.setdefault((_node(row.source), _node(row.target)), []).append(str(row.event))
    lines = ["stateDiagram-v2"]
    lines += [f"    {source} --> {target}: {' / '.join(events)}" for (source, target), events in edges.items()]
    return "\n".join(lines)


def markdown() -> str:
    """Every row of the table: from, event, to, who, condition, source."""
    lines = ["| from | event | to | who | only if | flows | why | source |", "|---|---|---|---|---|---|---|---|"]
    for row in TABLE:
        flows = "all" if len(row.flows) == len(Flow) else ", ".join(sorted(flow.value for flow in row.flows))
        guards = "; ".join(guard.name for guard in row.guards)
        lines.append(
            f"| {row.source} | {row.event} | {row.target} | {row.actor.value} | {guards} "
            f"| {flows} | {row.reason} | {row.evidence} |"
        )
    return "\n".join(lines)
