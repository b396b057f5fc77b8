"""How Microsoft's side behaves: the delays of its reviews and its undecided rules, as `Settings` has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastapi import Response
from pydantic import ValidationError

from simulator.azure.provider.settings import BY_HAND, REALISTIC, Settings
from simulator.portal.desk_frame import desk_page
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.views.document import key
from simulator.views.times import duration

_LABELS: Final = {
    "peer_asn_review": "Review of a PeerAsn",
    "peering_review": "Review of a peering request",
    "notification": "The peer's notification",
    "provisioning": "Provisioning",
    "validation": "Before the validation",
    "conversion_review": "Review of a conversion",
    "removal": "Removal",
    "prefix_validation": "Validation of a prefix",
    "time_scale": "Time scale",
    "mesh": "Mesh of an Exchange connection",
    "allow_max_prefix_updates": "Maximum of prefixes may be changed",
    "allow_md5_updates": "MD5 key may be changed",
    "allow_bandwidth_downgrade": "Bandwidth may be lowered",
    "peering_service_agreement": "Agreement for Peering Service is signed",
}
_EMPTY: Final = "; null: by hand"
"""What the API says of a delay that is left out; the form says it once, at its top."""
_PRESETS: Final = {"at-once": Settings(), "by-hand": BY_HAND, "realistic": REALISTIC}


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting as the form has it."""

    name: str
    label: str
    hint: str
    value: str
    kind: str
    """`delay`, `number` or `switch`."""
    passes: str
    """How long a delay lasts by the time scale; empty where that is no other."""


def _fields(settings: Settings, given: dict[str, str] | None = None) -> list[SettingField]:
    found = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        kind = "switch" if isinstance(field.default, bool) else "number" if name == "time_scale" else "delay"
        text = "" if value is None else ("true" if value else "") if kind == "switch" else f"{value:g}"
        scaled = kind == "delay" and value and settings.time_scale != 1
        found.append(
            SettingField(
                key(name),
                _LABELS.get(name, name.replace("_", " ")),
                (field.description or "").removesuffix(_EMPTY),
                text if given is None else given.get(key(name), ""),
                kind,
                f"{duration(value)} pass in {duration(value / settings.time_scale)}" if scaled else "",
            )
        )
    return found


def _shown(
    visit: Visit, status: int = 200, problems: Problems = NO_PROBLEMS, given: dict[str, str] | None = None
) -> Response:
    return desk_page(
        visit,
        "/desk/settings",
        "desk_settings.html",
        "Delays and rules",
        status=status,
        problems=problems,
        fields=_fields(visit.provider.settings, given),
    )


def _refusal(name: str) -> str:
    """What a field takes, with its label: the list at the top has nothing else to tell it by."""
    found = next(each for each in Settings.model_fields if name in (each, key(each)))
    takes = (
        "a number above 0, at most 1,000,000" if found == "time_scale" else "0 to 10,000,000 seconds, or empty: by hand"
    )
    return f"{_LABELS[found]}: {takes}"


async def show(visit: Visit) -> Response:
    return _shown(visit)


async def change(visit: Visit) -> Response:
    given = {name: value.strip() for name, value in visit.form.pairs}
    if preset := given.get("preset"):
        if preset not in _PRESETS:
            raise PageError(422, "There is no such set of delays.")
        visit.provider.set(_PRESETS[preset])
        return visit.go("/desk/settings", f"Microsoft's side now behaves: {preset.replace('-', ' ')}")
    asked: dict[str, Any] = {}
    for field in _fields(visit.provider.settings):
        text = given.get(field.name, "")
        asked[field.name] = bool(text) if field.kind == "switch" else text or None
    try:
        settings = Settings.model_validate(asked)
    except ValidationError as error:
        problems = NO_PROBLEMS
        for each in error.errors():
            name = str(each["loc"][0])
            problems |= Problems.at(name, _refusal(name))
        return _shown(visit, 422, problems, given)
    visit.provider.set(settings)
    return visit.go("/desk/settings", "The settings are in force, also after a restart")


PAGES: Final = (PortalPage("GET", "/desk/settings", show), PortalPage("POST", "/desk/settings", change))
