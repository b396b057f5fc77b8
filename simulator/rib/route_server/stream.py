"""Messages to clients, as octets: each change is rendered once for all clients of one format that get it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from simulator.rib.route_server.client import Client
from simulator.rib.route_server.table import RouteChange
from simulator.rib.route_server.transparent import MessageFormat, Transparent
from simulator.session.messages import Family
from simulator.wire.framing import HEADER_SIZE, MessageType, frame
from simulator.wire.update import pack_announcements, pack_withdrawals

_FIXED = HEADER_SIZE + 4
"""Octets of an UPDATE without attributes and NLRI."""


@dataclass(slots=True)
class Piece:
    """UPDATE messages for the same clients, all of which announce or all of which withdraw."""

    octets: bytes
    keys: tuple[bytes, ...]
    announces: bool
    growth: int
    """How many more prefixes (or fewer, below 0) its receiver has then."""
    but: frozenset[Client]
    to: Client | None
    unsent: tuple[bytes, ...] = ()
    """Prefixes that are withdrawn because their attributes do not fit this format's messages (RFC 8654 §4)."""

    def silenced(self) -> Piece:
        """The same for a client that has nothing yet: there is nothing to withdraw."""
        return replace(self, octets=b"") if self.unsent else self


class UpdateRenderer:
    """Renders one family's changes."""

    def __init__(self, family: Family, transparent: Transparent) -> None:
        self._family = family
        self._transparent = transparent

    def pieces(self, changes: Iterable[RouteChange], format_: MessageFormat) -> list[Piece]:
        """Changes as pieces, in their order. Neighbouring ones of the same kind for the same clients become one."""
        found: list[Piece] = []
        runs: list[list[bytes]] = []
        run: tuple[object, ...] | None = None
        keys: list[bytes] = []
        for change in changes:
            messages, unsent = self._messages(change, format_)
            announces = change.pick is not None and not unsent
            kind = (announces, change.fresh, change.to, change.but, not unsent)
            if kind != run or unsent:
                self._close(found, keys)
                run, keys = kind, []
                runs.append([])
                found.append(Piece(b"", (), announces, 0, change.but, change.to, unsent))
            keys += change.keys
            runs[-1] += messages
            if change.pick is None:
                found[-1].growth -= len(change.keys)
            elif change.fresh:
                found[-1].growth += len(change.keys)
        self._close(found, keys)
        for piece, messages in zip(found, runs, strict=True):
            piece.octets = b"".join(messages)
        return found

    def withdrawal(self, keys: Sequence[bytes], format_: MessageFormat) -> bytes:
        """UPDATEs that take all of these back."""
        return b"".join(message for message, _ in pack_withdrawals(self._family, keys, format_.message_size))

    @staticmethod
    def _close(found: list[Piece], keys: list[bytes]) -> None:
        if found:
            found[-1].keys = tuple(keys)

    def _messages(self, change: RouteChange, format_: MessageFormat) -> tuple[list[bytes], tuple[bytes, ...]]:
        """The messages, and the prefixes that could not be announced."""
        keys, pick = change.keys, change.pick
        size, family = format_.message_size, self._family
        if pick is not None:
            block, next_hop = self._transparent.block(family, pick, format_)
            run = b"".join(keys)
            if family is Family.IPV4 and _FIXED + len(block) + len(run) <= size:
                return [frame(MessageType.UPDATE, b"\0\0" + len(block).to_bytes(2, "big") + block + run)], ()
            try:
                return [message for message, _ in pack_announcements(family, block, next_hop, keys, size)], ()
            except ValueError:
                pass
        withdrawn = [message for message, _ in pack_withdrawals(family, keys, size)]
        return withdrawn, keys if pick is not None else ()


class Receiver:
    """How many prefixes one client has got, or would have: counted piece by piece."""

    __slots__ = ("_left_out", "count")

    def __init__(self) -> None:
        self.count = 0
        self._left_out: set[bytes] = set()
        """What it should have and cannot get: the attributes do not fit its messages."""

    def told(self, piece: Piece) -> None:
        if not piece.unsent and not self._left_out:
            self.count += piece.growth
            return
        keys = set(piece.keys)
        missing = len(self._left_out & keys)
        fresh = piece.growth > 0
        if piece.unsent:
            self._left_out |= keys
            self.count -= 0 if fresh else len(keys) - missing
            return
        self._left_out -= keys
        if piece.announces:
            self.count += len(keys) if fresh else missing
        else:
            self.count -= len(keys) - missing

    @property
    def lacks(self) -> bool:
        """Whether there is anything that it cannot get."""
        return bool(self._left_out)

    def clear(self) -> None:
        self.count = 0
        self._left_out.clear()


def is_for(piece: Piece, client: Client) -> bool:
    """Whether a client is to get a piece."""
    return piece.to is client if piece.to is not None else client not in piece.but
