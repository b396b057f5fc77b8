"""What a network tells to somebody who takes it all down, so that it can be played again (`simulator.recording`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from simulator.speakers.clock import Clock
from simulator.speakers.speaker import MakeSpeaker

if TYPE_CHECKING:
    from simulator.engine.control import ControlPlane
    from simulator.engine.log import EventLog
    from simulator.engine.network import Network
    from simulator.engine.workflow import Workflow


class Tape(Protocol):
    """Without one nothing is taken down, and nothing costs anything."""

    @property
    def clock(self) -> Clock:
        """Which all that is taken down goes by."""

    @property
    def make_speaker(self) -> MakeSpeaker:
        """Makes speakers whose sessions' input is taken down."""

    def follow(self, network: Network, control: ControlPlane, workflow: Workflow, log: EventLog) -> None:
        """Take down what these decide from now on; called before anything runs."""
