"""What Cisco's IOS, Arista's EOS and their like share: prefix lists and route maps, told apart by a few words."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.routers.base import RouterConfig
from simulator.routers.configs import model
from simulator.session.messages import Family

WORD = {Family.IPV4: "ip", Family.IPV6: "ipv6"}


def refused(config: RouterConfig, family: Family) -> Iterator[tuple[int, str, str]]:
    """Sequence number, prefix with its lengths (`10.0.0.0/8 le 32`) and why, for a prefix list of what is refused."""
    number, bits = 0, model.BITS[family]
    for refusal in model.refusals(config, family):
        number += 5
        longer = f" le {bits}" if refusal.longer and not refusal.prefix.endswith(f"/{bits}") else ""
        yield number, f"{refusal.prefix}{longer}", refusal.why
    too_long = f"{model.DEFAULT[family]} ge {model.LONGEST[family] + 1}"
    yield number + 5, too_long, "too specific (RFC 7454, 6.1.3)"


def prefix_lists(config: RouterConfig, family: Family) -> Iterator[str]:
    """The list of what is refused, then one for each group of what is announced."""
    word, v = WORD[family], model.suffix(family)
    for number, text, why in refused(config, family):
        yield f"! {why}"
        yield f"{word} prefix-list REFUSED-{v} seq {number} permit {text}"
    for group in model.groups(config, family):
        yield "! our own"
        for number, route in enumerate(group.routes, 1):
            yield f"{word} prefix-list {group.name} seq {5 * number} permit {route.prefix}"


def route_maps(config: RouterConfig, family: Family, path_list: str) -> Iterator[str]:
    """One in and one out; each ends with a refusal of what is left."""
    word, v = WORD[family], model.suffix(family)
    yield f"route-map FROM-MICROSOFT-{v} deny 10"
    yield f" match as-path {path_list}"
    yield f"route-map FROM-MICROSOFT-{v} deny 20"
    yield f" match {word} address prefix-list REFUSED-{v}"
    yield f"route-map FROM-MICROSOFT-{v} permit 30"
    yield "!"
    groups = model.groups(config, family)
    for number, group in enumerate(groups, 1):
        yield f"route-map TO-MICROSOFT-{v} permit {10 * number}"
        yield f" match {word} address prefix-list {group.name}"
        yield from (f" {setting}" for setting in _settings(group))
    yield f"route-map TO-MICROSOFT-{v} deny {10 * (len(groups) + 1)}"


def _settings(group: model.Group) -> Iterator[str]:
    if group.med is not None:
        yield f"set metric {group.med}"
    if group.communities:
        yield f"set community {' '.join(group.communities)} additive"
    for kind, texts in model.by_kind(group).items():
        yield f"set extcommunity {kind} {' '.join(texts)} additive"
    if group.origin:
        yield f"set origin {group.origin}"
    if group.large_communities:
        yield f"set large-community {' '.join(group.large_communities)} additive"
