"""What a network gives to somebody who takes down what happens, so that it can be played again."""

from __future__ import annotations

from typing import Protocol

from simulator.speakers.clock import Clock
from simulator.speakers.speaker import MakeSpeaker


class Tape(Protocol):
    """Without one nothing is taken down, and nothing costs anything."""

    @property
    def clock(self) -> Clock:
        """Which all that is taken down goes by."""

    @property
    def make_speaker(self) -> MakeSpeaker:
        """Makes speakers whose sessions' input is taken down."""
