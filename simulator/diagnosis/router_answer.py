"""What the peer's own router says of one session, in no router's language: each adapter fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class PeerTrouble(Enum):
    """Why a session is down, or announces nothing or not all, as the router's tables and its user's file tell."""

    INTERFACE_NAME = "interface-name"
    VRF_NAME = "vrf-name"
    NETWORK_NOT_IN_RIB = "network-not-in-rib"
    NOTHING_TO_ANNOUNCE = "nothing-to-announce"
    EXPORT_POLICY = "export-policy"
    IMPORT_POLICY = "import-policy"
    KEPT_BACK = "kept-back"
    """It lets some of the router's own prefixes out, and not all."""


class Setting(Enum):
    """A statement of a router's configuration about one session."""

    NEIGHBOR = "neighbor"
    SHUTDOWN = "shutdown"
    LOCAL_AS = "local-as"
    REMOTE_AS = "remote-as"
    SOURCE = "source"
    PASSIVE = "passive"
    MULTIHOP = "multihop"
    MD5 = "md5"
    GTSM = "gtsm"
    HOLD_TIME = "hold-time"
    FAMILY = "family"
    PREFIX_LIMIT = "prefix-limit"
    SENT_LIMIT = "sent-limit"
    CAPABILITIES = "capabilities"
    AS4 = "as4"
    REFRESH = "refresh"
    ROUTER_ID = "router-id"
    ROLE = "role"
    NEXT_HOP = "next-hop"
    EXPORT = "export"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a user's own file."""

    value: str
    file: str
    line: int
    text: str
    """The line as it stands there; empty for a key, which is nobody else's business."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class RouterAnswer:
    """One session as its router has it. None, or no entry: the router does not tell."""

    state: str = ""
    """The router's own word for its BGP FSM state."""
    reason: str = ""
    """The router's own words for what keeps the session back."""
    configured: bool = True
    """The router has such a session."""
    established: bool | None = None
    """It has the session in Established."""
    shut_down: bool = False
    limit_hit: bool = False
    """The router ended the session because of its own prefix limit."""
    local_as: int | None = None
    remote_as: int | None = None
    source: str | None = None
    """The address that it is configured to call from."""
    md5: bool | None = None
    md5_differs: bool = False
    """It has a key, and not the one that was agreed."""
    gtsm: bool | None = None
    hold_time: int | None = None
    family: bool | None = None
    """The session's family is configured on it."""
    prefix_limit: int | None = None
    no_import_policy: bool = False
    """RFC 8212: without one it takes nothing."""
    no_export_policy: bool = False
    """RFC 8212: without one it announces nothing."""
    name: str = ""
    """The router's own name for the session, where it has one (BIRD's protocol)."""
    troubles: tuple[tuple[PeerTrouble, str], ...] = ()
    """With what is to be said of it."""
    withheld: tuple[str, ...] = ()
    """Prefixes of its own that it has, and that its export policy lets out nowhere on this session."""
    away: tuple[str, ...] = ()
    """Prefixes that its user has it announce, and that its table has no route to."""
    statements: Mapping[Setting, Statement] = field(default_factory=dict)
    """Where the user's own file says it."""
