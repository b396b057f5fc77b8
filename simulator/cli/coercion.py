"""Options that are not given, or are what they should be already, need nothing that is imported to check them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, get_args


def any_case(*known: str) -> Callable[[str | None], str | None]:
    """The callback of an option whose values are words of a table: these, or those of a table in lower case."""
    spelled = {each.casefold(): each for each in known}

    def written(value: str | None) -> str | None:
        if value is None:
            return None
        return spelled.get(value.casefold(), value) if spelled else value.casefold()

    return written


def spare(command: Any) -> Any:
    """The command, whose options and arguments take a value as it is where that is of their type, or not given.

    typer makes an adapter of pydantic's for every one, given or not: that takes longer than to explain a route.
    """
    of_all = command.get_params
    command.get_params = lambda context: [_spared(param) for param in of_all(context)]
    for below in (getattr(command, "commands", None) or {}).values():
        if below is not None:
            spare(below)
    return command


def _spared(param: Any) -> Any:
    described = getattr(param, "type_descriptor", None)
    parse = getattr(getattr(param, "parameter_info", None), "parser", None)
    if described is None or parse is not None or "process_value" in vars(param):
        return param  # an older typer, which imports nothing for it; a parser sees every value
    process, many = param.process_value, param.multiple or param.nargs == -1

    choices = _choices(described.annotation)

    def processed(context: Any, value: Any) -> Any:
        value = _cased(value, choices)
        if value is None and not param.required:
            found: Any = () if many else None
        elif not many and _fits(value, described.annotation):
            found = value
        else:
            return process(context, value)
        return found if param.callback is None else param.callback(context, param, found)

    param.process_value = processed
    return param


def _choices(annotation: Any) -> dict[str, str]:
    """Of an enumeration, or several of its values, or perhaps none: each value by how it is in lower case."""
    found: dict[str, str] = {}
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, Enum):
            found |= {str(choice.value).casefold(): str(choice.value) for choice in each}
        elif each is not annotation:
            found |= _choices(each)
    return found


def _cased(value: Any, choices: dict[str, str]) -> Any:
    """What is one of them but for its case is that one: `IPv4` is `ipv4`."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return choices.get(value.casefold(), value)
    return [_cased(each, choices) for each in value] if choices and isinstance(value, list | tuple) else value


def _fits(value: Any, annotation: Any) -> bool:
    return type(value) is annotation and isinstance(value, str | Enum | bool)
