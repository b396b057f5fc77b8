"""A form as a table: its fields, the document that their values make, and which field an error of the API is about.

Pure. The values of a form are texts, as they were typed; nothing is refused here. What a document may hold is the API's
to say, and it says so of the document that is made of these values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby, pairwise
from typing import Any, Final

from simulator.azure.model.resources import Json

Values = Mapping[str, str]
"""What was typed, by the fields' names."""
SIMULATOR: Final = "simulator"
"""The source of a field that no document of Microsoft's has: turnup chose to show it."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}\Z")
ENABLED: Final = "Enabled"
_CONNECTION: Final = re.compile(r"properties\.(?:exchange|direct)\.connections\[(\d+)\](?:\.(.*))?\Z")


class InputKind(Enum):
    """How a field is asked."""

    TEXT = "text"
    NUMBER = "number"
    SELECT = "select"
    RADIO = "radio"
    COMBO = "combo"
    """A text, with what is known to choose from."""
    SECRET = "secret"
    SLIDER = "slider"


@dataclass(frozen=True, slots=True)
class Choice:
    """One value to choose."""

    value: str
    label: str
    note: str = ""
    """What it means, or when it is not to be had; beside the label."""
    group: str = ""
    """The heading that it stands under in a list."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One question."""

    name: str
    """In the form; also its id in the page."""
    label: str
    """The document's word."""
    help: str
    """What it is, with the document's rule."""
    path: str = ""
    """Where the API's document has it; empty: not there, as a resource's name, which is in its path."""
    kind: InputKind = InputKind.TEXT
    choices: tuple[Choice, ...] = ()
    """Those that are always the same; others come with the page."""
    default: str = ""
    source: str = "doc"
    """Who has this field: Microsoft's documents, or `SIMULATOR`."""
    optional: bool = False
    when: tuple[str, tuple[str, ...]] | None = None
    """Only asked when another field has one of these values."""
    section: str = ""
    """The heading that it begins; empty: it goes on under the one before."""
    example: str = ""
    fixed_later: bool = False
    """Cannot be changed once the resource is there."""

    def asked(self, values: Values) -> bool:
        """Whether the values of the other fields let it be asked."""
        return self.when is None or values.get(self.when[0], "") in self.when[1]


@dataclass(slots=True)
class Filled:
    """A form with its values and its choices: what a page shows of it, but for what is wrong."""

    fields: Sequence[FormField]
    values: dict[str, str]
    choices: Mapping[str, Sequence[Choice]] = field(default_factory=dict)

    def choices_of(self, asked: FormField) -> Sequence[Choice]:
        return self.choices.get(asked.name, asked.choices)

    def options(self, asked: FormField) -> list[tuple[str, list[Choice]]]:
        """What a list offers, below its headings. What was typed and is not offered stays what it is."""
        value, found = self.value(asked), list(self.choices_of(asked))
        if value and all(each.value != value for each in found):
            found.insert(0, Choice(value, value))
        if all(each.value for each in found) and (asked.optional or not value):
            found.insert(0, Choice("", "None" if asked.optional else "Select…"))
        return [(heading, list(below)) for heading, below in groupby(found, key=lambda each: each.group)]

    def value(self, asked: FormField) -> str:
        return self.values.get(asked.name, asked.default)


def taken(fields: Iterable[FormField], posted: Values, most: int = 4000) -> dict[str, str]:
    """The values of these fields that a browser sent, and of no others; each of `most` characters."""
    return {each.name: posted[each.name].strip()[:most] for each in fields if each.name in posted}


def defaults(fields: Iterable[FormField]) -> dict[str, str]:
    return {each.name: each.default for each in fields}


# --- from values to a document ---


def typed(asked: FormField, text: str) -> Any:
    """A value as JSON has it. What is no number stays a text, so that the API says what is wrong with it."""
    if asked.path.endswith("useForPeeringService"):
        return text == ENABLED
    if asked.kind in (InputKind.NUMBER, InputKind.SLIDER) and _NUMBER.match(text):
        return int(text)
    return text


def fill(document: Json, fields: Iterable[FormField], values: Values) -> Json:
    """The document with each value at its field's path. An empty answer is left out; so is what was not asked."""
    for each in fields:
        text = values.get(each.name, "").strip()
        if each.path:
            put(document, each.path, typed(each, text) if text and each.asked(values) else None)
    return document


def put(document: Json, path: str, value: Any) -> None:
    """Set the field at a path like `bgpSession.sessionPrefixV4` or `peerContactDetail[0].email`; None takes it out."""
    *way, last = path.replace("[", ".[").split(".")
    if value is None:
        _remove(document, way, last)
        return
    inner: Any = document
    for step, following in pairwise([*way, last]):
        inner = _inside(inner, step, [] if following.startswith("[") else {})
    inner[last] = value


def _inside(inner: Any, step: str, empty: Any) -> Any:
    if not step.startswith("["):
        return inner.setdefault(step, empty)
    number = int(step.strip("[]"))
    if number == len(inner):
        inner.append(empty)
    return inner[number]


def _remove(inner: Any, way: list[str], last: str) -> None:
    for step in way:
        if step.startswith("["):
            number = int(step.strip("[]"))
            inner = inner[number] if isinstance(inner, list) and number < len(inner) else None
        else:
            inner = inner.get(step) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.pop(last, None)


def read(document: Any, path: str) -> Any:
    """What a document has at a path; None: nothing."""
    for step in path.replace("[", ".[").split("."):
        if step.startswith("["):
            number = int(step.strip("[]"))
            document = document[number] if isinstance(document, list) and number < len(document) else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    return document


def shown(asked: FormField, value: Any) -> str:
    """A document's value as the form has it."""
    if asked.path.endswith("useForPeeringService"):
        return ENABLED if value else "Disabled"
    return "" if value is None else str(value)


def values_of(fields: Iterable[FormField], document: Json) -> dict[str, str]:
    """The values that make a document."""
    return {each.name: shown(each, read(document, each.path)) for each in fields if each.path}


# --- from the API's errors to fields ---


def field_of(target: str, fields: Iterable[FormField]) -> str:
    """The name of the field that an error's target is about: that of the same path, or else of one below it, or above
    it (`sku` for `sku.name`). Empty: of none."""
    known = [each for each in fields if each.path]
    same = [each for each in known if each.path == target]
    below = [each for each in known if target and each.path.startswith((f"{target}.", f"{target}["))]
    above = [each for each in known if target.startswith((f"{each.path}.", f"{each.path}["))]
    found = [*same, *below, *above]
    return found[0].name if found else ""


def split(target: str) -> tuple[int | None, str]:
    """The index of the connection that a target is in, and the rest of it, inside of that connection."""
    match = _CONNECTION.match(target)
    return (int(match[1]), match[2] or "") if match else (None, target)


_FOLLOWS: Final = re.compile(r"(is|are|must|has|cannot|belongs) ")


def sentence(fields: Iterable[FormField], name: str, text: str) -> str:
    """What is wrong with a field, as a sentence that can stand alone: words that follow the field's name get it, and
    so does a value that would begin them. An API's null is an empty answer."""
    label = next((each.label for each in fields if each.name == name), "")
    text = text.replace(" or null", ", or left empty")
    if label and _FOLLOWS.match(text):
        return f"{label} {text}"
    return f"{label}: {text}" if label and text[:1] in "'\"" else text[:1].upper() + text[1:]
