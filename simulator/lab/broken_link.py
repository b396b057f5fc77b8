"""A node's links that pass nothing: the kernel's nftables drop every IP packet in its namespace, until it is mended."""

from __future__ import annotations

from typing import Final

from simulator.lab import netlink
from simulator.lab.netns import NetnsPlace
from simulator.places.errors import LabError

_INET: Final = 1
"""nftables' family of both IPv4 and IPv6."""
_TABLE: Final = "turnup-link"
_DROP: Final = 0
"""The policy of a chain without rules."""


def break_link(place: NetnsPlace) -> None:
    """Drop whatever arrives at a node and whatever it sends. Raises LabError where the kernel cannot."""
    _do(place, "add")


def mend_link(place: NetnsPlace) -> None:
    """Let everything pass again. Raises LabError for a link that was not broken."""
    _do(place, "del")


def _do(place: NetnsPlace, what: str) -> None:
    def change() -> None:
        with netlink.NFTables(nfgen_family=_INET) as nft:
            nft.table(what, name=_TABLE)
            for hook in ("input", "output") if what == "add" else ():
                nft.chain("add", table=_TABLE, name=hook, hook=hook, type="filter", priority=0, policy=_DROP)

    try:
        place.run(change)
    except (netlink.NetlinkError, OSError) as error:
        done = "broken" if what == "add" else "mended"
        raise LabError(f"the link of {place.name} cannot be {done}: {error}") from error
