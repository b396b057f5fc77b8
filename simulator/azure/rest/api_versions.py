"""The api-versions of Microsoft.Peering (REST specification)."""

from __future__ import annotations

from typing import Final

API_VERSIONS: Final = (
    "2019-03-01-preview",
    "2019-08-01-preview",
    "2019-09-01-preview",
    "2020-01-01-preview",
    "2020-04-01",
    "2020-10-01",
    "2021-01-01",
    "2021-06-01",
    "2022-01-01",
    "2022-06-01",
    "2022-10-01",
    "2025-05-01",
)
NEWEST: Final = API_VERSIONS[-1]
