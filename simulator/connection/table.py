"""The life cycle of a peering connection, as data. Everything that can move a connection is in this file.

Two rules. Every transition is one row here: state × event → state, who causes it, why, and where that is written.
An event without a row is refused, and the refusal says what would be possible instead.

Sources: `doc` is Microsoft's published documentation (the Exchange and Direct walkthroughs and how-tos), `spec` the
public REST definition and its examples, `recorded` what production answered in the recordings of the public PowerShell
module's tests, `simulator` what is published nowhere and was chosen here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.connection.states import Actor, ConnectionEvent, ConnectionState, Flow

S = ConnectionState
E = ConnectionEvent
ALL_FLOWS = frozenset(Flow)
EXCHANGE = frozenset({Flow.EXCHANGE})
DIRECT = frozenset({Flow.DIRECT, Flow.IXRS})

NOT_APPROVED_MESSAGE = "This request was not approved by the Microsoft's peering team."
"""errorMessage of a rejected request, as production worded it in a recording."""
ADDRESS_CONFLICT_MESSAGE = "IPv4 address is already configured with a different ASN"
"""errorMessage of an address conflict, as the REST specification's example words it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What guards may look at: the caller states facts, the table judges. Unknown is False: guards fail closed."""

    peer_asn_approved: bool = False
    blocking_checks_passed: bool = False
    """Every check that blocks Active ended in success, and there was at least one."""
    sessions_removed: bool = False
    """No BGP session of the connection is left on any edge."""
    request_approved: bool = False
    """Microsoft approved the request as it stands. `Connection` fills it in from its own history."""
    never_provisioned: bool = False
    """No BGP session was ever provisioned for the request. `Connection` fills it in from its own history."""
    conversion_pending: bool = False
    """A conversion of this legacy connection is under review. `Connection` fills it in from its own history."""
    conversion_unfinished: bool = False
    """A conversion is under review, or was rejected. `Connection` fills it in from its own history."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition on the facts; `refusal` is what the refused caller reads."""

    name: str
    fact: str
    refusal: str

    def holds(self, facts: Facts) -> bool:
        return bool(getattr(facts, self.fact))


