"""The table of RFC 7606 cases as data."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from simulator.session.messages import Family
from simulator.wire.update_faults import ErrorHandling

TABLE = Path(__file__).with_name("rfc7606_cases.toml")
_OUTCOMES = {
    "discard": ErrorHandling.DISCARD,
    "treat-as-withdraw": ErrorHandling.TREAT_AS_WITHDRAW,
    "afi-safi-disable": ErrorHandling.AFI_SAFI_DISABLE,
    "session-reset": ErrorHandling.SESSION_RESET,
}
_PREFIX = {Family.IPV4: "18290000", Family.IPV6: ""}


@dataclass(frozen=True)
class Case:
    """One malformed UPDATE and what must become of it."""

    id: str
    family: Family
    """The session's."""
    asn4: bool
    body: bytes
    outcome: ErrorHandling
    code: int | None
    clause: str
    notification: tuple[int, int] | None
    disables: str
    faults: int
    announces: bool


def cases() -> list[Case]:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    pieces: dict[str, str] = table["pieces"]

    def octets(text: str) -> bytes:
        return bytes.fromhex(re.sub(r"\{(\w+)\}", lambda found: pieces[found[1]], text))

    found = []
    for row in table["case"]:
        family = Family.IPV6 if row.get("session") == "IPv6" else Family.IPV4
        if "body" in row:
            body = octets(row["body"])
        else:
            withdrawn, attributes = octets(row.get("withdrawn", "")), octets(row["attributes"])
            body = len(withdrawn).to_bytes(2, "big") + withdrawn + len(attributes).to_bytes(2, "big") + attributes
            body += octets(row.get("nlri", _PREFIX[family]))
        code, _, subcode = row.get("notification", "").partition("/")
        found.append(
            Case(
                id=row["id"],
                family=family,
                asn4=row.get("asn4", True),
                body=body,
                outcome=_OUTCOMES[row["outcome"]],
                code=row.get("code"),
                clause=row["clause"],
                notification=(int(code), int(subcode)) if code else None,
                disables=row.get("disables", ""),
                faults=row.get("faults", 1),
                announces=row.get("announces", True),
            )
        )
    return found
