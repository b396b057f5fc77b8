"""What no recording may hold: MD5 keys, and secrets of a webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from simulator.topology.schema import Topology

_SHORTEST: Final = 4
"""A shorter key is not looked for in what routers say: it would be found in every word."""
STANDS_IN: Final = "(a key)"


def topology_document(topology: Topology) -> tuple[dict[str, Any], list[str]]:
    """A topology as JSON without its secrets, and these, the longest first. Keys that differ still do."""
    document: dict[str, Any] = topology.model_dump(mode="json", by_alias=True, exclude_unset=True)
    document.pop("webhook", None)
    keys: dict[str, str] = {}
    for holder in _holders(document):
        if key := holder["md5"]:
            holder["md5"] = keys.setdefault(key, f"key-{len(keys) + 1}")
    return document, sorted((key for key in keys if len(key) >= _SHORTEST), key=len, reverse=True)


def _holders(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("md5"), str):
            yield value
        for each in value.values():
            yield from _holders(each)
    elif isinstance(value, list):
        for each in value:
            yield from _holders(each)


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
