"""The peering connection's states and the events that move it. Nothing here is a BGP FSM state.

Both axes have a value called Active. `ConnectionState.ACTIVE` means that Microsoft allows traffic over the peering;
the BGP FSM's Active (RFC 4271) means that a session is *not* up. They live in packages that do not import each other.
"""

from __future__ import annotations

from enum import Enum

from simulator.axis import AxisState


class ConnectionState(AxisState):
    """Azure's ConnectionState (api-version 2025-05-01), plus PendingRemove as the Exchange walkthrough documents it."""

    NONE = "None"
    """Not requested yet, or removed."""
    PENDING_APPROVAL = "PendingApproval"
    APPROVED = "Approved"
    PROVISIONING_STARTED = "ProvisioningStarted"
    PROVISIONING_FAILED = "ProvisioningFailed"
    PROVISIONING_COMPLETED = "ProvisioningCompleted"
    VALIDATING = "Validating"
    ACTIVE = "Active"
    TYPE_CHANGE_REQUESTED = "TypeChangeRequested"
    TYPE_CHANGE_IN_PROGRESS = "TypeChangeInProgress"
    EXTERNAL_BLOCKER = "ExternalBlocker"
    PENDING_REMOVE = "PendingRemove"


class Flow(Enum):
    """The kinds of peering whose life cycles differ."""

    EXCHANGE = "Exchange"
    DIRECT = "Direct"
    IXRS = "IxRs"

    def __str__(self) -> str:
        return self.value


class Conversion(Enum):
    """How far the conversion of a legacy connection into an Azure resource is. The connection runs all the while."""

    NONE = "none asked for, or done"
    PENDING = "under review"
    REJECTED = "rejected"


class Actor(Enum):
    """Who causes an event."""

    PEER = "peer"
    MICROSOFT = "Microsoft"
    AUTOMATION = "Microsoft's automation"


class ConnectionEvent(Enum):
    """What can happen to a peering connection."""

    REQUESTED = "requested"
    QUESTIONED = "Microsoft asked the peer"
    APPROVED = "approved"
    REJECTED = "rejected"
    CONFLICT_FOUND = "conflict found"
    NOTIFIED = "peer notified Microsoft"
    PROVISIONED = "session provisioned with DENY ALL"
    PROVISIONING_FAILED = "provisioning failed"
    VALIDATION_STARTED = "validation started"
    VALIDATION_PASSED = "validation passed"
    VALIDATION_FAILED = "validation failed"
    REVALIDATION_REQUIRED = "re-validation required"
    DENIED = "denied"
    """By an operator, who has it validated again when the time has come."""
    LEGACY_FOUND = "legacy peering found"
    CONVERSION_REQUESTED = "conversion requested"
    LEGACY_CONVERTED = "legacy peering converted"
    CONVERSION_REJECTED = "conversion rejected"
    CONVERSION_WITHDRAWN = "conversion withdrawn"
    MODIFIED = "modified by the peer"
    MAX_PREFIXES_CHANGED = "maximum of prefixes changed by the peer"
    TYPE_CHANGE_REQUESTED = "type change requested"
    TYPE_CHANGE_STARTED = "type change started"
    TYPE_CHANGE_COMPLETED = "type change completed"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    DELETED = "deleted by the peer"
    DEPROVISION_REQUESTED = "deprovisioning requested"
    REMOVED = "removed"

    def __str__(self) -> str:
        return self.value
