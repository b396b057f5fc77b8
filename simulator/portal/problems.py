"""What was refused, each at its field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from simulator.azure.rest.errors import ArmError


@dataclass(frozen=True, slots=True)
class Problems:
    """By the name of a field; a text under the empty name belongs to none."""

    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    code: str = ""
    """The ARM error's."""

    @classmethod
    def at(cls, name: str, text: str) -> Problems:
        return cls({name: (text,)})

    @classmethod
    def of(cls, error: ArmError) -> Problems:
        """An ARM error, at the field that it names. The path before its message is left out: the field stands there."""
        text = error.message
        if error.target and text.startswith(f"{error.target}: "):
            text = text[len(error.target) + 2 :]
        return cls({error.target: (text,)}, error.code)

    def __or__(self, other: Problems) -> Problems:
        names = (*self.texts, *other.texts)
        both = {name: (*self.texts.get(name, ()), *other.texts.get(name, ())) for name in names}
        return Problems(both, self.code or other.code)

    def ordered(self, names: Sequence[str]) -> Problems:
        """The same, in the order of a page's fields; what is of none of them comes last."""
        place = {name: number for number, name in enumerate(names)}
        known = sorted(self.texts.items(), key=lambda each: place.get(each[0], len(place)))
        return Problems(dict(known), self.code)

    def __bool__(self) -> bool:
        return bool(self.texts)

    def of_field(self, name: str) -> str:
        """What is wrong with a field; empty where nothing is."""
        return "; ".join(self.texts.get(name, ()))

    @property
    def listed(self) -> list[tuple[str, str]]:
        """(field, text) of each, in order."""
        return [(name, text) for name, texts in self.texts.items() for text in texts]


NO_PROBLEMS: Final = Problems()
