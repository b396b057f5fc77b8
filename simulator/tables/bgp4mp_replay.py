"""Recorded sessions played again: what each table held when the recording ended.

Every UPDATE is read and judged by the code that a session has, so that a route that a session would have forgotten is
gone: withdrawn, treated as withdrawn (RFC 7606), of a session that ended, not announced again after a route refresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from simulator.mrt.bgp4mp import Bgp4mpMessage, PathKey, RecordedPrefixes, RecordedUpdate, parse_record, parse_update
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
    taken_back,
)
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import AttributeFault, decode
from simulator.wire.checked_attributes import check_attributes
from simulator.wire.framing import MessageType, ProtocolError
from simulator.wire.path_attributes import PathAttributes
from simulator.wire.route_refresh import BEGIN, END, decode_refresh
from simulator.wire.update_faults import ErrorHandling, UpdateFault, strongest

_ESTABLISHED: Final = 6
_CACHE: Final = 65_536
_ENDS: Final = (MessageType.OPEN, MessageType.NOTIFICATION)
"""Messages that a session in Established does not survive: it began anew, or ended."""


@dataclass(slots=True)
class _Session:
    """What one end announced to the other."""

    announcer: Announcer
    tables: dict[Family, dict[PathKey, tuple[PathAttributes, int]]] = field(default_factory=dict)
    """Prefix → its attributes and the record that it stands in."""
    disabled: dict[Family, int] = field(default_factory=dict)
    """AFI/SAFI disable (RFC 7606 §2) → the record that caused it: the family is ignored until the session ends."""
    stale: dict[Family, set[PathKey]] = field(default_factory=dict)
    """While a route refresh is answered: what was not announced again (RFC 7313 §4.2)."""
    decoded: dict[tuple[bool, bytes, bytes], PathAttributes] = field(default_factory=dict)

    def withdraw(self, family: Family, prefixes: Iterable[PathKey]) -> int:
        """Returns how many of them were held."""
        table = self.tables.get(family, {})
        return sum(table.pop(prefix, None) is not None for prefix in prefixes)

    def forget(self) -> int:
        """The session is down (RFC 4271 §8.2.2). Returns how many routes it held."""
        count = sum(map(len, self.tables.values()))
        self.tables, self.disabled, self.stale = {}, {}, {}
        return count


class Replay:
    """Takes BGP4MP records in their order. Sessions differ by both addresses (RFC 6396 §4.4.2)."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[bytes, bytes, bytes], _Session] = {}

    def take(self, number: int, subtype: int, body: bytes) -> Iterator[TableEntry]:
        """One BGP4MP record. ValueError and IndexError for one that is damaged or cut short."""
        found = parse_record(subtype, body)
        place = FilePosition("record", number)
        if found.state is not None:
            yield Skipped("changes of a session's state")
            if found.state != _ESTABLISHED:
                yield from self._ended(found)
        elif found.kind == MessageType.UPDATE:
            session = self._session(found)
            try:
                yield from self._update(session, place, parse_update(found.body, addpath=found.addpath), found)
            except ProtocolError as error:
                yield Unreadable(place, f"{error.reason}: the session ends")
                yield from self._ended(found)
        else:
            yield Skipped("BGP messages other than UPDATE")
            if found.kind in _ENDS:
                yield from self._ended(found)
            elif found.kind == MessageType.ROUTE_REFRESH:
                yield from self._refresh(self._session(found), place, found.body)

    def routes(self) -> Iterator[TableEntry]:
        """What is left, by attribute set; the tables are given up on the way."""
        while self._sessions:
            _, session = self._sessions.popitem()
            for family, table in session.tables.items():
                groups: dict[int, tuple[PathAttributes, int, list[bytes]]] = {}
                for (key, _), (path, number) in table.items():
                    groups.setdefault(id(path), (path, number, []))[2].append(key)
                for path, number, keys in groups.values():
                    yield TableRoutes(
                        family, tuple(keys), path, session.announcer, place=FilePosition("record", number)
                    )

    def _session(self, found: Bgp4mpMessage) -> _Session:
        session = self._sessions.get(found.ends)
        if session is None:
            session = self._sessions[found.ends] = _Session(_announcer(found))
        elif found.asn not in (session.announcer.asn, AS_TRANS):
            session.announcer = _announcer(found)
        return session

    def _ended(self, found: Bgp4mpMessage) -> Iterator[TableEntry]:
        sender, receiver, interface = found.ends
        for ends in ((sender, receiver, interface), (receiver, sender, interface)):
            session = self._sessions.get(ends)
            yield from taken_back(ENDED, session.forget() if session is not None else 0)

    def _refresh(self, session: _Session, place: FilePosition, body: bytes) -> Iterator[TableEntry]:
        try:
            mark = decode_refresh(body)
        except ProtocolError as error:
            yield Unreadable(place, error.reason)
            return
        if not isinstance(mark, RouteRefresh) or mark.subtype not in (BEGIN, END):
            return
        stale = session.stale.pop(mark.family, set())
        if mark.subtype == BEGIN:
            session.stale[mark.family] = set(session.tables.get(mark.family, ()))
        else:
            yield from taken_back(WITHDRAWN, session.withdraw(mark.family, stale))

    def _update(
        self, session: _Session, place: FilePosition, update: RecordedUpdate, found: Bgp4mpMessage
    ) -> Iterator[TableEntry]:
        yield from self._disable(session, place, update.faults)
        for afi, safi in update.foreign:
            yield Unreadable(place, f"routes of AFI {afi}, SAFI {safi}: IPv4 and IPv6 unicast are judged here")
        if not update.announced and update.attributes:
            addresses = _addresses(found)
            faults = check_attributes(
                update.attributes, asn4=found.asn4, external=_external(found), reach=update.reach, addresses=addresses
            ).faults
            if faults and strongest(faults).outcome is ErrorHandling.SESSION_RESET:
                yield Unreadable(place, _told(strongest(faults)))
                yield from self._ended(found)
                return
        for family, prefixes in update.withdrawn:
            if family not in session.disabled:
                yield from taken_back(WITHDRAWN, session.withdraw(family, prefixes))
        for part in update.announced:
            if part.family in session.disabled:
                reason = f"{part.family.label} is ignored since record {session.disabled[part.family]}"
                yield Unreadable(place, f"{reason} (AFI/SAFI disable)", len(part.prefixes))
                continue
            try:
                path = _path(session, update.attributes, part, found)
            except AttributeFault as fault:
                yield Unreadable(place, _told(fault.fault), len(part.prefixes))
                if fault.outcome is ErrorHandling.SESSION_RESET:
                    yield from self._ended(found)
                    return
                yield from taken_back(WITHDRAWN, session.withdraw(part.family, part.prefixes))
            else:
                yield from _announced(session, place, part, path)

    def _disable(self, session: _Session, place: FilePosition, faults: Iterable[UpdateFault]) -> Iterator[TableEntry]:
        for fault in faults:
            yield Unreadable(place, _told(fault))
            family = next((known for known in Family if known.value == fault.afi_safi), None)
            if family is not None:
                session.disabled.setdefault(family, place.number)
                yield from taken_back(WITHDRAWN, len(session.tables.pop(family, ())))


