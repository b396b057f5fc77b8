"""ARM's errors: status, code, message. Microsoft's own words are quoted; the rest is marked as the simulator's."""

from __future__ import annotations

from typing import Any, Final

from simulator.azure.rest.api_versions import API_VERSIONS

_FLAT: Final = frozenset(version for version in API_VERSIONS if version <= "2020-04-01")
"""The api-versions whose error body is flat; later ones nest it in `error` (REST specification). An unknown version has
none of its own: it gets the body of today."""
_WITH_TARGET: Final = "2025-05-01"
"""From this api-version on an error names its field in `target` as well (REST specification)."""


class ArmError(Exception):
    """Ends a request with an ARM error body."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, target: str = ""
    ) -> None:
        """`target` is the field of the document that is wrong, if it is one."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.target = target

    def body(self, api_version: str) -> dict[str, Any]:
        flat = {"code": self.code, "message": self.message}
        if api_version in _FLAT:
            return flat
        if self.target and (api_version >= _WITH_TARGET or api_version not in API_VERSIONS):
            flat["target"] = self.target
        return {"error": flat}


def bad_argument(message: str, target: str = "") -> ArmError:
    """400 BadArgument, as production answered bad connections (recorded)."""
    return ArmError(400, "BadArgument", message, target=target)


def not_supported(message: str) -> ArmError:
    """405 OperationNotSupported, as production answered changes that it does not make (recorded)."""
    return ArmError(405, "OperationNotSupported", message)


def resource_not_found(type_: str, name: str, group: str) -> ArmError:
    """404 of ARM's gateway, for a resource that was never created (recorded)."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{type_}/{name}' under resource group '{group or '<null>'}' was not found.",
        {"x-ms-failure-cause": "gateway"},
    )


def not_found(message: str = "Resource does not exist.") -> ArmError:
    """404 of the resource provider itself (recorded)."""
    return ArmError(404, "NotFound", message)
