"""Options that are not given, or are what they should be already, need nothing that is imported to check them."""

from __future__ import annotations

from enum import Enum
from typing import Any


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

    def processed(context: Any, value: Any) -> Any:
        if value is None and not param.required:
            found: Any = () if many else None
        elif not many and _fits(value, described.annotation):
            found = value
        else:
            return process(context, value)
        return found if param.callback is None else param.callback(context, param, found)

    param.process_value = processed
    return param


def _fits(value: Any, annotation: Any) -> bool:
    return type(value) is annotation and isinstance(value, str | Enum | bool)
