"""What a router's user types to mend a cause: by cause, out of the language's own writer where that has the line.

A remedy is one of three things: lines of what `turnup config` prints, found by writing it once as it was agreed and
once with the mistake (`_VARIED`), or by what they say (`picks`); or, for what no configuration of ours has, a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Final

from simulator.diagnosis.about import About
from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs.registry import FORMATS
from simulator.routers.snippets import changed, lines_of, saying, with_blocks
from simulator.session.messages import Family

MOST = 8
"""So many prefixes are written out."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One language. Templates: {edge}, {peer}, {asn}, {remote_as}, {name}, {afi}, {word}, {inet}, {v}, {v_}, {list},
    {export}, {prefix}, {prefixes}, {limit}, {length}, {community}; a line with {each} or {aggregates} is written once
    for each prefix, numbered by {n}; & ends a line within one."""

    language: str
    show: str
    """What shows all that the router knows of the session."""
    sent: str
    """What shows what it sends on it, or holds back."""
    apply: str = ""
    """What makes it take a changed file."""
    clear: str = ""
    """What starts the session anew."""
    of: str = ""
    """Comment that says which session a snippet is of, where its blocks do not."""
    picks: Mapping[str, str] = field(default_factory=dict)
    """By cause: the lines of `turnup config` to show."""
    says: Mapping[str, str] = field(default_factory=dict)
    """By cause; `*`: a rule of the policy that is mended by not announcing the routes."""


Vary = Callable[[RouterConfig], RouterConfig]


def _session(**wrong: object) -> Vary:
    def vary(config: RouterConfig) -> RouterConfig:
        return replace(config, sessions=tuple(replace(each, **wrong) for each in config.sessions))  # type: ignore[arg-type]

    return vary


def _elsewhere(config: RouterConfig) -> RouterConfig:
    return replace(
        config,
        sessions=tuple(
            replace(each, local_address=ip_address("::ffff" if each.local_address.version == 6 else "255.255.255.254"))
            for each in config.sessions
        ),
    )


_VARIED: Mapping[str, Vary] = {
    "md5": _session(md5=None),
    "gtsm": _session(gtsm=False),
    "remote-as-wrong": _session(remote_as=1),
    "local-as-wrong": lambda config: replace(config, asn=1),
    "router-id-ours": lambda config: replace(config, router_id="255.255.255.255"),
    "hold-time": lambda config: replace(config, hold_time=6),
    "peer-limit": _session(max_prefixes=None),
    "source-address": _elsewhere,
    "session-missing": lambda config: replace(config, sessions=()),
    "nothing-to-announce": lambda config: replace(config, routes=()),
}
"""By cause: what the configuration would be with that mistake."""

ALIASES: Mapping[str, str] = {
    "md5-missing": "md5",
    "hold-time-zero": "hold-time",
    "hold-time-short": "hold-time",
    "peer-limit-near": "peer-limit",
    "not-configured": "session-missing",
    "no-export": "export-policy",
    "one-session-only": "export-policy",
    "prefix-missing": "nothing-to-announce",
    "maps-prepending": "as-path-too-long",
    "maps-private-asn": "bogon-asn",
    "as-path-empty": "first-as",
}
"""Causes that are mended alike."""

_WITH_ROUTES = frozenset({"session-missing", "nothing-to-announce"})
_CLEARED = frozenset({"peer-limit", "peer-limit-near"})
"""The router keeps the session down until somebody starts it again."""


YOURS: Final = "YOUR-PREFIX"
"""Where a user's own file says what is announced, and the router announces nothing: only its user knows."""
_OF_ALL_PREFIXES: Final = frozenset({"policy-required", "export-policy"})
"""Their mend is about all that is to be announced: shown in the router's words also where that is not known."""


def snippet(dialect: Wording, cause: str, config: RouterConfig, session: RouterSession, about: About) -> str:
    """What to type; empty where the language has no words for the cause. `config` is what was agreed."""
    key = ALIASES.get(cause, cause)
    values = values_of(dialect, config, session, about)
    text = ""
    wanted = about.prefixes or tuple(_own(config, session))
    if not wanted and re.search(r"\{(?:each|prefix|prefixes|aggregates)\}", dialect.says.get(key, "")):
        if cause not in _OF_ALL_PREFIXES:
            return ""  # nothing is known to write there
        wanted = (YOURS,)
        values = values | {"prefix": YOURS, "prefixes": YOURS}
    if key in dialect.says:
        text = filled(dialect.says[key], values, wanted)
    else:
        text = written(dialect, key, config, session, about)
    if text and cause in _CLEARED and dialect.clear:
        text += "\n" + filled(dialect.clear, values, ())
    return text


