"""From a fault to the lab that has it: the base topology, changed, and the router's configuration, changed.

A daemon runs the configuration that turnup writes for it, with the fault in it, as its user's own file: so what finds
the fault reads the same files as in the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from simulator.engine.peer_config import agreed_config
from simulator.faults import own_file
from simulator.faults.load import load
from simulator.faults.schema import Patch, RehearsedFault, RouterChange, Sabotage, Spoken
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs.registry import FORMATS
from simulator.topology.document import merge, read
from simulator.topology.load import parse
from simulator.topology.plan import plans
from simulator.topology.schema import Times, Topology

_QUICK: Final = {"soak": 1, "deadline": 12, "active": 1, "connect-retry": 1}
"""Seconds: a rehearsal of a fault is to be short."""
_MICROSOFT: Final = [
    {"prefixes": ["13.64.0.0/11", "20.33.0.0/16", "40.64.0.0/10", "52.96.0.0/12", "104.40.0.0/13"]},
    {"prefixes": ["2603:1000::/24", "2a01:111::/32", "2620:1ec::/36"]},
]
_OWN: Final = {
    "exchange": [{"prefixes": ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32", "2001:db9::/32"]}],
    "direct": [{"prefixes": ["192.0.2.0/24", "203.0.113.0/24", "2001:db8:64::/48", "2001:db8:65::/48"]}],
}
"""What the peer of each base announces: routes that every router's file has a way to write."""


_SERVER: Final = "rs1.bird.conf"
"""The real route server's file, beside its topology."""


class FaultError(Exception):
    """A fault that cannot be made: one line, with what does not fit."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One fault on one family of the lab."""

    fault: RehearsedFault
    family: str


@dataclass(frozen=True, slots=True)
class FaultyLab:
    """What is run: a topology, what its peer's router is altered in, what it says by script, and what is done to it."""

    topology: Topology
    alter: Callable[[RouterConfig], RouterConfig]
    """Of routers that have no file: the simulated one."""
    spoken: Mapping[str, Spoken] = field(default_factory=dict)
    """Family label → what a scripted peer says in place of the simulated one."""
    actions: tuple[tuple[Sabotage, str], ...] = ()
    """Each with its family."""
    edge_waits: frozenset[str] = frozenset()
    """The families on which the edges call nobody."""


def base_of(topology: Topology) -> str:
    """The base, a shipped topology, that one of a user's own is like."""
    first = topology.peerings[0]
    if first.is_ixrs:
        return "route-server-bird" if topology.peers[0].router_kind == "bird" else "route-server"
    return "direct" if first.is_direct else "exchange"


_NOT_AGREED: Final = {"md5-not-agreed": ("md5", "MD5"), "gtsm-at-peer": ("gtsm", "GTSM")}
"""Cause → what was not agreed: the key of a peering, and its word."""


def unfit(fault: RehearsedFault, topology: Topology, family: str) -> str:
    """Why the first peer of a topology of one's own cannot have a fault; empty where it can."""
    first = topology.peers[0]
    if fault.base != base_of(topology):
        return f"it is for a lab like {fault.base}"
    if fault.pair:
        families = (family, "IPv6" if family == "IPv4" else "IPv4")
        parts = (unfit(load(name), topology, each) for name, each in zip(fault.pair, families, strict=True))
        if why := next(filter(None, parts), ""):
            return why
    why = fault.inapplicable(first.router_kind, family)
    if why:
        return why
    if first.router_choice.config is not None:
        return own_file.why_not(fault, first, topology.peerings[0])
    causes = {each.cause for each in fault.expected(first.router_kind).causes}
    for cause, (name, word) in _NOT_AGREED.items():
        if cause in causes and getattr(topology.peerings[0], name):
            return f"{word} is agreed there"
    return ""


def healthy(base: str, router: str, directory: Path) -> FaultyLab:
    """A base without any fault."""
    return build([], base, router, directory)


def build(breaches: Iterable[Breach], base: str, router: str, directory: Path) -> FaultyLab:
    """The lab of some faults at once; its files go into `directory`. Raises FaultError, TopologyError and LabError."""
    return build_on(_base(base, router, directory), list(breaches), base, router, directory)


