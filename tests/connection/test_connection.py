"""One connection: the documented ways, what is refused, what is kept of every step."""

from __future__ import annotations

import copy
from dataclasses import fields
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.connection import connection as module
from simulator.connection.connection import Connection, ConnectionTransition, TransitionRefusedError
from simulator.connection.states import Actor, Conversion, Flow
from simulator.connection.states import ConnectionEvent as E
from simulator.connection.states import ConnectionState as S
from simulator.connection.table import (
    ADDRESS_CONFLICT_MESSAGE,
    CONVERSION_PENDING,
    CONVERSION_UNFINISHED,
    INDEX,
    NOT_APPROVED_MESSAGE,
    QUESTION_MESSAGE,
    Facts,
)
from tests.connection.support import ALL_TRUE, at, path, state, walk

APPROVED_ASN = Facts(peer_asn_approved=True)
PASSED = Facts(blocking_checks_passed=True)
REMOVED = Facts(sessions_removed=True)


def _refused(connection: Connection, event: E, facts: Facts | None = None) -> str:
    """Apply an event that has to be refused; nothing may change."""
    before = copy.deepcopy(connection)
    with pytest.raises(TransitionRefusedError) as refusal:
        connection.apply(event, 99.0, facts, "some detail")
    assert connection == before
    assert (refusal.value.state, refusal.value.event) == (before.state, event)
    assert str(refusal.value).startswith("c1: ")
    return str(refusal.value)


def _states(connection: Connection) -> list[S]:
    return [step.target for step in connection.history]


# --- the documented ways ---


def test_exchange_as_documented() -> None:
    connection = Connection("c1", Flow.EXCHANGE)
    connection.apply(E.REQUESTED, 1.0, APPROVED_ASN)
    connection.apply(E.APPROVED, 2.0)
    connection.apply(E.NOTIFIED, 3.0)
    connection.apply(E.PROVISIONED, 4.0)
    connection.apply(E.VALIDATION_STARTED, 5.0)
    connection.apply(E.VALIDATION_PASSED, 6.0, PASSED)
    assert _states(connection) == [
        S.PENDING_APPROVAL,
        S.APPROVED,
        S.PROVISIONING_STARTED,
        S.PROVISIONING_COMPLETED,
        S.VALIDATING,
        S.ACTIVE,
    ]


@pytest.mark.parametrize("flow", [Flow.DIRECT, Flow.IXRS])
def test_direct_as_documented(flow: Flow) -> None:
    """Approval leads to ProvisioningStarted with the LOA, and the peer notifies when its cabling and BGP are done."""
    connection = Connection("c1", flow)
    connection.apply(E.REQUESTED, 1.0, APPROVED_ASN)
    connection.apply(E.APPROVED, 2.0)
    assert state(connection) is S.PROVISIONING_STARTED
    connection.apply(E.NOTIFIED, 3.0)
    assert state(connection) is S.PROVISIONING_STARTED
    connection.apply(E.PROVISIONED, 4.0)
    connection.apply(E.VALIDATION_STARTED, 5.0)
    connection.apply(E.VALIDATION_PASSED, 6.0, PASSED)
    assert state(connection) is S.ACTIVE


def test_a_legacy_peering_runs_already_and_is_converted_as_it_is() -> None:
    connection = Connection("c1")
    found = connection.apply(E.LEGACY_FOUND, 1.0)
    assert (state(connection), found.actor) == (S.ACTIVE, Actor.MICROSOFT)
    asked = connection.apply(E.CONVERSION_REQUESTED, 2.0, APPROVED_ASN)
    assert (state(connection), connection.shown_state, asked.actor) == (S.ACTIVE, S.PENDING_APPROVAL, Actor.PEER)
    connection.apply(E.QUESTIONED, 3.0, detail="which router is it?")
    assert (state(connection), connection.error_message) == (S.ACTIVE, "which router is it?")
    converted = connection.apply(E.LEGACY_CONVERTED, 4.0)
    assert (state(connection), connection.shown_state, connection.error_message) == (S.ACTIVE, S.ACTIVE, "")
    assert (converted.source, converted.actor) == (S.ACTIVE, Actor.MICROSOFT)
    _refused(connection, E.LEGACY_CONVERTED)
    _refused(connection, E.CONVERSION_WITHDRAWN)