def _announced(
    session: _Session, place: FilePosition, part: RecordedPrefixes, path: PathAttributes
) -> Iterator[TableEntry]:
    table = session.tables.setdefault(part.family, {})
    before = len(table)
    table.update(dict.fromkeys(part.prefixes, (path, place.number)))
    yield from taken_back(REPLACED, before + len(part.prefixes) - len(table))
    if stale := session.stale.get(part.family):
        stale.difference_update(part.prefixes)


def _path(session: _Session, raw: bytes, part: RecordedPrefixes, found: Bgp4mpMessage) -> PathAttributes:
    which = (found.asn4, part.next_hop, raw)
    path = session.decoded.get(which)
    if path is None:
        if len(session.decoded) >= _CACHE:
            session.decoded.clear()
        path = decode(
            raw,
            asn4=found.asn4,
            external=_external(found),
            reach=part.reach,
            next_hop=part.next_hop,
            addresses=_addresses(found),
        )
        session.decoded[which] = path
    return path


def _external(found: Bgp4mpMessage) -> bool:
    return found.asn != found.receiver_asn


def _announcer(found: Bgp4mpMessage) -> Announcer:
    return Announcer(found.asn, found.address, local=None if found.receiver.is_unspecified else found.receiver)


def _addresses(found: Bgp4mpMessage) -> SessionAddresses:
    sender, receiver, _ = found.ends
    return SessionAddresses(sender, receiver if any(receiver) else b"")


def _told(fault: UpdateFault) -> str:
    return f"{fault.reason}: {fault.outcome.label} ({fault.clause})"
