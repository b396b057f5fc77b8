"""The records of a recording in order: as the replayed lab asks for them, and as what it does has to come again."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, Final

from simulator.addresses import IpAddress
from simulator.engine.log import Event
from simulator.engine.registrations import Registered
from simulator.places.endpoint import Endpoint
from simulator.recording.codec import decode
from simulator.recording.file import RecordingError, RecordingReader
from simulator.recording.lab import endpoint
from simulator.recording.outcome import Difference, plain
from simulator.recording.records import SAID, fingerprint, in_words
from simulator.recording.secrets import comes_again
from simulator.recording.shapes import misfit
from simulator.speakers.replayed import GivenClock

_MOST: Final = 20
"""Differences that are kept (simulator)."""
_DATA: Final = 64 << 20


class RecordedCourse:
    """What was recorded, from its first record to its last; it is what the replayed lab asks (`LabSource`)."""

    def __init__(self, reader: RecordingReader, clock: GivenClock, *, follows: bool) -> None:
        """`follows`: what comes of it has to be what was recorded; False once recording and replay have parted."""
        self.reader = reader
        self.follows = follows
        self.differences: list[Difference] = []
        self.skipped = 0
        """Records that have no place any more."""
        self.says = False
        """An event is played that nothing computes."""
        self.own_checks: frozenset[str] = frozenset()
        """Checks of its user's own, which are not played."""
        self.sessions: dict[int, str] = {}
        """By the number of a peer."""
        self._clock = clock
        self._records: Iterator[list[Any]] = iter(reader)
        self._ahead: list[Any] | None = None
        self._broken: RecordingError | None = None
        """Why it cannot be read any further."""
        self._ways: dict[str, tuple[IpAddress, Endpoint, Endpoint | None]] = {}
        self._registered: dict[str, Registered] = {}
        self._data: dict[int, tuple[str, bytearray]] = {}
        self._put: Callable[[int, str, bytes], None] | None = None

    def give_data_to(self, put: Callable[[int, str, bytes], None]) -> None:
        """Who gets the policy data that were recorded: a file's number, its key and its content."""
        self._put = put

    def header(self) -> list[Any] | None:
        """The first line; None of an empty file."""
        return next(self._records, None)

    def fail(self, text: str) -> Exception:
        """The RecordingError that says so, with the line."""
        return self.reader.fail(text)

    def peek(self) -> list[Any] | None:
        """The next record that is not about what is known: data, registrations and ways are taken at once.

        None at the end, and where the file cannot be read any further: who looks ahead may be one of the engine's
        listeners, which raises nothing.
        """
        try:
            while self._broken is None:
                if self._ahead is None:
                    self._ahead = self._read()
                record = self._ahead
                if record is None or not self._noted(record):
                    return record
                self._ahead = None
        except RecordingError as error:
            self._broken = error
        except ValueError as error:  # DataError and CodecError are too
            self._broken = self.reader.fail(str(error))
        return None

    def take(self) -> list[Any] | None:
        """The next record, which is done with; None at the end. Raises RecordingError."""
        record, self._ahead = self.peek(), None
        if self._broken is not None:
            raise self._broken
        return record

    def _read(self) -> list[Any] | None:
        """Raises RecordingError."""
        record = next(self._records, None)
        if record is not None and (wrong := misfit(record)):
            raise self.reader.fail(wrong)
        return record

    def _noted(self, record: list[Any]) -> bool:
        match record:
            case ["D", int(number), str(key), str(name), int(at), str(octets), bool(last)]:
                self._take_data(number, key, name, at, octets, last)
            case ["n", str(peering), found]:
                self._registered[peering] = decode(Registered, found)
            case ["=", {"event": "check" | "watch", "check": str(check)}] if check in self.own_checks:
                pass
            case ["=" | "t" | "s" | "k" | "h", *_] if not self.follows:
                self.skipped += 1
            case _:
                return False
        return True

    def _take_data(self, number: int, key: str, name: str, at: int, octets: str, last: bool) -> None:
        if self._put is None:
            return
        if at < 0:
            raise self.reader.fail(f"{name} was too large to be recorded: name the data (--with-data)")
        kept = self._data.setdefault(number, (key, bytearray()))
        if at == 0:
            kept[1].clear()
        if at != len(kept[1]) or len(kept[1]) > _DATA:
            raise self.reader.fail(f"the data of {name} are not whole")
        kept[1].extend(b64decode(octets, validate=True))
        if last:
            self._put(number, key, bytes(kept[1]))

    def next_of(self, kinds: str, peer: int, stream: int | None = None) -> list[Any] | None:
        if not self.follows:
            return None
        record = self.peek()
        if record is None or record[0] not in kinds or record[0] == "@" or record[1] != peer:
            return None
        if stream is not None and record[2] != stream:
            return None
        return self.take()

    def new_peer(self, session: str) -> tuple[int, int]:
        record = self.peek()
        match record:
            case ["P", int(number), str(name), int(seed)] if name == session:
                self.take()
                self.sessions[number] = session
                return number, seed
        self.differs(f"{session}: a session is made that was not made")
        return 0, 0

    def carried(self, session: str) -> tuple[IpAddress, Endpoint, Endpoint | None] | None:
        record = self.peek()
        if record is not None and record[0] == "p" and record[1] == session:
            self.take_way(record)
            self.take()
        return self._ways.get(session)

    def take_way(self, record: list[Any]) -> None:
        """What really carries a session from now on."""
        _, session, caller, ours, theirs = record
        self._ways[session] = ip_address(caller), endpoint(ours), None if theirs is None else endpoint(theirs)

    def registered(self, peering: str) -> Registered:
        self.peek()  # takes what is registered from now on
        return self._registered.get(peering, Registered())

    def look_at(self, session: str) -> dict[str, Any] | None:
        record = self.peek()
        match record:
            case ["l", _, "ACTIVE", _, [str(looked)], _, _, dict(facts)] if looked == session:
                self.take()
                return facts
        return None

    def was_behind(self) -> bool:
        """Whether the store had not written all of it when it was asked just now."""
        record = self.peek()
        if record is not None and record[0] == "h":
            self.take()
            return True
        return False

    def differs(self, what: str) -> None:
        """Recording and replay part here."""
        if self.follows:
            self.differ(what)
            self.follows = False

    def differ(self, what: str) -> None:
        """Something came out differently; what follows from it may come out as recorded."""
        if len(self.differences) < _MOST:
            self.differences.append(Difference(self._clock.now(), what))

    # --- what has to come again ---

    def expect(self, event: Event) -> None:
        """An event of the replay: it has to be the next one of the recording."""
        name = type(event).__name__
        if name in SAID and not self.says:
            said = self.peek()  # the control plane says it by itself
            if said is not None and said[:2] == ["E", name]:
                self.take()
        if not self.follows or name in SAID:
            return
        found, record = fingerprint(event), self.peek()
        if record is not None and record[0] == "=":
            if comes_again(plain(record[1:]), plain(found)):
                self.take()
                return
            self.differs(f"recorded: {in_words(record[1:])}; computed: {in_words(found)}")
        elif record is not None or not self.reader.cut_off:
            self.differs(f"computed and not recorded: {in_words(found)}")
