"""The api-version of a request."""

from __future__ import annotations

import re
from typing import Final

from simulator.azure.rest.api_versions import API_VERSIONS
from simulator.azure.rest.errors import ArmError

_REGISTRATION: Final = ("", "register")
"""Paths that Azure Resource Manager answers itself; its own api-versions are others, and clients send old ones."""
_DATE: Final = re.compile(r"20\d\d-\d\d-\d\d(-preview)?\Z")


def checked(api_version: str | None, type_: str) -> str:
    """The api-version of a request. Raises ArmError in ARM's own words where it is missing or unknown."""
    if not api_version:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if type_ in _REGISTRATION and _DATE.match(api_version):
        return api_version
    if api_version not in API_VERSIONS:
        raise ArmError(
            400,
            "InvalidResourceType",
            f"The resource type '{type_}' could not be found in the namespace 'Microsoft.Peering' for api version "
            f"'{api_version}'. The supported api-versions are '{','.join(API_VERSIONS)}'.",
        )
    return api_version
