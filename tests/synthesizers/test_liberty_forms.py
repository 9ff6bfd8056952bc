"""Whatever form a library comes in, the tools read the same text, and one odd cell refuses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import cell_library
import library_styles
import programs
from conftest import Outcome
from quweit_cli import config
from quweit_cli.errors import ConfigError, ToolFailed
from quweit_cli.stages import keys, rtl, synth
from quweit_cli.synthesizers.library.liberty import Library, read_libraries
from quweit_cli.synthesizers.library.mapping import plain_folder

MEMORY = """\
  type (bus4) { base_type : array; data_type : bit; bit_width : 4; bit_from : 3; bit_to : 0; downto : true; }
  cell (RAM4) { area : 80; memory () { type : ram; address_width : 4; word_width : 4; }
    bus (D) { bus_type : bus4; direction : input; pin (D[3:0]) { capacitance : 1.0 } } }
"""


def read(folder: Path, content: str | bytes) -> Library:
    path = folder / "form.lib"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_libraries([path], ("*lpflow*",))


def offered(library: Library) -> str:
    """What the tools are given."""
    return library.text(library.cells)


FORMS: dict[str, Callable[[str], str | bytes]] = {
    "no semicolon behind a value": lambda text: re.sub(r"(area : [\d.]+);", r"\1\n", text),
    "no semicolon behind the last value of a group": lambda text: text.replace("0.3; pin", "0.3\npin"),
    "no semicolon behind complex attributes": lambda text: re.sub(r"\)\s*;", ")\n", text),
    "semicolons behind groups": lambda text: text.replace("}", "};"),
    "a comment of another code page": lambda text: b"/* \xa9 nobody, 25 \xb0C */ " + text.encode(),
    "line comments": lambda text: "// as Yosys takes them; { (\n" + text.replace("\n  cell", " // cell (X) {\n  cell"),
    "comments inside of a statement": lambda text: text.replace("area :", "area /* : 3 */ : // 4;\n"),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "a byte order mark": lambda text: "\ufeff" + text,
    "values on a line of their own": lambda text: text.replace("area : ", "area :\n  "),
    "continued lines": lambda text: text.replace("area : ", "area : \\\n  ").replace("cell (", "cell \\\n ("),
    "no blanks": lambda text: re.sub(r" *([;{}]) *| (?=\()", r"\1", text),
    "a voltage with its unit": lambda text: text.replace("nom_voltage : 1.1", 'nom_voltage : "1.1V"'),
    "numbers in quotes": lambda text: re.sub(r"capacitance : ([\d.]+);", r'capacitance : "\1" ;', text),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_library_is_the_same_to_the_tools(tmp_path: Path, form: str) -> None:
    plain = read(tmp_path, cell_library.text())
    changed = FORMS[form](cell_library.text())
    assert changed != cell_library.text()
    found = read(tmp_path, changed)
    assert (offered(found), found.cells, found.voltage) == (offered(plain), plain.cells, 1.1)


@pytest.mark.parametrize(
    ("cell", "name", "reason"),
    [
        ("  cell (ANTENNA) { pin (A) { direction : input; capacitance : 0.5; } }\n", "ANTENNA", "states no area"),
        ("  cell (WORD) { area : small; }\n", "WORD", "`small` is no number"),
        ("  cell (HOLE) { area : -1; }\n", "HOLE", "its area is -1"),
        ("  cell (74Q08_4x1) { area : 3.5; }\n", "74Q08_4x1", "no name that every tool takes"),
        ("  cell (buf) { area : 3.5; }\n", "buf", "no name that every tool takes"),
        ("  cell (BAD) { area : 1; pin (A.B) { direction : input; } }\n", "BAD", "`A.B` is no name"),
        ("  cell (PAIR) { area : 1; bundle (D) { members (D0, D1); } }\n", "PAIR", "it has a bundle"),
        (MEMORY, "RAM4", "it has a bus"),
    ],
)  # fmt: skip
def test_an_odd_cell_is_left_out_and_the_others_serve(
    tmp_path: Path, cell: str, name: str, reason: str
) -> None:
    plain = read(tmp_path, cell_library.text())
    found = read(tmp_path, cell_library.text().removesuffix("}\n") + cell + "}\n")
    assert found.cells == plain.cells
    assert f"cell ({name})" not in offered(found)
    assert list(found.left_out) == [name] and reason in found.left_out[name]
    with pytest.raises(ConfigError, match=f"`{name}` of `tiny` cannot be used: .*form.lib`, line "):
        found.cell(name)


def test_a_library_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    found = read(tmp_path, cell_library.text().replace("library (tiny)", "library ()"))
    assert found.name == "form" and offered(found).startswith("library (form) {\n")


def test_a_limit_of_load_that_a_pin_does_not_state_is_that_of_the_library_or_of_its_tables(
    tmp_path: Path,
) -> None:
    text = re.sub(r" max_capacitance : \d+;", "", cell_library.text())
    default = text.replace("default_max_transition", "default_max_capacitance : 400; default_max_transition")
    assert read(tmp_path, default).cell("INV").outputs[0].max_capacitance_ff == 400
    assert read(tmp_path, text).cell("INV").outputs[0].max_capacitance_ff == 60  # of index_2 of its tables
    for content in (default, text):
        assert read(tmp_path, content).buffer().name == "BUF1"  # all are equally strong: the smallest


def test_a_clock_gate_whose_pins_are_not_marked_is_none(tmp_path: Path) -> None:
    text = cell_library.text().replace("clock_gate_enable_pin : true;", "")
    assert read(tmp_path, text).clock_gates() == []


def test_several_libraries_of_one_file_are_one(tmp_path: Path) -> None:
    text = cell_library.text(without=("XOR2",))
    more = cell_library.text().replace("(tiny)", "(more)")
    kept = re.findall(r"^  cell \((?!XOR2)\w+\) .*?(?=^  cell|^\})", more, re.MULTILINE | re.DOTALL)
    for cell in kept:
        more = more.replace(cell, "")
    found = read(tmp_path, text + more)
    assert found.name == "tiny, more" and "XOR2" in found.cells and len(found.cells) == 15


def test_files_of_one_process_are_one_library_with_the_cells_of_all(tmp_path: Path) -> None:
    paths = library_styles.asap7(tmp_path)
    found = read_libraries(paths)
    assert len(found.cells) == 14 and found.name.startswith("asap_like_AO_RVT_TT, asap_like_INVBUF_RVT_TT, ")
    assert [cell.name for cell in found.clock_gates()] == ["ICGx1_ASAP_75t_R"]
    assert offered(found).count("library (") == 1 and offered(found).count("lu_table_template (delay)") == 1
    with pytest.raises(ConfigError, match="no buffer for"):
        read_libraries(paths[:1]).buffer()


def test_a_template_of_the_same_name_and_other_values_keeps_its_tables(tmp_path: Path) -> None:
    one, other = tmp_path / "one.lib", tmp_path / "other.lib"
    one.write_text(cell_library.text(without=("DFF", "DFFR", "GATE")))
    names = ("DFF", "DFFR", "GATE")
    text = cell_library.text(without=tuple(name for name in (*cell_library.GATES, "TIE0", "TIE1")))
    other.write_text(text.replace('index_2 ("1, 60")', 'index_2 ("1, 80")'))
    offered_text = offered(read_libraries([one, other]))
    assert set(names) <= set(read_libraries([one, other]).cells)
    assert "lu_table_template (delay_1) {\nvariable_1 : input_net_transition;" in offered_text
    assert offered_text.count("cell_rise (delay_1) {") == 4 and "constraint_1" not in offered_text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("(1, ff)", "(1, pf)"), "differ in `capacitive_load_unit`: 1,ff and 1,pf"),
        (('"1ns"', '"1ps"'), "differ in `time_unit`: 1ns and 1ps"),
        (("nom_voltage : 1.1", "nom_voltage : 0.9"), "differ in `nom_voltage`: 1.1 and 0.9"),
        (("pct_rise : 20", "pct_rise : 10"), "differ in `slew_lower_threshold_pct_rise`: 20.0 and 10.0"),
    ],
)
def test_libraries_that_mean_other_units_or_corners_do_not_belong_together(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    one, other = tmp_path / "one.lib", tmp_path / "other.lib"
    one.write_text(cell_library.text(without=("XOR2",)))
    other.write_text(cell_library.text().replace(*change))
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        read_libraries([one, other])
    assert "one.lib" in caught.value.message and "other.lib" in caught.value.message


def test_a_cell_that_is_defined_twice_names_both_places(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twice = [cell_library.write(tmp_path), cell_library.write(tmp_path / "other")]
    with pytest.raises(
        ConfigError,
        match=r"`INV` is defined twice: in .*tiny.lib`, line 23, and in .*other/tiny.lib`, line 23",
    ):
        read_libraries(twice)


def test_settings_take_one_library_or_a_list(tmp_path: Path) -> None:
    one, two = tmp_path / "a.lib", tmp_path / "b.lib"
    assert config.Synth.model_validate({"liberty": str(one)}).liberty == (one,)
    assert config.Synth.model_validate({"liberty": [str(one), str(two)]}).liberty == (one, two)
    assert config.Synth.model_validate({"liberty": None}).liberty == ()


def test_libraries_of_an_experiment_lie_beside_its_file(tmp_path: Path) -> None:
    text = "name: e\ndata: {source: digits}\nmodel: {family: vit, dim: 8, depth: 1, heads: 1}\ntraining: {steps: 1, batch_size: 4}\nsynth: {liberty: [a.lib, b/c.lib]}\n"
    (tmp_path / "e.yaml").write_text(text)
    loaded = config.load_experiment(tmp_path / "e.yaml")
    assert loaded.synth.liberty == (tmp_path / "a.lib", tmp_path / "b/c.lib")
    assert config.with_overrides(loaded, ["synth.liberty=/x.lib"]).synth.liberty == (Path("/x.lib"),)


def test_abc_is_not_sent_into_a_folder_that_it_cannot_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t;t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t;t"))
    with pytest.raises(ToolFailed, match="ABC cannot work in"), plain_folder([Path("x")]):
        pass


def test_the_command_takes_several_libraries(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    paths = library_styles.asap7(tmp_path)
    program = programs.random_block(0, features=4, thresholds=2, layers=(6,))
    project = programs.project_with_dump(tmp_path / "p", program, rows=4)
    rtl.run(project, config.Rtl())
    named = [word for path in (*paths, paths[0]) for word in ("--liberty", path)]
    outcome = quweit("synth", project, *named)
    assert outcome.code == 2 and "is defined twice: in" in outcome.stderr


def test_the_key_counts_every_library(tmp_path: Path) -> None:
    paths = library_styles.asap7(tmp_path)
    before = keys.libraries(paths)
    paths[3].write_text(paths[3].read_text() + "\n")
    assert {name for name, digest in keys.libraries(paths).items() if before[name] != digest} == {"liberty3"}


STYLES: dict[str, Callable[[Path], Path | tuple[Path, ...]]] = {
    "asap7": library_styles.asap7,
    "sky130": library_styles.sky130,
    "ihp": library_styles.ihp,
}


@pytest.mark.requires("yosys", "opensta", "icarus")
@pytest.mark.parametrize("style", STYLES)
def test_a_block_is_made_in_the_spelling_of_known_libraries(tmp_path: Path, style: str) -> None:
    """In a folder whose name ABC and Icarus would not take; the netlist equals the golden rows."""
    project = tmp_path / "a; b$[c]'é"
    programs.project_with_dump(
        project, programs.random_block(0, features=4, thresholds=2, layers=(6,)), rows=12
    )
    rtl.run(project, config.Rtl())
    report = synth.run(
        project, config.Synth.model_validate({"liberty": STYLES[style](tmp_path), "clock_mhz": 100})
    )
    found = report.blocks[0].asic
    assert found is not None and found.clock_gates > 0
    assert found.nets_annotated == found.nets and 0 < (found.measured_mw or 0) < 10
    assert not list((project / "synth/asic").glob("*.lib"))
