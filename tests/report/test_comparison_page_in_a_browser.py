"""The page of two projects as a browser lays it out: at a phone's width, dark, and with names that would be markup."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from test_report_in_browser import flaws

import compared
from quweit_cli.stages import compare

pytestmark = pytest.mark.requires("chromium", "chromedriver")

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared_in_a_browser")
    with contextlib.chdir(folder):  # the page names folders as they are given, and pytest's differ in length
        home = Path("home/a-user-with-a-long-name/experiments/of-this-year/text")
        projects = [
            compared.write_project(home / "reference-with-a-long-name", loss=0.4, options={"steps": 5}),
            compared.write_project(home / HOSTILE, loss=0.2, luts=70, options={"steps": HOSTILE * 5}),
        ]
        compare.write_page(compare.run(projects), projects, Path("page.html"))
    return folder / "page.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_on_a_desk_or_a_phone_and_nothing_is_said_on_the_console(
    browser: Any, page: Path, scheme: str
) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get_log("browser")
    assert [flaw for width in (1400, 1280, 390) for flaw in flaws(browser, page, width)] == []
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.images.length + document.scripts.length") == 0


def test_the_tab_key_reaches_what_scrolls(browser: Any, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415  (of the `dev` extra)

    assert flaws(browser, page, 390) == []
    reached = set()
    browser.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    for _ in range(40):
        browser.find_element("css selector", ":focus, body").send_keys(Keys.TAB)
        reached.add(browser.switch_to.active_element.get_attribute("class"))
    assert "scroll" in reached