def test_a_rejected_conversion_costs_the_running_peering_nothing() -> None:
    connection = walk(E.LEGACY_FOUND, E.CONVERSION_REQUESTED, E.CONVERSION_REJECTED)
    assert (state(connection), connection.shown_state) == (S.ACTIVE, S.PROVISIONING_FAILED)
    assert connection.error_message == NOT_APPROVED_MESSAGE
    _refused(connection, E.LEGACY_CONVERTED)
    connection.apply(E.CONVERSION_WITHDRAWN, 5.0)
    assert (state(connection), connection.shown_state, connection.error_message) == (S.ACTIVE, S.ACTIVE, "")
    connection.apply(E.CONVERSION_REQUESTED, 6.0, APPROVED_ASN)
    assert connection.shown_state is S.PENDING_APPROVAL


def test_what_leaves_active_during_its_conversion_shows_what_it_is() -> None:
    connection = walk(E.LEGACY_FOUND, E.CONVERSION_REQUESTED, E.DEPROVISION_REQUESTED)
    assert (state(connection), connection.shown_state) == (S.PENDING_REMOVE, S.PENDING_REMOVE)


@pytest.mark.parametrize("flow", list(Flow))
@pytest.mark.parametrize("where", [each for each in S if each not in (S.NONE, S.PENDING_REMOVE)])
def test_max_prefixes_can_be_changed_at_any_time_and_begin_nothing_anew(where: S, flow: Flow) -> None:
    if not _can_be_at(where, flow):
        return
    connection = _at(where, flow)
    message, led_here = connection.error_message, connection.last_step
    connection.apply(E.MAX_PREFIXES_CHANGED, 9.0, detail="IPv4 7")
    assert (connection.state, connection.error_message, connection.last_step) == (where, message, led_here)


def test_a_question_leaves_the_request_where_it_is() -> None:
    connection = walk(E.REQUESTED)
    connection.apply(E.QUESTIONED, 1.0)
    assert (state(connection), connection.error_message) == (S.PENDING_APPROVAL, QUESTION_MESSAGE)
    connection.apply(E.APPROVED, 2.0)
    assert (state(connection), connection.error_message) == (S.APPROVED, "")


@pytest.mark.parametrize("where", [S.PENDING_APPROVAL, S.APPROVED, S.PROVISIONING_FAILED, S.ACTIVE])
def test_a_modification_moves_nothing(where: S) -> None:
    connection = at(where)
    message = connection.error_message
    connection.apply(E.MODIFIED, 9.0, detail="an IPv6 session")
    assert (connection.state, connection.error_message) == (where, message)


def test_a_decision_changes_nothing_until_it_is_taken() -> None:
    connection = at(S.PENDING_APPROVAL)
    step = connection.decide(E.REJECTED, 9.0, detail="no")
    assert (connection.state, connection.history[-1:]) != (step.target, [step])
    connection.take(step)
    assert (connection.state, connection.error_message) == (S.PROVISIONING_FAILED, "no")
    with pytest.raises(ValueError, match="cannot be taken"):
        connection.take(step)


def test_deprovisioning_as_documented() -> None:
    connection = at(S.ACTIVE)
    connection.apply(E.DEPROVISION_REQUESTED, 1.0)
    assert state(connection).value == "PendingRemove"
    _refused(connection, E.REMOVED)
    connection.apply(E.REMOVED, 2.0, REMOVED)
    assert state(connection) is S.NONE
    connection.apply(E.REQUESTED, 3.0, APPROVED_ASN)
    assert state(connection) is S.PENDING_APPROVAL


def test_a_new_connection_is_nothing_yet() -> None:
    connection = Connection("c1")
    assert (connection.state, connection.error_message, connection.history) == (S.NONE, "", [])


# --- guards fail closed ---


@pytest.mark.parametrize(
    ("where", "event", "fact"),
    [
        (S.NONE, E.REQUESTED, "peer_asn_approved"),
        (S.ACTIVE, E.CONVERSION_REQUESTED, "peer_asn_approved"),
        (S.PROVISIONING_FAILED, E.NOTIFIED, "peer_asn_approved"),
        (S.VALIDATING, E.VALIDATION_PASSED, "blocking_checks_passed"),
        (S.PENDING_REMOVE, E.REMOVED, "sessions_removed"),
    ],
)
@pytest.mark.parametrize("flow", list(Flow))
def test_a_guard_refuses_what_nobody_vouches_for(where: S, event: E, fact: str, flow: Flow) -> None:
    everything_else = {
        name: name != fact for name in ("peer_asn_approved", "blocking_checks_passed", "sessions_removed")
    }
    if where is S.PROVISIONING_FAILED and flow is not Flow.EXCHANGE:
        connection = walk(E.REQUESTED, E.APPROVED, E.PROVISIONING_FAILED, flow=flow)
    else:
        connection = at(where, flow)
    _refused(connection, event)
    _refused(connection, event, Facts())
    _refused(connection, event, Facts(**everything_else))
    connection.apply(event, 1.0, Facts(**{fact: True}))


