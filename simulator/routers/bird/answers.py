"""What BIRD answers on its control socket: sessions and routes out of its numbered lines."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from simulator.diagnosis.router_answer import RouterAnswer
from simulator.routers.base import RouterSession, SessionReport
from simulator.session.messages import Family

_DISABLED = "down"
"""The state of a protocol that is disabled; one that is not tries to come up."""
_CHANNELS = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}


@dataclass(slots=True)
class Protocol:
    """One BGP protocol of an answer to `show protocols all`."""

    name: str
    state: str
    """Of the protocol, not of BGP: `up`, `start`, `down`."""
    since: str
    info: str
    fields: dict[str, str] = field(default_factory=dict)
    """What stands before the first channel."""
    channels: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def neighbor(self) -> str:
        """Its address, as Python writes it; empty where BIRD does not tell."""
        address = self.fields.get("Neighbor address", "").partition("%")[0]
        return _rfc5952(address) if ":" in address else address

    def table(self, family: Family) -> str:
        """The table that its channel of this family is joined with; empty without such a channel."""
        return self.channels.get(_CHANNELS[family], {}).get("Table", "")

    def answer(self, session: RouterSession) -> RouterAnswer:
        """What it tells of its configuration."""
        report, channel = self.report(session), self.channels.get(_CHANNELS[session.family])
        error = self.fields.get("Last error", "").partition(": ")[2] or self.fields.get("Last error", "")
        hit = error == _LIMIT_HIT
        return RouterAnswer(
            state=report.state,
            established=report.established,
            reason=report.reason,
            shut_down=report.shut_down and not hit,
            limit_hit=hit,
            local_as=_number(self.fields.get("Local AS", "")),
            remote_as=_number(self.fields.get("Neighbor AS", "")),
            family=channel is not None,
            prefix_limit=_number((channel or {}).get("Import limit", "").partition(" ")[0]),
            name=self.name,
        )

    def report(self, session: RouterSession) -> SessionReport:
        """Of the session's own family: one protocol may carry several."""
        state = self.fields.get("BGP state", self.info or self.state)
        established = state == "Established"
        # Info is the state with something of the error behind it, or, for a session that is disabled, a word on why.
        reason = "" if established else self.fields.get("Last error", self.info.removeprefix(state).strip())
        routes = self.channels.get(_CHANNELS[session.family], {}).get("Routes", "")
        counters = {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", routes)}
        received, exported = counters.get("imported", 0), counters.get("exported", 0)
        shut_down = self.state == _DISABLED
        return SessionReport(session.name, state, established, self.since, received, exported, reason, shut_down)


_NO_LIMIT_HIT, _LIMIT_HIT = "", "Route limit exceeded"
"""Of BIRD's `Last error`, whose words are a code of its own (`BEA_ROUTE_LIMIT_EXCEEDED`)."""


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def lines(answer: str) -> Iterator[tuple[int, str]]:
    """The answer's lines with their codes; a continued line has the code of the line before."""
    code = 0
    for line in answer.splitlines():
        if line[:4].isdigit() and line[4:5] in ("-", " "):
            code, text = int(line[:4]), line[5:]
        else:
            text = line[1:]
        if code:
            yield code, text


_NOWHERE = re.compile(r"\b(?:blackhole|unreachable|prohibit)\b")


def parse_routes(answer: str, *, nowhere: bool = False) -> frozenset[str]:
    """The prefixes in an answer to `show route`, as canonical text.

    `nowhere`: those alone that lead nowhere, as an operator writes what is there to be announced.
    """
    prefixes = set()
    for code, text in lines(answer):
        # A further route to the same prefix has blanks in place of it, a next hop line begins with a tab.
        if code == 1007 and text[:1] not in ("", " ", "\t") and (not nowhere or _NOWHERE.search(text)):
            prefix = text.split(maxsplit=1)[0]
            if "/" in prefix:
                address, _, length = prefix.partition("/")
                # BIRD shortens even a single zero group; everybody else writes RFC 5952.
                prefixes.add(f"{_rfc5952(address)}/{length}" if ":" in prefix else prefix)
    return frozenset(prefixes)


def _rfc5952(address: str) -> str:
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address))


def parse_protocols(answer: str) -> list[Protocol]:
    """Every protocol with a BGP state in an answer to `show protocols all`."""
    found: list[Protocol] = []
    fields: dict[str, str] = {}
    for code, text in lines(answer):
        if code == 1002:
            row = text.strip().split(maxsplit=5)
            found.append(Protocol(row[0], row[3], row[4], row[5] if len(row) > 5 else ""))
            fields = found[-1].fields
        elif code == 1006 and found:
            channel = re.fullmatch(r"\s*Channel (\S+)", text)
            if channel:
                fields = found[-1].channels.setdefault(channel[1], {})
                continue
            key, separator, value = text.strip().partition(":")
            if separator:
                fields.setdefault(key.strip(), value.strip())
    return [protocol for protocol in found if "BGP state" in protocol.fields]


_JITTER = 10
"""Milliseconds: BIRD derives the time of day anew for every answer, and may be one off from answer to answer."""
_CLOCK = re.compile(r"(.*?)(\d\d):(\d\d):(\d\d)\.(\d{3})")


def same_moment(one: str, other: str) -> bool:
    """Whether two times as BIRD prints them are one, but for its jitter."""
    found = [_CLOCK.fullmatch(text) for text in (one, other)]
    if one == other or found[0] is None or found[1] is None or found[0][1] != found[1][1]:
        return one == other
    first, second = (((int(m[2]) * 60 + int(m[3])) * 60 + int(m[4])) * 1000 + int(m[5]) for m in found if m is not None)
    return abs(first - second) <= _JITTER


def protocol_of(session: RouterSession, protocols: Sequence[Protocol]) -> Protocol | None:
    """The one that has the session's neighbor, and its family if several have the neighbor."""
    same = [protocol for protocol in protocols if protocol.neighbor == str(session.remote_address)]
    fitting = [protocol for protocol in same if _CHANNELS[session.family] in protocol.channels]
    return next(iter(fitting or same), None)
