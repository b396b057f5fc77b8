"""What a view looks like in /lab/v1's OpenAPI document, made from its class: so a session has one shape everywhere."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field, create_model

from simulator.session.messages import Notification
from simulator.views.document import names, word


@cache
def described(view: type, name: str = "", **more: Any) -> type[BaseModel]:
    """The model of what `document` makes of a view's objects; `more` are fields that the answer has besides."""
    hints, texts, made = get_type_hints(view), _texts(view), dict[str, Any]()
    for attribute, key, moment in names(view):
        found = getattr(view, attribute, None)
        hint = get_type_hints(found.fget)["return"] if isinstance(found, property) else hints[attribute]
        made[key] = (_type(hint, moment), Field(description=texts.get(attribute)))
    return create_model(name or view.__name__, __doc__=inspect.getdoc(view), **made, **more)


def _type(hint: Any, moment: bool = False) -> Any:
    """The type of what `document` writes for an annotation."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        kinds = {_type(part, moment) for part in parts if part is not NoneType}
        one: Any = Union[tuple(kinds)]  # noqa: UP007 - a union of types that are only known here
        return one | None if NoneType in parts else one
    if origin in (tuple, frozenset):
        return list[_type(parts[0])]  # type: ignore[misc]
    if origin is Literal:
        return hint
    if hint in (IPv4Address, IPv6Address) or (hint is float and moment):
        return str
    if hint is Notification:
        return create_model("Notification", code=(int, ...), subcode=(int, ...), text=(str, ...))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Literal[tuple(word(member) for member in hint)]
    return described(hint) if is_dataclass(hint) and isinstance(hint, type) else hint


def _texts(view: type) -> dict[str, str]:
    """The docstrings below the fields and in the properties of a class and of those that it extends."""
    found: dict[str, str] = {}
    for each in reversed(view.__mro__[:-1]):
        (written,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        body = written.body if isinstance(written, ast.ClassDef) else []
        for field, below in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
                found[field.target.id] = " ".join(ast.literal_eval(below.value).split())
        for node in body:
            if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
                found[node.name] = " ".join(text.split())
    return found