def test_what_the_history_tells_cannot_be_claimed() -> None:
    """Approval and provisioning are read from the history, whatever the caller's facts say."""
    rejected = walk(E.REQUESTED, E.REJECTED)
    message = _refused(rejected, E.NOTIFIED, ALL_TRUE)
    assert "was never approved" in message
    unblocked = walk(*path(S.ACTIVE, Flow.EXCHANGE), E.BLOCKED, E.UNBLOCKED)
    message = _refused(unblocked, E.DELETED, ALL_TRUE)
    assert "has to be deprovisioned" in message


@pytest.mark.parametrize("event", [E.REJECTED, E.CONFLICT_FOUND])
@pytest.mark.parametrize("flow", list(Flow))
def test_a_request_that_was_never_approved_cannot_be_started_over(event: E, flow: Flow) -> None:
    connection = walk(E.REQUESTED, event, flow=flow)
    _refused(connection, E.NOTIFIED, ALL_TRUE)
    connection.apply(E.DELETED, 1.0)
    connection.apply(E.REMOVED, 2.0, REMOVED)
    connection.apply(E.REQUESTED, 3.0, APPROVED_ASN)
    assert state(connection) is S.PENDING_APPROVAL


def test_an_approval_counts_for_its_own_request_only() -> None:
    connection = walk(*path(S.ACTIVE, Flow.EXCHANGE), E.BLOCKED, E.UNBLOCKED)
    assert state(connection) is S.PENDING_APPROVAL, "reviewed again"
    connection.apply(E.REJECTED, 1.0)
    _refused(connection, E.NOTIFIED, ALL_TRUE)


def test_a_legacy_peering_has_sessions_from_the_first_moment() -> None:
    connection = walk(E.LEGACY_FOUND, E.BLOCKED, E.UNBLOCKED)
    assert state(connection) is S.PENDING_APPROVAL
    _refused(connection, E.DELETED, ALL_TRUE)
    connection.apply(E.DEPROVISION_REQUESTED, 1.0)
    connection.apply(E.REMOVED, 2.0, REMOVED)


def test_what_was_removed_does_not_count_for_a_new_request() -> None:
    connection = walk(*path(S.ACTIVE, Flow.EXCHANGE), E.DELETED, E.REMOVED, E.REQUESTED)
    connection.apply(E.DELETED, 1.0)
    assert state(connection) is S.NONE


# --- rejection, failure, a new start ---


def test_a_rejection_carries_the_published_message() -> None:
    connection = walk(E.REQUESTED)
    step = connection.apply(E.REJECTED, 1.0)
    assert state(connection) is S.PROVISIONING_FAILED
    assert connection.error_message == NOT_APPROVED_MESSAGE
    assert (step.reason, step.actor) == ("Microsoft rejected the request", Actor.MICROSOFT)


def test_a_rejection_may_say_why() -> None:
    connection = walk(E.REQUESTED)
    step = connection.apply(E.REJECTED, 1.0, detail="no capacity in this metro")
    assert connection.error_message == "no capacity in this metro"
    assert step.reason == "Microsoft rejected the request: no capacity in this metro"


@pytest.mark.parametrize("where", [S.PENDING_APPROVAL, S.APPROVED, S.PROVISIONING_STARTED])
def test_an_address_conflict_carries_the_published_message(where: S) -> None:
    connection = at(where)
    connection.apply(E.CONFLICT_FOUND, 1.0)
    assert (state(connection), connection.error_message) == (S.PROVISIONING_FAILED, ADDRESS_CONFLICT_MESSAGE)


def test_a_failed_validation_names_its_causes_and_a_new_notification_starts_over() -> None:
    connection = at(S.VALIDATING)
    connection.apply(E.VALIDATION_FAILED, 1.0, detail="S1 the router announces AS64501; T1 nothing listens")
    assert state(connection) is S.PROVISIONING_FAILED
    assert connection.error_message == "S1 the router announces AS64501; T1 nothing listens"
    connection.apply(E.NOTIFIED, 2.0, APPROVED_ASN)
    assert (state(connection), connection.error_message) == (S.PROVISIONING_STARTED, "")
    for event in (E.PROVISIONED, E.VALIDATION_STARTED, E.VALIDATION_PASSED):
        connection.apply(event, 3.0, PASSED)
    assert state(connection) is S.ACTIVE


def test_a_failed_validation_without_causes_still_has_a_message() -> None:
    connection = at(S.VALIDATING)
    connection.apply(E.VALIDATION_FAILED, 1.0)
    assert connection.error_message == "The end-to-end session validation failed."


