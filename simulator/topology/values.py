"""The values that a topology file takes: names, numbers, and words that there is a list of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from simulator.diagnosis.check_ids import CheckId
from simulator.policy.profiles import PROFILES
from simulator.policy.rules import RULES
from simulator.session.md5 import md5_fault
from simulator.topology.kinds import KINDS, LANGUAGES
from simulator.topology.suggest import asn_meant


class Model(BaseModel):
    """Keys are written with hyphens; a key that the schema does not know is an error."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        alias_generator=lambda name: name.rstrip("_").replace("_", "-"),
    )


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,47}$")]
"""A name of a node or peering: letters, digits, `_`, `.` and `-`; at most 48."""
InterfaceName = Annotated[str, StringConstraints(pattern=r"^[^\s/]{1,15}$")]
"""As Linux takes it: at most 15 characters, no blank and no slash."""


def _asn(value: Any) -> Any:
    """Only a plain number is taken: 1.10 would be read as 1.1, and AS64496 is what people write."""
    written = value if isinstance(value, str) else getattr(value, "text", "")
    if isinstance(value, bool | float) or not written.isascii() or (written and not written.isdigit()):
        meant = asn_meant(written)
        hint = f"did you mean {meant}?" if meant is not None else "an integer from 1 to 4294967295 is wanted"
        raise PydanticCustomError(
            "asn", "{value} is not an ASN: {hint}", {"value": str(written or value)[:60], "hint": hint}
        )
    return value


Asn = Annotated[int, Field(ge=1, le=4294967295), BeforeValidator(_asn)]
"""As asplain (RFC 5396): a number."""


def _md5(key: str) -> str:
    if fault := md5_fault(key):
        raise PydanticCustomError("md5", "{fault}", {"fault": fault})
    return key


Md5Key = Annotated[str, AfterValidator(_md5)]
"""By the rule that the API has for `md5AuthenticationKey`; an empty one means no key."""
Community = Annotated[str, StringConstraints(pattern=r"^\d{1,5}:\d{1,5}$")]
LargeCommunity = Annotated[str, StringConstraints(pattern=r"^\d{1,10}:\d{1,10}:\d{1,10}$")]

CHECKS: Final = (
    *(check.value for check in CheckId if check is not CheckId.R3),
    *(f"{CheckId.R3.value}.{rule}" for rule in RULES),
)
"""Every check by id."""


def _one_of(names: Any) -> WithJsonSchema:
    """The schema tells editors the words; the checks of a topology say which one may have been meant."""
    return WithJsonSchema({"type": "string", "enum": [*names]})


RouterKind = Annotated[Name, _one_of(KINDS)]
LanguageName = Annotated[Name, _one_of(LANGUAGES)]
"""A language of configurations."""
Profile = Annotated[str, _one_of(PROFILES)]
CheckName = Annotated[
    str, WithJsonSchema({"anyOf": [{"type": "string", "enum": [*CHECKS, CheckId.R3.value]}, {"type": "string"}]})
]
"""A check of the catalogue, or a user's own."""


def _rules() -> dict[str, Any]:
    """Every rule with its parameters."""
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array"}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            rule.id: {
                "description": f"refuses a route because {rule.explanation} ({rule.source})",
                "anyOf": [
                    {"type": "boolean"},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            name: {
                                "type": kinds[type(value)],
                                "default": value,
                                "description": f"parameter of {rule.id}",
                            }
                            for name, value in rule.parameters.items()
                        },
                    },
                ],
            }
            for rule in RULES.values()
        },
    }


Rules = Annotated[dict[str, bool | dict[str, Any]], WithJsonSchema(_rules())]
"""Rule id → False or True, or its parameters."""


def _beside_the_topology(path: Path, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("directory", ".")) / path


DataFile = Annotated[Path, AfterValidator(_beside_the_topology)]
"""Relative to the directory of the topology file."""
