"""A cell library is read as it is, and its buffers, tie cells and clock gates are found by what they do."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cell_library
from quweit_cli.errors import ConfigError
from quweit_cli.synthesizers.library import liberty_text
from quweit_cli.synthesizers.library.liberty import Library, read_libraries

DEFAULT = ("*lpflow*", "*probe*")


def read_library(path: Path, dont_use: tuple[str, ...] = ()) -> Library:
    return read_libraries([path], dont_use)


def read(folder: Path, **options: tuple[str, ...]) -> Library:
    return read_library(cell_library.write(folder, **options), DEFAULT)


def test_packed_or_not_it_is_the_same_library(tmp_path: Path) -> None:
    plain = read_library(cell_library.write(tmp_path))
    packed = read_library(cell_library.write(tmp_path, packed=True))
    assert (packed.cells, packed.sha256) == (plain.cells, plain.sha256)
    assert (plain.name, plain.voltage, plain.wire_load) == ("tiny", 1.1, None)


def test_areas_pins_and_loads_are_read(tmp_path: Path) -> None:
    cell = read(tmp_path).cell("DFFR")
    assert (cell.area_um2, cell.sequential, cell.clock_gate) == (5.3, True, False)
    assert [pin.name for pin in cell.inputs] == ["CK", "RN", "D"]
    assert cell.pins["Q"].max_capacitance_ff == 60
    assert cell.pins["D"].capacitance_ff == 1


def test_loads_are_in_femtofarads_whatever_the_unit(tmp_path: Path) -> None:
    path = cell_library.write(tmp_path)
    path.write_text(path.read_text().replace("(1, ff)", '(0.5, "pf")'))
    assert read_library(path).cell("DFF").pins["D"].capacitance_ff == 500


def test_buffers_are_found_by_function_and_strength_and_not_among_delays(tmp_path: Path) -> None:
    library = read(tmp_path)
    assert library.buffer().name == "BUF2"  # of twice the least strength
    assert library.buffer(10).name == "BUF1"
    assert library.buffer(300).name == "BUF8"
    with pytest.raises(ConfigError, match=r"no buffer for 900\.0 fF"):
        library.buffer(900)


def test_tie_cells_are_found_although_libraries_keep_tools_from_them(tmp_path: Path) -> None:
    assert read(tmp_path).tie(0) == ("TIE0", "Z")
    with pytest.raises(ConfigError, match="no cell that holds a constant 1"):
        read(tmp_path, without=("TIE1",)).tie(1)


def test_clock_gates_are_found(tmp_path: Path) -> None:
    assert [cell.name for cell in read(tmp_path).clock_gates()] == ["GATE"]
    assert read(tmp_path, without=("GATE",)).clock_gates() == []


def test_patterns_refuse_cells(tmp_path: Path) -> None:
    path = cell_library.write(tmp_path)
    assert read_library(path, DEFAULT).refused() == ["TRAP_lpflow"]
    assert read_library(path, ("BUF1", "DELAY", "TRAP*")).buffer(10).name == "BUF2"


def test_an_unknown_cell_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no cell `BUF3`, did you mean `BUF"):
        read(tmp_path).cell("BUF3")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a cell library"),
        (b"library (x) { }", "not a cell library"),
        (b"library (x) { cell (A) { area : 1; }", "ends inside the group `library` of line 1"),
        (b"library (x) {\n } }", "line 2: closes a group"),
        (b"library (x) { capacitive_load_unit (1, ff); cell (A) { } }", "no cell that can be used; `A`: it states no area"),
        (b"library (x) { capacitive_load_unit (1, ff); cell (A) { area : nan; } }", "`nan` is no number"),
        (b"library (x) { capacitive_load_unit (1, ff); cell (A) { area : 1e999; } }", "`1e999` is no number"),
        (b'library (x) { capacitive_load_unit (1, ff); cell ("A; exec") { area : 1; } }', "no name that every tool takes"),
        (b"library (x) { cell (A) { area : 1; } }", "no unit of its loads"),
        (b"library (x) {\n include_file (y.lib);\n}", "line 2: includes another file"),
        (b"library (x) {\n\n cell (A) { area = 1; } }", "line 3: not Liberty at `area = 1; } }`"),
        (b'library (x) {\n comment : "never closed; }', "line 2: not Liberty"),
        (b"library (x) { /* never closed }", "not Liberty"),
        (b"a () {" * 40, "nest more than 32 deep"),
        (b"\x1f\x8b not gzip", "cannot read"),
        (gzip.compress(b"library (x) {", mtime=0)[:20], "cannot read"),
        ("library (x) { }".encode("utf-16"), "not text of single bytes"),
    ],
)  # fmt: skip
def test_what_is_no_library_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.lib"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_library(path)
    assert "broken.lib" in caught.value.message


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liberty_text, "MAX_BYTES", 2**20)
    path = tmp_path / "bomb.lib.gz"
    path.write_bytes(gzip.compress(cell_library.text().encode() + b" " * 2**21))
    assert path.stat().st_size < 10_000
    with pytest.raises(ConfigError, match=r"bomb\.lib\.gz` has more than 1 MB"):
        read_library(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_library_is_read_or_refused_and_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    content = cell_library.text().encode()
    at = data.draw(st.integers(0, len(content)))
    gone = data.draw(st.integers(0, 40))
    put = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"{", b"}", b'"', b"/*", b"(", b";", b"\\"]))
    )
    path = tmp_path / "damaged.lib"
    path.write_bytes(content[:at] + put + content[at + gone :])
    try:
        library = read_library(path)
    except ConfigError as error:
        assert "damaged.lib" in error.message
        return
    again = tmp_path / "again.lib"
    again.write_text(library.text(library.cells))
    assert read_library(again).cells == library.cells


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_what_is_no_file_is_not_read(path: str) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_library(Path(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the cell library .*nowhere\.lib"):
        read_library(tmp_path / "nowhere.lib")
