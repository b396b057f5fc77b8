"""Where a topology's lab announces what begins and ends."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from simulator.topology.values import Model


def http_url(text: str) -> str:
    """Raises ValueError for what is no http or https URL with a host."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # not a port, or not an IPv6 address
        fits = False
    if not fits or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a URL is wanted, such as https://noc.example.net/turnup")
    return text


class WebhookChoice(Model):
    """Gets each connection that becomes Active, each failed validation, and what happens to an Active peering."""

    url: Annotated[str, AfterValidator(http_url)] = Field(description="http or https; redirects are not followed")
    secret: Annotated[str, StringConstraints(min_length=8, max_length=256, pattern=r"^[!-~]+$")] | None = Field(
        default=None,
        repr=False,
        description="signs every delivery; TURNUP_WEBHOOK_SECRET where omitted",
    )
