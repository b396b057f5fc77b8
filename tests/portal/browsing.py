"""Debian's Chromium in front of a lab, and two people who use it: one with a mouse, one with the keyboard alone."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.patience import PATIENCE
from tests.surroundings import required

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not required(os.environ), reason="needs Debian's chromium: apt-get install chromium"
)
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_PATIENCE = 1000 * PATIENCE
"""In milliseconds, as Playwright wants it."""
expect.set_options(timeout=_PATIENCE)
_TABS = 400
"""Tab stops after which something counts as out of the keyboard's reach."""


@contextlib.asynccontextmanager
async def chromium(url: str, **options: Any) -> AsyncIterator[Page]:
    """A page of a new browser; at the end no script has failed, nothing was blocked, and no request went elsewhere."""
    stray: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            context = await browser.new_context(base_url=url, **{"viewport": {"width": 1280, "height": 900}} | options)
            page = await context.new_page()
            page.set_default_timeout(_PATIENCE)
            page.on("pageerror", lambda error: stray.append(f"script: {error}"))
            page.on("dialog", lambda dialog: stray.append(f"dialog: {dialog.message}"))
            page.on("console", lambda said: stray.append(said.text) if "Content Security Policy" in said.text else None)
            page.on("request", lambda asked: None if asked.url.startswith(url) else stray.append(asked.url))
            yield page
        finally:
            await browser.close()
    assert stray == []


_SCHEMES: Final[dict[Literal["light", "dark"], dict[str, Any]]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}
"""What axe-core looks for: all of it, and again what another scheme changes."""


class Mouse:
    """Somebody who clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def follow(self, link: str) -> None:
        await self.activate(self.page.get_by_role("link", name=link).first)

    async def press(self, button: str) -> None:
        await self.activate(self.page.get_by_role("button", name=button).first)

    async def fill(self, label: str, text: str) -> None:
        await self.field(label).fill(text)

    async def choose(self, label: str, option: str) -> None:
        """One of a list, by the beginning of its words."""
        await self.field(label).select_option(value=await self.value_of(label, option))

    async def check(self, choice: str) -> None:
        await self.page.get_by_role("radio", name=choice, exact=True).check()

    async def activate(self, target: Locator) -> None:
        await target.click()

    async def sees(self, *texts: str) -> None:
        for text in texts:
            await expect(self.page.locator("main")).to_contain_text(text)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(re.compile(rf"^{re.escape(label)}( \(optional\))?$")).first

    async def value_of(self, label: str, option: str) -> str:
        found = self.field(label).locator("option").filter(has_text=re.compile(rf"^\s*{re.escape(option)}")).first
        return str(await found.get_attribute("value"))


class Keyboard(Mouse):
    """Somebody who has no mouse: Tab, arrows, Enter, blank and letters."""

    async def activate(self, target: Locator) -> None:
        await self.focus(target)
        await self.page.keyboard.press("Enter")

    async def fill(self, label: str, text: str) -> None:
        await self.focus(self.field(label))
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)

    async def choose(self, label: str, option: str) -> None:
        field = self.field(label)
        await self.focus(field)
        wanted = await self.value_of(label, option)
        await self.page.keyboard.press("Home")
        for _ in range(_TABS):
            if await field.input_value() == wanted:
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{option} of {label} cannot be chosen by keyboard")

    async def check(self, choice: str) -> None:
        radio = self.page.get_by_role("radio", name=choice, exact=True)
        group = self.page.locator(f'input[type="radio"][name="{await radio.get_attribute("name")}"]:checked')
        await self.focus(group)
        for _ in range(10):
            if await radio.is_checked():
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{choice} cannot be checked by keyboard")

    async def focus(self, target: Locator) -> None:
        """Tab until it has the focus, and can be seen to have it."""
        await target.wait_for()
        for _ in range(_TABS):
            if await target.evaluate("each => each === document.activeElement"):
                shown = await target.evaluate("each => getComputedStyle(each.closest('label') ?? each).outlineStyle")
                assert shown != "none", f"the focus on {target} is not shown"
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {target}")


async def looks(page: Page, name: str) -> list[str]:
    """What is wrong with how a page looks: axe-core's violations in light and in dark, and what does not fit 360 px.

    `TURNUP_SCREENSHOTS=DIR` keeps a picture of it.
    """
    found: list[str] = []
    for scheme, options in _SCHEMES.items():
        await page.emulate_media(color_scheme=scheme)
        violations = (await Axe().run(page, options=options)).response["violations"]
        found += [
            f"{name}, {scheme}: {each['id']}: {node['html'][:160]}" for each in violations for node in each["nodes"][:3]
        ]
    await page.emulate_media(color_scheme="light")
    wide = page.viewport_size or {"width": 1280, "height": 900}
    await _keep(page, name)
    await page.set_viewport_size({"width": 360, "height": 740})
    over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found += [f"{name}: {over} px too wide for 360 px"] if over > 0 else []
    await _keep(page, f"{name}-narrow")
    await page.set_viewport_size(wide)
    return found


async def _keep(page: Page, name: str) -> None:
    if folder := os.environ.get("TURNUP_SCREENSHOTS"):
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
