"""Checks that users add: of installed packages (entry point group `turnup.checks`), and of one file of a topology."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from simulator.diagnosis.check import Check, When
from simulator.diagnosis.check_ids import CheckId, known
from simulator.diagnosis.selection import Selection
from simulator.topology.schema import Topology
from simulator.views.check import Blocks, Side

GROUP: Final = "turnup.checks"
_NAME: Final = "CHECKS"
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,47}")


class OwnCheckError(Exception):
    """Users' checks cannot be taken; the text is one line: what, where, what to do."""


def selection(topology: Topology) -> Selection:
    """Which checks a topology's rehearsal runs. Raises OwnCheckError."""
    choice = topology.checks
    return Selection(tuple(choice.only), tuple(choice.exclude), tuple(choice.strict), own_checks(choice.file))


def own_checks(file: Path | None) -> tuple[Check, ...]:
    """The users' checks: the installed ones, and those of a file. Raises OwnCheckError."""
    found = (*installed(), *(from_file(file) if file is not None else ()))
    ids = [check.id for check in found]
    if twice := [id_ for id_ in dict.fromkeys(ids) if ids.count(id_) > 1]:
        raise OwnCheckError(f"two checks have the id '{twice[0]}': give one of them another")
    for check in found:
        if missing := [need for need in check.needs if not known(need) and need not in ids]:
            raise OwnCheckError(f"check '{check.id}' rests on '{missing[0]}', and there is no such check")
    return found


@cache
def installed() -> tuple[Check, ...]:
    """Those of the entry point group. Raises OwnCheckError."""
    from importlib.metadata import entry_points

    found: list[Check] = []
    for entry in entry_points(group=GROUP):
        where = f"entry point {entry.name} ({GROUP})"
        try:
            value = entry.load()
        except Exception as error:
            raise OwnCheckError(f"{where}: {_words(error)}") from None
        found += _checked(value, where)
    return tuple(found)


def from_file(file: Path) -> tuple[Check, ...]:
    """Those of a Python file, which is run. Raises OwnCheckError."""
    try:
        changed = file.stat().st_mtime_ns
    except OSError as error:
        raise OwnCheckError(f"{file}: {error.strerror}") from None
    return _from_file(file, changed)


@cache
def _from_file(file: Path, changed: int) -> tuple[Check, ...]:
    module = ModuleType(f"turnup_checks_{file.stem}")
    module.__file__ = str(file)
    try:
        source = file.read_text(encoding="utf-8")
        exec(compile(source, str(file), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise OwnCheckError(f"{_place(file, error)}: {_words(error)}") from None
    if not hasattr(module, _NAME):
        raise OwnCheckError(f"{file}: it has no {_NAME}: write {_NAME} = [Check(…), …]")
    return _checked(getattr(module, _NAME), str(file))


def _place(file: Path, error: BaseException) -> str:
    """The file, and the line in it that raised."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{file}:{error.lineno}"
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == str(file):
            line = step.tb_lineno
        step = step.tb_next
    return f"{file}:{line}" if line else str(file)


def _words(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split()) or 'no words'}"


def _checked(value: Any, where: str) -> tuple[Check, ...]:
    """What was found there, where it is one check or several. Raises OwnCheckError."""
    found = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    for check in found:
        if not isinstance(check, Check):
            raise OwnCheckError(f"{where}: {check!r:.60} is no simulator.diagnosis.check.Check")
        if fault := _fault(check):
            raise OwnCheckError(f"{where}: check '{check.id}': {fault}")
    return found


def _fault(check: Check) -> str:
    if not isinstance(check.id, str) or not _ID.fullmatch(check.id):
        return "an id is a letter, then at most 47 letters, digits, _ and -"
    if known(check.id) or check.id.upper() in set(CheckId):
        return "the catalogue has this id: choose another"
    if (check.of_session is None) == (check.of_connection is None):
        return "it needs one of of_session and of_connection"
    kinds = ((check.blocks, Blocks), (check.when, When), (check.side, Side), (check.title, str), (check.source, str))
    for value, kind in kinds:
        if not isinstance(value, kind):
            return f"{value!r:.60} is no {kind.__name__}"
    if not check.title or not check.source:
        return "a title and a source are needed"
    return ""
