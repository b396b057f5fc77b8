"""pyroute2, imported where a link first needs the kernel: a lab on loopback never does, and it is slow to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pyroute2 import IPRoute as IPRoute
    from pyroute2.netlink.exceptions import NetlinkError as NetlinkError
    from pyroute2.nftables.main import NFTables as NFTables

_WHERE: Final = {
    "IPRoute": "pyroute2",
    "NetlinkError": "pyroute2.netlink.exceptions",
    "NFTables": "pyroute2.nftables.main",
}


def __getattr__(name: str) -> Any:
    """A class of pyroute2 (PEP 562); from then on it is a name of this module. Raises AttributeError."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_WHERE[name]), name)
    return found


def index_of(ip: IPRoute, name: str) -> int:
    """An interface's number in the namespace of `ip`. Raises IndexError where it is not there."""
    found: list[int] = ip.link_lookup(ifname=name)
    return found[0]