def build_on(
    document: dict[str, Any], breaches: Sequence[Breach], base: str, router: str, directory: Path
) -> FaultyLab:
    """The same on a topology of one's own, as plain data, of the kind of a `base`; its first peer has the fault.

    A router's own file stays as it is: see `simulator.faults.own_file`.
    """
    is_own = _file_of(document["peers"][0]) not in (None, str(directory / _SERVER))
    for breach in breaches:
        _change_topology(document, breach, directory, router)
        if is_own:
            own_file.agree_otherwise(document, breach.fault, breach.family, router)
        _take_times(document, breach.fault.times)
    if any(action.node == "another" for breach in breaches for action in breach.fault.actions):
        document["peers"].append(_second_box(document["peers"][0]))
    topology = _parsed(document)
    spoken = {each.family: each.fault.speaks for each in breaches if each.fault.speaks and router == "simulated"}

    def alter(config: RouterConfig) -> RouterConfig:
        for breach in breaches:
            config = _altered(config, breach, topology, router)
        return replace(config, sessions=tuple(s for s in config.sessions if s.family.label not in spoken))

    if base == "route-server-bird" and not is_own:
        file = directory / _SERVER
        text = file.read_text()
        for breach in breaches:
            text = patched(text, breach, router, agreed_config(topology, topology.peers[0]))
        file.write_text(text)
    elif router in FORMATS and base != "route-server" and not is_own:
        config = alter(_as_taken(agreed_config(topology, topology.peers[0]), topology))
        if not (router == "openbgpd" and any(route.as_path for route in config.routes)):
            # bgpd.conf has no way to write a path: those routes are given to a bgpd that runs.
            file = directory / f"{topology.peers[0].name}.{'toml' if router == 'gobgp' else 'conf'}"
            file.touch(mode=0o600)
            file.write_text(_configuration(config, topology, router, breaches))
            document["peers"][0]["router"] = {"kind": router, "config": str(file)}
            topology = _parsed(document)
    actions = tuple((action, each.family) for each in breaches for action in each.fault.actions)
    waits = frozenset(each.family for each in breaches if each.fault.edge_waits)
    return FaultyLab(topology, alter, {k: v for k, v in spoken.items() if v is not None}, actions, waits)


def _file_of(peer: Mapping[str, Any]) -> str | None:
    """The configuration that the router runs as it is; None for one that turnup writes."""
    router = peer.get("router")
    return router.get("config") if isinstance(router, Mapping) else None


def _as_taken(config: RouterConfig, topology: Topology) -> RouterConfig:
    """With the addresses that the router takes for its own and for Microsoft's: another half of a prefix."""
    taken = {plan.router_session: plan.peer_takes for plan in plans(topology)}
    return replace(
        config,
        sessions=tuple(
            session
            if (pair := taken.get(session.name)) is None
            else replace(
                session,
                local_address=pair.peer,
                remote_address=pair.microsoft,
                remote=replace(session.remote, host=pair.microsoft),
            )
            for session in config.sessions
        ),
    )


def _take_times(document: dict[str, Any], wanted: Mapping[Any, float]) -> None:
    """Other times. A soak that the deadline would cut off is over as long before it as the file's own was."""
    times = document.setdefault("times", {})
    before = {"soak": Times().soak, "deadline": Times().deadline} | times
    times.update(wanted)
    soak = times.get("soak", before["soak"])
    if times.get("deadline", before["deadline"]) < soak:
        times["deadline"] = soak + before["deadline"] - before["soak"]


ANOTHER: Final = "another-box"
"""The node of a second box on the exchange LAN."""


def _second_box(peer: Mapping[str, Any]) -> dict[str, Any]:
    """A node beside the peer: it has no peering, only an interface."""
    near = {key: str(ip_address(peer[key]) + 23) for key in ("ipv4", "ipv6")}
    return {"name": ANOTHER, "asn": 64511, **near}


def _parsed(document: Mapping[str, Any]) -> Topology:
    return parse(json.dumps(document), "the faulty topology", Path("/"))


