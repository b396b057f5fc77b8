"""What a speaker gives to each of its neighbours to run on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from simulator.peer.events import SpeakerEvent
from simulator.places.place import Place
from simulator.rib.adj_out import Images
from simulator.rib.loc import LocRib
from simulator.speakers.clock import Clock
from simulator.speakers.tap import Tap
from simulator.speakers.tcp import connect


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a speaker gives to each of its neighbours."""

    place: Place
    clock: Clock
    emit: Callable[[SpeakerEvent], None]
    """The listener to the speaker's events; only `dispatch` calls it."""
    loc_rib: LocRib
    images: Images
    tap: Tap | None = None
    connect: Callable[..., Awaitable[None]] = connect
    """Dials a neighbour, as `tcp.connect` does."""
