"""The report as a browser lays it out, at the width of a desk, a tablet and a phone: nothing is cut, no row is a tower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import packages
import whole_models
from quweit_cli import artifacts, config
from quweit_cli.documents import Front, FrontPoint
from quweit_cli.report import sections
from quweit_cli.stages import energy, keys, report

pytestmark = pytest.mark.requires("chromium", "chromedriver")

WIDTHS = (1400, 800, 480)
MOST_LINES = 3  # of a row of a table
SMALLEST_PIXELS = 9
LONG = "model of LUTs and FFs, residuals up to 16 %; extrapolated, outside of 7,792 to 370,939 LUTs and 3,178 to 203,023 FFs"

# Gives a sentence for each flaw of the page as it is laid out now.
MEASURE = """
const [mostLines, smallest, roomy] = arguments, flaws = [];
const say = (what, element) => flaws.push(what + ": " + element.textContent.trim().slice(0, 60));
const shown = element => element.getClientRects().length > 0;
document.querySelectorAll("details").forEach(one => one.open = true);
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) flaws.push("the page is wider than its window");
for (const cell of document.querySelectorAll("td, th"))
  if (shown(cell) && cell.scrollWidth > cell.clientWidth) say("a cell is cut", cell);
for (const box of document.querySelectorAll("div.scroll, figure.scroll")) {
  const scrolls = getComputedStyle(box).overflowX === "auto", cut = box.scrollWidth > box.clientWidth;
  if (cut && !scrolls) say("a box is cut", box);
  if (cut && roomy) say("a box scrolls where there is room", box);
}
for (const row of document.querySelectorAll("tbody tr")) {
  const line = parseFloat(getComputedStyle(row).lineHeight);
  const padding = Math.max(...[...row.cells].map(cell => {
    const style = getComputedStyle(cell);
    return parseFloat(style.paddingTop) + parseFloat(style.paddingBottom);
  }));
  if (row.offsetHeight > mostLines * line + padding + 4) say("a row is " + row.offsetHeight + " high", row);
}
const window_ = page.clientWidth;
for (const element of document.querySelectorAll("h1, h2, p, summary, li, .card, footer div")) {
  const box = element.getBoundingClientRect();
  if (shown(element) && (box.right > window_ + 1 || element.scrollWidth > element.clientWidth + 1)) say("text is cut", element);
}
for (const heading of document.querySelectorAll("th, h2, summary, caption"))
  if (/[a-z]_[a-z]/.test(heading.textContent)) say("a heading is a key", heading);
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  if (!own || !shown(element) || element.closest("style")) continue;
  const matrix = element.closest("svg") && element.getScreenCTM ? element.getScreenCTM() : {a: 1, b: 0};
  const scale = Math.hypot(matrix.a, matrix.b);
  const size = scale * parseFloat(getComputedStyle(element).fontSize);
  if (size < smallest) say("text of " + size.toFixed(1) + " pixels", element);
}
return flaws;
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small and complete: three layers whose blocks differ, and a front."""
    path = tmp_path_factory.mktemp("browser_report") / "project"
    shape = packages.I_VIT_T.model_copy(update={"layers": 3})
    packages.write_document(path, "train", packages.train_result())
    blocks = [packages.synthesized_block(layer, luts=3_000 + layer, ffs=1_200) for layer in range(3)]
    packages.write_project(path, shape, synth=packages.synthesis_report(*blocks))
    energy.run(path, config.Energy())
    inputs, options = keys.front(path, "block_0")
    made = Front(
        name="tiny", block="block_0", clock_mhz=200.0, points=[folding(lanes) for lanes in (1, 2, 4, 48, 192)]
    )
    with artifacts.writing_stage(path, "front", inputs=inputs, options=options) as folder:
        artifacts.save(made, folder / "front.json")
    return path


def folding(lanes: int) -> FrontPoint:
    return FrontPoint(
        block="block_0", source="estimated", accounting="counted", outputs_per_cycle=lanes, bits_per_cycle=4.0 * lanes,
        cycles_per_row=192 // lanes, sample_cycles=196 * 192 // lanes, luts=3_000 + 500 * lanes, ffs=1_200 + 200 * lanes,
        power_mw=64.37, power_sources=[LONG], energy_uj=28.8 / lanes,
    )  # fmt: skip


def flaws(browser: Any, page: Path, width: int) -> list[str]:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get(page.as_uri())
    assert browser.execute_script("return window.innerWidth") == width
    found = browser.execute_script(MEASURE, MOST_LINES, SMALLEST_PIXELS, width == max(WIDTHS))
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_and_no_row_is_a_tower(browser: Any, project: Path, width: int) -> None:
    assert flaws(browser, report.run(project), width) == []


def test_a_whole_model_beside_its_twin_is_readable(browser: Any, tmp_path: Path) -> None:
    project, dense = tmp_path / "project", tmp_path / "dense"
    for path in (project, dense):
        whole_models.write_project(path, weightless=path == project)
    energy.run(dense, config.Energy())
    energy.run(project, config.Energy(dense=dense))
    page = report.run(project)
    assert [flaw for width in WIDTHS for flaw in flaws(browser, page, width)] == []


def test_a_difference_and_what_was_not_compared_are_readable_too(browser: Any, tmp_path: Path) -> None:
    some = packages.sim_result(bit_exact=False).model_copy(update={"not_compared": ["block_1"]})
    packages.write_document(tmp_path / "project", "sim", some)
    page = report.run(tmp_path / "project")
    assert [flaw for width in WIDTHS for flaw in flaws(browser, page, width)] == []


def test_tables_scroll_in_their_own_box_on_a_phone(browser: Any, project: Path) -> None:
    assert flaws(browser, report.run(project), 480) == []
    assert browser.execute_script(
        "return [...document.querySelectorAll('div.scroll')].some(box => box.scrollWidth > box.clientWidth)"
    )


def test_provenance_in_a_cell_makes_towers_that_are_found(
    browser: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was before there were footnotes, in columns that give no width to it."""
    monkeypatch.setattr(sections, "sourced", lambda value, what, sources: f"{value} {LONG}")
    monkeypatch.setattr("quweit_cli.report.page.Table.width_ch", lambda table, column: 0)
    page = tmp_path / "page.html"
    page.write_text(report.run(project).read_text())
    assert any("a row is" in flaw for width in WIDTHS for flaw in flaws(browser, page, width))


@pytest.mark.parametrize(
    ("instead", "by", "flaw"),
    [
        ("</style>", "td { max-width: 3ch; overflow: hidden; }</style>", "a cell is cut"),
        ("</style>", ".scroll { overflow-x: hidden !important; }</style>", "a box is cut"),
        ("</style>", ".scroll { overflow-x: visible !important; }</style>", "the page is wider"),
        ("</style>", "body { max-width: 20rem !important; }</style>", "a box scrolls where there is room"),
        ("</style>", "td { font-size: 4px !important; }</style>", "text of 4.0 pixels"),
        (
            "</style>",
            "figure svg { min-width: 0 !important; max-width: 10rem !important; }</style>",
            "text of",
        ),
        ("</h2>", " residual_percent</h2>", "a heading is a key"),
        ("<p>", '<p style="white-space: nowrap">' + "far too long " * 40, "text is cut"),
    ],
)
def test_each_flaw_is_found(
    browser: Any, project: Path, tmp_path: Path, instead: str, by: str, flaw: str
) -> None:
    page = tmp_path / "page.html"
    page.write_text(report.run(project).read_text().replace(instead, by))
    assert any(flaw in one for width in (480, 1400) for one in flaws(browser, page, width))
