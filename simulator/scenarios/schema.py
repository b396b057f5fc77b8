"""The schema of a scenario file."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints, create_model, model_validator
from pydantic_core import PydanticCustomError

from simulator.scenarios.conditions import Conditions, asked
from simulator.scenarios.steps import STEPS, Awaits, StepKind, filled
from simulator.scenarios.values import FamilyWord, Words
from simulator.topology.kinds import KINDS
from simulator.topology.suggest import did_you_mean
from simulator.topology.values import Model, Name

ROUTERS: Final = tuple(name for name, kind in KINDS.items() if kind.may_be_customer)
"""What can stand as the peer's router: the daemons, and the one that turnup plays."""
FAMILIES: Final = ("IPv4", "IPv6")
SECURITIES: Final = ("none", "md5", "gtsm", "md5+gtsm")

RouterWord = Literal["simulated", "bird", "frr", "gobgp", "openbgpd", "exabgp"]
SecurityWord = Literal["none", "md5", "gtsm", "md5+gtsm"]
NOTHING: Final = "nothing is expected here: name a key of docs/scenarios.md, such as connection-state"
_VARIABLE: Final = re.compile(r"[a-z][a-z0-9-]{0,47}")
VariableName = Annotated[str, StringConstraints(pattern=f"^{_VARIABLE.pattern}$")]
Plain = str | int | float | bool


