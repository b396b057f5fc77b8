"""Files that are no table that is read here, told by how they look: what they are, and what to give instead."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class UnsupportedFormat(NamedTuple):
    """A kind of file that is known and not read."""

    what: str
    instead: str

    def __str__(self) -> str:
        return f"this is {self.what}: {self.instead}"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.MULTILINE | re.IGNORECASE)


_FOREIGN: Final = (
    (r"<rpc-reply|<route-information", "Junos's XML", "give `show route … detail | no-more` as text"),
    (r'"route-information"\s*:', "Junos's JSON", "give `show route … detail | no-more` as text"),
    (r'"TABLE_(?:vrf|afi|prefix|saf)"', "NX-OS's JSON", "give `show ip bgp` as text"),
    (r"^\s*<(?:!doctype html|html)", "a web page", "give what the router itself prints"),
    (r"^<\?xml", "XML", "give the router's text or JSON"),
    (r"^(?:TABLE_DUMP2?|BGP4MP(?:_ET)?)\|", "what bgpdump prints", "give the MRT file itself"),
    (r"^TIME: \d\d/\d\d/\d\d ", "what bgpdump prints", "give the MRT file itself"),
    (r"^ *Network +Next Hop +AS_PATH +Age +Attrs", "GoBGP's text", "give `gobgp global rib -j`"),
    (r"^flags: \* = Valid", "OpenBGPD's text", "give `bgpctl -j show rib detail`"),
    (r"^ {4}Nexthop \S+ \(via ", "OpenBGPD's text", "give `bgpctl -j show rib detail`"),
    (r"^ *A +(?:V +)?Destination +P +Prf +Metric 1", "Junos's terse table", "give `show route … detail | no-more`"),
    (r"^ *Network +NextHop +MED +LocPrf +PrefVal", "Huawei VRP's table", "give an MRT dump or JSON lines"),
    (r"^ *Flag +Network +LocalPref +MED", "SR OS's table", "give an MRT dump or JSON lines"),
    (r"^Flags: .*(?:\n.*){0,8}dst-address", "RouterOS's table", "give an MRT dump or JSON lines"),
    (
        r"^ *Neighbor +(?:V +)?AS +.*(?:MsgRcvd|Up/Down)",
        "a list of neighbors",
        "give the routes, as `show bgp … detail`",
    ),
    (
        r"^(?:router bgp \d|set protocols bgp|protocol bgp\b|protocols \{)",
        "a configuration",
        "give the table of the routes",
    ),
    (r"^route6?: +\S+/\d+", "RPSL objects", "give one prefix a line"),
    (r"^(?:[\w -]+,)+(?:prefix|network)(?:,|$)|^\"?(?:prefix|network)\"?,", "CSV", "give one prefix a line"),
    (r"^ *(?:\S+ +)?via \S+ +dev \S+|^default via ", "the kernel's routes", "give the table of the BGP daemon"),
    (r"^[BCSKORi][*> ]+ *[0-9A-Fa-f.:]+/\d+ \[\d+/\d+\]", "`show ip route`", "give `show bgp … detail`"),
    (r"\A\x03\x00[\x00-\xff]{3}[\x00-\x06]", "a BMP stream", "give an MRT dump"),
    (r"\ASQLite format 3", "a database", "give an MRT dump or JSON lines"),
)
_PATTERNS: Final = tuple((_pattern(text), UnsupportedFormat(what, instead)) for text, what, instead in _FOREIGN)


def foreign(head: bytes) -> UnsupportedFormat | None:
    """What a file is that begins so, where it is one of these."""
    text = head.decode("latin-1")
    return next((found for pattern, found in _PATTERNS if pattern.search(text)), None)
