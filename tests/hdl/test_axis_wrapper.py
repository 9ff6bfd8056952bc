"""The AXI-Stream wrapper gives the golden rows whatever its width, its gaps and its stalls; a broken one is found."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from packages import self_checked
from programs import project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.documents import RtlManifest
from quweit_cli.hdl.axis import gear
from quweit_cli.stages import rtl

# features, outputs, outputs a cycle, bytes of the bus: narrower, wider, no divisor, a row in one beat, as it comes
WIDE, NARROW = (24, 24, 1, 7), (12, None, 6, 1)
SHAPES = [(6, None, 1, "auto"), (6, None, 2, 1), (7, 5, 2, 3), (12, None, "all", 16), WIDE, NARROW]


def package(
    folder: Path, features: int, outputs: int | None, cycle: int | str, bus: int | str
) -> RtlManifest:
    program = random_block(features, features=features, thresholds=2, layers=(12,), outputs=outputs)
    project = project_with_dump(folder / "p", program, rows=16)
    options = {"outputs_per_cycle": cycle, "bus_bytes": bus, "random_rows": 8}
    return rtl.run(project, config.Rtl.model_validate(options))


def check(folder: Path, manifest: RtlManifest) -> subprocess.CompletedProcess[str]:
    return self_checked(folder / "p" / "rtl", manifest.blocks[0], wrapper=True)


def break_file(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, pattern
    path.write_text(text)


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("shape", SHAPES)
def test_every_width_gives_the_golden_rows(tmp_path: Path, shape: tuple[int, int | None, int, int]) -> None:
    """Four scenarios, rows broken off in between, and in the steady one the promised interval."""
    manifest = package(tmp_path, *shape)
    done = check(tmp_path, manifest)
    rows = 4 * manifest.blocks[0].vectors.rows
    assert done.returncode == 0 and f"PASS: {rows} rows equal" in done.stdout, done.stdout


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("name", "pattern", "replacement", "found"),
    [
        ("lost TLAST", r"\.out_last_o  \(m_axis_tlast\)", ".out_last_o ()", "misplaced"),
        ("TLAST ignored", r"s_axis_tlast\)", "1'b0)", "a row differs"),
        ("no backpressure", r"\.out_ready_i \(m_axis_tready\)", ".out_ready_i (1'b1)", "a row differs|broken"),
        ("swapped bytes", r"\.in_data_i   \(s_axis_tdata\)", ".in_data_i ({s_axis_tdata[7:0], s_axis_tdata[23:8]})",
         "a row differs"),
        ("always ready", r"\.in_ready_o  \(s_axis_tready\)", ".in_ready_o ()", "no rows any more"),
    ],
)  # fmt: skip
def test_a_broken_wrapper_is_found(
    tmp_path: Path, name: str, pattern: str, replacement: str, found: str
) -> None:
    manifest = package(tmp_path, 7, 5, 2, 3)
    break_file(tmp_path / "p/rtl" / manifest.blocks[0].axis.sources[1], pattern, replacement)
    done = check(tmp_path, manifest)
    assert done.returncode != 0 and re.search(found, done.stdout), f"{name}: {done.stdout}"


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("pattern", "replacement", "shape"),
    [
        (
            r"give \? count_q - OutUnits\[CountBits-1:0\]",
            "give ? count_q - OutUnits[CountBits-1:0] + 1'b1",
            WIDE,
        ),
        (r"\(kept & ~behind\) \| added", "kept | added", WIDE),
        (r"broken_q <= 1'b1", "broken_q <= 1'b0", WIDE),
        (r"\(out_q \+ Held\[BeatBits-1:0\] < RowOut\[BeatBits-1:0\]\)", "1'b1", NARROW),
        (r"count_q <= Full\[CountBits-1:0\]", "1'b1", WIDE),
    ],
)
def test_a_broken_gearbox_is_found(
    tmp_path: Path, pattern: str, replacement: str, shape: tuple[int, int | None, int, int]
) -> None:
    """A beat dropped or doubled, rests of broken rows, a broken row taken for a whole one, an overrun."""
    manifest = package(tmp_path, *shape)
    break_file(tmp_path / "p/rtl" / manifest.blocks[0].axis.sources[0], pattern, replacement)
    done = check(tmp_path, manifest)
    assert done.returncode != 0 and "PASS" not in done.stdout


@pytest.mark.requires("icarus")
def test_a_wrong_table_or_row_is_found_without_python(tmp_path: Path) -> None:
    manifest = package(tmp_path, 6, None, 1, 4)
    outputs = tmp_path / "p/rtl" / manifest.blocks[0].vectors.outputs
    break_file(outputs, r"^.", lambda found: f"{int(found[0], 16) ^ 1:x}")  # type: ignore[arg-type]
    done = check(tmp_path, manifest)
    assert done.returncode != 0 and done.stdout.count("a row differs") == 4


@pytest.mark.requires("verilator")
def test_the_wrapper_has_no_warning(tmp_path: Path) -> None:
    for number, shape in enumerate(SHAPES):
        folder = tmp_path / str(number)
        folder.mkdir()
        axis = package(folder, *shape).blocks[0].axis
        command = [*toolbox.find(toolbox.VERILATOR).command, "--lint-only", "-Wall", "--top-module", axis.top]
        command += ["-f", f"filelists/{axis.top}.f", "lint/waivers.vlt"]
        done = subprocess.run(command, cwd=folder / "p/rtl", check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.requires("yosys")
def test_yosys_takes_the_wrapper(tmp_path: Path) -> None:
    axis = package(tmp_path, 7, 5, 2, 3).blocks[0].axis
    root = tmp_path / "p/rtl"
    reads = [
        f"read_verilog -sv {name}" for name in (root / f"filelists/{axis.top}_xilinx.f").read_text().split()
    ]
    script = [
        *reads,
        "read_verilog -lib +/xilinx/cells_sim.v",
        f"hierarchy -check -top {axis.top}",
        "proc",
        "check -assert",
    ]
    (root / "x.ys").write_text("\n".join(script) + "\n")
    command = [*toolbox.find(toolbox.YOSYS).command, "x.ys"]
    toolbox.run(command, cwd=root, log=root / "x.log", name="yosys")


def test_a_row_in_the_gearbox_always_comes_to_whole_beats() -> None:
    for row in range(1, 20):
        for wide_in in range(1, 9):
            for wide_out in range(1, 9):
                beats_in, beats_out = -(-row // wide_in), -(-row // wide_out)
                made = gear(row, wide_in, wide_out, beats_in, beats_out)
                units = (beats_in - 1) * made.in_units + made.last_units
                assert units == beats_out * made.out_units and made.last_units > 0
                assert 0 < made.last_bits <= 8 * wide_in
                assert 2 * made.out_units + max(made.in_units, made.last_units) < 2**made.count_bits