def test_provisioning_that_fails_has_a_message() -> None:
    connection = at(S.PROVISIONING_STARTED)
    connection.apply(E.PROVISIONING_FAILED, 1.0)
    assert connection.error_message == "Internal error during provisioning"


def test_a_detail_is_no_error_message_where_nothing_failed() -> None:
    connection = Connection("c1")
    step = connection.apply(E.REQUESTED, 1.0, APPROVED_ASN, "AS64500 at TESTIX")
    assert step.reason == "the peer requested the peering: AS64500 at TESTIX"
    assert connection.error_message == ""


def test_re_validation_leaves_active_until_it_has_passed() -> None:
    connection = at(S.ACTIVE)
    connection.apply(E.REVALIDATION_REQUIRED, 1.0)
    assert state(connection) is S.VALIDATING
    _refused(connection, E.VALIDATION_PASSED)
    connection.apply(E.VALIDATION_PASSED, 2.0, PASSED)
    assert state(connection) is S.ACTIVE


# --- delete ---

DELETE = {
    S.NONE: None,
    S.PENDING_APPROVAL: S.NONE,
    S.APPROVED: S.PENDING_REMOVE,
    S.PROVISIONING_STARTED: None,
    S.PROVISIONING_FAILED: S.PENDING_REMOVE,
    S.PROVISIONING_COMPLETED: None,
    S.VALIDATING: S.PENDING_REMOVE,
    S.ACTIVE: S.PENDING_REMOVE,
    S.TYPE_CHANGE_REQUESTED: S.PENDING_REMOVE,
    S.TYPE_CHANGE_IN_PROGRESS: S.PENDING_REMOVE,
    S.EXTERNAL_BLOCKER: S.PENDING_REMOVE,
    S.PENDING_REMOVE: None,
}
"""What a delete by the peer leads to; None: it is refused."""


@pytest.mark.parametrize("where", list(S), ids=str)
def test_delete(where: S) -> None:
    connection = at(where)
    target = DELETE[where]
    if target is None:
        _refused(connection, E.DELETED, ALL_TRUE)
    else:
        connection.apply(E.DELETED, 1.0)
        assert state(connection) is target


@pytest.mark.parametrize("where", [S.PROVISIONING_STARTED, S.PROVISIONING_COMPLETED])
@pytest.mark.parametrize("flow", list(Flow))
def test_the_refusal_of_a_delete_says_when_it_is_possible(where: S, flow: Flow) -> None:
    message = _refused(at(where, flow), E.DELETED, ALL_TRUE)
    assert message == f"c1: a peering in {where} cannot be deleted: wait until it is Active or ProvisioningFailed"


def test_a_refusal_says_what_would_be_possible() -> None:
    message = _refused(at(S.PROVISIONING_COMPLETED), E.APPROVED)
    assert message == (
        "c1: 'approved' does not apply to a connection in state ProvisioningCompleted "
        "(possible: validation started, maximum of prefixes changed by the peer, blocked)"
    )


# --- every cell, and any order ---


def _can_be_at(where: S, flow: Flow) -> bool:
    return not (where is S.APPROVED and flow is not Flow.EXCHANGE)


def _at(where: S, flow: Flow) -> Connection:
    if where is S.PROVISIONING_FAILED and flow is not Flow.EXCHANGE:
        return walk(E.REQUESTED, E.APPROVED, E.PROVISIONING_FAILED, flow=flow)
    return at(where, flow)


@pytest.mark.parametrize("flow", list(Flow))
@pytest.mark.parametrize("where", list(S), ids=str)
def test_every_cell_moves_as_the_table_says_or_is_refused(where: S, flow: Flow) -> None:
    if not _can_be_at(where, flow):
        return
    for event in E:
        connection = _at(where, flow)
        row = INDEX.get((where, event, flow))
        if row is None:
            _refused(connection, event, ALL_TRUE)
            continue
        if {CONVERSION_PENDING, CONVERSION_UNFINISHED} & set(row.guards):
            _refused(connection, event, ALL_TRUE)
            connection.apply(E.CONVERSION_REQUESTED, 6.0, ALL_TRUE)
        kept = connection.error_message if row.target is where else ""
        message = kept if row.error_message is None else row.error_message
        step = connection.apply(event, 7.0, ALL_TRUE)
        assert step == ConnectionTransition(7.0, where, row.target, event, row.actor, row.reason, row.evidence, message)
        assert connection.history[-1] is step
        assert connection.error_message == message


