"""The resources of Microsoft.Peering, as frozen dataclasses.

`from_document` reads what a client wrote, and `to_document` writes what Azure shows: nothing else looks inside a
document. Each resource keeps its client's document for the fields that it does not know, which are shown as they came.
Fields of documents that a resource has itself are named here in the domain's words.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv4Network
from typing import Any, ClassVar, Final, Self

Json = dict[str, Any]
"""A JSON object."""
NAMESPACE: Final = "Microsoft.Peering"
EVENTS_KEPT: Final = 20
"""Of one prefix of a peering service (simulator)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What every resource has."""

    TYPE: ClassVar[str]
    """`Microsoft.Peering/peerings/registeredAsns`."""

    id: str
    """The ARM id, in the case in which it was written."""
    document: Json = field(default_factory=dict, repr=False)
    """As its client wrote it, without what only the service writes."""
    created: float = 0.0
    """Seconds since the epoch."""
    changed: float = 0.0

    @property
    def key(self) -> str:
        """ARM ids do not tell upper from lower case."""
        return self.id.lower()

    @property
    def parent(self) -> str:
        """The key of the resource that this one is below."""
        return self.key.rsplit("/", 2)[0]

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[1]

    @property
    def properties(self) -> Json:
        """Those of the client's document."""
        return self.document.get("properties") or {}

    def written_again(self, wanted: Self, now: float) -> Self:
        """The same with the document of another request, changed at `now`."""
        return replace(self, document=wanted.document, changed=now)

    def with_tags(self, tags: dict[str, str], now: float) -> Self:
        """The same with other tags, changed at `now`."""
        return replace(self, document={**self.document, "tags": tags}, changed=now)

    def _shown(self, **properties: Any) -> Json:
        """The document with these properties; None: the service has nothing to say."""
        said = {name: value for name, value in properties.items() if value is not None}
        return {"id": self.id, "name": self.name, "type": self.TYPE, "properties": {**self.properties, **said}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedResource(Resource):
    """A resource that waits for a decision: Microsoft's, or that of a validation."""

    since: float = 0.0
    """When its state became what it is, in seconds since the epoch."""
    asked: bool = False
    """Whether somebody asked for the decision, so that it does not wait for its delay."""
    error_message: str = ""

    @property
    def pending(self) -> bool:
        """Whether it still waits."""
        raise NotImplementedError


class AsnState(Enum):
    """ValidationState of a PeerAsn (REST specification)."""

    PENDING = "Pending"
    APPROVED = "Approved"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAsn(ReviewedResource):
    """The ASN that a subscription may peer with."""

    TYPE: ClassVar[str] = f"{NAMESPACE}/peerAsns"

    asn: int
    peer_name: str = ""
    state: AsnState = AsnState.PENDING

    @property
    def pending(self) -> bool:
        return self.state is AsnState.PENDING

    @classmethod
    def from_document(cls, identifier: str, document: Json) -> PeerAsn:
        properties = document["properties"]
        return cls(
            id=identifier, document=document, asn=properties["peerAsn"], peer_name=properties.get("peerName") or ""
        )

    def to_document(self) -> Json:
        return self._shown(validationState=self.state.value, errorMessage=self.error_message or None)


class PrefixState(Enum):
    """PrefixValidationState (REST specification). Warning, Invalid and Unknown are not used: nobody publishes when."""

    PENDING = "Pending"
    VERIFIED = "Verified"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredAsn(Resource):
    """A customer's ASN that a provider of Peering Service has registered at its peering."""

    TYPE: ClassVar[str] = f"{NAMESPACE}/peerings/registeredAsns"

    asn: int
    prefix_key: str = ""
    """peeringServicePrefixKey: who knows it may register a prefix of the customer's."""

    @classmethod
    def from_document(cls, identifier: str, document: Json) -> RegisteredAsn:
        return cls(id=identifier, document=document, asn=document["properties"]["asn"])

    def to_document(self) -> Json:
        return self._shown(peeringServicePrefixKey=self.prefix_key or None, provisioningState="Succeeded")

    def __str__(self) -> str:
        return f"AS{self.asn}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPrefix(ReviewedResource):
    """A prefix that a provider of Peering Service has registered at its peering."""

    TYPE: ClassVar[str] = f"{NAMESPACE}/peerings/registeredPrefixes"

    prefix: IPv4Network
    state: PrefixState = PrefixState.PENDING
    prefix_key: str = ""
    """peeringServicePrefixKey; empty until it was Verified once."""

    @property
    def pending(self) -> bool:
        return self.state is PrefixState.PENDING

    @classmethod
    def from_document(cls, identifier: str, document: Json) -> RegisteredPrefix:
        """Raises ValueError for what is no IPv4 prefix."""
        prefix = IPv4Network(document["properties"]["prefix"].strip())
        return cls(id=identifier, document=document, prefix=prefix)

    def to_document(self) -> Json:
        return self._shown(
            prefix=str(self.prefix),
            prefixValidationState=self.state.value,
            peeringServicePrefixKey=self.prefix_key or None,
            errorMessage=self.error_message or None,
            provisioningState="Succeeded",
        )

    def __str__(self) -> str:
        return str(self.prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeeringService(Resource):
    """Peering Service, as a customer has it."""

    TYPE: ClassVar[str] = f"{NAMESPACE}/peeringServices"

    provider: str = ""
    """peeringServiceProvider."""
    primary: str = ""
    """providerPrimaryPeeringLocation: a metro; empty: any."""
    backup: str = ""
    """providerBackupPeeringLocation; empty: none."""

    @classmethod
    def from_document(cls, identifier: str, document: Json) -> PeeringService:
        properties = document.get("properties") or {}
        return cls(
            id=identifier,
            document=document,
            provider=properties.get("peeringServiceProvider") or "",
            primary=properties.get("providerPrimaryPeeringLocation") or "",
            backup=properties.get("providerBackupPeeringLocation") or "",
        )

    def to_document(self) -> Json:
        return {**self.document, **self._shown(provisioningState="Succeeded")}


@dataclass(frozen=True, slots=True)
class PrefixEvent:
    """A step of a prefix's validation."""

    time: float
    """Seconds since the epoch."""
    state: PrefixState
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePrefix(ReviewedResource):
    """A prefix of a peering service."""

    TYPE: ClassVar[str] = f"{NAMESPACE}/peeringServices/prefixes"

    prefix: str
    """As its client wrote it: whether it is an IPv4 prefix is found by its validation."""
    prefix_key: str = ""
    """peeringServicePrefixKey: the provider's, in lower case."""
    state: PrefixState = PrefixState.PENDING
    events: tuple[PrefixEvent, ...] = ()
    """The newest steps, in order."""

    @property
    def pending(self) -> bool:
        return self.state is PrefixState.PENDING

    @property
    def learned(self) -> str:
        """learnedType (REST specification)."""
        return "ViaServiceProvider" if self.state is PrefixState.VERIFIED else "None"

    @classmethod
    def from_document(cls, identifier: str, document: Json) -> ServicePrefix:
        properties = document["properties"]
        key = (properties.get("peeringServicePrefixKey") or "").lower()
        return cls(id=identifier, document=document, prefix=properties["prefix"], prefix_key=key)

    def moved(self, state: PrefixState, error_message: str, now: float) -> ServicePrefix:
        """The same after another step of its validation."""
        event = PrefixEvent(now, state, error_message or f"{self.prefix} is {state.value}")
        events = (*self.events, event)[-EVENTS_KEPT:]
        return replace(self, state=state, error_message=error_message, since=now, changed=now, events=events)

    def to_document(self) -> Json:
        return self._shown(
            prefixValidationState=self.state.value,
            learnedType=self.learned,
            provisioningState="Succeeded",
            errorMessage=self.error_message or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionMonitorTest(Resource):
    """A test of a peering service's connection."""

    TYPE: ClassVar[str] = f"{NAMESPACE}/peeringServices/connectionMonitorTests"

    agent: str = ""
    """sourceAgent: in a lab the name of a node."""
    destination: str = ""
    port: int | None = None
    frequency: int | None = None
    """Seconds between two runs; None: not said."""

    @classmethod
    def from_document(cls, identifier: str, document: Json) -> ConnectionMonitorTest:
        properties = document["properties"]
        return cls(
            id=identifier,
            document=document,
            agent=(properties.get("sourceAgent") or "").strip(),
            destination=(properties.get("destination") or "").strip(),
            port=properties.get("destinationPort"),
            frequency=properties.get("testFrequencyInSec"),
        )

    def to_document(self, successful: bool, path: tuple[str, ...]) -> Json:
        """`successful` and `path`: of its last run."""
        return self._shown(isTestSuccessful=successful, path=list(path), provisioningState="Succeeded")
