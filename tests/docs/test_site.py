"""The site is built from the pages without a warning, loads nothing from elsewhere, and can be read at any width, by day and by night."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import quweit_cli
from conftest import REPOSITORY
from pages import NOTEBOOKS, PAGES, of_repository

pytest.importorskip("sphinx")

WIDTHS = (1400, 400)
LOOKED_AT = [
    "docs/index.html",
    "README.html",
    "docs/cli.html",
    "docs/api.html",
    "docs/results.html",
    "docs/decisions/README.html",
    "examples/notebooks/a_lut_network.html",
    "examples/notebooks/your_own_model.html",
]
NOTEBOOK = {
    "cells": [],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def code_cell(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "id": "only", "source": source, "metadata": {}, "outputs": [], "execution_count": None,
    }  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make site` does, which runs the notebooks."""
    out = tmp_path_factory.mktemp("built") / "site"
    done = subprocess.run(
        [REPOSITORY / "scripts" / "site", out],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_every_page_is_on_it_and_the_root_leads_there(site: Path) -> None:
    for source in (*PAGES, *NOTEBOOKS):
        assert (site / of_repository(source)).with_suffix(".html").is_file(), source
    assert "url=docs/index.html" in (site / "index.html").read_text()


def test_every_name_of_the_library_has_its_docstring(site: Path) -> None:
    page = (site / "docs" / "api.html").read_text()
    for name in quweit_cli.__all__:
        assert f'id="quweit_cli.{name}"' in page, name


def test_notebooks_show_what_their_cells_gave(site: Path) -> None:
    page = (site / "examples/notebooks/a_lut_network.html").read_text()
    assert "equal to PyTorch, all of 4500 scores" in page
    assert page.count('<img alt="../../_images/') >= 6
    assert "all 16 outputs equal" in (site / "examples/notebooks/your_own_model.html").read_text()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_lies_without_outputs_and_none_of_its_commands_can_fail_unseen(path: Path) -> None:
    code = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"]] == []
    for cell in code:  # of `!command` the notebook goes on whatever it answers; `%%sh` ends it
        assert not re.search(r"^\s*!", "".join(cell["source"]), re.M), cell["source"]


def test_what_is_wrong_with_a_page_or_a_notebook_is_an_error(tmp_path: Path) -> None:
    """A cell that fails, a command that fails, a page outside of the contents, a dead link."""
    notebooks = tmp_path / "examples" / "notebooks"
    notebooks.mkdir(parents=True)
    for name, source in (("raises", "1 / 0"), ("command", "%%sh\nquweit nonsense")):
        (notebooks / f"{name}.ipynb").write_text(json.dumps(NOTEBOOK | {"cells": [code_cell(source)]}))
    docs = tmp_path / "docs"
    docs.mkdir()
    listed = [f"- [{name}](../examples/notebooks/{name}.ipynb)" for name in ("raises", "command")]
    (docs / "index.md").write_text("# Contents\n\n## All\n\n" + "\n".join(listed) + "\n")
    (docs / "lost.md").write_text("# Lost\n\n[nowhere](index.md#nowhere)\n")
    command = [
        "-m",
        "sphinx",
        "--quiet",
        "--fail-on-warning",
        "-c",
        REPOSITORY / "docs",
        tmp_path,
        tmp_path / "out",
    ]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for wrong in ("ZeroDivisionError", "CalledProcessError", "isn't included in any toctree", "'nowhere'"):
        assert wrong in done.stderr, done.stderr


class Loads(HTMLParser):
    """What a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if value and (name in ("src", "srcset", "data") or (tag == "link" and name == "href")):
                self.found.append(value)
            if value and name == "style":
                self.found += addresses(value)


def addresses(style: str) -> list[str]:
    return re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""", style)


def from_elsewhere(page: str) -> list[str]:
    loads = Loads()
    loads.feed(page)
    loads.found += [one for style in re.findall(r"<style.*?</style>", page, re.S) for one in addresses(style)]
    return [one for one in loads.found if re.match(r"(?:\w+:)?//", one)]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert from_elsewhere(path.read_text()) == [], path
    for path in site.rglob("*.css"):
        assert [one for one in addresses(path.read_text()) if re.match(r"(?:\w+:)?//", one)] == [], path
    for path in site.rglob("*.js"):
        assert not re.search(r"""(?:fetch|import|open)\(\s*["']https?:""", path.read_text()), path


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="//example.org/a.css">',
        "<style>@import 'https://example.org/a.css';</style>",
        '<p style="background: url(https://example.org/a.png)"></p>',
        '<img src="https://example.org/a.png">',
    ],
)
def test_a_planted_address_is_found(planted: str) -> None:
    assert len(from_elsewhere(planted)) == 1
    assert from_elsewhere('<a href="https://example.org">a link is read, not loaded</a>') == []


def show(browser: Any, page: Path, width: int, scheme: str = "light", query: str = "") -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get_log("browser")
    browser.get(page.as_uri() + query)


@pytest.mark.requires("chromium", "chromedriver")
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_their_window_and_the_console_stays_silent(browser: Any, site: Path, width: int) -> None:
    for name in LOOKED_AT:
        show(browser, site / name, width)
        assert browser.execute_script("return window.innerWidth") == width
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, name
        assert browser.get_log("browser") == [], name
        fetched = browser.execute_script(
            "return performance.getEntriesByType('resource').map(one => one.name)"
        )
        assert [one for one in fetched if not one.startswith(("file:", "data:"))] == []


@pytest.mark.requires("chromium", "chromedriver")
def test_it_is_dark_where_the_reader_has_it_dark(browser: Any, site: Path) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        show(browser, site / "docs" / "index.html", WIDTHS[0], scheme)
        ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        grounds[scheme] = sum(map(int, re.findall(r"\d+", ground)[:3]))
    assert grounds["dark"] < 200 and grounds["light"] > 600


@pytest.mark.requires("chromium", "chromedriver")
def test_the_search_finds_a_page_without_a_server(browser: Any, site: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait  # noqa: PLC0415

    show(browser, site / "search.html", WIDTHS[0], query="?q=thermometer")
    # The page lists what it finds one after the other.
    page = "#search-results li a[href*='docs/formats.html']"
    WebDriverWait(browser, 300).until(lambda driver: driver.find_elements("css selector", page))
    assert browser.get_log("browser") == []
