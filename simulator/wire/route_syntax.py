"""ExaBGP's route syntax, read by ExaBGP's own parser: what operators already write in its configurations.

route 192.0.2.0/24 next-hop self as-path [ 64496 64500 ] community [ 8075:8007 ] med 10
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from exabgp.bgp.message.update.attribute import SEQUENCE, ASPath, NextHopSelf
from exabgp.configuration.core.format import formated, tokens
from exabgp.configuration.core.tokeniser import Iterator as Words
from exabgp.configuration.static import attributes as exa_attributes
from exabgp.configuration.static import route as exa_route

from simulator.session.messages import Family
from simulator.wire import _exabgp  # noqa: F401  (silences the library)
from simulator.wire.attribute_checks import DECODED, TRANSITIVE, AttributeCode
from simulator.wire.attribute_codec import AttributeFault, decode
from simulator.wire.path_attributes import PathAttributes

_PARSERS: Final = {"route": exa_route, "attributes": exa_attributes}
# Words that make ExaBGP build something other than a plain unicast announcement.
_REFUSED: Final = ("label", "rd", "route-distinguisher", "path-information", "withdraw", "watchdog")
_SPLIT_BITS_MAX: Final = 16
"""`split` makes at most 2^16 routes of one line; ExaBGP would try 2^128."""
_COMMUNITY: Final = re.compile(r"(\d+):(\d+)")
_FAMILIES: Final = {family.value: family for family in Family}


class RouteSyntaxError(ValueError):
    """A route line that cannot be used; the text names the line and the reason."""


@dataclass(frozen=True, slots=True)
class ParsedRoute:
    """One prefix of a line; the AS path is what the line says, our own AS is prepended elsewhere."""

    family: Family
    key: bytes
    attributes: PathAttributes
    next_hop_self: bool = False
    """Its next hop is that of `next-hop self`, and not an address that the line names."""


class _Session:
    """What ExaBGP's attributes ask when they are packed."""

    asn4 = True


def parse_routes(
    lines: Iterable[str], *, next_hop_v4: IPv4Address | None, next_hop_v6: IPv6Address | None
) -> list[ParsedRoute]:
    """Parse lines, blank ones and # comments skipped. RouteSyntaxError; also when `next-hop self` has no address."""
    selves = {Family.IPV4: next_hop_v4, Family.IPV6: next_hop_v6}
    found: list[ParsedRoute] = []
    for line in lines:
        text = " ".join(line.partition("#")[0].split())
        if text:
            try:
                found.extend(_parse_line(text, selves))
            except AttributeFault as fault:
                raise RouteSyntaxError(f"{text!r}: {fault.reason}") from None
            # ExaBGP's parser meets bad input with whatever Python raises on the way (struct.error, IndexError,
            # TypeError, OSError, its own Notify): all of it means that the line is wrong.
            except Exception as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise RouteSyntaxError(f"{text!r}: {reason}") from None
    return found


def _parse_line(text: str, selves: dict[Family, IPv4Address | IPv6Address | None]) -> Iterator[ParsedRoute]:
    statement = formated(text)
    for parsed in tokens(iter([statement if statement.endswith(";") else statement + " ;"])):
        words = [word for _, _, word in parsed]
        if words.pop() != ";":
            raise ValueError("a route is one line, without braces")
        if words[:1] == ["announce"]:
            del words[0]
        if not words:
            continue
        if words[0] not in _PARSERS:
            raise ValueError(f"a line starts with 'route' or 'announce route', not {words[0]!r}")
        _refuse(words)
        reader = Words().replenish(words)
        try:
            changes = _PARSERS[reader()](reader)
        except Exception as error:
            # Some of its messages are about struct formats, so say how far it came.
            last = words[-1 - len(list(reader.generator))]
            raise ValueError(f"{error} (near {last!r})" if last not in str(error) else str(error)) from None
        for change in changes:
            yield _convert(change, selves)


def _refuse(words: list[str]) -> None:
    """What ExaBGP accepts and we cannot send, or what it would silently change."""
    for word in words:
        if word in _REFUSED:
            raise ValueError(f"{word!r} is not supported here")
    if "next-hop" not in words:
        raise ValueError("there is no next-hop")
    if "split" in words[:-1]:
        prefix, cut = words[1], words[words.index("split") + 1]
        bits = prefix.partition("/")[2]
        if bits.isdigit() and cut[1:].isdigit():
            if int(cut[1:]) > (128 if ":" in prefix else 32):
                raise ValueError(f"'split {cut}' is longer than an address")
            if int(cut[1:]) - int(bits) > _SPLIT_BITS_MAX:
                raise ValueError(f"'split {cut}' of {prefix} makes more than {2**_SPLIT_BITS_MAX} routes")
    if "community" in words:
        values = words[words.index("community") + 1 :]
        values = values[: values.index("]")] if "]" in values and values[0] == "[" else values[:1]
        for value in values:
            # ExaBGP adds the halves, so that 1:70000 becomes 2:4464.
            match = _COMMUNITY.fullmatch(value)
            if match and max(map(int, match.groups())) > 0xFFFF:
                raise ValueError(f"community {value}: each half is at most 65535")


def _convert(change: Any, selves: dict[Family, IPv4Address | IPv6Address | None]) -> ParsedRoute:
    nlri = change.nlri
    # A prefix in 224/4 comes as multicast; there is a plain unicast AFI/SAFI on our sessions and nothing else.
    family = _FAMILIES.get((int(nlri.afi), int(nlri.safi)))
    if family is None:
        raise ValueError("it is not a unicast prefix")
    bits = int(nlri.cidr.mask)
    key = bytes((bits,)) + bytes(nlri.cidr.ton())[: (bits + 7) // 8]
    next_hop = _next_hop(nlri.nexthop, family, selves)
    # Packed and decoded again, so that a line passes the same checks as an UPDATE and `attribute [ … ]` is understood.
    block = b"".join(_pack(code, change.attributes[code]) for code in sorted(change.attributes) if code < 256)
    if AttributeCode.ORIGIN not in change.attributes:
        block = b"\x40\x01\x01\x00" + block
    if AttributeCode.AS_PATH not in change.attributes:
        block += b"\x40\x02\x00"
    attributes = decode(block, asn4=True, external=False)
    if attributes.discarded:
        raise ValueError(attributes.discarded[0].reason)
    return ParsedRoute(family, key, replace(attributes, next_hop=next_hop), _is_self(nlri.nexthop))


def _pack(code: int, attribute: Any) -> bytes:
    if code == AttributeCode.NEXT_HOP:
        return b""
    if code not in DECODED and not attribute.FLAG & TRANSITIVE:
        raise ValueError(f"attribute {code} is not transitive: it is not sent to an external peer")
    # `as-path 64496` without brackets leaves a bare number where every method of the class expects segments.
    if isinstance(attribute, ASPath) and isinstance(attribute.aspath, int):
        attribute = ASPath([SEQUENCE([attribute.aspath])])
    return bytes(attribute.pack(_Session))


def _is_self(given: Any) -> bool:
    return bool(given.SELF) or isinstance(given, NextHopSelf)


def _next_hop(
    given: Any, family: Family, selves: dict[Family, IPv4Address | IPv6Address | None]
) -> IPv4Address | IPv6Address:
    if _is_self(given):
        address = selves[family]
        if address is None:
            raise ValueError(f"'next-hop self' needs an {family.label} address and this session has none")
        return address
    address = ip_address(given.top())
    if (address.version == 4) != (family is Family.IPV4):
        raise ValueError(f"next hop {address} is not an {family.label} address")
    return address
