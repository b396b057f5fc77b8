"""JSON documents as they stream by: the values that a reader asks for, each with its line, without the whole in memory.

A router's table is one document of gigabytes, or several one after the other. So the containers that only hold others
are walked through, and what lies in them is decoded value by value. Damage becomes an entry with its line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final, NamedTuple

LARGEST: Final = 16 * 1024 * 1024
"""Characters of one value: a prefix with 20,000 paths is no larger."""
_DEEPEST: Final = 8
"""Containers in each other that are walked through; no table has as many."""

JsonPath = tuple[str, ...]
"""The keys on the way to a value; `[]` for a member of an array."""


class JsonValue(NamedTuple):
    """One value, decoded."""

    path: JsonPath
    line: int
    """Counted from 1: where the value begins."""
    value: Any


class BrokenJson(NamedTuple):
    """Something in the way, outside or inside of a document."""

    line: int
    reason: str
    text: str = ""
    """The line itself, where it stands between documents."""


class _StarvedError(Exception):
    """The text at hand ends before what is being read does."""


_BLANK: Final = re.compile(r"[ \t\r\n]*")
_STRUCTURE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR: Final = re.compile(r'[^\s,:{}\[\]"]+')
_LINE: Final = re.compile(r"[^\n]*\n")
_DECODER: Final = JSONDecoder()


def values(chunks: Iterable[bytes], walk: Callable[[JsonPath], bool]) -> Iterator[JsonValue | BrokenJson]:
    """Every value outside of the containers that `walk` says are to be walked through, in their order.

    A value that is not JSON becomes a `BrokenJson`, and reading goes on. A damaged container does too, and ends the
    reading: nobody can tell what the rest belongs to.
    """
    return _Walker(chunks, walk).values()


class _Walker:
    def __init__(self, chunks: Iterable[bytes], walk: Callable[[JsonPath], bool]) -> None:
        self._source = iter(chunks)
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._walk = walk
        self._text = ""
        self._at = 0
        self._line = 1
        self._counted = 0
        """Up to where the ends of lines are counted in `_line`."""
        self._ended = False

    def values(self) -> Iterator[JsonValue | BrokenJson]:
        while self._peek():
            if self._text[self._at] not in "{[":
                yield self._between()
            elif (broken := (yield from self._inside((), 1))) is not None:
                yield broken
                return

    def _inside(self, path: JsonPath, depth: int) -> Generator[JsonValue | BrokenJson, None, BrokenJson | None]:
        """The container that begins here. Yields what is in it; returns Broken where it is damaged."""
        opened = self._line_here()
        if depth > _DEEPEST or not self._walk(path):
            yield from self._value(path)
            return None
        is_object = self._text[self._at] == "{"
        end = "}" if is_object else "]"
        self._at += 1
        first = True
        while True:
            character = self._peek()
            if not character:
                break
            if character == end:
                self._at += 1
                return None
            if not first:
                if character != ",":
                    return self._damaged("a comma")
                self._at += 1
                character = self._peek()
                if character == end:  # a comma too many: nothing is missing
                    self._at += 1
                    return None
            if not character:
                break
            first = False
            key = "[]"
            if is_object:
                found = self._key()
                if found is None:
                    if self._ended and self._at >= len(self._text):
                        break
                    return self._damaged("a name and a colon")
                key = found
            character = self._peek()
            if not character:
                break
            below = (*path, key)
            if character in "{[":
                broken = yield from self._inside(below, depth + 1)
                if broken is not None:
                    return broken
            elif character in ",:}]":
                return self._damaged("a value")
            else:
                yield from self._value(below)
        return BrokenJson(self._line_here(), f"the document that is open since line {opened} is cut short here")

    def _value(self, path: JsonPath) -> Iterator[JsonValue | BrokenJson]:
        """One whole value, whatever it is."""
        line = self._line_here()
        while True:
            try:
                # A number or a word may go on in the next chunk; what has brackets or quotes tells its own end.
                value, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended or self._text[self._at] in '{["':
                    self._at = end
                    yield JsonValue(path, line, value)
                    return
                reason = ""
            except JSONDecodeError as error:
                reason = error.msg
            except RecursionError:
                reason = "too many brackets in each other"
            except ValueError:
                reason = "a number that is too large"
            try:
                end = self._end()
            except _StarvedError:
                if len(self._text) - self._at > LARGEST:
                    self._at = len(self._text)
                    yield BrokenJson(line, f"a value of more than {LARGEST >> 20} MiB")
                    return
                if self._more():
                    continue
                self._at = len(self._text)
                yield BrokenJson(line, "the file ends inside this value")
                return
            self._at = end
            yield BrokenJson(line, f"no JSON ({reason})")
            return

    def _end(self) -> int:
        """Where the value that begins here ends by its brackets and quotes. _StarvedError where that is not at hand."""
        text, at = self._text, self._at
        if text[at] not in '{["':
            match = _SCALAR.match(text, at)
            end = match.end() if match else at + 1
            if end >= len(text) and not self._ended:
                raise _StarvedError
            return end
        depth = 0
        for token in _STRUCTURE.finditer(text, at):
            first = text[token.start()]
            depth += 1 if first in "{[" else -1 if first in "}]" else 0
            if depth <= 0:
                return token.end()
        raise _StarvedError

    def _key(self) -> str | None:
        """The name of a member, and behind its colon."""
        while True:
            match = _STRING.match(self._text, self._at) if self._peek() == '"' else None
            if match is not None:
                break
            if self._peek() != '"' or len(self._text) - self._at > LARGEST or not self._more():
                return None
        self._at = match.end()
        raw = match.group()
        if self._peek() != ":":
            return None
        self._at += 1
        try:
            return str(_DECODER.decode(raw))
        except ValueError:
            return raw[1:-1]

    def _between(self) -> BrokenJson:
        """A line outside of every document: a prompt, an echo, or damage."""
        line = self._line_here()
        while (match := _LINE.match(self._text, self._at)) is None:
            if len(self._text) - self._at > LARGEST or not self._more():
                text, self._at = self._text[self._at :], len(self._text)
                return BrokenJson(line, "no JSON", text[:200].strip())
        # A document may begin in the same line, behind a prompt: it does in none that we know.
        self._at = match.end()
        return BrokenJson(line, "no JSON", match.group()[:200].strip())

    def _damaged(self, wanted: str) -> BrokenJson:
        found = self._text[self._at : self._at + 30].split("\n")[0]
        rest = "the rest of the document is not read"
        return BrokenJson(self._line_here(), f"{wanted} is missing before {found!r}: {rest}")

    def _peek(self) -> str:
        """The next character that is no blank; nothing at the end."""
        while True:
            match = _BLANK.match(self._text, self._at)
            assert match is not None, "nothing is a match too"
            self._at = match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _more(self) -> bool:
        """Another chunk behind what is not read yet; False at the end of the file."""
        if self._ended:
            return False
        self._line_here()
        self._text, self._at, self._counted = self._text[self._at :], 0, 0
        chunk = next(self._source, None)
        self._ended = chunk is None
        self._text += self._utf8.decode(chunk or b"", final=chunk is None)
        return not self._ended or bool(self._text)
