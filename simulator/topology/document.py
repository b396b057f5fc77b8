"""A YAML file as plain data that remembers lines: YAML 1.2, within limits of size, depth and aliases.

libyaml tells what is in the text, fast; what it cannot read is read again by ruamel.yaml, whose word holds: it knows
YAML 1.2 better (`[2001:db8::]`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

LARGEST: Final = 16_000_000
"""Octets of a topology (simulator): 10,000 peers have 2,000,000."""
DEEPEST: Final = 40
"""Levels of nesting (simulator): a topology has 8."""
MOST_VALUES: Final = 1_000_000
"""Keys and values, those of aliases counted wherever they are used (simulator)."""
_SLOW: Final = 1_000_000
"""Octets above which libyaml's word holds: the other reader takes ten times as long."""

_INT: Final = re.compile(r"[-+]?(?:0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+(?:_[0-9]+)*)")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_TAG: Final = "tag:yaml.org,2002:"
_DIGITS: Final = 4000
"""Python takes no longer number from text."""

Position = tuple[str | int, ...]
"""Where in a document: keys and positions, from the outside in."""


class DocumentError(Exception):
    """Text that is no usable YAML: one line. `line` counts from 1; 0 where it has none."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class WrittenFloat(float):
    """A number with a point, and how it was written: `1.10` may be meant for an ASN."""

    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        made = super().__new__(cls, text)
        made.text = text
        return made


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """What a YAML text says."""

    data: Any
    """dict, list, str, int, float, bool and None; keys are text. What an alias names is there once, and shared."""
    _lines: Mapping[int, Mapping[str | int, int]] = field(repr=False)
    """By `id` of each dict and list: the line of each key or element."""

    def line(self, path: Sequence[str | int]) -> int:
        """The line of the innermost element of `path` that is in the text."""
        line, node = 1, self.data
        for part in path:
            if not isinstance(node, dict | list):
                break
            if _has(node, part):
                line, node = self._lines[id(node)][part], node[part]  # type: ignore[index]
        return line

    def part(self, key: str) -> YamlDocument:
        """What stands below a key of the whole. Raises KeyError."""
        return YamlDocument(self.data[key], self._lines)

    def mapped(self, change: Callable[[Any, Position], Any]) -> YamlDocument:
        """The same document with other values: `change` gets each value that is no list and no mapping, and where it
        stands; the lines stay."""
        lines: dict[int, Mapping[str | int, int]] = {}

        def copied(node: Any, path: Position) -> Any:
            if not isinstance(node, dict | list):
                return change(node, path)
            if isinstance(node, dict):
                found: Any = {key: copied(value, (*path, key)) for key, value in node.items()}
            else:
                found = [copied(value, (*path, number)) for number, value in enumerate(node)]
            lines[id(found)] = self._lines[id(node)]
            return found

        return YamlDocument(copied(self.data, ()), lines)

    def dotted(self, path: Sequence[str | int]) -> str:
        """`peers[0].ipv4`; what is not in the text, as pydantic's names of union members, is left out."""
        text, node = "", self.data
        for position, part in enumerate(path):
            if isinstance(part, int):
                text += f"[{part}]"
            elif position == len(path) - 1 or (isinstance(node, dict) and part in node):
                text += f".{part}" if text else part
            else:
                continue
            node = node[part] if _has(node, part) else None
        return text


def located(data: Any, line: Callable[[Position], int]) -> YamlDocument:
    """Plain data as a document; a function says the line of each place."""
    lines: dict[int, dict[str | int, int]] = {}

    def walk(node: Any, path: Position) -> None:
        parts: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
        if parts is None:
            return
        own = lines[id(node)] = {}
        for key, value in parts:
            own[key] = line((*path, key))
            walk(value, (*path, key))

    walk(data, ())
    return YamlDocument(data, lines)


def _has(node: Any, part: str | int) -> bool:
    if isinstance(node, dict):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node)


def read(text: str) -> YamlDocument:
    """Raises DocumentError."""
    if len(text) > LARGEST:
        raise DocumentError(0, f"it has {len(text)} characters: {LARGEST} are read")
    import yaml

    try:
        return _Reader(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))).document()
    except (yaml.YAMLError, ValueError) as error:
        if len(text) > _SLOW:
            raise _refused(error) from None
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return _Reader(YAML(typ="safe", pure=True).parse(text)).document()
    except (YAMLError, ValueError, AttributeError, NotImplementedError) as error:
        raise _refused(error) from None


def _refused(error: Exception) -> DocumentError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "context", None) or str(error) or type(error).__name__
    return DocumentError(mark.line + 1 if mark else 0, "YAML: " + str(problem).split("\n")[0])


