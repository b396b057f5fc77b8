"""The life cycle's table: complete, without contradictions, and true to what is published."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter

import pytest

from simulator.connection.states import Actor, Flow
from simulator.connection.states import ConnectionEvent as E
from simulator.connection.states import ConnectionState as S
from simulator.connection.table import (
    ADDRESS_CONFLICT_MESSAGE,
    INDEX,
    NOT_APPROVED_MESSAGE,
    TABLE,
    Facts,
    Guard,
    Row,
    possible,
)
from tests.connection.support import ALL_TRUE

AZURE = {
    "None",
    "PendingApproval",
    "Approved",
    "ProvisioningStarted",
    "ProvisioningFailed",
    "ProvisioningCompleted",
    "Validating",
    "Active",
    "TypeChangeRequested",
    "TypeChangeInProgress",
    "ExternalBlocker",
}
"""ConnectionState of azure-mgmt-peering 2.0.0 (api-version 2025-05-01)."""

GUARDS = {guard for row in TABLE for guard in row.guards}


def _rows(event: E, source: S | None = None) -> list[Row]:
    return [row for row in TABLE if row.event is event and source in (None, row.source)]


def test_every_state_of_the_api_exists_and_pending_remove() -> None:
    """PendingRemove is not in the API's enum: the Exchange walkthrough names it as a connection state."""
    assert {state.value for state in S} == AZURE | {"PendingRemove"}


def test_states_and_flows_are_written_as_azure_writes_them() -> None:
    assert str(S.PROVISIONING_STARTED) == "ProvisioningStarted"
    assert [str(flow) for flow in Flow] == ["Exchange", "Direct", "IxRs"]


@pytest.mark.parametrize("flow", list(Flow))
def test_every_state_can_be_reached(flow: Flow) -> None:
    reached = {S.NONE}
    while True:
        further = {row.target for row in TABLE if flow in row.flows and row.source in reached} - reached
        if not further:
            break
        reached |= further
    expected = set(S) if flow is Flow.EXCHANGE else set(S) - {S.APPROVED}
    assert reached == expected, "Direct and IxRs go from review to ProvisioningStarted (doc)"


@pytest.mark.parametrize("flow", list(Flow))
def test_every_state_can_be_left_and_leads_to_the_end(flow: Flow) -> None:
    """No state is a trap: from each of them there is a way to None."""
    leads = {S.NONE}
    while True:
        further = {row.source for row in TABLE if flow in row.flows and row.target in leads} - leads
        if not further:
            break
        leads |= further
    assert leads >= {row.target for row in TABLE if flow in row.flows}


def test_every_event_happens_somewhere() -> None:
    assert {row.event for row in TABLE} == set(E)


def test_no_cell_is_claimed_twice() -> None:
    cells = [(row.source, row.event, flow) for row in TABLE for flow in row.flows]
    assert len(cells) == len(set(cells)) == len(INDEX)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.source} {row.event.name}")
def test_every_row_says_who_why_and_where_it_is_written(row: Row) -> None:
    assert isinstance(row.actor, Actor)
    assert row.reason
    assert row.flows
    assert set(row.evidence.split(", ")) <= {"doc", "spec", "recorded", "simulator"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.source} {row.event.name}")
def test_an_error_message_stands_exactly_where_something_failed(row: Row) -> None:
    moves = row.target is not row.source  # one that stays keeps the message that is there
    failed = moves and row.target in (S.PROVISIONING_FAILED, S.EXTERNAL_BLOCKER)
    told = row.event in (E.QUESTIONED, E.CONVERSION_REJECTED)
    cleared = row.event in (E.LEGACY_CONVERTED, E.CONVERSION_WITHDRAWN)
    assert (bool(row.error_message), row.error_message == "") == (failed or told, cleared)


def test_the_published_error_messages() -> None:
    """To the letter, as production and the REST specification's example have them."""
    assert NOT_APPROVED_MESSAGE == "This request was not approved by the Microsoft's peering team."
    assert ADDRESS_CONFLICT_MESSAGE == "IPv4 address is already configured with a different ASN"
    assert {row.error_message for row in _rows(E.REJECTED)} == {NOT_APPROVED_MESSAGE}
    assert {row.error_message for row in _rows(E.CONFLICT_FOUND)} == {ADDRESS_CONFLICT_MESSAGE}


def test_active_has_two_ways_in() -> None:
    """A validation that passed, or a legacy peering that runs already: no third row leads there."""
    ways = {
        (row.source, row.event, tuple(guard.fact for guard in row.guards))
        for row in TABLE
        if row.target is S.ACTIVE and row.source is not S.ACTIVE
    }
    assert ways == {
        (S.VALIDATING, E.VALIDATION_PASSED, ("blocking_checks_passed",)),
        (S.NONE, E.LEGACY_FOUND, ()),
    }


@pytest.mark.parametrize("state", [S.PROVISIONING_STARTED, S.PROVISIONING_COMPLETED])
@pytest.mark.parametrize("event", [E.DELETED, E.DEPROVISION_REQUESTED])
def test_nothing_removes_a_connection_that_is_being_provisioned(state: S, event: E) -> None:
    """ "The operation fails" (doc)."""
    assert _rows(event, state) == []


def test_a_validation_decides_in_validating_only() -> None:
    assert {row.source for row in (*_rows(E.VALIDATION_PASSED), *_rows(E.VALIDATION_FAILED))} == {S.VALIDATING}


def test_sessions_are_gone_before_a_connection_is() -> None:
    """Whatever leads to None vouches that no session is left, or that there never was one."""
    ends = {row.source: {guard.fact for guard in row.guards} for row in TABLE if row.target is S.NONE}
    assert ends == {S.PENDING_REMOVE: {"sessions_removed"}, S.PENDING_APPROVAL: {"never_provisioned"}}


def test_every_guard_looks_at_a_fact_that_exists() -> None:
    assert {guard.fact for guard in GUARDS} == {field.name for field in fields(Facts)}


@pytest.mark.parametrize("guard", sorted(GUARDS, key=attrgetter("fact")), ids=attrgetter("fact"))
def test_a_guard_holds_on_its_own_fact_and_on_nothing_else(guard: Guard) -> None:
    assert not guard.holds(Facts()), "unknown means no"
    assert guard.holds(Facts(**{guard.fact: True}))
    others = {field.name: field.name != guard.fact for field in fields(Facts)}
    assert not guard.holds(Facts(**others))
    assert guard.name
    assert guard.refusal


def test_possible_is_what_the_table_has() -> None:
    for state in S:
        for flow in Flow:
            found = possible(state, flow)
            assert set(found) == {event for (source, event, where) in INDEX if (source, where) == (state, flow)}
            assert len(found) == len(set(found))


def test_all_true_is_all_of_the_facts() -> None:
    assert all(getattr(ALL_TRUE, field.name) is True for field in fields(Facts))