def _some(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def _one_or_some(kind: Any) -> BeforeValidator:
    """One value is a list of it."""
    return BeforeValidator(_some, json_schema_input_type=list[kind] | kind)


class MatrixChoice(Model):
    """What it is played with: every combination of the values. A variable of one's own may have several values too."""

    model_config = {**Model.model_config, "extra": "allow"}

    router: Annotated[list[RouterWord], _one_or_some(RouterWord), Field(min_length=1)] = Field(
        default=["simulated"], description="the kinds of the peers' routers; the topology's where omitted"
    )
    family: Annotated[list[FamilyWord], _one_or_some(FamilyWord), Field(min_length=1)] = Field(
        default=["IPv4", "IPv6"], description="one at a time; both at once where omitted"
    )
    security: Annotated[list[SecurityWord], _one_or_some(SecurityWord), Field(min_length=1)] = Field(
        default=["none"], description="MD5 (RFC 2385) and GTSM (RFC 5082) at both ends; the topology's where omitted"
    )

    @model_validator(mode="before")
    @classmethod
    def _variables(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        known = {name.replace("_", "-") for name in cls.model_fields}
        for key, values in given.items():
            if key in known:
                continue
            plain = isinstance(values, list) and values and all(isinstance(each, Plain) for each in values)
            if not plain or not _VARIABLE.fullmatch(key):
                text = "'{key}' is no key of a matrix{hint}; a variable of one's own has a list of plain values"
                raise PydanticCustomError("told", text, {"key": key[:60], "hint": did_you_mean(key, known)})
        return given


class Never(Model):
    """What must not happen while steps are taken."""

    never: Annotated[list[Conditions], _one_or_some(Conditions), Field(min_length=1)] = Field(
        description="expectations: at no event may one of them hold, of any connection or session in question"
    )

    @model_validator(mode="after")
    def _something(self) -> Never:
        if not all(map(asked, self.never)):
            raise PydanticCustomError("told", NOTHING)
        return self


class StepOptions(Model):
    """One step: what is done, and what goes with it."""

    refused: Words | None = Field(default=None, description="the step is to be refused, in words where this is found")
    within: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        default=None, description="of wait and expect: seconds until it has to hold"
    )
    only_for: MatrixChoice | None = Field(
        default=None, description="the step is taken only with these values of the matrix"
    )
    note: str = Field(default="", description="for people: why")
    meanwhile: Never | None = Field(default=None, description="what must not happen while `steps` are taken")

    @property
    def name(self) -> str:
        """What is done; `meanwhile` of a group of steps."""
        return next((name for name, kind in STEPS.items() if kind.field in self.model_fields_set), "meanwhile")

    @property
    def argument(self) -> Any:
        """What it is done with; None of a group."""
        return getattr(self, STEPS[self.name].field) if self.name in STEPS else None

    @property
    def inner(self) -> list[StepOptions] | None:
        """The steps of a group."""
        found: list[StepOptions] | None = getattr(self, "steps", None)
        return found

    @model_validator(mode="after")
    def _one_thing(self) -> StepOptions:
        if fault := self._fault():
            raise PydanticCustomError("told", "{fault}", {"fault": fault})
        return self

    def _fault(self) -> str:
        """What is wrong with the step as a whole; empty where nothing is."""
        done = [name for name, kind in STEPS.items() if kind.field in self.model_fields_set]
        what = self.argument
        if len(done) > 1:
            return f"a step does one thing, and this one does several ({', '.join(done)}): make them steps of their own"
        if (self.meanwhile is None) != (self.inner is None):
            return "meanwhile and steps go together: what must not happen, and during which steps"
        if not done and self.inner is None:
            return "this step does nothing: name one of docs/scenarios.md, such as approve"
        if done and self.inner is not None:
            return f"put {done[0]} among the steps of this meanwhile"
        if self.within is not None and done[:1] not in (["wait"], ["expect"]):
            return "within is of wait and expect: nothing else waits for what comes"
        if isinstance(what, Awaits) and what.seconds is not None:
            return "wait for something or for seconds, not for both" if asked(what) else ""
        return NOTHING if isinstance(what, Conditions) and not asked(what) else ""


def spelled(given: Any) -> Any:
    """`approve` as `approve:`. Raises PydanticCustomError for a word that is no step."""
    if not isinstance(given, str):
        return given
    if given not in STEPS:
        hint = did_you_mean(given, STEPS) or " (see docs/scenarios.md for all of them)"
        raise PydanticCustomError("told", "there is no step '{name}'{hint}", {"name": given[:60], "hint": hint})
    return {given: None}


class _OrItsName:
    """A step may be its name alone: for the JSON Schema."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {"anyOf": [{"type": "string", "enum": [*STEPS]}, handler(schema)]}


def _written(kind: StepKind) -> Any:
    """What a step's value can be written as, for the JSON Schema."""
    return kind.takes | str | int | list[Any] | None if kind.short else kind.takes | None


def _fields() -> dict[str, Any]:
    fields: dict[str, Any] = {
        kind.field: (
            Annotated[kind.takes, BeforeValidator(partial(filled, kind), json_schema_input_type=_written(kind))],
            Field(default=None, description=kind.doc),
        )
        for kind in STEPS.values()
    }
    one = Annotated["Step", BeforeValidator(spelled), _OrItsName()]
    steps = Annotated[list[one], Field(min_length=1)]
    return fields | {"steps": (steps | None, Field(default=None, description="the steps that `meanwhile` is about"))}


if TYPE_CHECKING:
    Step = StepOptions
else:
    Step = create_model(
        "Step", __base__=StepOptions, __doc__="Exactly one thing that is done; or `meanwhile`, with steps.", **_fields()
    )
    Step.model_rebuild(_types_namespace={"Step": Step})


class ScenarioFile(Model):
    """A scenario: a lab, and what happens in it, step by step."""

    name: Name = Field(description="of the scenario; as its file is called")
    proves: str = Field(min_length=1, max_length=300, description="what is proven where it passes, in one sentence")
    topology: str | dict[str, Any] = Field(
        default="exchange",
        description="a topology that comes with turnup, a file beside this one, or a topology written here",
    )
    changes: dict[str, Any] = Field(
        default={},
        description="what is another in it: keys of a topology file; `peer`, `peering`, `edge`, `customer` are the "
        "first of their lists",
    )
    files: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")], str] = Field(
        default={}, description="files that the topology names as ${directory}/NAME"
    )
    variables: dict[VariableName, Plain] = Field(
        default={}, description="for ${NAME} anywhere in the file; --set NAME=VALUE gives another value"
    )
    automation: Literal["at-once", "by-hand"] = Field(
        default="at-once",
        description="Microsoft's automation (provisioning, the start of a validation) goes on at once, or at `advance`",
    )
    matrix: MatrixChoice = Field(default=MatrixChoice(), description="with what it is played")
    steps: list[Annotated[Step, BeforeValidator(spelled), _OrItsName()]] = Field(
        min_length=1, description="what is done, waited for and expected, in order"
    )
