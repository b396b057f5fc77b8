"""Whose BGP identifiers an edge's sessions have in use (RFC 6286: one identifier is one router's)."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address


@dataclass(slots=True)
class Identifiers:
    """By edge and identifier, the sessions that are past the OPEN, and their ASNs."""

    _users: dict[tuple[str, IPv4Address], dict[str, int]] = field(default_factory=dict)
    _used: dict[str, tuple[str, IPv4Address]] = field(default_factory=dict)
    """By session."""

    def take(self, session: str, asn: int, edge: str, identifier: IPv4Address) -> None:
        """A session's OPEN was taken."""
        self.free(session)
        self._used[session] = edge, identifier
        self._users.setdefault((edge, identifier), {})[session] = asn

    def free(self, session: str) -> None:
        """A session is down; nothing where it used none."""
        if (used := self._used.pop(session, None)) is not None:
            users = self._users[used]
            del users[session]
            if not users:
                del self._users[used]

    def foreign(self, asn: int, edge: str, identifier: IPv4Address) -> int | None:
        """The ASN of somebody else who uses an identifier at an edge."""
        users = self._users.get((edge, identifier), {}).values()
        return next((user for user in users if user != asn), None)