_facts = st.builds(Facts, *[st.booleans()] * len(fields(Facts)))
_steps = st.lists(st.tuples(st.sampled_from(E), _facts), max_size=60)


@settings(deadline=None)
@given(st.sampled_from(Flow), _steps)
def test_any_order_of_events_stays_inside_the_table(flow: Flow, steps: list[tuple[E, Facts]]) -> None:
    connection = Connection("c1", flow)
    for number, (event, facts) in enumerate(steps):
        before, told = connection.state, len(connection.history)
        try:
            connection.apply(event, float(number), facts)
        except TransitionRefusedError:
            assert connection.state is before
            assert len(connection.history) == told
        else:
            assert INDEX[before, event, flow].target is connection.state
            assert len(connection.history) == told + 1
    _assert_history(connection)


@settings(deadline=None)
@given(st.sampled_from(Flow), st.data())
def test_any_way_through_the_table(flow: Flow, data: st.DataObject) -> None:
    """Only events that have a row, so that the ways are long; the facts are as they come."""
    connection = Connection("c1", flow)
    for number in range(data.draw(st.integers(1, 40))):
        events = [event for (source, event, where) in INDEX if (source, where) == (connection.state, flow)]
        try:
            connection.apply(data.draw(st.sampled_from(events)), float(number), data.draw(_facts | st.just(ALL_TRUE)))
        except TransitionRefusedError:
            continue
    _assert_history(connection)


_DECIDED = ("state", "shown_state", "conversion", "denied", "error_message", "steps")


@settings(deadline=None)
@given(st.sampled_from(Flow), st.data())
def test_a_history_that_was_cut_decides_what_the_whole_one_does(flow: Flow, data: st.DataObject) -> None:
    whole, cut = Connection("c1", flow), Connection("c1", flow)
    first = None
    for number in range(data.draw(st.integers(1, 80))):
        events = [event for (source, event, where) in INDEX if (source, where) == (whole.state, flow)]
        event, facts = data.draw(st.sampled_from(events)), data.draw(_facts | st.just(ALL_TRUE))
        try:
            step = whole.apply(event, float(number), facts)
        except TransitionRefusedError:
            step = None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MOST_STEPS", 4)
            try:
                assert cut.apply(event, float(number), facts) == step
            except TransitionRefusedError:
                assert step is None
        first = first or step
        kinds = {(each.source, each.event, each.target) for each in whole.history}
        assert len(cut.history) <= 4 + len(kinds)
        assert cut.history[:1] == ([first] if first else [])
        assert [each for each in whole.history if each in cut.history] == cut.history, "in order"
        assert [getattr(cut, name) for name in _DECIDED] == [getattr(whole, name) for name in _DECIDED]
        assert (cut.entered, cut.is_approved()) == (whole.entered, whole.is_approved())
        if first:
            assert cut.last_step == whole.last_step


def test_what_was_kept_of_a_history_can_be_recalled() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_STEPS", 4)
        before = at(S.ACTIVE)
        for number in range(20):
            before.apply(E.MAX_PREFIXES_CHANGED, float(number), ALL_TRUE, f"{number} prefixes")
    again = Connection("c1", before.flow)
    again.recall(before.history)
    assert (again.state, again.history, again.last_step) == (S.ACTIVE, before.history, before.last_step)
    assert len(before.history) < before.steps == 26


def _assert_history(connection: Connection) -> None:
    history = connection.history
    assert all(before.target is after.source for before, after in pairwise(history))
    assert not history or history[0].source is S.NONE
    assert connection.state is (history[-1].target if history else S.NONE)
    for index, step in enumerate(history):
        assert step.reason
        if step.target is S.ACTIVE and step.source is not S.ACTIVE:
            assert step.event in (E.VALIDATION_PASSED, E.LEGACY_FOUND)
        if step.target is S.PROVISIONING_COMPLETED:
            approvals = [s for s in history[:index] if s.event in (E.APPROVED, E.LEGACY_FOUND)]
            assert approvals, "nothing is provisioned that nobody approved"
        if step.target is S.NONE:
            assert step.event in (E.REMOVED, E.DELETED)
    asked_or_refused = {step.event for step in history} & {E.QUESTIONED, E.CONVERSION_REJECTED}
    if connection.state in (S.PROVISIONING_FAILED, S.EXTERNAL_BLOCKER):
        assert connection.error_message
    elif connection.state not in (S.PENDING_APPROVAL, S.ACTIVE) or not asked_or_refused:
        assert connection.error_message == ""
    if connection.shown_state is not connection.state:
        assert connection.state is S.ACTIVE and connection.conversion is not Conversion.NONE
