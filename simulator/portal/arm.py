"""The pages' way to Microsoft.Peering: the functions that answer the REST API, with the same errors."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from simulator.azure.model.errors import RefusalError
from simulator.azure.provider.provider import Provider
from simulator.azure.rest.api_versions import API_VERSIONS
from simulator.azure.rest.app import kept, perform
from simulator.azure.rest.arm_request import ArmAnswer
from simulator.azure.rest.errors import refused

VERSION: Final = max(API_VERSIONS)
"""The newest."""


def resource_path(subscription: str, *names: str, group: str = "") -> str:
    """`/subscriptions/…/providers/Microsoft.Peering/peerings/contoso`, each name percent-encoded."""
    scope = ("subscriptions", subscription, *(("resourceGroups", group) if group else ()))
    return "/" + "/".join(quote(each, safe="") for each in (*scope, "providers", "Microsoft.Peering", *names))


async def ask(provider: Provider, verb: str, path: str, body: Any = None, **query: str) -> ArmAnswer:
    """What the REST API answers to this request. Raises ArmError, as the API does."""

    async def content() -> Any:
        return kept(body)

    given = {name.lower(): value for name, value in query.items()}
    try:
        return await perform(provider, verb, path, VERSION, given, content)
    except RefusalError as error:
        raise refused(error) from None
