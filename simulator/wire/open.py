"""OPEN messages and their capabilities (RFC 4271 §4.2, RFC 5492, RFC 9072).

ExaBGP packs the message and decodes the values of the capabilities it shares with us. The walk over the optional
parameters is ours, because ExaBGP 5.0.15 takes lengths that do not add up, takes RFC 9072 only when the old length
octet is 255, refuses deprecated parameter 1 with the withdrawn subcode 2/5, resets over a malformed capability that
we would ignore (hostname, ADD-PATH), and puts text in the data of an Unsupported Version Number.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any, Final

from exabgp.bgp.message.notification import Notify as ExaNotify
from exabgp.bgp.message.open import Open as ExaOpen
from exabgp.bgp.message.open.asn import ASN
from exabgp.bgp.message.open.capability import ASN4, EnhancedRouteRefresh, MultiProtocol, RouteRefresh
from exabgp.bgp.message.open.capability import Capabilities as ExaCapabilities
from exabgp.bgp.message.open.capability import Capability as ExaCapability
from exabgp.bgp.message.open.capability.extended import ExtendedMessage
from exabgp.bgp.message.open.holdtime import HoldTime
from exabgp.bgp.message.open.routerid import RouterID
from exabgp.bgp.message.open.version import Version
from exabgp.protocol.family import AFI, SAFI

from simulator.counts import count_of
from simulator.session.messages import Capabilities, ErrorCode, Family, Notification, Open, Role
from simulator.wire import _exabgp  # noqa: F401  (silences the library)
from simulator.wire.framing import HEADER_SIZE, ProtocolError

MULTIPROTOCOL: Final = 1
ROUTE_REFRESH: Final = 2
EXTENDED_MESSAGE: Final = 6
ROLE: Final = 9
GRACEFUL_RESTART: Final = 64
FOUR_OCTET_AS: Final = 65
ENHANCED_ROUTE_REFRESH: Final = 70

_FAMILIES: Final = {family.value: family for family in Family}
_CAPABILITIES_PARAMETER: Final = 2
_EXTENDED_PARAMETERS: Final = 255
_FIXED: Final = 10
_VERSION: Final = 4


class _RoleCapability:
    """RFC 9234 §4.1, in the shape in which ExaBGP packs a capability; it does not know this one."""

    def __init__(self, role: Role) -> None:
        self._role = role

    def extract(self) -> list[bytes]:
        return [bytes((self._role,))]


def encode_open(open: Open) -> bytes:
    """A full message. ValueError when the ASN needs a capability that is switched off.

    `graceful_restart` and `other` say what a peer announced; they are never sent.
    """
    wanted = open.capabilities
    if open.asn > 0xFFFF and not wanted.asn4:
        raise ValueError(f"AS{open.asn} cannot be announced without the four-octet AS capability (RFC 6793)")
    packed: Any = ExaCapabilities()
    if wanted.families:
        packed[MULTIPROTOCOL] = families = MultiProtocol()
        for family in sorted(wanted.families, key=lambda family: family.value):
            families.append((AFI.create(family.afi), SAFI.create(family.safi)))
    if wanted.route_refresh:
        packed[ROUTE_REFRESH] = RouteRefresh()
    if wanted.extended_message:
        packed[EXTENDED_MESSAGE] = ExtendedMessage()
    if wanted.role is not None:
        packed[ROLE] = _RoleCapability(wanted.role)
    if wanted.asn4:
        packed[FOUR_OCTET_AS] = ASN4(open.asn)
    if wanted.enhanced_route_refresh:
        packed[ENHANCED_ROUTE_REFRESH] = EnhancedRouteRefresh()
    message = ExaOpen(
        Version(open.version), ASN(open.asn), HoldTime(open.hold_time), RouterID(str(open.bgp_identifier)), packed
    )
    return bytes(message.message())


def _malformed(reason: str, subcode: int = 0, data: bytes = b"") -> ProtocolError:
    return ProtocolError(Notification(ErrorCode.OPEN_MESSAGE, subcode, data), reason)


def decode_open(body: bytes) -> Open:
    """Decode what follows the header. ProtocolError 2/0, 2/1, 2/4 or 2/11 (RFC 4271 §6.2, RFC 9234 §4.2).

    ASN, hold time and identifier are not judged. Without any multiprotocol capability the families are IPv4 alone,
    which is what such a speaker means (RFC 4271).
    """
    if len(body) < _FIXED:
        size = HEADER_SIZE + len(body)
        raise ProtocolError(
            Notification(ErrorCode.MESSAGE_HEADER, 2, size.to_bytes(2, "big")),
            f"an OPEN of {count_of(size, 'octet')} is too short",
        )
    if body[0] != _VERSION:
        raise _malformed(f"BGP version {body[0]} is not supported", 1, _VERSION.to_bytes(2, "big"))
    found = [capability for parameter in _parameters(body) for capability in _capabilities(parameter)]
    values = _decode_values(found)
    codes = {code for code, _ in found}
    asn = body[1] << 8 | body[2]
    if asn and FOUR_OCTET_AS in codes:
        asn = int(values[FOUR_OCTET_AS])
    role, odd_role = _role([value for code, value in found if code == ROLE])
    announced = values.get(MULTIPROTOCOL, ())
    families = frozenset(_FAMILIES[pair] for pair in announced if pair in _FAMILIES)
    known = {MULTIPROTOCOL, ROUTE_REFRESH, EXTENDED_MESSAGE, GRACEFUL_RESTART, FOUR_OCTET_AS, ENHANCED_ROUTE_REFRESH}
    if not odd_role:
        known.add(ROLE)
    return Open(
        asn=asn,
        hold_time=body[3] << 8 | body[4],
        bgp_identifier=IPv4Address(body[5:9]),
        capabilities=Capabilities(
            families=families if MULTIPROTOCOL in codes else frozenset({Family.IPV4}),
            asn4=FOUR_OCTET_AS in codes,
            route_refresh=ROUTE_REFRESH in codes,
            enhanced_route_refresh=ENHANCED_ROUTE_REFRESH in codes,
            extended_message=EXTENDED_MESSAGE in codes,
            role=role,
            graceful_restart=GRACEFUL_RESTART in codes,
            other=tuple(sorted(codes - known)),
        ),
        version=body[0],
    )


def _parameters(body: bytes) -> Iterator[bytes]:
    """The values of the Capabilities parameters, in either format (RFC 4271 §4.2, RFC 9072 §2)."""
    size, offset, width = body[9], _FIXED, 1
    # RFC 9072 §2: the type octet decides, the old length octet only has to be non-zero.
    if size and len(body) > _FIXED and body[_FIXED] == _EXTENDED_PARAMETERS:
        if len(body) < _FIXED + 3:
            raise _malformed("the extended optional parameters length is cut short")
        size, offset, width = int.from_bytes(body[_FIXED + 1 : _FIXED + 3], "big"), _FIXED + 3, 2
    if offset + size != len(body):
        raise _malformed(f"optional parameters of {count_of(size, 'octet')} in a message with {len(body) - offset}")
    while offset < len(body):
        value_at = offset + 1 + width
        end = value_at + int.from_bytes(body[offset + 1 : value_at], "big")
        if value_at > len(body) or end > len(body):
            raise _malformed("an optional parameter runs past the message")
        if body[offset] != _CAPABILITIES_PARAMETER:
            raise _malformed(f"optional parameter {body[offset]} is not supported", 4)
        yield body[value_at:end]
        offset = end


def _capabilities(parameter: bytes) -> Iterator[tuple[int, bytes]]:
    """(code, value) of each capability in a parameter, repeats included (RFC 5492 §4)."""
    offset = 0
    while offset < len(parameter):
        end = offset + 2 + (parameter[offset + 1] if offset + 1 < len(parameter) else 0)
        if offset + 2 > len(parameter) or end > len(parameter):
            raise _malformed(f"capability {parameter[offset]} runs past its parameter")
        yield parameter[offset], parameter[offset + 2 : end]
        offset = end


def _decode_values(found: list[tuple[int, bytes]]) -> dict[int, Any]:
    """ExaBGP's objects for the two capabilities whose value we need; repeated ones merge or the last one counts."""
    values: Any = ExaCapabilities()
    for code, value in found:
        if code in (MULTIPROTOCOL, FOUR_OCTET_AS):
            if len(value) != 4:
                raise _malformed(f"capability {code} has {count_of(len(value), 'octet')} instead of 4")
            try:
                values[code] = ExaCapability.unpack(code, values, value)
            except ExaNotify as refusal:
                raise _malformed(f"capability {code}: {refusal}") from None
    return dict(values)


def _role(values: list[bytes]) -> tuple[Role | None, bool]:
    """The role, and whether the value has no name. ProtocolError 2/11 on contradicting ones (RFC 9234 §4.2)."""
    if not values:
        return None, False
    if any(len(value) != 1 for value in values):
        raise _malformed("a BGP Role capability does not have one octet")
    if len(set(values)) > 1:
        raise _malformed("several BGP Role capabilities with different values", 11)
    try:
        return Role(values[0][0]), False
    except ValueError:
        return None, True
