"""What the readers of data files share: JSON with one clear error, and prefixes as keys, fast."""

from __future__ import annotations

import json
import re
from ipaddress import IPv6Address
from typing import Any, Final

from simulator.session.messages import Family

_IPV4: Final = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})/([0-9]{1,2})")
_PACKED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
"""How files begin that gzip, bzip2, xz, zstd and zip pack."""
_ASN: Final = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE)


class DataError(ValueError):
    """A data file that cannot be used; the text says what is wrong and what is expected, in one line."""


def read_json(data: bytes, what: str) -> Any:
    """Raises DataError, also for a file that is still being written."""
    try:
        return json.loads(data)
    except UnicodeDecodeError:
        reason = "it is packed: unpack it" if data.startswith(_PACKED) else "it is no text"
        raise DataError(f"this is not JSON ({reason}): {what} is expected") from None
    except ValueError as error:
        reason = "it is empty" if not data.strip() else " ".join(str(error).split())
        raise DataError(f"this is not JSON ({reason}): {what} is expected") from None
    except RecursionError:
        raise DataError(f"this JSON is nested too deeply: {what} is expected") from None


def key_of(text: object) -> tuple[Family, bytes]:
    """A prefix as a key. Raises DataError; host bits are refused, never dropped."""
    if not isinstance(text, str):
        raise DataError(f"{text!r} is not a prefix")
    found = _IPV4.fullmatch(text)
    try:
        if found is not None:
            family, width = Family.IPV4, 32
            *address_octets, length = map(int, found.groups())
            packed = bytes(address_octets)
        else:
            address, _, bits = text.partition("/")
            if not (bits.isascii() and bits.isdigit()) or "%" in address:
                raise ValueError
            family, width, length = Family.IPV6, 128, int(bits)
            packed = IPv6Address(address).packed
        octets = (length + 7) // 8
        stray = int.from_bytes(packed, "big") & ((1 << (width - length)) - 1)
    except ValueError:
        raise DataError(f"{text!r} is not a prefix") from None
    if stray:
        raise DataError(f"{text!r} has host bits set")
    return family, bytes((length,)) + packed[:octets]


def asn_of(value: object) -> int:
    """64496, "64496" or "AS64496". Raises DataError."""
    if type(value) is int:
        number = value
    else:
        found = _ASN.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise DataError(f"{value!r} is not an ASN")
        number = int(found[1])
    if not 0 <= number < 2**32:
        raise DataError(f"{value!r} is not an ASN")
    return number