def written(dialect: Wording, key: str, config: RouterConfig, session: RouterSession, about: About) -> str:
    """The lines of `turnup config` that mend a cause, in their blocks; empty where it has none."""
    agreed = alone(config, session, about, routes=key in _WITH_ROUTES)
    try:
        text = FORMATS[dialect.language](agreed)
        if key in dialect.picks:
            numbers = saying(text, re.compile(dialect.picks[key]))
        elif key in _VARIED:
            before = FORMATS[dialect.language](_VARIED[key](agreed))
            if dialect.language == "routeros" and key not in _WITH_ROUTES:
                return _words(text, before, session)
            numbers = changed(text, before)
        else:
            return ""
    except LabError:  # a key, or a route, that the language cannot say
        return ""
    found = with_blocks(text, numbers)
    return (
        f"{filled(dialect.of, {'edge': str(session.remote_address)}, ())}\n{found}" if dialect.of and found else found
    )


def alone(config: RouterConfig, session: RouterSession, about: About, *, routes: bool) -> RouterConfig:
    """The configuration with this one session, and with routes of its family only where they matter."""
    kept = [route for route in config.routes if (":" in route.prefix) == (session.family is Family.IPV6)]
    limit = session.max_prefixes if about.limit is None else about.limit
    return replace(config, sessions=(replace(session, max_prefixes=limit),), routes=tuple(kept) if routes else ())


def _words(text: str, before: str, session: RouterSession) -> str:
    """Of a command that says all of a session: what makes the difference."""
    lines = [line for line in lines_of(text) if f"remote.address={session.remote_address} " in line]
    had = {word for line in lines_of(before) for word in line.split()}
    words = [word for line in lines for word in line.split() if word not in had]
    return (
        f"/routing/bgp/connection/set [find remote.address={session.remote_address}] {' '.join(words)}" if words else ""
    )


def _own(config: RouterConfig, session: RouterSession) -> list[str]:
    six = session.family is Family.IPV6
    return [route.prefix for route in config.routes if (":" in route.prefix) == six]


def values_of(dialect: Wording, config: RouterConfig, session: RouterSession, about: About) -> dict[str, str]:
    """What the templates name."""
    six = session.family is Family.IPV6
    prefixes = about.prefixes or tuple(_own(config, session))
    return {
        "edge": str(session.remote_address),
        "peer": str(session.local_address),
        "asn": str(config.asn),
        "remote_as": str(session.remote_as),
        "name": about.name or f"of neighbor {session.remote_address}",
        "afi": "ipv6" if six else "ipv4",
        "word": "ipv6" if six else "ip",
        "inet": "inet6" if six else "inet",
        "list": "prefix-list6" if six else "prefix-list",
        "v": "V6" if six else "V4",
        "v_": "v6" if six else "v4",
        "export": about.export or {"bird": f"to_microsoft_v{6 if six else 4}"}.get(dialect.language, "TO-MICROSOFT"),
        "prefix": prefixes[0] if prefixes else "",
        "prefixes": ", ".join(prefixes[:MOST]),
        "limit": str(about.limit if about.limit is not None else session.max_prefixes),
        "length": "48" if six else "24",
        "community": about.community,
    }


def filled(template: str, values: Mapping[str, str], prefixes: tuple[str, ...]) -> str:
    """A template with its values; a line with {each} stands there once for each prefix."""
    lines = []
    for line in template.splitlines():
        if "{each}" in line:
            lines += [
                _put(line, {**values, "each": each, "n": str(5 * n)}) for n, each in enumerate(prefixes[:MOST], 1)
            ]
        elif "{aggregates}" in line:
            for number, each in enumerate(_aggregates(prefixes), 1):
                lines.append(_put(line, {**values, "aggregates": each, "n": str(5 * number)}))
        else:
            lines.append(_put(line, values))
    return "\n".join(lines).replace("&", "\n")


def _put(line: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), line)


def _aggregates(prefixes: tuple[str, ...]) -> list[str]:
    """The /24s and /48s that these prefixes lie in."""
    found: dict[str, None] = {}
    for prefix in prefixes:
        network, length = ip_network(prefix), 48 if ":" in prefix else 24
        found[str(network.supernet(new_prefix=length) if network.prefixlen > length else network)] = None
    return list(found)[:MOST]