PEER_ASN_APPROVED = Guard(
    "the PeerAsn is Approved",
    "peer_asn_approved",
    "the PeerAsn is not Approved yet: a peering can be requested only on an ASN with ValidationState Approved",
)
CHECKS_PASSED = Guard(
    "every blocking check passed",
    "blocking_checks_passed",
    "the validation has checks that did not pass: the policy stays DENY ALL",
)
SESSIONS_REMOVED = Guard(
    "no BGP session is left",
    "sessions_removed",
    "BGP sessions of this connection still exist: withdraw the routes and close them first",
)
REQUEST_APPROVED = Guard(
    "Microsoft approved the request",
    "request_approved",
    "the request was never approved, so there is nothing to provision: delete it and request the peering again",
)
NEVER_PROVISIONED = Guard(
    "no BGP session was provisioned",
    "never_provisioned",
    "BGP sessions of this connection were provisioned before: it has to be deprovisioned",
)
CONVERSION_PENDING = Guard(
    "its conversion is under review",
    "conversion_pending",
    "no conversion of this connection is under review",
)
CONVERSION_UNFINISHED = Guard(
    "its conversion is not done",
    "conversion_unfinished",
    "no conversion of this connection is under way",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One transition: `source` × `event` → `target`."""

    source: ConnectionState
    event: ConnectionEvent
    target: ConnectionState
    actor: Actor
    reason: str
    evidence: str
    flows: frozenset[Flow] = field(default=ALL_FLOWS)
    guards: tuple[Guard, ...] = ()
    """All of them have to hold."""
    error_message: str | None = None
    """What `errorMessage` becomes when the caller gives no detail; None clears it."""


PEER, MICROSOFT, AUTOMATION = Actor.PEER, Actor.MICROSOFT, Actor.AUTOMATION

_REMOVABLE: tuple[ConnectionState, ...] = (
    S.APPROVED,
    S.PROVISIONING_FAILED,
    S.VALIDATING,
    S.ACTIVE,
    S.TYPE_CHANGE_REQUESTED,
)
_REMOVABLE += (S.TYPE_CHANGE_IN_PROGRESS, S.EXTERNAL_BLOCKER)
_LIMITABLE = tuple(state for state in S if state not in (S.NONE, S.PENDING_REMOVE))
QUESTION_MESSAGE = "Microsoft's peering team has a question about the request."
"""errorMessage of a request that Microsoft asks about without words of its own (simulator)."""
_BLOCKABLE = (S.PENDING_APPROVAL, S.APPROVED, S.PROVISIONING_STARTED, S.PROVISIONING_COMPLETED, S.VALIDATING, S.ACTIVE)

TABLE: tuple[Row, ...] = (
    # The request and Microsoft's review.
    Row(
        S.NONE,
        E.REQUESTED,
        S.PENDING_APPROVAL,
        PEER,
        "the peer requested the peering",
        "doc, spec",
        guards=(PEER_ASN_APPROVED,),
    ),
    Row(
        S.PENDING_APPROVAL,
        E.QUESTIONED,
        S.PENDING_APPROVAL,
        MICROSOFT,
        "Microsoft contacted the peer about its request",
        "doc",
        error_message=QUESTION_MESSAGE,
    ),
    Row(S.PENDING_APPROVAL, E.APPROVED, S.APPROVED, MICROSOFT, "Microsoft approved the request", "doc", EXCHANGE),
    Row(
        S.PENDING_APPROVAL,
        E.APPROVED,
        S.PROVISIONING_STARTED,
        MICROSOFT,
        "Microsoft approved the request and issued the LOA",
        "doc",
        DIRECT,
    ),
    Row(
        S.PENDING_APPROVAL,
        E.REJECTED,
        S.PROVISIONING_FAILED,
        MICROSOFT,
        "Microsoft rejected the request",
        "recorded",
        error_message=NOT_APPROVED_MESSAGE,
    ),
    *(
        Row(
            state,
            E.CONFLICT_FOUND,
            S.PROVISIONING_FAILED,
            AUTOMATION,
            "the session's address is taken",
            "spec",
            error_message=ADDRESS_CONFLICT_MESSAGE,
        )
        for state in (S.PENDING_APPROVAL, S.APPROVED, S.PROVISIONING_STARTED)
    ),
    # Provisioning under DENY ALL. The order of these steps is inferred: Microsoft publishes it only as prose.
    Row(
        S.APPROVED,
        E.NOTIFIED,
        S.PROVISIONING_STARTED,
        PEER,
        "the peer configured its BGP sessions and notified Microsoft",
        "doc, simulator",
        EXCHANGE,
    ),
    Row(
        S.PROVISIONING_STARTED,
        E.NOTIFIED,
        S.PROVISIONING_STARTED,
        PEER,
        "the peer finished its cabling, configured its BGP sessions and notified Microsoft",
        "doc",
        DIRECT,
    ),
    Row(
        S.PROVISIONING_STARTED,
        E.PROVISIONED,
        S.PROVISIONING_COMPLETED,
        AUTOMATION,
        "the BGP sessions are configured at Microsoft's side with a DENY ALL policy",
        "simulator",
    ),
    Row(
        S.PROVISIONING_STARTED,
        E.PROVISIONING_FAILED,
        S.PROVISIONING_FAILED,
        AUTOMATION,
        "the BGP sessions could not be configured",
        "simulator",
        error_message="Internal error during provisioning",
    ),
    # End-to-end validation.
    Row(
        S.PROVISIONING_COMPLETED,
        E.VALIDATION_STARTED,
        S.VALIDATING,
        AUTOMATION,
        "the end-to-end validation started",
        "simulator",
    ),
    Row(
        S.VALIDATING,
        E.VALIDATION_PASSED,
        S.ACTIVE,
        AUTOMATION,
        "the end-to-end validation passed: the policy is lifted",
        "doc",
        guards=(CHECKS_PASSED,),
    ),
    Row(
        S.VALIDATING,
        E.VALIDATION_FAILED,
        S.PROVISIONING_FAILED,
        AUTOMATION,
        "the end-to-end validation failed: the policy stays DENY ALL",
        "simulator",
        error_message="The end-to-end session validation failed.",
    ),
    Row(
        S.PROVISIONING_FAILED,
        E.NOTIFIED,
        S.PROVISIONING_STARTED,
        PEER,
        "the peer corrected its side and notified Microsoft again",
        "simulator",
        guards=(PEER_ASN_APPROVED, REQUEST_APPROVED),
    ),
    Row(
        S.ACTIVE,
        E.REVALIDATION_REQUIRED,
        S.VALIDATING,
        MICROSOFT,
        "the connection must be validated again: the policy is DENY ALL until it is",
        "simulator",
    ),
    *(
        Row(
            state,
            E.DENIED,
            S.VALIDATING,
            MICROSOFT,
            "an operator denied it: the policy is DENY ALL, and nothing is validated until somebody says so",
            "simulator",
        )
        for state in (S.ACTIVE, S.VALIDATING)
    ),
    Row(
        S.VALIDATING,
        E.REVALIDATION_REQUIRED,
        S.VALIDATING,
        MICROSOFT,
        "the connection is to be validated, from the start",
        "simulator",
    ),
    # Legacy conversion: the session runs already and is not touched. While Microsoft reviews the request, its Azure
    # resource shows PendingApproval (`Connection.shown_state`); the connection itself stays Active.
    Row(
        S.NONE,
        E.LEGACY_FOUND,
        S.ACTIVE,
        MICROSOFT,
        "a legacy peering runs, and no Azure resource knows it yet",
        "doc, simulator",
    ),
    Row(
        S.ACTIVE,
        E.CONVERSION_REQUESTED,
        S.ACTIVE,
        PEER,
        "the peer asked to convert a running legacy peering into an Azure resource",
        "doc",
        guards=(PEER_ASN_APPROVED,),
    ),
    Row(
        S.ACTIVE,
        E.QUESTIONED,
        S.ACTIVE,
        MICROSOFT,
        "Microsoft contacted the peer about the conversion",
        "doc",
        guards=(CONVERSION_PENDING,),
        error_message=QUESTION_MESSAGE,
    ),
    Row(
        S.ACTIVE,
        E.LEGACY_CONVERTED,
        S.ACTIVE,
        MICROSOFT,
        "a running legacy peering became an Azure resource",
        "doc, recorded",
        guards=(CONVERSION_PENDING,),
        error_message="",
    ),
    Row(
        S.ACTIVE,
        E.CONVERSION_REJECTED,
        S.ACTIVE,
        MICROSOFT,
        "Microsoft rejected the conversion: the legacy peering runs on",
        "simulator",
        guards=(CONVERSION_PENDING,),
        error_message=NOT_APPROVED_MESSAGE,
    ),
    Row(
        S.ACTIVE,
        E.CONVERSION_WITHDRAWN,
        S.ACTIVE,
        PEER,
        "the peer took its request for a conversion back: the legacy peering runs on",
        "simulator",
        guards=(CONVERSION_UNFINISHED,),
        error_message="",
    ),
    # Modification. Sessions that run keep running; what is new is denied until it is validated.
    *(
        Row(state, E.MODIFIED, state, PEER, "the peer changed its request", evidence)
        for state, evidence in (
            (S.PENDING_APPROVAL, "simulator"),
            (S.APPROVED, "simulator"),
            (S.PROVISIONING_FAILED, "simulator"),
            (S.ACTIVE, "doc"),
        )
    ),
    *(
        Row(state, E.MAX_PREFIXES_CHANGED, state, PEER, "the peer changed its maximum of prefixes", "doc")
        for state in _LIMITABLE
    ),
    # Operator states whose meaning Microsoft does not publish.
    Row(
        S.ACTIVE,
        E.TYPE_CHANGE_REQUESTED,
        S.TYPE_CHANGE_REQUESTED,
        PEER,
        "a change of the peering's type was requested",
        "simulator",
    ),
    Row(
        S.TYPE_CHANGE_REQUESTED,
        E.TYPE_CHANGE_STARTED,
        S.TYPE_CHANGE_IN_PROGRESS,
        MICROSOFT,
        "the change of the peering's type started",
        "simulator",
    ),
    Row(
        S.TYPE_CHANGE_REQUESTED,
        E.REJECTED,
        S.PROVISIONING_FAILED,
        MICROSOFT,
        "Microsoft rejected the change of type",
        "simulator",
        error_message=NOT_APPROVED_MESSAGE,
    ),
    Row(
        S.TYPE_CHANGE_IN_PROGRESS,
        E.TYPE_CHANGE_COMPLETED,
        S.PROVISIONING_STARTED,
        MICROSOFT,
        "the peering's new type is provisioned from the start",
        "simulator",
    ),
    *(
        Row(
            state,
            E.BLOCKED,
            S.EXTERNAL_BLOCKER,
            MICROSOFT,
            "something outside Microsoft blocks the peering",
            "simulator",
            error_message="The request is blocked by an external dependency.",
        )
        for state in _BLOCKABLE
    ),
    Row(
        S.EXTERNAL_BLOCKER,
        E.UNBLOCKED,
        S.PENDING_APPROVAL,
        MICROSOFT,
        "the blocker is gone: the request is reviewed again",
        "simulator",
    ),
    # The end. ProvisioningStarted and ProvisioningCompleted have no row: there "the operation fails" (doc).
    Row(
        S.PENDING_APPROVAL,
        E.DELETED,
        S.NONE,
        PEER,
        "the peer deleted the request before its approval",
        "recorded",
        guards=(NEVER_PROVISIONED,),
    ),
    Row(
        S.PENDING_APPROVAL,
        E.DEPROVISION_REQUESTED,
        S.PENDING_REMOVE,
        MICROSOFT,
        "the peering is set for deprovisioning",
        "simulator",
    ),
    *(
        Row(state, event, S.PENDING_REMOVE, actor, reason, evidence)
        for state in _REMOVABLE
        for event, actor, reason, evidence in (
            (E.DELETED, PEER, "the peer deleted the peering: it is set for deprovisioning", "simulator"),
            (E.DEPROVISION_REQUESTED, MICROSOFT, "the peering is set for deprovisioning", "doc"),
        )
    ),
    Row(
        S.PENDING_REMOVE,
        E.REMOVED,
        S.NONE,
        AUTOMATION,
        "the BGP sessions are closed and the peering is removed",
        "simulator",
        guards=(SESSIONS_REMOVED,),
    ),
)

INDEX: dict[tuple[ConnectionState, ConnectionEvent, Flow], Row] = {
    (row.source, row.event, flow): row for row in TABLE for flow in row.flows
}

if len(INDEX) != sum(len(row.flows) for row in TABLE):  # a second row for one cell would be silently lost
    raise AssertionError("two rows of the connection table claim the same cell")


def possible(state: ConnectionState, flow: Flow) -> tuple[ConnectionEvent, ...]:
    """The events that have a row in `state`, in the table's order."""
    return tuple(row.event for row in TABLE if row.source is state and flow in row.flows)
