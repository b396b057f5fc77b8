"""A peer that writes down all that it is told and all that it gives back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simulator.connection.states import ConnectionState
from simulator.gate import Change
from simulator.peer.events import NeighborConfig
from simulator.peer.peer import BgpPeer
from simulator.peer.stream import KernelQueue, Stream
from simulator.session.messages import Notification
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.runtime import Runtime
from simulator.speakers.speaker import Speaker
from tests.replay.session import Setup, effect_line, no_jitter, octets_line, view_line


class RecordedPeer(BgpPeer):
    """The inputs come from a speaker; their times are written, and used, in milliseconds since the first one."""

    def __init__(self, config: NeighborConfig, runtime: Runtime, setup: Setup) -> None:
        super().__init__(config, runtime.loc_rib, setup.images(), jitter=no_jitter)
        self.inputs = [json.dumps(asdict(setup))]
        self.outputs: list[str] = []
        self._began: float | None = None
        self._last = 0.0
        self._seen = 0

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in (("input", self.inputs), ("effects", [*self.outputs, view_line(self)])):
            (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _hear(self, kind: str, now: float, stream: Stream | None = None, **given: Any) -> float:
        """Write an input down; returns its time as the peer has it."""
        if self._began is None:
            self._began = now
        self._last = now
        now = math.ceil((now - self._began) * 1000) / 1000
        at: dict[str, Any] = {} if stream is None else {"stream": stream.number}
        self.inputs.append(json.dumps({"input": kind, "now": now, **at, **given}))
        self._seen = len(self.effects)
        return now

    def _done(self) -> None:
        """Write down what has come of it."""
        self.outputs += [effect_line(len(self.inputs) - 1, each) for each in list(self.effects)[self._seen :]]

    def next_timer(self) -> float | None:
        when = super().next_timer()
        return None if when is None or self._began is None else when + self._began

    def start(self, now: float) -> None:
        super().start(self._hear("start", now))
        self._done()

    def stop(self, notification: Notification, now: float) -> None:
        code, subcode, words = notification.code, notification.subcode, notification.communication
        super().stop(notification, self._hear("stop", now, code=code, subcode=subcode, communication=words))
        self._done()

    def rule(
        self,
        connection_state: ConnectionState | None,
        *,
        session_validated: bool,
        now: float,
        kernel: Mapping[Stream, KernelQueue] = {},
    ) -> Change:
        assert connection_state is not None
        held = {str(stream.number): list(queue) for stream, queue in kernel.items()}
        now = self._hear("rule", now, state=connection_state.value, validated=session_validated, kernel=held)
        change = super().rule(connection_state, session_validated=session_validated, now=now, kernel=kernel)
        self._done()
        return change

    def timer(self, now: float) -> None:
        super().timer(self._hear("timer", now))
        self._done()

    def connected(self, stream: Stream, now: float) -> None:
        now = self._hear("connected", now, channel=stream.channel.value, local=str(stream.local_address))
        super().connected(stream, now)
        self._done()

    def receive(self, stream: Stream, octets: bytes, now: float) -> None:
        super().receive(stream, octets, self._hear("receive", now, stream, octets=octets.hex()))
        self._done()

    def disconnected(self, stream: Stream, why: str, now: float) -> None:
        super().disconnected(stream, why, self._hear("disconnected", now, stream, why=why))
        self._done()

    def dial_failed(self, why: str, now: float) -> None:
        super().dial_failed(why, self._hear("dial_failed", now, why=why))
        self._done()

    def reset_done(self, stream: Stream, now: float) -> None:
        super().reset_done(stream, self._hear("reset_done", now, stream))
        self._done()

    def gone(self, stream: Stream) -> None:
        self._hear("gone", self._last, stream)
        super().gone(stream)
        self._done()

    def to_send(self, stream: Stream, now: float) -> bytes | memoryview:
        octets = super().to_send(stream, self._hear("to_send", now, stream))
        if octets:
            self.outputs.append(octets_line(len(self.inputs) - 1, octets))
        self._done()
        return octets

    def sent(self, stream: Stream, count: int, now: float) -> None:
        super().sent(stream, count, self._hear("sent", now, stream, count=count))
        self._done()


class RecordingSpeaker(Speaker):
    """A speaker whose sessions are recorded; `setups` by session."""

    setups: dict[str, Setup]

    def _neighbor(self, config: NeighborConfig, runtime: Runtime) -> Neighbor:
        return Neighbor(config, runtime, RecordedPeer(config, runtime, self.setups[config.id]))
