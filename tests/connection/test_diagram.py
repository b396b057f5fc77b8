"""The life cycle's diagrams and its table, as docs/life-cycle.md shows them."""

from __future__ import annotations

import re

import pytest

from simulator.connection.diagram import markdown, mermaid
from simulator.connection.states import ConnectionState, Flow
from simulator.connection.table import TABLE


def _node(state: ConnectionState) -> str:
    return "[*]" if state is ConnectionState.NONE else state.value


@pytest.mark.parametrize("flow", list(Flow))
def test_a_diagram_has_every_move_of_its_flow_and_no_other(flow: Flow) -> None:
    lines = mermaid(flow).splitlines()
    assert lines[0] == "stateDiagram-v2"
    drawn = set()
    for line in lines[1:]:
        found = re.fullmatch(r"    (\S+) --> (\S+): (.+)", line)
        assert found, line
        drawn |= {(found[1], found[2], event) for event in found[3].split(" / ")}
    assert drawn == {(_node(row.source), _node(row.target), str(row.event)) for row in TABLE if flow in row.flows}


def test_the_flows_differ_where_microsoft_documents_it() -> None:
    assert "PendingApproval --> Approved: approved" in mermaid(Flow.EXCHANGE)
    assert "PendingApproval --> ProvisioningStarted: approved" in mermaid(Flow.DIRECT)
    assert mermaid(Flow.DIRECT) == mermaid(Flow.IXRS)


def test_the_table_has_every_row_in_order() -> None:
    head, rule, *rows = markdown().splitlines()
    assert head.count("|") == rule.count("|")
    assert len(rows) == len(TABLE)
    for text, row in zip(rows, TABLE, strict=True):
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        assert cells[:4] == [row.source.value, row.event.value, row.target.value, row.actor.value]
        assert cells[4] == "; ".join(guard.name for guard in row.guards)
        assert cells[6:] == [row.reason, row.evidence]


def test_a_row_of_all_flows_says_so() -> None:
    assert "| all | the peer requested the peering |" in markdown()
    assert "| Direct, IxRs | Microsoft approved the request and issued the LOA |" in markdown()
