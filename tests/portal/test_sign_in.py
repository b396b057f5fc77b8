"""A browser signs in with the server's token: a session of its own, for pages alone, bounded, and out again."""

from __future__ import annotations

import hmac
from pathlib import Path

import httpx
import pytest

from simulator.portal import sign_ins
from simulator.portal.csrf import COOKIE as CSRF
from simulator.portal.frame import POLICY
from simulator.portal.sign_ins import COOKIE, SESSION_SECONDS, SIGN_IN, UNSENT, SignIns
from tests.portal.browsing import Keyboard, chromium, needs_chromium
from tests.portal.support import PAGE, put_asn, put_peering, text_of
from tests.portal.test_browser import every_page, violations
from tests.serving.support import ASN, Served, served

TOKEN = "a-token-of-the-tests"
BROWSER = {"Accept": "text/html"}


async def sign_in(lab: Served, token: str = TOKEN) -> httpx.Response:
    lab.client.headers.update(BROWSER)
    if CSRF not in lab.client.cookies:
        await lab.client.get(SIGN_IN)
    return await lab.client.post(SIGN_IN, data={"csrf": lab.client.cookies[CSRF], "token": token})


async def test_who_is_not_signed_in_sees_the_sign_in_and_nothing_else(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab:
        for path in [*every_page(), "/docs", "/changes", f"{PAGE}/report/report.json"]:
            if path == SIGN_IN:
                continue
            seen = await lab.client.get(path, headers=BROWSER)
            assert (seen.status_code, seen.headers["location"], seen.content) == (303, SIGN_IN, b""), path
            assert (await lab.client.get(path)).status_code == 401, path
            assert (await lab.client.get(path, headers={**BROWSER, "Turnup-Live": "1"})).status_code == 401, path
        for path in (ASN, "/lab/v1/status", "/LAB/v1/status"):  # a program is told, and not led elsewhere
            assert (await lab.client.get(path, headers=BROWSER)).status_code == 401
        page = await lab.client.get(SIGN_IN)
        assert page.headers["content-security-policy"] == POLICY
        assert page.status_code == 200 and lab.provider.topology.name not in page.text and TOKEN not in page.text


async def test_the_token_opens_every_page_and_not_the_api(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        answer = await sign_in(lab)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        given = answer.headers["set-cookie"].lower()
        assert all(word in given for word in (COOKIE, "httponly", "samesite=strict", "path=/"))
        for path in [*every_page(), f"{PAGE}/report/report.json"]:
            seen = await lab.client.get(path, follow_redirects=True)
            assert seen.status_code in (200, 404) and seen.url.path != SIGN_IN, path
            assert TOKEN not in seen.text and ("Sign out" in seen.text or path.endswith(".json")), path
        for path in (ASN, "/lab/v1/status", "/LAB/V1/status", "//lab/v1/status", "/providers/x"):
            assert (await lab.client.get(path)).status_code in (401, 404), path
        assert (await lab.client.post("/lab/v1/asns/lab/contoso/approve")).status_code == 401
        # A wrong bearer token is no better for the cookie beside it.
        assert (await lab.client.get("/", headers={"Authorization": "Bearer x"})).status_code == 401


async def test_a_form_of_another_page_signs_nobody_in(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab:
        await lab.client.get(SIGN_IN)
        for data, headers in (
            ({"csrf": "x" * 43, "token": TOKEN}, {}),
            ({"csrf": lab.client.cookies[CSRF], "token": TOKEN}, {"Origin": "http://evil.example"}),
        ):
            answer = await lab.client.post(SIGN_IN, data=data, headers=headers)
            assert answer.status_code == 403 and COOKIE not in lab.client.cookies


async def test_a_form_of_somebody_who_is_signed_out_leads_to_the_sign_in_which_says_so(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab:
        await lab.client.get(SIGN_IN)
        answer = await lab.client.post("/create", data={"csrf": lab.client.cookies[CSRF]}, headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, UNSENT)
        assert "nothing was sent" in text_of((await lab.client.get(UNSENT)).text)
        assert "nothing was sent" not in text_of((await lab.client.get(SIGN_IN)).text)
        for path in ("/lab/v1/asns/lab/contoso/approve", ASN):  # a program is told
            assert (await lab.client.post(path, headers=BROWSER)).status_code == 401


async def test_signing_out_ends_the_session_itself(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab:
        await sign_in(lab)
        kept = lab.client.cookies[COOKIE]
        answer = await lab.client.post("/sign-out", data={"csrf": lab.client.cookies[CSRF]})
        assert (answer.status_code, answer.headers["location"]) == (303, SIGN_IN)
        assert (await lab.client.get("/", headers={"Cookie": f"{COOKIE}={kept}"})).status_code == 303


async def test_a_restart_signs_everybody_out(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab:
        await sign_in(lab)
        kept = lab.client.cookies[COOKIE]
    async with served(tmp_path, TOKEN) as lab:
        lab.client.cookies.set(COOKIE, kept)
        assert (await lab.client.get("/", headers=BROWSER)).status_code == 303


async def test_after_ten_wrong_tokens_none_is_looked_at(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab:
        for wrong in ("", "é", TOKEN[:-1], *["x"] * 7):
            answer = await sign_in(lab, wrong)
            assert answer.status_code == 403 and "not the server's token" in text_of(answer.text)
        answer = await sign_in(lab)
        assert answer.status_code == 429 and 0 < int(answer.headers["retry-after"]) <= 61
        assert COOKIE not in lab.client.cookies


async def test_without_a_token_there_is_nothing_to_sign_in_to(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        assert (await lab.client.get(SIGN_IN)).headers["location"] == "/"
        assert "Sign out" not in (await lab.client.get("/")).text


# --- sessions by themselves ---


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(sign_ins, "_now", lambda: found.now)
    return found


def cookie(name: str) -> str:
    return f"other=1; {COOKIE}={name}"


def test_a_session_ends_by_its_time_and_by_the_hundred_that_came_after_it(clock: Clock) -> None:
    who = SignIns(TOKEN)
    first = who.sign_in(TOKEN, "::1")
    clock.now += SESSION_SECONDS - 1
    assert who.is_signed_in(cookie(first))
    clock.now += 1
    assert not who.is_signed_in(cookie(first))
    names = [who.sign_in(TOKEN, "::1") for _ in range(101)]
    assert [who.is_signed_in(cookie(name)) for name in names] == [False, *[True] * 100]


def test_wrong_tokens_are_counted_by_address_and_in_all_and_forgotten(clock: Clock) -> None:
    who = SignIns(TOKEN)
    for _ in range(10):
        who.sign_in("x", "192.0.2.1")
    assert who.wait("192.0.2.1") == 60 and who.wait("192.0.2.2") == 0
    for number in range(90):
        who.sign_in("x", f"198.51.100.{number}")
    assert who.wait("192.0.2.2") == 60
    clock.now += 60
    assert who.wait("192.0.2.1") == 0
    for _ in range(10):
        who.sign_in("x", "198.51.100.7")
    assert who.wait("198.51.100.7") == 60, "from the first of these on: what is forgotten does not count"


@pytest.mark.parametrize(
    "text", ["", "a", f"{COOKIE}=", f"{COOKIE}=x", "\0", f"{COOKIE}=\u00e9", "=;=", "a/b=c", "x" * 9000]
)
def test_a_cookie_that_names_no_session_is_none(text: str, clock: Clock) -> None:
    who = SignIns(TOKEN)
    who.sign_in(TOKEN, "::1")
    assert not who.is_signed_in(text)


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    compared: list[bytes] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append(left)
        return hmac.compare_digest(left, right)

    monkeypatch.setattr(sign_ins, "hmac", type("Hmac", (), {"compare_digest": staticmethod(compare)}))
    who = SignIns(TOKEN)
    assert [bool(who.sign_in(given, "::1")) for given in ("a", TOKEN)] == [False, True]
    assert compared == [b"a", TOKEN.encode()]


# --- in a browser ---


@needs_chromium
@pytest.mark.timeout(300)
async def test_by_keyboard_in_and_out_and_an_open_page_is_led_to_the_sign_in(tmp_path: Path) -> None:
    async with served(tmp_path, TOKEN) as lab, chromium(lab.url, viewport={"width": 360, "height": 700}) as page:
        who = Keyboard(page)
        await page.goto(PAGE)
        assert page.url.endswith(SIGN_IN)
        found = await violations(page)
        await who.fill("Token", "wrong")
        await who.press("Sign in")
        await who.sees("not the server's token")
        found += await violations(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await who.fill("Token", TOKEN)
        await who.press("Sign in")
        await page.wait_for_url(lab.url + "/")
        found += await violations(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        other = await page.context.new_page()
        await other.goto("/desk")
        await who.press("Sign out")
        await page.wait_for_url(lab.url + SIGN_IN)
        await put_asn(lab.provider)  # news: the other page asks for them
        await other.wait_for_url(lab.url + SIGN_IN)
        assert found == []
