from __future__ import annotations

from dataclasses import replace

from simulator.report.summary import COLUMNS, summary_rows

from . import sample


def test_one_row_per_session_with_both_states() -> None:
    rows = summary_rows(sample.failed_report())
    assert [(row.neighbor, row.connection, row.bgp) for row in rows] == [
        ("192.0.2.1", "None", "Idle"),
        ("2001:db8:42::1", "None", "Idle"),
        ("192.0.2.2", "ProvisioningFailed", "Active"),
        ("2001:db8:42::2", "ProvisioningFailed", "Established"),
    ]


def test_cells_stand_under_the_columns() -> None:
    row = summary_rows(sample.passed_report())[0]
    assert dict(zip(COLUMNS, row.cells(), strict=True)) == {
        "Neighbor": "192.0.2.1",
        "AS": "64496",
        "Connection": "None",
        "BGP": "Idle",
        "Up/Down": "00:00:12",
        "Received": "1250",
        "Accepted": "1243",
        "Rejected": "7",
        "Sent": "312",
    }


def test_an_unknown_as_and_a_session_that_never_moved() -> None:
    connection = replace(sample.connection(1), peer_as=0, timeline=())
    row = summary_rows(replace(sample.passed_report(), connections=(connection,)))[0]
    assert (row.peer_as, row.up_down) == ("", "never")
