"""Which format a route table is in, told from how it begins; and its reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Final

from simulator.mrt import records
from simulator.tables import cisco_detail, cisco_table, junos_text
from simulator.tables.bird_text import ROUTE, read_bird
from simulator.tables.eos_json import read_eos
from simulator.tables.frr_json import read_frr
from simulator.tables.gobgp_json import read_gobgp
from simulator.tables.json_documents import read_json
from simulator.tables.mrt_reader import read_mrt
from simulator.tables.openbgpd_json import read_openbgpd
from simulator.tables.route_lines import read_route_lines
from simulator.tables.table_entries import TableReader
from simulator.tables.terminal import cleaned, is_chatter
from simulator.tables.unsupported_formats import UnsupportedFormat, foreign


class InputFormat(StrEnum):
    """What can be read."""

    MRT = "mrt"
    EXABGP = "exabgp"
    BIRD = "bird"
    JSON = "json"
    GOBGP = "gobgp"
    OPENBGPD = "openbgpd"
    FRR = "frr"
    EOS = "eos"
    CISCO = "cisco"
    CISCO_DETAIL = "cisco-detail"
    JUNOS = "junos"


READERS: Final[dict[InputFormat, TableReader]] = {
    InputFormat.MRT: read_mrt,
    InputFormat.EXABGP: read_route_lines,
    InputFormat.BIRD: read_bird,
    InputFormat.JSON: read_json,
    InputFormat.GOBGP: read_gobgp,
    InputFormat.OPENBGPD: read_openbgpd,
    InputFormat.FRR: read_frr,
    InputFormat.EOS: read_eos,
    InputFormat.CISCO: cisco_table.read_cisco_table,
    InputFormat.CISCO_DETAIL: cisco_detail.read_cisco_detail,
    InputFormat.JUNOS: junos_text.read_junos,
}
TITLES: Final = {
    InputFormat.MRT: "MRT",
    InputFormat.EXABGP: "ExaBGP routes",
    InputFormat.BIRD: "BIRD's show route all",
    InputFormat.JSON: "JSON",
    InputFormat.GOBGP: "GoBGP's JSON",
    InputFormat.OPENBGPD: "OpenBGPD's JSON",
    InputFormat.FRR: "FRR's JSON",
    InputFormat.EOS: "EOS's JSON",
    InputFormat.CISCO: "a show bgp table",
    InputFormat.CISCO_DETAIL: "show bgp detail",
    InputFormat.JUNOS: "Junos's show route",
}
_ENOUGH: Final = 4096
"""Octets that always tell, unless they are all comment."""
_MOST: Final = 1024 * 1024
_LINES: Final = 200
"""Lines to look at before giving up: a router's greeting is never as long."""
_BY_LINE: Final = (
    (InputFormat.EXABGP, re.compile(r"^\s*(?:announce\s+)?(?:route|attributes)\s")),
    (InputFormat.EXABGP, re.compile(r"^\s*[0-9a-fA-F]*[.:][0-9a-fA-F.:]*/\d{1,3}\s*(?:#.*|;)?$")),
    (InputFormat.BIRD, ROUTE),
    (InputFormat.BIRD, re.compile(r"^(?:\d{4}[- ])?(?:BIRD \d|Table (?!ID:)\S+:)")),
    (InputFormat.CISCO_DETAIL, cisco_detail.ENTRY),
    (InputFormat.CISCO, cisco_table.TITLES),
    (InputFormat.JUNOS, junos_text.TABLE),
)
"""The first line that one of them is found in tells."""
_BY_NAMES: Final = (
    (InputFormat.JSON, re.compile(r'\A\s*\{\s*"api"\s*:\s*\{')),  # birdwatcher's
    (InputFormat.OPENBGPD, re.compile(r'\A\s*\{\s*"rib"\s*:\s*\[')),
    (InputFormat.EOS, re.compile(r'"(?:bgpRouteEntries|vrfs)"\s*:\s*\{')),
    (InputFormat.FRR, re.compile(r'"(?:routes|receivedRoutes|advertisedRoutes|filteredRoutes)"\s*:\s*\{')),
    (InputFormat.FRR, re.compile(r'"(?:bgpLocalRouterId|bgpTableVersion|defaultLocPrf|vrfName)"\s*:')),
    (InputFormat.FRR, re.compile(r'\A\s*\{\s*"prefix"\s*:\s*"[^"]*"\s*,[^\[\]]*"paths"\s*:\s*\[')),
    (InputFormat.GOBGP, re.compile(r'\A\s*\{\s*"[0-9A-Fa-f.:]+/\d+"\s*:\s*\[\s*\{[^\[\]]*"(?:attrs|nlri)"\s*:')),
)
"""The first that is found in the beginning of a JSON text tells; else it is of no router in particular."""


def recognise(chunks: Iterable[bytes]) -> tuple[InputFormat | UnsupportedFormat | None, Iterator[bytes]]:
    """The format, what else it is, or None where nobody can tell; and the same chunks, from the start."""
    source, seen, size = iter(chunks), list[bytes](), 0
    found: InputFormat | UnsupportedFormat | None = None
    for chunk in source:
        seen.append(chunk)
        size += len(chunk)
        if size >= _ENOUGH and ((found := _judge(b"".join(seen))) is not None or size >= _MOST):
            break
    else:
        found = _judge(b"".join(seen))
    return found or foreign(b"".join(seen)[:_MOST]), chain(seen, source)


def _judge(head: bytes) -> InputFormat | UnsupportedFormat | None:
    if records.looks_like(head):
        return InputFormat.MRT
    text = head[:_MOST].decode("utf-8", "replace")
    at = 0
    for line in text.splitlines(keepends=True)[:_LINES]:
        shown = cleaned(line)
        if shown.strip().startswith(("{", "[")) and not is_chatter(shown):
            return _by_names(text[at:]) or foreign(head) or InputFormat.JSON
        at += len(line)
        if not shown.strip() or shown.lstrip().startswith("#"):
            continue
        for format_, pattern in _BY_LINE:
            if pattern.match(shown):
                alien = foreign(head) if format_ is InputFormat.CISCO_DETAIL else None
                return alien or format_
    return None


def _by_names(text: str) -> InputFormat | None:
    return next((format_ for format_, pattern in _BY_NAMES if pattern.search(text)), None)
