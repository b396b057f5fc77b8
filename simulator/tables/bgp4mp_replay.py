"""Recorded sessions played again: what each table held when the recording ended.

Every UPDATE is read and judged by the code that a session has, so that a route that a session would have forgotten is
gone: withdrawn, treated as withdrawn (RFC 7606), of a session that ended, not announced again after a route refresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from simulator.mrt.bgp4mp import (
    STATE_CHANGE,
    PathKey,
    RecordedPrefixes,
    RecordedUpdate,
    RecordHead,
    parse_head,
    parse_update,
    split_record,
)
from simulator.session.messages import AS_TRANS, Family, RouteRefresh
from simulator.tables.table_entries import (
    ENDED,
    REPLACED,
    WITHDRAWN,
    Announcer,
    FilePosition,
    Skipped,
    TableEntry,
    TableRoutes,
    Unreadable,
)
from simulator.wire import nlri
from simulator.wire.attribute_codec import AttributeFault, PlainBlocks, decode, plain_blocks
from simulator.wire.checked_attributes import NlriLocation, check_attributes
from simulator.wire.framing import MessageType, ProtocolError
from simulator.wire.path_attributes import PathAttributes
from simulator.wire.route_refresh import BEGIN, END, decode_refresh
from simulator.wire.update_faults import ErrorHandling, UpdateFault, strongest

_ESTABLISHED: Final = 6
_CACHE: Final = 262_144
"""Sets of attributes that are known by their octets, some 300 octets each."""
_UPDATE: Final = int(MessageType.UPDATE)
_NO_UPDATE: Final = Skipped("BGP messages other than UPDATE")
_OTHER: Final = (_NO_UPDATE,)
_CHANGE: Final = (Skipped("changes of a session's state"),)
_ENDS: Final = (MessageType.OPEN, MessageType.NOTIFICATION)
"""Messages that a session in Established does not survive: it began anew, or ended."""


@dataclass(slots=True, eq=False)
class _Source:
    """Attributes that were judged, and are kept as octets: a recording may hold a million sets of them."""

    head: RecordHead
    raw: bytes
    next_hop: bytes
    """That of MP_REACH_NLRI; empty for the NLRI field."""
    reach: NlriLocation
    number: int
    """The record that it first stands in."""

    def decoded(self) -> PathAttributes:
        """Raises AttributeFault (RFC 7606)."""
        head = self.head
        return decode(
            self.raw,
            asn4=head.asn4,
            external=head.external,
            reach=self.reach,
            next_hop=self.next_hop,
            addresses=head.addresses,
        )


@dataclass(slots=True)
class _Session:
    """What one end announced to the other."""

    announcer: Announcer
    tables: dict[Family, dict[PathKey, _Source]] = field(default_factory=lambda: {family: {} for family in Family})
    """Prefix → its attributes."""
    disabled: dict[Family, int] = field(default_factory=dict)
    """AFI/SAFI disable (RFC 7606 §2) → the record that caused it: the family is ignored until the session ends."""
    stale: dict[Family, set[PathKey]] = field(default_factory=dict)
    """While a route refresh is answered: what was not announced again (RFC 7313 §4.2)."""

    def withdraw(self, family: Family, prefixes: Iterable[PathKey]) -> int:
        """Returns how many of them were held."""
        table = self.tables[family]
        return sum(table.pop(prefix, None) is not None for prefix in prefixes)

    def forget(self) -> int:
        """The session is down (RFC 4271 §8.2.2). Returns how many routes it held."""
        count = sum(map(len, self.tables.values()))
        for table in self.tables.values():
            table.clear()
        self.disabled, self.stale = {}, {}
        return count


@dataclass(slots=True, eq=False)
class _Sender:
    """One end of a session, as its records name it."""

    head: RecordHead
    announcer: Announcer
    session: _Session
    blocks: PlainBlocks
    plain: dict[bytes, _Source] = field(default_factory=dict)
    """Blocks of sound attributes beside the NLRI field, without an MP attribute."""
    other: dict[tuple[bytes, NlriLocation, bytes], _Source] = field(default_factory=dict)
    """By next hop, place of the NLRI and block: any that may be used."""


class Replay:
    """Takes BGP4MP records in their order. Sessions differ by both addresses (RFC 6396 §4.4.2)."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[bytes, bytes, bytes], _Session] = {}
        self._senders: dict[tuple[int, bytes], _Sender] = {}
        self._known = 0
        """Sources that the senders know by their octets."""
        self._taken_back: dict[str, int] = {}

    def take(self, number: int, subtype: int, record: bytes) -> Iterable[TableEntry]:
        """One BGP4MP record. ValueError and IndexError for one that is damaged or cut short."""
        octets, kind, body = split_record(subtype, record)
        sender = self._senders.get((subtype, octets))
        if sender is None:
            sender = self._senders[subtype, octets] = self._sender(parse_head(subtype, octets))
        if kind == _UPDATE:
            session = sender.session
            if sender.announcer is not session.announcer:
                self._follow(sender, session)
            if self._announces(sender, session, number, body):
                return ()
            return self._whole(sender, session, FilePosition("record", number), body)
        if kind == STATE_CHANGE:
            if body[0] << 8 | body[1] != _ESTABLISHED:
                self._ended(sender)
            return _CHANGE
        if kind in _ENDS:
            self._ended(sender)
        elif kind == MessageType.ROUTE_REFRESH:
            return [_NO_UPDATE, *self._refresh(sender.session, FilePosition("record", number), body)]
        return _OTHER

    def routes(self) -> Iterator[TableEntry]:
        """What the recording took back, and what is left, by attribute set; the tables are given up on the way."""
        for what, count in self._taken_back.items():
            yield Skipped(what, count, taken_back=True)
        self._taken_back.clear()
        self._senders.clear()
        while self._sessions:
            _, session = self._sessions.popitem()
            for family, table in session.tables.items():
                groups: dict[_Source, list[bytes]] = {}
                for key, source in table.items():
                    prefix = key if isinstance(key, bytes) else key[0]
                    keys = groups.get(source)
                    if keys is None:
                        groups[source] = [prefix]
                    else:
                        keys.append(prefix)
                table.clear()
                for source, keys in groups.items():
                    place = FilePosition("record", source.number)
                    yield TableRoutes(family, tuple(keys), source.decoded(), session.announcer, place=place)

    def _sender(self, head: RecordHead) -> _Sender:
        announcer = Announcer(head.asn, head.address, local=None if head.receiver.is_unspecified else head.receiver)
        session = self._sessions.get(head.ends)
        if session is None:
            session = self._sessions[head.ends] = _Session(announcer)
        return _Sender(head, announcer, session, plain_blocks(head.asn4, head.external, True, head.addresses))

    def _follow(self, sender: _Sender, session: _Session) -> None:
        """The session belongs to the last ASN that it was recorded with, unless two octets did not hold that."""
        if sender.head.asn not in (session.announcer.asn, AS_TRANS):
            session.announcer = sender.announcer

    def _take_back(self, what: str, count: int) -> None:
        if count:
            self._taken_back[what] = self._taken_back.get(what, 0) + count

    def _ended(self, sender: _Sender) -> None:
        one, other, interface = sender.head.ends
        for ends in ((one, other, interface), (other, one, interface)):
            session = self._sessions.get(ends)
            if session is not None:
                self._take_back(ENDED, session.forget())

    # --- UPDATEs ---

    def _announces(self, sender: _Sender, session: _Session, number: int, body: bytes) -> bool:
        """Take in an UPDATE of sound attributes and the NLRI field alone. False: it has to be read with care.

        Nearly every UPDATE with IPv4 prefixes is one.
        """
        if len(body) < 5 or body[0] or body[1] or sender.head.addpath or session.disabled or session.stale:
            return False
        end = 4 + (body[2] << 8 | body[3])
        raw, octets = body[4:end], body[end:]
        if not raw or not octets:
            return False
        source = sender.plain.get(raw)
        if source is None:
            if sender.blocks.scan(raw) is None:
                return False
            self._make_room()
            source = sender.plain[raw] = _Source(sender.head, raw, b"", NlriLocation.NLRI_FIELD, number)
        try:
            keys = nlri.split(octets, Family.IPV4)
        except ProtocolError:
            return False
        table = session.tables[Family.IPV4]
        before = len(table)
        table.update(dict.fromkeys(keys, source))
        if len(table) - before != len(keys):
            self._take_back(REPLACED, before + len(keys) - len(table))
        return True

    def _make_room(self) -> None:
        """For one more source; those that are forgotten live on where a route has them."""
        if self._known >= _CACHE:
            self._known = 0
            for sender in self._senders.values():
                sender.plain.clear()
                sender.other.clear()
        self._known += 1

    def _whole(self, sender: _Sender, session: _Session, place: FilePosition, body: bytes) -> list[TableEntry]:
        told: list[TableEntry] = []
        try:
            self._update(sender, session, place, parse_update(body, addpath=sender.head.addpath), told)
        except ProtocolError as error:
            told.append(Unreadable(place, f"{error.reason}: the session ends"))
            self._ended(sender)
        return told

    def _refresh(self, session: _Session, place: FilePosition, body: bytes) -> list[TableEntry]:
        try:
            mark = decode_refresh(body)
        except ProtocolError as error:
            return [Unreadable(place, error.reason)]
        if not isinstance(mark, RouteRefresh) or mark.subtype not in (BEGIN, END):
            return []
        stale = session.stale.pop(mark.family, set())
        if mark.subtype == BEGIN:
            session.stale[mark.family] = set(session.tables[mark.family])
        else:
            self._take_back(WITHDRAWN, session.withdraw(mark.family, stale))
        return []

    def _update(
        self, sender: _Sender, session: _Session, place: FilePosition, update: RecordedUpdate, told: list[TableEntry]
    ) -> None:
        head = sender.head
        self._disable(session, place, update.faults, told)
        for afi, safi in update.foreign:
            reason = f"routes of AFI {afi}, SAFI {safi}: IPv4 and IPv6 unicast are judged here"
            told.append(Unreadable(place, reason))
        # What is announced is checked with its routes; of a family that is ignored nothing else looks at it.
        alone = all(part.family in session.disabled for part in update.announced)
        if alone and update.attributes:
            faults = check_attributes(
                update.attributes,
                asn4=head.asn4,
                external=head.external,
                reach=update.reach,
                addresses=head.addresses,
            ).faults
            if faults and strongest(faults).outcome is ErrorHandling.SESSION_RESET:
                told.append(Unreadable(place, _told(strongest(faults))))
                self._ended(sender)
                return
        for family, prefixes in update.withdrawn:
            if family not in session.disabled:
                self._take_back(WITHDRAWN, session.withdraw(family, prefixes))
        for part in update.announced:
            if part.family in session.disabled:
                reason = f"{part.family.label} is ignored since record {session.disabled[part.family]}"
                told.append(Unreadable(place, f"{reason} (AFI/SAFI disable)", len(part.prefixes)))
                continue
            try:
                source = self._source(sender, update.attributes, part, place.number)
            except AttributeFault as fault:
                told.append(Unreadable(place, _told(fault.fault), len(part.prefixes)))
                if fault.outcome is ErrorHandling.SESSION_RESET:
                    self._ended(sender)
                    return
                self._take_back(WITHDRAWN, session.withdraw(part.family, part.prefixes))
            else:
                self._announced(session, part, source)

    def _disable(
        self, session: _Session, place: FilePosition, faults: Iterable[UpdateFault], told: list[TableEntry]
    ) -> None:
        for fault in faults:
            told.append(Unreadable(place, _told(fault)))
            family = next((known for known in Family if known.value == fault.afi_safi), None)
            if family is not None:
                session.disabled.setdefault(family, place.number)
                self._take_back(WITHDRAWN, len(session.tables[family]))
                session.tables[family].clear()

    def _announced(self, session: _Session, part: RecordedPrefixes, source: _Source) -> None:
        table = session.tables[part.family]
        before = len(table)
        table.update(dict.fromkeys(part.prefixes, source))
        self._take_back(REPLACED, before + len(part.prefixes) - len(table))
        if stale := session.stale.get(part.family):
            stale.difference_update(part.prefixes)

    def _source(self, sender: _Sender, raw: bytes, part: RecordedPrefixes, number: int) -> _Source:
        """Raises AttributeFault (RFC 7606)."""
        which = part.next_hop, part.reach, raw
        source = sender.other.get(which)
        if source is None:
            source = _Source(sender.head, raw, part.next_hop, part.reach, number)
            source.decoded()
            self._make_room()
            sender.other[which] = source
        return source


def _told(fault: UpdateFault) -> str:
    return f"{fault.reason}: {fault.outcome.label} ({fault.clause})"
