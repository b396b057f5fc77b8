"""What each record of a recording has to hold, before anything is made of it (docs/recording.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple


class _Kind(NamedTuple):
    """What a field holds."""

    words: str
    fits: Callable[[Any], bool]


def _is_whole(value: Any) -> bool:
    return type(value) is int


WHOLE: Final = _Kind("a whole number", _is_whole)
NUMBER: Final = _Kind("a number", lambda value: type(value) in (int, float))
TEXT: Final = _Kind("a text", lambda value: isinstance(value, str))
LIST: Final = _Kind("a list", lambda value: isinstance(value, list))
OBJECT: Final = _Kind("an object", lambda value: isinstance(value, dict))
EVENT: Final = _Kind("an object, or the name of an event", lambda value: isinstance(value, (dict, str)))
YES_OR_NO: Final = _Kind("true or false", lambda value: isinstance(value, bool))
NAMES: Final = _Kind("a list of texts", lambda value: isinstance(value, list) and all(map(TEXT.fits, value)))
NUMBERS: Final = _Kind("a list of whole numbers", lambda value: isinstance(value, list) and all(map(_is_whole, value)))
QUEUES: Final = _Kind(
    "a list of three whole numbers each",
    lambda value: isinstance(value, list) and all(NUMBERS.fits(each) and len(each) == 3 for each in value),
)


def _holds(value: Any, fields: Mapping[str, _Kind]) -> bool:
    return isinstance(value, dict) and all(name in value and kind.fits(value[name]) for name, kind in fields.items())


def _is_endpoint(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and TEXT.fits(value[0]) and _is_whole(value[1])


def _is_remedies(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, list) and len(each) == 3 and isinstance(each[1], list) for each in value
    )


def _is_pairs(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and all(isinstance(each, list) and len(each) == 2 for each in value)
    )


PAIRS: Final = _Kind("an object or a list of pairs", _is_pairs)
_LOOK: Final = {"since": NUMBER, "expected": PAIRS, "lifted": YES_OR_NO, "final": YES_OR_NO}
ENDPOINT: Final = _Kind("an address and a port", _is_endpoint)
GATHERED: Final = _Kind(f"empty, or an object of {', '.join(_LOOK)}", lambda value: value == {} or _holds(value, _LOOK))
SEEN: Final = _Kind(
    "an object of what was seen of the connection and of its sessions",
    lambda value: (
        _holds(value, {"of": OBJECT, "sessions": OBJECT})
        and all(map(OBJECT.fits, value["sessions"].values()))
        and _is_remedies(value.get("remedies", []))
    ),
)


def _or_null(kind: _Kind) -> _Kind:
    return _Kind(f"{kind.words} or null", lambda value: value is None or kind.fits(value))


Shape = Mapping[str, _Kind]
"""Name of a field → what it holds, in their order."""

_PEER: Final = {"peer": WHOLE}
_STREAM: Final = {**_PEER, "connection": WHOLE}
_CONNECTION: Final = {"connection": TEXT}
_OF_LOOKS: Final = {**_CONNECTION, "looks": NUMBERS}

SHAPES: Final[Mapping[str, Shape]] = {
    "@": {"microseconds": WHOLE},
    "P": {**_PEER, "session": TEXT, "seed": WHOLE},
    "c": {**_PEER, "channel": TEXT, "address": _or_null(TEXT)},
    "r": {**_STREAM, "octets": TEXT},
    "t": _STREAM,
    "s": {**_STREAM, "count": WHOLE, "crc": WHOLE},
    "k": {**_PEER, "queues": QUEUES},
    "d": {**_STREAM, "why": TEXT},
    "f": {**_PEER, "why": TEXT},
    "g": _STREAM,
    "i": _PEER,
    "a": _PEER,
    "x": {**_PEER, "code": WHOLE, "subcode": WHOLE, "words": TEXT},
    "p": {"session": TEXT, "caller": TEXT, "edge": ENDPOINT, "router": _or_null(ENDPOINT)},
    "tell": _OF_LOOKS,
    "conclude": _OF_LOOKS,
    "b": {"number": WHOLE, **_CONNECTION, "sessions": NAMES},
    "l": {
        "number": WHOLE,
        "when": TEXT,
        **_CONNECTION,
        "sessions": NAMES,
        "before": WHOLE,
        "gathered": GATHERED,
        "seen": SEEN,
    },
    "y": {**_CONNECTION, "steps": LIST},
    "h": {},
    "w": {"session": TEXT},
    "e": {},
    "n": {"peering": TEXT, "registered": OBJECT},
    "D": {
        "file": WHOLE,
        "key": TEXT,
        "name": TEXT,
        "offset": WHOLE,
        "octets": TEXT,
        "last": YES_OR_NO,
    },
    "E": {"class": TEXT, "event": OBJECT},
    "result": {"started": NUMBER, "finished": NUMBER, "versions": OBJECT, "report": OBJECT},
}
"""By the first element of a record."""

_DECISIONS: Final[Mapping[str, Shape]] = {
    "deny_all": {},
    "settle": {},
    "admit": {"session": OBJECT},
    "dismiss": {"session": OBJECT},
    "squeeze": {"peer": TEXT, "family": TEXT, "limit": _or_null(WHOLE)},
    "sign_with": {"edge": TEXT, "peer": TEXT, "family": TEXT, "key": _or_null(TEXT)},
    "add": {"sessions": LIST, "flow": TEXT},
    "plan_again": {"sessions": LIST},
    "extend": {**_CONNECTION, "sessions": LIST, "event": TEXT, "words": TEXT},
    "lift": {**_CONNECTION, "sessions": NAMES, "looks": NUMBERS},
    "operate": {**_CONNECTION, "event": TEXT},
}
"""Of `v`, by the verb; any other is about one connection."""

_KEPT: Final[Mapping[str, Shape]] = {
    "fail": {"error": TEXT},
    "fall_short": {"words": TEXT},
    "refused": {"words": TEXT},
    "mismatch": {"peering": TEXT, "words": TEXT},
    "add": _OF_LOOKS,
    "require": _OF_LOOKS,
    "replace_traffic": _OF_LOOKS,
    "forbid_warnings": {"connections": NAMES},
}
"""Of `q`, by the verb; the same."""

_HEADER: Final[Mapping[str, tuple[_Kind, bool]]] = {
    **dict.fromkeys(("by", "kind", "link"), (TEXT, True)),
    "topology": (OBJECT, True),
    "events": (_or_null(WHOLE), False),
    "own-checks": (NAMES, False),
}
"""Field → what it holds, and whether it has to be there."""

_VERBS: Final = {"v": _DECISIONS, "q": _KEPT}
_LONGEST: Final = 40
"""Characters of a value that are shown (simulator)."""


def misfit(record: list[Any]) -> str:
    """What is wrong with a record by itself, in one line; empty where nothing is.

    More than the fields that it has to have is no mistake of `v`, `q` and `=`, whose verbs have others besides.
    """
    kind, *given = record
    name, more = f"record {_short(kind)}", kind in _VERBS or kind == "="
    if kind in _VERBS:
        if not given or not isinstance(given[0], str):
            return f"{name} has no verb"
        verb, *given = given
        shape, name = _VERBS[kind].get(verb, _CONNECTION), f"{name} {_short(verb)}"
    elif kind == "=":
        shape = {"event": EVENT}
    elif kind in SHAPES:
        shape = SHAPES[kind]
    else:
        return f"there is no {name}"
    if len(given) < len(shape):
        return f"{name} lacks its {', '.join(list(shape)[len(given) :])}"
    if len(given) > len(shape) and not more:
        return f"{name} has {len(shape)} fields, not {len(given)}"
    for (field, held), value in zip(shape.items(), given, strict=False):
        if not held.fits(value):
            return f"{name}: {field} has to be {held.words}, not {_short(value)}"
    return ""


def misfit_header(header: Mapping[str, Any]) -> str:
    """The same of the object in the first line, which may lack what older ones have not."""
    for field, (held, is_needed) in _HEADER.items():
        if is_needed and field not in header:
            return f"the first record lacks its {field}"
        if field in header and not held.fits(header[field]):
            return f"the first record: {field} has to be {held.words}, not {_short(header[field])}"
    return ""


def unplayable(error: Exception) -> str:
    """What the engine says of a record that is well formed and names what there is not, or comes at another time."""
    if isinstance(error, KeyError) and error.args:
        return f"there is no {_short(error.args[0])} here: it was changed, or a line before it is missing"
    return f"it does not fit what is before it ({type(error).__name__}: {error})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
