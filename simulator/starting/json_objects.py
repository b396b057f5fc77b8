"""Values out of JSON that others wrote: each of the wanted type, or a StartError that says where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from simulator.addresses import IpAddress, IpNetwork
from simulator.starting.facts import StartError

JsonMap = Mapping[str, Any]


def objects(found: Any, where: str) -> Iterator[JsonMap]:
    """The objects of a list; none where there is no list at all."""
    if found is None:
        return
    if not isinstance(found, list):
        raise StartError(f"{where} is no list")
    for each in found:
        if not isinstance(each, dict):
            raise StartError(f"{where} holds {each!r:.40}, which is no object")
        yield each


def text(found: Any) -> str:
    """A text on one line, without what no terminal and no YAML comment should see; empty for anything else."""
    if not isinstance(found, str):
        return ""
    return " ".join("".join(char if char.isprintable() else " " for char in found).split())[:80]


def number(found: Any, where: str) -> int:
    if isinstance(found, str) and found.isdecimal():
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool):
        raise StartError(f"{where} is {found!r:.40}, which is no number")
    return found


def optional_number(found: Any, where: str) -> int | None:
    """None where nothing is said."""
    return None if found is None or found == "" else number(found, where)


def address(found: Any, where: str) -> IpAddress | None:
    """None where nothing is said."""
    if found is None or found == "":
        return None
    try:
        return ip_address(found if isinstance(found, str) else "")
    except ValueError:
        raise StartError(f"{where} is {found!r:.60}, which is no address") from None


def prefix(found: Any, where: str) -> IpNetwork:
    try:
        return ip_network(found if isinstance(found, str) else "", strict=False)
    except ValueError:
        raise StartError(f"{where} is {found!r:.60}, which is no prefix") from None
