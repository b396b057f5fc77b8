"""Untrusted text made safe to show, to print and to parse: router logs and peer names reach every writer here."""

from __future__ import annotations

import json
import math
import re
from json.encoder import encode_basestring
from typing import Any

_XML_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Direction overrides and zero-width marks can make a line read as another one; C1 holds terminal escapes (0x9b is CSI).
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_JSON_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def visible(text: str) -> str:
    """Replace each control character by a visible stand-in; line ends and tabs stay."""
    if text.isprintable():  # nearly all are, and no character of `_HIDDEN` is
        return text
    text = text.replace("\r\n", "\n")
    return _HIDDEN.sub(lambda found: _picture(ord(found[0])), text)


def _picture(code: int) -> str:
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"\\u{code:04x}"


def clip(text: str, limit: int) -> str:
    """Cut to at most `limit` characters, and show that it was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def one_line(text: str, limit: int = 400) -> str:
    """All on one line, visible and clipped."""
    return clip(visible(" ".join(text[: limit * 4].split())), limit)


def xml_safe(text: str) -> str:
    """Strip the characters that no XML 1.0 document may hold, not even as references."""
    return _XML_ILLEGAL.sub("", text)


def dump_json(value: Any, indent: int | None = None) -> str:
    """Strict JSON, always valid UTF-8 and one line per document when unindented; what JSON cannot hold becomes text."""
    try:
        text = _indented(value, " " * indent) if indent else _dump(value)
    except (TypeError, ValueError):
        text = json.dumps(_plain(value), ensure_ascii=False, default=str, indent=indent)
    # Only strings can hold these, so the escape is always read back as the same character.
    return _JSON_ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)


def _indented(value: Any, step: str, start: str = "\n") -> str:
    """What `json.dumps` makes with an indent, in a third of its time: until Python 3.13 it does that without its C.

    Raises TypeError for keys that are no text.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if not isinstance(value, dict | list | tuple) or not value:
        return _dump(value)
    inner = start + step
    if isinstance(value, dict):
        lines = [f"{encode_basestring(key)}: {_indented(item, step, inner)}" for key, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(lines)}{start}}}"
    return f"[{inner}{f',{inner}'.join([_indented(item, step, inner) for item in value])}{start}]"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
