"""How Microsoft's side of the lab behaves: how long its reviews take, and which of its undecided rules apply."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Seconds = Annotated[float, Field(ge=0, le=10_000_000)]


class Settings(BaseModel):
    """All are the simulator's choice. A delay of null means by hand: somebody has to say so at /lab/v1."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    peer_asn_review: Seconds | None = Field(
        default=0, description="seconds from a PeerAsn's request to its approval; null: by hand"
    )
    peering_review: Seconds | None = Field(
        default=0, description="seconds from a connection's request to Microsoft's approval; null: by hand"
    )
    notification: Seconds | None = Field(
        default=0,
        description="seconds from the approval to the peer's notification; null: by hand",
    )
    provisioning: Seconds | None = Field(
        default=0, description="seconds in ProvisioningStarted, once the peer has notified; null: by hand"
    )
    validation: Seconds | None = Field(
        default=0, description="seconds in ProvisioningCompleted before the validation starts; null: by hand"
    )
    conversion_review: Seconds | None = Field(
        default=0,
        description="seconds from the request to convert a legacy peering to Microsoft's approval; 0: answered with "
        "Active at once (recorded); null: by hand",
    )
    removal: Seconds | None = Field(
        default=2, description="seconds in PendingRemove before the sessions are closed; null: by hand"
    )
    prefix_validation: Seconds | None = Field(
        default=1,
        description="seconds that a registered prefix is Pending before it is validated (recorded: about 1); "
        "null: by hand",
    )
    time_scale: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        default=1, description="how many times faster than real time the delays pass"
    )
    mesh: bool = Field(
        default=True, description="an Exchange connection that names no Microsoft address gets one to each (recorded)"
    )
    allow_max_prefix_updates: bool = Field(
        default=True, description="on: at any time, as the FAQ says; off: 405, as production answered in 2021"
    )
    allow_md5_updates: bool = Field(default=False, description="off: 405, as production answered in 2021")
    allow_bandwidth_downgrade: bool = Field(default=True, description="documented; one client refuses it")
    peering_service_agreement: bool = Field(
        default=False, description="the agreement for Peering Service is signed: an IxRs peering may use it"
    )

    def due(self, delay: str, since: float) -> float | None:
        """When something that takes `delay` since `since` is to happen (seconds since the epoch); None: by hand."""
        seconds = getattr(self, delay)
        return None if seconds is None else since + seconds / self.time_scale


class CurrentSettings:
    """The settings in force; they may be replaced while the provider runs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def due(self, delay: str, since: float) -> float | None:
        """When what takes `delay` since `since` is to happen (seconds since the epoch); None: by hand."""
        return self.settings.due(delay, since)


BY_HAND: Final = Settings(
    peer_asn_review=None,
    peering_review=None,
    notification=None,
    provisioning=None,
    validation=None,
    conversion_review=None,
    removal=None,
)
"""Nothing moves before somebody says so, but for the validation itself and what follows from it."""
REALISTIC: Final = Settings(
    peer_asn_review=12 * 3600,
    peering_review=24 * 3600,
    notification=24 * 3600,
    provisioning=3600,
    conversion_review=24 * 3600,
    removal=24 * 3600,
    time_scale=7200,
)
"""The published 12 hours of a PeerAsn's approval, and guesses for the rest, passing 7,200 times faster."""
