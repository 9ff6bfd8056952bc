"""Blocks and samples worked with as a reader does: what the page then says is what the program computes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.support.ui import WebDriverWait
from test_report_in_browser import flaws

import readable
from programs import project_with_dump, random_block
from quweit_cli.ir.block import chain_of
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.program import Program, trace
from quweit_cli.report.explore import section
from quweit_cli.stages import report

pytestmark = pytest.mark.requires("chromium", "chromedriver")

WIDE, NARROW = 1280, 400
STEPPED = 32  # rows of the page


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = readable.write_project(tmp_path_factory.mktemp("worked_with") / "project")
    report.run(path)
    return path


@pytest.fixture
def page(browser: Any, project: Path) -> Iterator[Any]:
    """The page, freshly loaded; nothing may have been said on the console in the end."""
    show(browser, project / "report" / "index.html")
    yield browser
    assert browser.get_log("browser") == []


def show(browser: Any, page: Path, width: int = WIDE) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get_log("browser")
    browser.get(page.as_uri())


def click(browser: Any, selector: str) -> None:
    browser.find_element("css selector", selector).click()


def choose(browser: Any, name: str, place: int) -> None:
    click(browser, f"#{name} option[value='{place}']")


def text(browser: Any, selector: str) -> str:
    return str(browser.find_element("css selector", selector).text)


def asked(browser: Any, expression: str) -> Any:
    return browser.execute_script(f"return {expression}")


def shown_table(browser: Any) -> int:
    """The truth table that is shown, as one integer."""
    answers = asked(
        browser,
        "[...document.querySelectorAll('#lut-table td')].map(td => [+td.dataset.address, td.firstChild.data])",
    )
    return sum(int(answer) << address for address, answer in answers)


def cells(browser: Any, selector: str) -> list[int]:
    return [
        int(one)
        for one in asked(
            browser, f"[...document.querySelectorAll('{selector} .cell')].map(cell => cell.lastChild.data)"
        )
    ]


def golden(project: Path, program: Program, row: int) -> dict[str, Integers]:
    rows = np.load(project / "dump" / "blocks" / f"{program.name}.x.npy").astype(np.int64)
    return trace(program, rows[row * len(rows) // STEPPED])


def test_a_chosen_lut_shows_the_table_pins_and_values_of_the_program(page: Any, project: Path) -> None:
    program = readable.blocks()[0]
    chain = chain_of(program)
    assert chain is not None
    layer, thresholds_DT = chain.layers[0], chain.thermometer.thresholds_DT
    for lut in (0, 7, 19):
        click(page, f"#luts [data-lut='{lut}']")
        assert shown_table(page) == int(layer.tables_J[lut])
        assert f"64'h{int(layer.tables_J[lut]):016x}" in text(page, "#lut-title")
        rows = asked(
            page, "[...document.querySelectorAll('#lut-pins tbody tr')].map(tr => tr.cells[1].textContent)"
        )
        assert rows == [
            f"feature {pin // 5} > {limit / 32:g}{', always' if limit < -128 else ', never' if limit > 126 else ''}"
            for pin, limit in zip(
                layer.pins_JL[lut], thresholds_DT.reshape(-1)[layer.pins_JL[lut]], strict=True
            )
        ]
        ones = chain.layers[0].evaluate(
            trace(program, np.load(project / "dump/blocks/block0.x.npy").astype(np.int64))["thermometer"]
        )[:, lut]
        assert f"answers 1 on {100 * ones.mean():g} %" in text(page, "#lut-said")
        value = max(chain.summation.values_KE[lut].tolist(), key=abs)
        assert f"Largest: {value:+d} to output" in text(page, "#lut-gives")
        assert page.find_elements("css selector", "#lut-wiring svg .read")


def test_a_row_is_followed_step_by_step(page: Any, project: Path) -> None:
    program = readable.blocks()[0]
    chain = chain_of(program)
    assert chain is not None
    click(page, "#luts [data-lut='4']")
    for row in (1, 2):
        click(page, "#row-after")
        tensors = golden(project, program, row)
        assert cells(page, "#row-inputs") == tensors["x"].tolist()
        assert f"{tensors['thermometer'].sum()} of 20 bits" in text(page, "#row-bits-said")
        answers = asked(
            page, "[...document.querySelectorAll('#luts button')].map(one => one.classList.contains('one'))"
        )
        assert answers == (tensors["lut_layer0"] == 1).tolist()
        assert cells(page, "#row-sums") == tensors["summation"].tolist()
        assert cells(page, "#row-outputs") == tensors["y"].tolist()
        bits = [int(tensors["thermometer"][pin]) for pin in chain.layers[0].pins_JL[4]]
        address = sum(bit << pin for pin, bit in enumerate(bits))
        assert asked(page, "document.querySelector('#lut-table .here').dataset.address") == str(address)
        assert f"reads entry {address} and answers {tensors['lut_layer0'][4]}" in text(page, "#lut-said")
    click(page, "#row-before")
    assert cells(page, "#row-inputs") == golden(project, program, 1)["x"].tolist()


def test_a_later_layer_leads_back_to_what_it_reads(page: Any, project: Path) -> None:
    program = readable.blocks()[1]
    chain = chain_of(program)
    assert chain is not None
    choose(page, "block", 1)
    choose(page, "layer", 1)
    choose(page, "row", 9)
    assert len(page.find_elements("css selector", "#luts button")) == 9
    assert shown_table(page) == int(chain.layers[1].tables_J[0])
    tensors, pins = golden(project, program, 9), chain.layers[1].pins_JL[0]
    assert cells(page, "#row-outputs") == tensors["y"].tolist()
    seen = asked(
        page, "[...document.querySelectorAll('#lut-pins tbody tr')].map(tr => +tr.cells[2].textContent)"
    )
    assert seen == tensors["lut_layer0"][pins].tolist()
    click(page, "#lut-pins tr[data-pin='2'] button")
    assert f"LUT {pins[2]} of layer 0" in text(page, "#lut-title")
    assert page.switch_to.active_element.get_attribute("id") == "lut-title"
    assert shown_table(page) == int(chain.layers[0].tables_J[pins[2]])
    readers = (chain.layers[1].pins_JL == pins[2]).any(axis=1).sum()
    assert text(page, "#lut-gives").startswith(f"{readers} LUT")


def test_keys_move_through_luts_and_features(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415  (of the `dev` extra)

    def pressed(key: str) -> str:
        page.switch_to.active_element.send_keys(key)
        return str(page.switch_to.active_element.get_attribute("data-lut"))

    click(page, "#luts [data-lut='0']")
    assert [pressed(key) for key in (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)] == ["1", "2", "1"]
    assert [pressed(key) for key in (Keys.END, Keys.ARROW_RIGHT, Keys.HOME)] == ["19", "19", "0"]
    assert "LUT 0 of layer 0" in text(page, "#lut-title")
    asked(
        page, "document.getElementById('luts').style.setProperty('grid-template-columns', 'repeat(6, 1fr)')"
    )
    assert [pressed(key) for key in (Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)] == ["6", "12", "6"]
    assert "LUT 6 of layer 0" in text(page, "#lut-title")
    assert (
        asked(page, "[...document.querySelectorAll('#luts button')].filter(one => one.tabIndex === 0).length")
        == 1
    )
    click(page, "#row-inputs [data-feature='0']")
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert text(page, "#feature h4") == "Feature 1"


def test_the_tab_key_alone_reaches_a_lut_and_its_table(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415  (of the `dev` extra)

    asked(page, "document.activeElement.blur()")
    for _ in range(60):
        page.find_element("css selector", ":focus, body").send_keys(Keys.TAB)
        if page.switch_to.active_element.get_attribute("data-lut"):
            break
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert page.switch_to.active_element.get_attribute("data-lut") == "1"
    chain = chain_of(readable.blocks()[0])
    assert chain is not None
    assert shown_table(page) == int(chain.layers[0].tables_J[1])


def test_a_feature_shows_its_thresholds(page: Any) -> None:
    chain = chain_of(readable.blocks()[0])
    assert chain is not None
    click(page, "#row-inputs [data-feature='2']")
    limits = sorted(chain.thermometer.thresholds_DT[2].tolist())
    found = [int(one) for one in re.findall(r"(-?\d+) \(", text(page, "#feature .cuts"))]
    assert found == limits
    readers = (chain.layers[0].pins_JL // 5 == 2).any(axis=1).sum()
    assert f"Read by {readers} LUTs" in text(page, "#feature .cuts")


def test_a_sample_shows_logits_classes_and_the_residual_stream(page: Any, project: Path) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415  (of the `dev` extra)

    model = readable.image_model(*readable.blocks())
    inputs = np.load(project / "dump" / "model" / "samples.x.npy").astype(np.int64)
    tensors = trace(model, inputs)
    for sample in range(3):
        choose(page, "sample", sample)
        logits = tensors["logits"][sample]
        seen = asked(
            page,
            "[...document.querySelectorAll('#sample-logits tbody tr')].map(tr => tr.cells[1].textContent)",
        )
        assert [int(one.replace(",", "")) for one in seen] == logits.tolist()
        right = "which is right" if sample == 0 else "and is"
        assert f"Read as {readable.NAMES[logits.argmax()]}, {right}" in text(page, "#verdict")
    canvas = page.find_elements("css selector", "#streams canvas")[1]
    asked(page, "document.querySelectorAll('#streams canvas')[1].focus()")
    for key in (Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_RIGHT):
        canvas.send_keys(key)
    value = tensors["layer0"][2, 2, 1]
    assert text(page, "#stream-said") == f"after layer 0, token 2, feature 1: {value} = {value / 4:.3g}"
    click(page, "#sample-before")
    assert asked(page, "document.getElementById('sample').value") == "1"


def test_a_text_and_thresholds_beyond_32_bits_are_shown(browser: Any, tmp_path: Path) -> None:
    page = report.run(readable.write_text_project(tmp_path / "p"))
    assert flaws(browser, page, NARROW) == []
    click(browser, "#row-inputs [data-feature='1']")
    assert f"{2**40} (34359700000, never)" in text(browser, "#feature .cuts")
    assert text(browser, "#sample-input") == "a\nc"
    choose(browser, "sample", 1)
    assert text(browser, "#sample-input") == "ccaa"
    assert "Read as " in text(browser, "#verdict")
    assert browser.get_log("browser") == []


def weights_shown(browser: Any) -> list[list[int]]:
    """Of every head, as the page draws them."""
    return asked(  # type: ignore[no-any-return]
        browser,
        "[...document.querySelectorAll('#attention-heads .head')].map("
        "head => [...head.querySelectorAll('[data-weight]')].map(one => Number(one.dataset.weight)))",
    )


def test_a_token_of_an_image_shows_where_each_head_looks(page: Any, project: Path) -> None:
    model = readable.image_model(*readable.blocks())
    inputs = np.load(project / "dump" / "model" / "samples.x.npy").astype(np.int64)
    seen = trace(model, inputs[0], nested=True)
    means = seen["layer0/weight"].mean(axis=1)
    assert np.allclose(weights_shown(page), means)
    assert "the mean of all tokens" in text(page, "#attention-said")
    click(page, "#attention-heads .head:first-child [data-token='2']")
    assert weights_shown(page) == seen["layer0/weight"][:, 2].tolist()
    assert "token 2, row 1, column 0, framed" in text(page, "#attention-said")
    assert len(page.find_elements("css selector", "#attention-heads .patch.chosen")) == readable.HEADS
    choose(page, "attention-layer", 1)
    click(page, "#attention-after")
    click(page, "#sample-after")
    seen = trace(model, inputs[1], nested=True)
    assert weights_shown(page) == seen["layer1/weight"][:, 3].tolist()
    best = int(seen["layer1/weight"][0, 3].argmax())
    assert f"most at row {best // 2}, column {best % 2}" in text(page, ".head figcaption")


def test_a_character_looks_at_those_before_it(browser: Any, tmp_path: Path) -> None:
    project = readable.write_text_project(tmp_path / "p")
    page = report.run(project)
    assert flaws(browser, page, NARROW) == []
    inputs = np.load(project / "dump" / "model" / "samples.x.npy").astype(np.int64)
    seen = trace(readable.text_model(readable.blocks()[0]), inputs[0], nested=True)["layer0/weight"]
    assert weights_shown(browser) == seen[:, 3].tolist()
    click(browser, "#attention-before")
    assert weights_shown(browser) == seen[:, 2, :3].tolist()
    assert "The height of a bar is the weight, 128 being one" in text(browser, "#attention-said")
    assert browser.get_log("browser") == []


def test_a_model_without_blocks_is_followed_too(browser: Any, tmp_path: Path) -> None:
    content = report.run(readable.write_text_project(tmp_path / "p")).read_text()
    without = re.sub(r'"blocks":\[.*\],"model"', '"blocks":[],"model"', content)
    (tmp_path / "page.html").write_text(without)
    show(browser, tmp_path / "page.html")
    assert not browser.find_element("css selector", "#explore-blocks").is_displayed()
    assert "Read as " in text(browser, "#verdict")
    assert browser.get_log("browser") == []


def test_names_from_files_are_words_and_nothing_else(page: Any) -> None:
    assert readable.NAMES[1] in text(page, "#sample-logits")
    assert asked(page, "document.scripts.length") == 2


def test_a_script_that_is_not_the_page_s_own_does_not_run(
    browser: Any, project: Path, tmp_path: Path
) -> None:
    content = (project / "report" / "index.html").read_text()
    (tmp_path / "changed.html").write_text(
        content.replace("</footer>", "</footer><script>window.ran = 1</script>")
    )
    show(browser, tmp_path / "changed.html")
    assert asked(browser, "window.ran === undefined && !document.getElementById('explore-blocks').hidden")
    assert "Content Security Policy" in browser.get_log("browser")[0]["message"]


def test_an_error_on_the_console_is_seen(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.html").write_text("<script>absent()</script>")
    show(browser, tmp_path / "broken.html")
    (seen, *_) = WebDriverWait(browser, 30).until(
        lambda one: one.get_log("browser")
    )  # it comes when it comes
    assert "absent" in seen["message"]


def test_without_scripts_tables_and_drawings_remain(browser: Any, project: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, project / "report" / "index.html")
        assert not browser.find_element("css selector", "#explore-blocks").is_displayed()
        assert "can be read without" in text(browser, ".without-script")
        for summary in browser.find_elements("css selector", "summary"):
            summary.click()
        body = text(browser, "body")
        for words in (
            "First LUTs of block1",
            "64'h",
            "LUTs by layer",
            "Golden row 0 on its way",
            "2 of 20 test samples",
        ):
            assert words in body
        assert browser.find_element("css selector", "details figure svg .bars").is_displayed()
        assert browser.find_element("css selector", ".misread img").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_what_is_left_out_is_said_and_leads_nowhere(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(section, "BLOCK_BYTES", 24_000)
    project = project_with_dump(tmp_path / "p", random_block(layers=(90, 80), outputs=20))
    show(browser, report.run(project))
    shown = len(browser.find_elements("css selector", "#luts button"))
    assert 0 < shown < 90
    assert f"The first {shown} of 90 LUTs are here; {90 - shown} are left out" in text(browser, "#left-out")
    choose(browser, "layer", 1)
    rows = asked(
        browser,
        "[...document.querySelectorAll('#lut-pins tbody tr')].map(tr => [tr.cells[1].textContent, !!tr.querySelector('button')])",
    )
    for reads, leads in rows:
        assert leads == (int(reads.split()[1]) < shown)
    assert {leads for _, leads in rows} == {True, False}
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_on_a_desk_or_a_phone(browser: Any, project: Path, scheme: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page = project / "report" / "index.html"
    assert [flaw for width in (1400, WIDE, NARROW) for flaw in flaws(browser, page, width)] == []


@pytest.mark.parametrize("causal", [False, True])
def test_neighbours_are_drawn_around(browser: Any, tmp_path: Path, causal: bool) -> None:
    program = random_block(features=64, thresholds=4, layers=(16,))
    project = project_with_dump(tmp_path / "p", program, rows=32, around=Neighbourhood(16, causal))
    page = report.run(project)
    assert flaws(browser, page, NARROW) == []
    assert "from" in text(browser, "#lut-pins")
    grids = len(browser.find_elements("css selector", "#lut-wiring .cell"))
    assert grids == (5 if causal else 9)
    assert browser.get_log("browser") == []
