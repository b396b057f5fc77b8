"""What to change in a user's own file: the line as it is, with file and line number, and the line as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from pathlib import Path

from simulator.diagnosis.router_answer import Setting
from simulator.routers.own_file import OwnFile, sources
from simulator.routers.statements import StatementHit, hits


class EditKind(Enum):
    """What is done to a statement."""

    SET = "its value is changed; where it is missing it is added"
    DROP = "it is taken out"
    UNDO = "it is taken out, or says the opposite where it has a word for that"


EDITS: dict[str, tuple[Setting, EditKind]] = {
    "shut-down": (Setting.SHUTDOWN, EditKind.DROP),
    "passive": (Setting.PASSIVE, EditKind.DROP),
    "role": (Setting.ROLE, EditKind.DROP),
    "md5-not-agreed": (Setting.MD5, EditKind.DROP),
    "gtsm-at-peer": (Setting.GTSM, EditKind.DROP),
    "md5": (Setting.MD5, EditKind.SET),
    "gtsm": (Setting.GTSM, EditKind.SET),
    "local-as-wrong": (Setting.LOCAL_AS, EditKind.SET),
    "remote-as-wrong": (Setting.REMOTE_AS, EditKind.SET),
    "source-address": (Setting.SOURCE, EditKind.SET),
    "router-id-ours": (Setting.ROUTER_ID, EditKind.SET),
    "hold-time": (Setting.HOLD_TIME, EditKind.SET),
    "peer-limit": (Setting.PREFIX_LIMIT, EditKind.SET),
    "sent-limit": (Setting.SENT_LIMIT, EditKind.DROP),
    "capabilities-missing": (Setting.CAPABILITIES, EditKind.UNDO),
    "asn4-missing": (Setting.AS4, EditKind.UNDO),
    "refresh-missing": (Setting.REFRESH, EditKind.UNDO),
    "next-hop": (Setting.NEXT_HOP, EditKind.SET),
    "import-policy": (Setting.IMPORT, EditKind.SET),
    "family-missing": (Setting.FAMILY, EditKind.SET),
}
"""By cause: the statement that is wrong, and what is done to it."""


_OPPOSITE = {"disable": "enable"}

BLOT = "*" * 8
"""In place of a key."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` stands in place of the characters from `start` to `end` of a file."""

    file: Path
    old: str
    """The whole file as it is."""
    start: int
    end: int
    text: str

    @property
    def new(self) -> str:
        return self.old[: self.start] + self.text + self.old[self.end :]

    def shown(self, secret: re.Pattern[str] | None = None, instead: str = BLOT) -> str:
        """`file:line`, then the lines as they are (`-`) and as they should be (`+`); so for each place of the file.

        The value that `secret` finds is blotted out; in a line as it should be, `instead` stands there.
        """
        before, after = self.old.splitlines(), self.new.splitlines()
        lines: list[str] = []
        for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if kind == "equal":
                continue
            if b == 0 and before:  # what comes first stands before a line that there is
                b, d = 1, d + 1
            lines.append(f"{self.file}:{a + 1 if b > a else a}")
            lines += [f"- {_blotted(line, secret, BLOT)}" for line in before[a:b]]
            lines += [f"+ {_blotted(line, secret, instead)}" for line in after[c:d]]
        return "\n".join(lines)


def _blotted(line: str, secret: re.Pattern[str] | None, instead: str) -> str:
    found = secret.search(line) if secret is not None else None
    group = next((number for number, value in enumerate(found.groups(), 1) if value), 0) if found is not None else 0
    return line if found is None or not group else line[: found.start(group)] + instead + line[found.end(group) :]


def edit_of(
    own: OwnFile, path: Path, address: str, setting: Setting, action: EditKind, value: str, added: Callable[[], str]
) -> Edit | None:
    """The change of one statement about the session with `address`; None where the file gives no hold for it.

    `value` is what should stand there; `added` the statement for a session that has none.
    """
    found = hits(sources(own, path), address, own.scopes, own.settings, own.blank)
    hit = found.get(setting)
    if action is EditKind.UNDO and hit is not None and hit.value_span is not None:
        return Edit(hit.path, hit.text, *hit.value_span, _OPPOSITE[hit.value])
    if action is not EditKind.SET:
        return _without(hit) if hit is not None else None
    if hit is not None and value:
        if setting is Setting.LOCAL_AS and (dropped := _said_again(own, path, address, setting, hit, value)):
            return dropped
        edit = _with_value(own, path, hit, value)
        return edit if edit is not None and edit.new != edit.old else None
    anchors = hits(sources(own, path), address, own.scopes, ((setting, own.anchor(setting)),), own.blank)
    anchor, statement = anchors.get(setting), added()
    if not statement or hit is not None:
        return None
    return _behind(anchor, statement) if anchor is not None else _in_its_table(own, path, address, statement)


def _in_its_table(own: OwnFile, path: Path, address: str, statement: str) -> Edit | None:
    for file, text in sources(own, path):
        blanked = own.blank(text)
        for part in own.scopes(blanked, address)[:1]:
            if (found := own.place(blanked, part, statement)) is not None:
                return Edit(file, text, found[0], found[0], found[1])
    return None


