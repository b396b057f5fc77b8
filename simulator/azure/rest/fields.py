"""The types that a field of a document can have: what may stand in it, and the words that refuse everything else.

A document's model names a type for each of its fields; `documents.read` checks a body against it in one go. Nothing is
converted that JSON tells apart: 1 is no true, "1" is no 1, and 1.0 is no 1. A field that need not be there may be null.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from simulator.session.md5 import md5_fault

INT32: Final = 2**31 - 1
"""The largest value of the specification's `int32`."""
TEXT_LIMIT: Final = 256
"""Characters of a text of which no other limit is known (simulator)."""
TAGS_LIMIT, TAG_NAME_LIMIT, TAG_VALUE_LIMIT = 50, 512, 256
"""Of a resource's tags (Azure Resource Manager's documented limits)."""
_SHOWN: Final = 60
"""Characters of a refused value that its refusal quotes."""
_PREFIX: Final = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}\Z")
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)(([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)\Z"
)
"""A name, an IPv4 address (which looks like one), or something like an IPv6 address."""
_GUID: Final = re.compile(r"\{?[0-9A-Fa-f]{8}(-?)([0-9A-Fa-f]{4}\1){3}[0-9A-Fa-f]{12}\}?\Z")
_TAG_NAME: Final = re.compile(r"[^<>%&\\?/]+\Z")
"""Azure Resource Manager's documented characters of a tag's name."""
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\Z")


def refusal(text: str) -> PydanticCustomError:
    """What a validator raises: `text` follows the field's name."""
    return PydanticCustomError("refused", "{text}", {"text": text})


def quoted(value: object) -> str:
    """A value as a refusal shows it: cut short, and on one line."""
    text = str(value)
    return repr(text[:_SHOWN] + ("…" if len(text) > _SHOWN else ""))


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _trimmed(value: object) -> object:
    """Spaces around an address are trimmed, as production did (recorded), and so is the length of a host's prefix."""
    if isinstance(value, str):
        value = value.strip()
        for host in ("/32", "/128"):
            value = value.removesuffix(host)
    return _blank_is_none(value)


def _address(type_: Callable[[str], Any], name: str) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        text = _trimmed(value)
        if not isinstance(text, str):
            return text
        try:
            if "%" not in text:  # a scope belongs to one machine
                return type_(text)
        except ValueError:
            pass
        raise refusal(f"{quoted(text)} is not an {name} address, like {_ADDRESSES[name]}")

    return read


def _prefix(version: int) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        text = _blank_is_none(value)
        if not isinstance(text, str):
            return text
        text = text.strip()
        if not _PREFIX.match(text):
            raise refusal(f"{quoted(text)} is not an IPv{version} prefix, like {_EXAMPLES[version]}")
        try:
            prefix = ip_network(text, strict=False)
        except ValueError:
            raise refusal(f"{quoted(text)} is not a prefix, like {_EXAMPLES[version]}") from None
        if prefix.version != version:
            raise refusal(f"{quoted(text)} is no IPv{version} prefix")
        return prefix

    return read


_EXAMPLES: Final = {4: "198.51.100.4/30", 6: "2001:db8::4/126"}
_ADDRESSES: Final = {"IPv4": "192.0.2.1", "IPv6": "2001:db8::1"}


def one_of(*values: str) -> AfterValidator:
    """An enumeration. The specification's are open for new words; a word that nobody knows is refused here."""

    def check(value: str | None) -> str | None:
        if value is not None and value not in values:
            raise refusal(f"{quoted(value)} is not one of {', '.join(values)}")
        return value

    return AfterValidator(check)


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.match(value):
            raise refusal(f"{quoted(value)} is not {what}")
        return value

    return AfterValidator(check)


def _has_control(text: str) -> bool:
    return any(unicodedata.category(letter) == "Cc" for letter in text)


def _on_one_line(value: str) -> str:
    """What control characters would do is done to the terminal that shows them (simulator)."""
    if _has_control(value):
        raise refusal("has a control character")
    return value


def _not_negative(value: int) -> int:
    if value < 0:
        raise refusal("must be greater than 0 or null")  # Microsoft's clients' words
    return value


def _md5(value: str) -> str:
    if fault := md5_fault(value):
        raise refusal(fault)
    return value


def _tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS_LIMIT:
        raise refusal(f"are {len(tags)}: a resource has {TAGS_LIMIT} at most")
    for name, value in tags.items():
        if not _TAG_NAME.match(name) or _has_control(name):
            raise refusal(f"{quoted(name)} is no tag's name: it must not be empty, nor have < > % & \\ ? / in it")
        if len(name) > TAG_NAME_LIMIT or len(value) > TAG_VALUE_LIMIT:
            text = f"{quoted(name)} is too long: {TAG_NAME_LIMIT} characters, and {TAG_VALUE_LIMIT} of its value"
            raise refusal(text)
    return tags


def between(least: int, most: int) -> Any:
    """A whole number, both ends included."""
    return Field(ge=least, le=most)


Short = Annotated[str, StringConstraints(max_length=TEXT_LIMIT), AfterValidator(_on_one_line)]
"""A text on one line."""
Required = Annotated[Short, BeforeValidator(_blank_is_none)]
"""A text that has to be there; blanks alone do not count."""
Text = Annotated[Short | None, BeforeValidator(_blank_is_none)]
V4 = Annotated[IPv4Address | None, BeforeValidator(_address(IPv4Address, "IPv4"))]
V6 = Annotated[IPv6Address | None, BeforeValidator(_address(IPv6Address, "IPv6"))]
P4 = Annotated[IPv4Network | None, BeforeValidator(_prefix(4))]
P6 = Annotated[IPv6Network | None, BeforeValidator(_prefix(6))]
LimitField = Annotated[int, AfterValidator(_not_negative), Field(le=INT32)] | None
Positive = Annotated[int, between(1, INT32)]
AsnField = Annotated[int, between(1, 2**32 - 1)]
Md5 = Annotated[str, AfterValidator(_md5)] | None
Guid = Annotated[
    Annotated[str, _matching(_GUID, "a GUID: 32 hexadecimal digits, with or without dashes")] | None,
    BeforeValidator(_blank_is_none),
]
Region = Annotated[Required, _matching(re.compile(r"[A-Za-z0-9 ()-]{1,60}\Z"), "an Azure region, like eastus")]
Email = Annotated[Annotated[Short, _matching(_EMAIL, "an e-mail address")] | None, BeforeValidator(_blank_is_none)]
Host = Annotated[
    Annotated[str, _matching(_HOST, "a host name or an IP address")] | None, BeforeValidator(_blank_is_none)
]
Tags = Annotated[dict[str, str], AfterValidator(_tags)] | None
