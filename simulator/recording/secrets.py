"""What no recording may hold: MD5 keys, and secrets of a webhook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from simulator.topology.schema import Topology

SHORTEST: Final = 4
"""A shorter key is not looked for in what routers say: it would be found in every word."""
STANDS_IN: Final = "(a key)"


def topology_document(topology: Topology) -> tuple[dict[str, Any], dict[str, str]]:
    """A topology as JSON without its secrets; and its keys, with the name that each has there: those that differ still
    do."""
    document: dict[str, Any] = topology.model_dump(mode="json", by_alias=True, exclude_unset=True)
    document.pop("webhook", None)
    keys = {key: f"key-{number}" for number, key in enumerate(dict.fromkeys(held_keys(document)), 1)}
    named: dict[str, Any] = with_names(document, keys)
    return named, keys


def held_keys(value: Any) -> Iterator[str]:
    """The MD5 keys in a document."""
    if isinstance(value, dict):
        if isinstance(key := value.get("md5"), str) and key:
            yield key
        value = [*value.values()]
    if isinstance(value, list):
        for each in value:
            yield from held_keys(each)


def with_names(value: Any, names: Mapping[str, str]) -> Any:
    """A document with names in place of its MD5 keys."""
    if isinstance(value, dict):
        return {
            name: names.get(each, each) if name == "md5" and isinstance(each, str) else with_names(each, names)
            for name, each in value.items()
        }
    return [with_names(each, names) for each in value] if isinstance(value, list) else value


def without(value: Any, secrets: list[str]) -> Any:
    """JSON data whose texts hold none of the secrets."""
    if not secrets:
        return value
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, STANDS_IN)
        return value
    if isinstance(value, list):
        return [without(each, secrets) for each in value]
    if isinstance(value, dict):
        return {name: without(each, secrets) for name, each in value.items()}
    return value


def comes_again(recorded: Any, computed: Any) -> bool:
    """Whether JSON data are the same; anything may stand where a key is left out of what was recorded.

    A key may be a word of English, and then stands in what turnup says of itself too.
    """
    if isinstance(recorded, str) and isinstance(computed, str) and STANDS_IN in recorded:
        first, *between, last = recorded.split(STANDS_IN)
        if len(first) + len(last) > len(computed) or not (computed.startswith(first) and computed.endswith(last)):
            return False
        at, end = len(first), len(computed) - len(last)
        for part in between:
            if (found := computed.find(part, at, end)) < 0:
                return False
            at = found + len(part)
        return True
    if isinstance(recorded, list) and isinstance(computed, list):
        return len(recorded) == len(computed) and all(map(comes_again, recorded, computed))
    if isinstance(recorded, dict) and isinstance(computed, dict):
        return recorded.keys() == computed.keys() and all(comes_again(recorded[key], computed[key]) for key in recorded)
    return bool(recorded == computed)