class _Reader:
    """From the events of a parser, which has read no further than this has asked it to."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._lines: dict[int, dict[str | int, int]] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        """Name → what it names, and how many values that is."""
        self._open: set[str] = set()
        self._values = 0
        self._line = 0

    def document(self) -> YamlDocument:
        """The only document of the text."""
        data: Any = None
        documents = 0
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise DocumentError(event.start_mark.line + 1, "YAML: there is a second document: one is read")
                data = self._value(next(self._events), 0)
        return YamlDocument(data, self._lines)

    def _value(self, event: Any, depth: int) -> Any:
        self._line = event.start_mark.line + 1
        self._count(1)
        kind, name = type(event).__name__, event.anchor
        if kind == "AliasEvent":
            return self._alias(name)
        before = self._values
        if name is not None:
            self._open.add(name)
        if kind == "ScalarEvent":
            found: Any = self._scalar(event)
        elif depth >= DEEPEST:
            raise DocumentError(self._line, f"YAML: nested more than {DEEPEST} levels deep")
        else:
            found = self._mapping(event, depth + 1) if kind == "MappingStartEvent" else self._list(event, depth + 1)
        if name is not None:
            self._open.discard(name)
            self._anchors[name] = found, self._values - before
        return found

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise DocumentError(self._line, f"YAML: more than {MOST_VALUES} values, with what its aliases stand for")

    def _alias(self, name: str) -> Any:
        if name in self._open:
            raise DocumentError(self._line, f"YAML: the alias *{name} stands inside of what it names")
        if name not in self._anchors:
            raise DocumentError(self._line, f"YAML: found undefined alias {name!r}")
        found, values = self._anchors[name]
        self._count(values)
        return found

    def _list(self, event: Any, depth: int) -> list[Any]:
        self._expect_tag(event, "seq")
        found: list[Any] = []
        lines = self._lines[id(found)] = {}
        for part in self._until("SequenceEndEvent"):
            lines[len(found)] = part.start_mark.line + 1
            found.append(self._value(part, depth))
        return found

    def _mapping(self, event: Any, depth: int) -> dict[str, Any]:
        self._expect_tag(event, "map")
        found: dict[str, Any] = {}
        lines = self._lines[id(found)] = {}
        merged: list[Any] = []
        for part in self._until("MappingEndEvent"):
            line = part.start_mark.line + 1
            key = self._value(part, depth) if type(part).__name__ == "AliasEvent" else part
            text = str(key) if key is not part else getattr(part, "value", None)
            if not isinstance(text, str):
                raise DocumentError(line, "YAML: a key is one word, not a list or a mapping")
            value = self._value(next(self._events), depth)
            if text == "<<" and getattr(part, "implicit", (False,))[0]:
                merged += value if isinstance(value, list) else [value]
                continue
            if text in found:
                raise DocumentError(line, f'YAML: found duplicate key "{text[:60]}"')
            found[text], lines[text] = value, line
        for each in merged:
            if not isinstance(each, dict):
                raise DocumentError(self._line, "YAML: << merges mappings alone")
            for text, value in each.items():
                if text not in found:
                    found[text], lines[text] = value, self._lines[id(each)][text]
        return found

    def _until(self, end: str) -> Iterator[Any]:
        for event in self._events:
            if type(event).__name__ == end:
                return
            yield event

    def _expect_tag(self, event: Any, plain: str) -> None:
        if event.tag is not None and str(event.tag) not in ("!", _TAG + plain):
            raise DocumentError(event.start_mark.line + 1, f"YAML: the tag {str(event.tag)[:60]} is not read")

    def _scalar(self, event: Any) -> Any:
        tag, text = None if event.tag is None else str(event.tag), event.value
        if not text.isascii():
            try:  # JSON writes 😀 as two surrogates
                text = text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise DocumentError(self._line, "YAML: half of a surrogate pair is no character") from None
        if tag is None:
            return resolved(text) if event.implicit[0] else text
        if tag in ("!", _TAG + "str"):
            return text
        kinds = {_TAG + name: kind for name, kind in (("int", int), ("float", float), ("bool", bool))}
        found = resolved(text)
        if (tag == _TAG + "null" and found is None) or (tag in kinds and isinstance(found, kinds[tag])):
            return found
        raise DocumentError(self._line, f"YAML: the tag {tag[:60]} is not read")


def resolved(text: str) -> Any:
    """What a word without quotes stands for, by YAML 1.2's core schema (§10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _DIGITS:
        return text
    if _INT.fullmatch(text):
        sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-").lower()
        for start, base in (("0b", 2), ("0o", 8), ("0x", 16)):
            if digits.startswith(start):
                return sign * int(digits[2:], base)
        return sign * int(digits)
    return WrittenFloat(text) if _FLOAT.fullmatch(text) else text


def merge(target: MutableMapping[str, Any], change: Mapping[str, Any]) -> None:
    """Change plain data where it stands: mappings key by key, everything else as a whole."""
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value
