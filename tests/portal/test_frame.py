"""The frame of every page, over HTTP: headers, forms from elsewhere, errors, the stream of news."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from fastapi import Response

from simulator.portal import app
from simulator.portal.app import PAGES
from simulator.portal.csrf import COOKIE
from simulator.portal.frame import FILES, POLICY, current_item
from simulator.portal.sign_ins import SIGN_IN
from simulator.portal.visit import FormData, PageError, PortalPage, Visit, steps
from tests.patience import PATIENCE
from tests.serving.support import Served, served

_PLAIN = [page.path for page in PAGES if page.verb == "GET" and "{" not in page.path and page.path != SIGN_IN]
"""Without a token there is nothing to sign in to."""


async def token(lab: Served) -> str:
    """The token of a browser that has opened a page."""
    await lab.client.get("/")
    return lab.client.cookies[COOKIE]


@pytest.mark.parametrize("path", [*_PLAIN, "/no/such/page"])
async def test_a_page_has_a_strict_policy_and_nothing_inline(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as lab:
        answer = await lab.client.get(path)
        assert answer.status_code == (404 if "no/such" in path else 200)
        assert answer.headers["content-security-policy"] == POLICY
        assert "unsafe" not in POLICY
        assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text)
        assert not re.search(r"<script(?![^>]+src=)|<style|javascript:", answer.text)
        assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', answer.text) == []


@pytest.mark.parametrize("name", FILES)
async def test_a_file_comes_from_this_server_and_asks_no_other(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as lab:
        answer = await lab.client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert re.findall(r"https?://(?!www\.w3\.org/)", answer.text) == []


@pytest.mark.parametrize("name", ["", "..%2Fapp.py", "app.py", "portal.css%00"])
async def test_no_other_file_is_given(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as lab:
        assert (await lab.client.get(f"/static/{name}")).status_code == 404


@pytest.fixture
def with_a_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """One page more, which changes something."""

    async def change(visit: Visit) -> Response:
        return visit.go("/", "done")

    monkeypatch.setattr(app, "PAGES", (*PAGES, PortalPage("POST", "/change", change)))


@pytest.mark.usefixtures("with_a_form")
async def test_a_form_without_the_token_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        mine = await token(lab)
        for given in ("", "x" * 43, mine[:-1] + ("a" if mine[-1] != "a" else "b")):
            answer = await lab.client.post("/change", data={"csrf": given})
            assert answer.status_code == 403, given
        assert (await lab.client.post("/change", data={"csrf": mine})).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("secret", ["", "a-secret-token"])
@pytest.mark.usefixtures("with_a_form")
async def test_a_form_of_another_page_is_refused(tmp_path: Path, headers: dict[str, str], secret: str) -> None:
    async with served(tmp_path, secret) as lab:
        if secret:
            lab.client.headers["Authorization"] = f"Bearer {secret}"
        answer = await lab.client.post("/change", data={"csrf": await token(lab)}, headers=headers)
        assert answer.status_code == 403


@pytest.mark.usefixtures("with_a_form")
async def test_what_was_done_is_said_once(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        answer = await lab.client.post("/change", data={"csrf": await token(lab)})
        first, second = [await lab.client.get(answer.headers["location"]) for _ in range(2)]
        assert "done" in first.text and "done" not in second.text


async def test_a_foreign_host_sees_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        for path in ("/", "/static/portal.js", "/changes"):
            assert (await lab.client.get(path, headers={"Host": "evil.example"})).status_code == 403


@pytest.mark.parametrize("octets", [b"\xff", b"a=%ff", b"&".join(b"a=1" for _ in range(5001))])
def test_what_is_no_form_is_refused(octets: bytes) -> None:
    with pytest.raises(PageError):
        FormData.read(octets)


def test_names_that_are_paths_become_a_document() -> None:
    form = FormData.read(b"a.b%5B1%5D.c=x&a.b%5B0%5D.c=y&a.d=&kind=Exchange&e.f= z &e=1")
    assert form.document() == {"a": {"b": [{"c": "y"}, {"c": "x"}]}, "e": {"f": "z"}}
    assert form["kind"] == "Exchange"
    assert steps("a.b[10].c") == ["a", "b", 10, "c"]


async def test_the_stream_tells_that_there_is_news_and_catches_up(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:

        async def first(headers: dict[str, str]) -> int:
            async with asyncio.timeout(PATIENCE):
                async with lab.client.stream("GET", "/changes", headers=headers) as stream:
                    async for line in stream.aiter_lines():
                        if line.startswith("data: "):
                            return int(line[6:])
            raise AssertionError("no news")

        seen = await first({})
        lab.provider.set(lab.provider.settings)
        assert await first({"Last-Event-ID": str(seen)}) > seen
        assert await first({"Last-Event-ID": "999999"}) == seen + 1  # another database: the page asks again


def test_each_page_has_its_place_in_the_navigation() -> None:
    assert current_item("/") is not None
    assert current_item("/no/such/page") is None