def rewritten(file: Path, text: str, changes: Iterable[tuple[int, int, str]]) -> Edit:
    """Several changes of one file, apart from one another: from where to where, and what stands there then."""
    new = text
    for start, end, put in sorted(changes, key=lambda each: each[0], reverse=True):
        new = new[:start] + put + new[end:]
    return Edit(file, text, 0, len(text), new)


def readdressed(own: OwnFile, path: Path, wrong: str, address: str) -> Edit | None:
    """`address` in place of another neighbor's, wherever that file has it."""
    for file, text in sources(own, path):
        new = re.sub(rf"(?<![\w.:]){re.escape(wrong)}(?![\w.:])", address, text)
        if new != text and own.neighbors is not None and own.neighbors.search(own.blank(text)):
            return Edit(file, text, 0, len(text), new)
    return None


def reexported(own: OwnFile, path: Path, address: str, prefixes: tuple[str, ...], kept_back: bool) -> Edit | None:
    """BIRD's `export all`, `none` or `where …` of a session, with these prefixes let out, or kept back."""
    hit = hits(sources(own, path), address, own.scopes, own.settings, own.blank).get(Setting.EXPORT)
    told = re.fullmatch(r"(all|none)|where\s+(.+)", hit.value, re.DOTALL) if hit is not None else None
    if hit is None or hit.value_span is None or told is None or not prefixes:
        return None
    where = f"net {'!~' if kept_back else '~'} [ {', '.join(prefixes)} ]"
    if told[2]:
        where += f" {'&&' if kept_back else '||'} ({told[2].strip()})"
    return Edit(hit.path, hit.text, *hit.value_span, f"where {where}")


def _with_value(own: OwnFile, path: Path, hit: StatementHit, value: str) -> Edit | None:
    span = hit.value_span
    if span is None:
        return None
    word = hit.text[slice(*span)]
    if (
        both := re.search(r"\btimers (?:bgp )?(\d+) $", hit.text[: span[0]])
    ) is not None:  # FRR's keepalives stand first
        return Edit(hit.path, hit.text, both.start(1), span[1], f"{int(value) // 3} {value}")
    if own.constants is not None and (defined := _definition(own, path, word.strip('$"'))) is not None:
        quoted = defined.value.startswith('"') and not value.startswith('"')
        return Edit(defined.path, defined.text, *(defined.value_span or span), f'"{value}"' if quoted else value)
    return Edit(hit.path, hit.text, *span, value)


def _said_again(own: OwnFile, path: Path, address: str, setting: Setting, hit: StatementHit, value: str) -> Edit | None:
    """A `local-as` goes where what is said of all sessions is right: FRR refuses one that is the router's own AS."""
    if not re.search(r"\blocal-as\b", hit.text[slice(*hit.span)]):
        return None
    edit = _without(hit)
    rest = [(file, edit.new if file == hit.path else text) for file, text in sources(own, path)]
    other = hits(rest, address, own.scopes, own.settings, own.blank).get(setting)
    return edit if other is not None and other.value == value else None


def _definition(own: OwnFile, path: Path, name: str) -> StatementHit | None:
    """Where a constant of the file gets its value."""
    assert own.constants is not None
    for file, text in sources(own, path):
        for found in own.constants.finditer(own.blank(text)):
            if found[1] == name:
                return StatementHit(file, text, found.span(), found.span(2))
    return None


def _without(hit: StatementHit) -> Edit:
    """The statement goes with the sign that ends it, and with its line where nothing else stands there."""
    start, end = hit.span
    if hit.value_span is not None and hit.value == "true":
        return Edit(hit.path, hit.text, *hit.value_span, "false")
    rest = hit.text.find("\n", end)
    rest = len(hit.text) if rest < 0 else rest
    closing = re.compile(r"[^;\n{}]*;").match(hit.text, end)
    if hit.text[end - 1 : end] != ";" and closing is not None:
        end = closing.end()
    elif closing is None:
        brace = hit.text.find("}", end, rest)
        end = rest if brace < 0 else brace
    line = hit.text.rfind("\n", 0, start) + 1
    if not hit.text[line:start].strip() and not hit.text[end:rest].strip():
        return Edit(hit.path, hit.text, line, min(rest + 1, len(hit.text)), "")
    return Edit(hit.path, hit.text, start, end, "")


def _behind(anchor: StatementHit, statement: str) -> Edit:
    """A statement of its own lines behind the anchor, as deep as that stands, or deeper where it opens a block."""
    end = anchor.span[1]
    line = anchor.text[anchor.text.rfind("\n", 0, anchor.span[0]) + 1 :]
    indent = line[: len(line) - len(line.lstrip())]
    if anchor.text[end - 1 : end] == "{":
        indent += "\t" if "\t" in indent or not indent else indent
    lines = statement.splitlines()
    depth = len(lines[0]) - len(lines[0].lstrip())
    text = "".join(f"\n{indent}{each[depth:]}" for each in lines)
    if anchor.text[end : end + 1] not in ("\n", ""):
        text += "\n" + indent if anchor.text[end:].partition("\n")[0].strip() else ""
    return Edit(anchor.path, anchor.text, end, end, text)