def _base(name: str, router: str, directory: Path) -> dict[str, Any]:
    text = files("simulator").joinpath(f"topologies/{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = read(text).data
    found["link"] = "netns"
    found["times"] = dict(_QUICK)
    found["microsoft"]["announce"] = _MICROSOFT
    for peering in found["peerings"]:
        peering["expect"] = {}
    if name == "route-server-bird":
        if router != "bird":
            raise FaultError(f"the base {name} has a BIRD as the exchange's route server: --router bird")
        found["peers"][0]["router"]["config"] = str(directory / _SERVER)
        text = files("simulator").joinpath(f"topologies/{_SERVER}").read_text(encoding="utf-8")
        (directory / _SERVER).write_text(text)
        found["customers"] = [{**each, "registered": True, "router": "simulated"} for each in found["customers"]]
    elif name in _OWN:
        found["peers"][0] |= {"router": router, "announce": _OWN[name]}
    elif router == "simulated":  # one that is not registered is seen, and warned of
        found["customers"] = [{**customer, "registered": True} for customer in found["customers"]]
    else:
        raise FaultError(f"the base {name} is played by turnup's own route server: --router simulated")
    copied: dict[str, Any] = json.loads(json.dumps(found))
    return copied


# --- the topology ---

_FIRSTS: Final = {"peer": "peers", "peering": "peerings", "edge": "edges", "customer": "customers"}


def _change_topology(document: dict[str, Any], breach: Breach, directory: Path, router: str) -> None:
    values = _words(document, breach.family) | {"directory": str(directory)}
    for name, text in breach.fault.files.items():
        (directory / name).write_text(text)
    for key, change in breach.fault.topology.items():
        filled = filled_in(change, values)
        if key == "another":
            document["peers"].append(_second_box(document["peers"][0]) | filled)
        elif key in _FIRSTS:
            merge(document[_FIRSTS[key]][0], filled)
        else:
            merge(document, {key: filled})
    if (announced := breach.fault.change(router).announce) is not None:
        first = document["peers"][0]
        entries = first.get("announce", [])
        kept = _without(entries, breach.family) if announced.only else entries
        first["announce"] = [*kept, *filled_in(announced.of(breach.family), values)]


def _words(document: Mapping[str, Any], family: str) -> dict[str, str]:
    key = family.lower()
    lan = document.get("exchange", {}).get("lan", {}).get(key, "")
    return {
        "family": family,
        "other-family": "IPv6" if family == "IPv4" else "IPv4",
        "edge": str(document["edges"][0].get(key, "")),
        "peer": str(document["peers"][0].get(key, "")),
        "edge-id": str(document["edges"][0].get("router-id") or document["edges"][0].get("ipv4", "")),
        "asn": str(document["peers"][0]["asn"]),
        "lan": str(lan),
        "other": str(ip_address(document["peers"][0][key]) + 11) if key in document["peers"][0] else "",
    }


def _without(entries: Sequence[Any], family: str) -> list[Any]:
    """Route lines and prefix lists without the routes of a family."""

    def of_another(prefix: Any) -> bool:
        return (":" in str(prefix).partition("/")[0]) != (family == "IPv6")

    kept: list[Any] = []
    for entry in entries:
        if isinstance(entry, str):  # `route 192.0.2.0/24 next-hop self`
            words = entry.split()
            kept += [entry] if of_another(next((word for word in words if "/" in word), words[1])) else []
            continue
        left = {**entry, "prefixes": [each for each in entry.get("prefixes", ()) if of_another(each)]}
        if not of_another((entry.get("generate") or {"within": "::" if family == "IPv6" else ""})["within"]):
            left.pop("generate", None)
        kept.append(left)
    return kept


def filled_in(value: Any, words: Mapping[str, str]) -> Any:
    """Plain data with the placeholders of all its texts filled in."""
    if isinstance(value, str):
        return fill(value, words)
    if isinstance(value, list):
        return [filled_in(each, words) for each in value]
    if isinstance(value, Mapping):
        return {key: filled_in(each, words) for key, each in value.items()}
    return value


def fill(text: str, words: Mapping[str, str]) -> str:
    """Placeholders in braces are filled in; other braces stay, as configurations have many."""
    return re.sub(r"\{([A-Za-z0-9-]+)\}", lambda found: words.get(found[1], found[0]), text)


# --- the router's configuration ---


def session_words(session: RouterSession, config: RouterConfig) -> dict[str, str]:
    """The placeholders of one session. {other}: an address of the link that nobody has."""
    four = session.family.label == "IPv4"
    own = [route.prefix for route in config.routes if (":" in route.prefix) != four]
    return {
        "edge": str(session.remote_address),
        "peer": str(session.local_address),
        "other": str(session.local_address + 11),
        "other-edge": str(session.remote_address + 11),
        "asn": str(config.asn),
        "afi": "ipv4" if four else "ipv6",
        "other-afi": "ipv6" if four else "ipv4",
        "other-family": "IPv6" if four else "IPv4",
        "bits": "32" if four else "128",
        "too-long": "25..32" if four else "49..128",
        "nexthop": "ip next-hop" if four else "ipv6 next-hop global",
        "ip": "ip" if four else "ipv6",
        "inet": "inet" if four else "inet6",
        "v": "v4" if four else "v6",
        "V": "V4" if four else "V6",
        "family": session.family.label,
        "prefix": own[0] if own else "",
    }


def _altered(config: RouterConfig, breach: Breach, topology: Topology, router: str) -> RouterConfig:
    change, family = breach.fault.change(router), breach.family
    sessions: list[RouterSession] = []
    for session in config.sessions:
        if session.family.label != family:
            sessions.append(session)
        elif change.session is None:
            sessions.append(_altered_session(session, change, config))
    words = {"edge-id": str(topology.edges[0].identifier)}
    return replace(
        config,
        asn=change.asn or config.asn,
        hold_time=config.hold_time if change.hold_time is None else change.hold_time,
        router_id=fill(change.router_id or config.router_id, words),
        sessions=tuple(sessions),
    )


def _altered_session(session: RouterSession, change: RouterChange, config: RouterConfig) -> RouterSession:
    words = session_words(session, config)
    remote = ip_address(fill(change.remote_address, words)) if change.remote_address else session.remote_address
    return replace(
        session,
        remote_as=change.remote_as or session.remote_as,
        local_address=ip_address(fill(change.local_address, words)) if change.local_address else session.local_address,
        remote_address=remote,
        remote=session.remote if remote == session.remote_address else replace(session.remote, host=remote),
        md5=session.md5 if change.md5 is None else change.md5 or None,
        gtsm=session.gtsm if change.gtsm is None else change.gtsm,
        max_prefixes=change.max_prefixes or session.max_prefixes,
    )


def _configuration(config: RouterConfig, topology: Topology, router: str, breaches: Sequence[Breach]) -> str:
    """The router's file, with the fault in it."""
    # Lab only: it dials and redials at once. ExaBGP does so anyway; what its writer adds for a lab is for no other.
    writer: Callable[..., str] = FORMATS[router]
    text = writer(config) if router == "exabgp" else writer(config, Path("/run/turnup"))
    for breach in breaches:
        text = patched(text, breach, router, agreed_config(topology, topology.peers[0]))
    return text


def patched(text: str, breach: Breach, router: str, config: RouterConfig) -> str:
    """A configuration with the fault's changes. Raises FaultError for one that finds nothing to change."""
    sessions = [session for session in config.sessions if session.family.label == breach.family]
    for patch in breach.fault.patch.get(router, ()):
        for session in sessions[:1] if patch.once else sessions:
            words = session_words(session, config)
            text = _changed(text, patch, words, f"{breach.fault.name}: patch.{router}")
    return text


def _changed(text: str, patch: Patch, words: Mapping[str, str], where: str) -> str:
    pattern = fill(patch.find, {name: re.escape(word) for name, word in words.items()})
    put = fill(re.sub(r"\\(\d)", r"\\g<\1>", patch.put), words)  # an address may begin with a digit
    found, count = re.subn(pattern, put, text, flags=re.MULTILINE | re.DOTALL)
    if not count:
        raise FaultError(f"{where}: nothing in the configuration is as {patch.find!r} ({pattern!r})")
    return found
