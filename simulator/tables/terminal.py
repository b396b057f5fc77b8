"""What a terminal adds to what a router prints: pagers, prompts, the command itself, escapes, carriage returns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from simulator.tables.text_lines import numbered_lines

_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
_PAGER: Final = re.compile(
    r"(?:<?-{2,}\s*\(?more(?:\s+\d+%)?\)?\s*-{2,}>?|--\(more\)--|<--- More --->)[ \r\x08]*", re.IGNORECASE
)
"""`--More--`, ` --More-- `, `---(more 42%)---`, and the blanks and backspaces by which it is wiped out."""
_RUBBED: Final = re.compile(r"[^\x08]\x08")
_PROMPT: Final = re.compile(
    r"(?![0-9A-Fa-f.:]+/\d)(?:\{\w+(?::\d+)?\}|(?:RP/\S+:)?[\w.@:~/()\[\]-]{1,100}[>#$%])(?:\s*[A-Za-z!?].*)?"
)
"""`router#show ip bgp`, `user@router> show route`, `RP/0/RP0/CPU0:router#`, Junos's `{master:0}`; never a prefix."""
_ROUTE: Final = re.compile(r"[.:]\S*/\d+\s+[0-9A-Fa-f]*[.:]")
"""A prefix and an address behind it: a damaged route may look like a prompt."""
_CHATTER: Final = re.compile(
    r"(?:show|bgpctl|gobgp|vtysh|birdc|terminal|sudo|exit|quit|logout)\b"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} +\d"
    r"|Building configuration"
    r"|Load for five secs|Time source is"
    r"|Connection to .* closed|Warning: Permanently added"
)


def screen(chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of every line as it stood on the screen, tabs as blanks and nothing at its end."""
    for number, text in numbered_lines(chunks):
        yield number, cleaned(text)


def cleaned(text: str) -> str:
    """One line without what the terminal did to it."""
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    if "ore" in text or "ORE" in text:
        text = _PAGER.sub("", text)
    if "\x08" in text:
        before = ""
        while before != text:
            before, text = text, _RUBBED.sub("", text)
        text = text.replace("\x08", "")
    if "\r" in text:
        # What was written over: the last that is not empty is what stood there.
        text = next((part for part in reversed(text.split("\r")) if part.strip()), "")
    return text.expandtabs(8).rstrip()


def is_chatter(line: str) -> bool:
    """Whether a line is what a terminal shows around a table: a prompt, with or without a command, or the time."""
    text = line.strip()
    if not text or _CHATTER.match(text):
        return True
    return _PROMPT.fullmatch(text) is not None and _ROUTE.search(text) is None
