"""ARM's errors: status, code, message. Microsoft's own words are quoted; the rest is marked as the simulator's."""

from __future__ import annotations

from typing import Any, Final

_FLAT_UNTIL: Final = "2020-04-01"
"""Up to this api-version an error body was flat; later ones nest it in `error` (REST specification)."""


class ArmError(Exception):
    """Ends a request with an ARM error body."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def body(self, api_version: str) -> dict[str, Any]:
        flat = {"code": self.code, "message": self.message}
        return flat if api_version and api_version <= _FLAT_UNTIL else {"error": flat}


def bad_argument(message: str) -> ArmError:
    """400 BadArgument, as production answered bad connections (recorded)."""
    return ArmError(400, "BadArgument", message)


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
