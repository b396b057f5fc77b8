"""Each session as the peer's router has it configured: read from its user's own file, or from what turnup writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

from simulator.addresses import IpAddress
from simulator.diagnosis.router_answer import PeerTrouble, Setting, Statement
from simulator.places.errors import LabError
from simulator.places.scratch import scratch
from simulator.preflight.ends import AgreedEnd, Matter, RouterEnd
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.own_file import OwnFile, has_family, misnamed, neighbors_of, ranges_of, same_key, statements_of
from simulator.routers.parsing import read_file
from simulator.routers.statements import same, statements

_MATTERS: Mapping[Setting, Matter] = {
    Setting.NEIGHBOR: Matter.ADDRESS,
    Setting.SOURCE: Matter.LOCAL_ADDRESS,
    Setting.LOCAL_AS: Matter.LOCAL_AS,
    Setting.REMOTE_AS: Matter.REMOTE_AS,
    Setting.MD5: Matter.MD5,
    Setting.GTSM: Matter.GTSM,
    Setting.HOLD_TIME: Matter.HOLD_TIME,
    Setting.PASSIVE: Matter.PASSIVE,
    Setting.SHUTDOWN: Matter.SHUTDOWN,
}
ANY_AS = ("external", "internal", "auto")
"""In place of an ASN: whatever AS the other side is in. (`internal` is refused by the daemons' parsers for us.)"""
TROUBLES = {PeerTrouble.INTERFACE_NAME: Matter.INTERFACE, PeerTrouble.VRF_NAME: Matter.VRF}


def of_config(config: RouterConfig, session: RouterSession) -> RouterEnd:
    """What turnup writes for the router, with the mistakes that the topology asks for."""
    return RouterEnd(
        remote_address=session.remote_address,
        local_address=session.local_address,
        local_as=config.asn,
        remote_as=session.remote_as,
        family=True,
        md5=session.md5 or "",
        gtsm=session.gtsm,
        hold_time=config.hold_time,
    )


class ReadFile:
    """A user's own file, and what its daemon says that it has read. Raises LabError where it cannot be read."""

    def __init__(self, own: OwnFile, path: Path, kind: str, *, ask: bool) -> None:
        self._own, self._path, self._kind = own, path, kind
        self._view = _view_of(own, path) if ask else ""
        self._neighbors = neighbors_of(own, path)
        self._ranges = ranges_of(own, path)

    def end(self, agreed: AgreedEnd, others: frozenset[IpAddress]) -> RouterEnd | None:
        """The session with Microsoft's address, or the range that it is in; else the session or the range that stands
        in its place. None: the file has none.

        `others`: the addresses of Microsoft's other sessions with the router.
        """
        address = str(agreed.edge_address)
        found = next((each for each in self._neighbors if same(each, address)), None)
        if found is not None:
            return self._read(agreed, found, several=self._times(found) > 1)
        if taken := [each for each in self._ranges if agreed.edge_address in ip_network(each, strict=False)]:
            nearest = max(taken, key=lambda each: ip_network(each, strict=False).prefixlen)
            return self._read(agreed, nearest, several=False)
        strangers = [
            each
            for each in self._neighbors
            if (":" in each) == (agreed.edge_address.version == 6)
            and not any(same(each, str(other)) for other in others)
            and self._said(each).get(Setting.REMOTE_AS, _NOTHING).value == str(agreed.microsoft_as)
        ]
        if len(strangers) == 1:
            return self._read(agreed, strangers[0], several=False)
        ranges = [each for each in self._ranges if (":" in each) == (agreed.edge_address.version == 6)]
        return replace(self._read(agreed, ranges[0], several=False), outside=ranges[0]) if ranges else None

    def misnamed(self, interfaces: tuple[str, ...], vrfs: tuple[str, ...], edge: IpAddress) -> list[tuple[Matter, str]]:
        """What it binds the session with `edge` to that is not there: interfaces and VRFs, in words with file and
        line.
        """
        found = misnamed(self._own, self._path, interfaces, vrfs, [str(edge)])
        return [(TROUBLES[each.cause], each.text) for each in found]

    def _times(self, address: str) -> int:
        """How often the file has a session with an address; where a language says more of one elsewhere, once."""
        return 1 if self._kind == "frr" else len(self._neighbors[address])

    def _said(self, address: str) -> dict[Setting, Statement]:
        """What the file says; what only the daemon's own view says has no place."""
        said = statements_of(self._own, self._path, address)
        if not self._view:
            return said
        view = [(self._path, self._view)]
        seen = statements(view, address, self._own.scopes, self._own.settings, self._own.blank, {})
        for setting, statement in seen.items():
            if setting is not Setting.MD5 and setting not in said:
                said[setting] = Statement(statement.value, "", 0, "")
        return said

    def _read(self, agreed: AgreedEnd, address: str, *, several: bool) -> RouterEnd:
        said = self._said(address)
        places = {matter: said[setting].place for setting, matter in _MATTERS.items() if setting in said}
        places = {matter: place for matter, place in places.items() if not place.startswith(":")}
        file, line = self._ranges.get(address) or self._neighbors[address][0]
        if address in self._ranges:
            places[Matter.ADDRESS] = f"{file}:{line}"
        places.setdefault(Matter.ADDRESS, f"{file}:{line}")
        places.setdefault(Matter.FAMILY, f"{file}:{line}")
        theirs, ours = said.get(Setting.REMOTE_AS), said.get(Setting.LOCAL_AS)
        source = said.get(Setting.SOURCE)
        # Absence means something only where the daemon's own parser takes a session without.
        strict = self._kind in ("frr", "gobgp")
        remote = _asn(theirs)
        return RouterEnd(
            remote_address=_address(address),
            dynamic=address in self._ranges,
            multihop=Setting.MULTIHOP in said and said[Setting.MULTIHOP].value != "1" and Setting.GTSM not in said,
            local_address=_address(source.value) if source is not None else None,
            local_as=_asn(ours) if strict else _asn(ours) or agreed.peer_as,
            remote_as=remote,
            any_remote_as=remote is None and (theirs is not None or not strict),
            family=has_family(self._own, self._path, address),
            md5=_key(said.get(Setting.MD5), agreed.md5),
            gtsm=Setting.GTSM in said,
            hold_time=_number(said.get(Setting.HOLD_TIME)),
            passive=Setting.PASSIVE in said,
            shut_down=Setting.SHUTDOWN in said,
            several=several,
            places=places,
        )


_NOTHING = Statement("", "", 0, "")


def _view_of(own: OwnFile, path: Path) -> str:
    if own.view is None:
        return ""
    with suppress(LabError), scratch("turnup-") as directory:
        return own.view(path.absolute(), read_file(path), directory)
    return ""


def _key(found: Statement | None, agreed: str) -> str:
    """The key; one that is written in hexadecimal or base64, as some languages do, as it was agreed."""
    if found is None:
        return ""
    return agreed if agreed and same_key(found.value, agreed) else found.value.strip("\"'")


def _address(text: str) -> IpAddress | None:
    with suppress(ValueError):
        return ip_address(text.strip('"').partition("%")[0])
    return None


def _asn(statement: Statement | None) -> int | None:
    """In either notation (RFC 5396); None for what is no number."""
    if statement is None:
        return None
    found = re.fullmatch(r"(?:(\d+)\.)?(\d+)", statement.value.strip("\"'"))
    return (int(found[1] or 0) << 16) + int(found[2]) if found is not None else None


def _number(statement: Statement | None) -> int | None:
    return int(statement.value) if statement is not None and statement.value.isdecimal() else None
