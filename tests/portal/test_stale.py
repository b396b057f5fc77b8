"""Two operators at one peering: whoever comes second, with a page from before, is told so; nothing is overwritten."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState
from simulator.portal.forms.peering_fields import Use
from tests.portal.form_support import CONNECTION
from tests.portal.support import IPV4, put_asn, put_peering, send, text_of, until
from tests.serving.support import Served, served

BY_HAND = Settings(peer_asn_review=None, peering_review=None, notification=None, validation=None, removal=0, mesh=False)
PAGE = "/peerings/lab/rg/p"
_S = ConnectionState


@dataclass
class Page:
    """A page that somebody has open: one of its forms can be sent later, as it was."""

    lab: Served
    path: str
    text: str = ""

    async def open(self) -> Page:
        self.text = (await self.lab.client.get(self.path)).text
        return self

    async def press(self, button: str, **typed: str) -> tuple[int, str]:
        """The form of a button, with its hidden fields and what is typed; the status, and what the reader sees."""
        forms = re.findall(r"<form.*?</form>", self.text, re.S)
        form = next(each for each in forms if f">{button}<" in each or f'value="{button}"' in each)
        action = re.search(r'<form[^>]*action="([^"]*)"', form)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
        chosen = re.search(rf'<button[^>]*name="([^"]+)" value="([^"]*)"[^>]*>{button}<', form)
        pressed = {chosen[1]: chosen[2]} if chosen else {}
        fields = {name: html.unescape(value) for name, value in (hidden | pressed).items() if name != "csrf"}
        answer = await send(self.lab, html.unescape(action[1]) if action else self.path, **fields | typed)
        if answer.status_code == 303:
            answer = await self.lab.client.get(answer.headers["location"])
        return answer.status_code, text_of(answer.text)


async def lab_of_two(lab: Served) -> tuple[str, str]:
    """A peering of two connections; their identifiers."""
    await put_asn(lab.provider)
    await put_peering(
        lab.provider, "p", {"peerSessionIPv4Address": IPV4}, {"peerSessionIPv4Address": "206.126.239.201"}
    )
    (record,) = lab.provider.peerings.records.values()
    one, other = dict.fromkeys(live.request.identifier for live in record.connections)
    return one, other


def documents(lab: Served) -> list[str]:
    """What every peering is, as it is kept."""
    return [repr(record.resource.document) for record in lab.provider.peerings.records.values()]


Act = Callable[[Served, str], Awaitable[None]]


async def approve(lab: Served, one: str) -> None:
    for record in list(lab.provider.control.records.values()):
        await lab.provider.operate(record, "approve")


async def remove_one(lab: Served, one: str) -> None:
    status, text = await (await Page(lab, f"{PAGE}/connections/{one}/delete").open()).press("Delete", confirm="yes")
    assert status == 200 and "is being removed" in text, text
    await until(lab.provider, lambda: len(lab.provider.control.records) == 1)


async def remove_all(lab: Served, one: str) -> None:
    await send(lab, f"{PAGE}/delete", confirm="yes")
    await until(lab.provider, lambda: not lab.provider.peerings.records)


async def make_again(lab: Served, one: str) -> None:
    await remove_all(lab, one)
    await put_peering(lab.provider, "p", {"peerSessionIPv4Address": "206.126.239.202"})


async def limit(lab: Served, one: str) -> None:
    status, text = await (await Page(lab, f"{PAGE}/connections/{one}").open()).press("Save", **{"limit-4": "777"})
    assert status == 200 and "The connection is changed" in text, text


EDIT, DELETE = f"{PAGE}/connections/ONE", f"{PAGE}/connections/ONE/delete"
YES = {"confirm": "yes"}
LIMIT = {"limit-4": "888"}
NEW = CONNECTION[Use.EXCHANGE] | {"peer-4": "206.126.239.203"}


@pytest.mark.parametrize(
    ("page", "button", "typed", "first", "status", "words"),
    [
        (EDIT, "Save", LIMIT, limit, 409, "was changed since you opened this page. What you typed is still here"),
        (EDIT, "Save", LIMIT, remove_one, 409, "was deleted since you opened this page: nothing is saved"),
        (EDIT, "Save", LIMIT, remove_all, 404, "There is no peering p"),
        (EDIT, "Save", LIMIT, make_again, 409, "was deleted since you opened this page"),
        (DELETE, "Delete", YES, limit, 409, "Nothing is deleted: look at it again"),
        (DELETE, "Delete", YES, remove_one, 404, "it was removed already"),
        (DELETE, "Delete", YES, remove_all, 404, "There is no peering p"),
        (f"{PAGE}/delete", "Delete", YES, limit, 409, "Nothing is deleted: look at it again"),
        (f"{PAGE}/delete", "Delete", YES, remove_all, 404, "There is no peering p"),
        (f"{PAGE}/delete", "Delete", YES, make_again, 409, "Nothing is deleted: look at it again"),
        (f"{PAGE}/connections/new", "Save", NEW, remove_all, 404, "There is no peering p"),
        ("/desk/connections/p/ash-edge-1", "reject", {"message": "no"}, remove_all, 404, "There is no connection"),
        (
            "/desk/connections/p/ash-edge-1",
            "approve",
            {},
            approve,
            409,
            "does not apply to a connection in",
        ),
    ],
)
async def test_who_comes_second_is_told(
    tmp_path: Path, page: str, button: str, typed: dict[str, str], first: Act, status: int, words: str
) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        one, _ = await lab_of_two(lab)
        seen = await lab.client.get(page.replace("ONE", one), follow_redirects=True)
        opened = Page(lab, seen.url.path, seen.text)
        await first(lab, one)
        before = documents(lab)
        code, text = await opened.press(button, **typed)
        assert (code, words in text) == (status, True), (code, text)
        assert documents(lab) == before
