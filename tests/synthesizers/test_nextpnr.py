"""Blocks placed and routed: the fastest of several seeds, what does not fit or is late, and real runs on an iCE40."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import packages
from conftest import REPOSITORY, Outcome
from quweit_cli import artifacts, config, toolbox
from quweit_cli.artifacts import load
from quweit_cli.documents import RtlManifest, SimResult, SynthesisReport
from quweit_cli.energy import power
from quweit_cli.errors import ArtifactError, ConfigError, ConstraintMissed, Mismatch, ToolFailed, ToolNotFound
from quweit_cli.hdl.axis import REGISTER_SLICE, render_shell, shell_of
from quweit_cli.report.findings import Findings
from quweit_cli.report.sections import sections
from quweit_cli.stages import rtl, sim, synth
from quweit_cli.synthesizers.nextpnr import reports
from quweit_cli.technologies import TECHNOLOGIES, part_named, routing_of
from quweit_cli.templating import static_text

UP5K = "iCE40UP5K-SG48"
SHORT_NAMES = {name: part for one in TECHNOLOGIES if one.routing for name, part in one.routing.short.items()}
STATISTICS = {"design": {"num_cells_by_type": {"SB_LUT4": 7, "SB_DFF": 2, "SB_DFFER": 1}}}
YOSYS = f"""\
#!{sys.executable}
import sys
if sys.argv[1] == "-V":
    sys.exit(print("Yosys 0.70 stand-in"))
stem = sys.argv[1].removesuffix(".ys")
open(stem + ".stat.json", "w").write({json.dumps(json.dumps(STATISTICS))})
open(stem + ".json", "w").write("netlist")
"""
NEXTPNR = f"""\
#!{sys.executable}
import json, sys
if sys.argv[1] == "--version":
    sys.exit(print('"nextpnr-ice40" -- Next Generation Place and Route (Version nextpnr-0.11-4-gabc)'))
option = dict(zip(sys.argv[1:], sys.argv[2:]))
open(sys.argv[0] + ".ran", "a").write(" ".join(sys.argv[1:]) + "\\n")
clock, mhz = "aclk", [30.0, 50.0, 40.0][int(option["--seed"]) - 1]
print("Info: Max frequency for clock 'aclk': 60.25 MHz (PASS at 25.00 MHz)")
print("Info: Max frequency for clock 'aclk': %.2f MHz (PASS at 25.00 MHz)" % mhz)
def step(kind, delay, start, end):
    return {{"type": kind, "delay": delay, "from": {{"cell": start}}, "to": {{"cell": end}}}}
a, b, c = "u_axis.u_block.slot_q_SB_DFFER_Q_2", "u_axis.u_block.sum_SB_LUT4_O", "u_axis.y_q_SB_DFF_Q"
path = [step("clk-to-q", 1.0, a, a), step("routing", 4.0, a, b), step("logic", 1.5, b, b),
        step("routing", 2.5, b, c), step("setup", 0.5, c, c)]
edge = "posedge " + clock
json.dump({{"fmax": {{clock: {{"achieved": mhz, "constraint": 25}}}},
           "critical_paths": [{{"from": "<async>", "to": edge, "path": path[:1]}}, {{"from": edge, "to": edge, "path": path}}],
           "utilization": {{"ICESTORM_LC": {{"used": 9, "available": 5280}}, "SB_GB": {{"used": 0, "available": 8}}}}}},
          open(option["--report"], "w"))
open(option["--asc"], "w").write("placed by seed " + option["--seed"])
json.dump({{"modules": {{"top": {{"ports": {{}}, "cells": {{}}}}}}}}, open(option["--write"], "w"))
"""
PACKER = '#!/bin/sh\nexec cp "$1" "$2"\n'
FULL = """\
#!/bin/sh
case "$1" in --version) echo '(Version nextpnr-0.11)'; exit 0 ;; esac
echo 'Info: Device utilisation:'
echo 'Info: 	         ICESTORM_LC:    9360/   5280   177%'
echo 'Info: 	        ICESTORM_RAM:       0/     30     0%'
echo 'Info: 	               SB_IO:      PINS/     39    61%'
echo "ERROR: Unable to place cell 'u_axis', no BELs remaining to implement cell type 'ICESTORM_LC'"
exit 255
"""

StandIns = Callable[..., Path]


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Executables in place of Yosys, nextpnr and its packer; gives nextpnr's path."""

    def make(nextpnr: str = NEXTPNR, packer: str = PACKER) -> Path:
        for name, text in (("yosys", YOSYS), ("nextpnr-ice40", nextpnr), ("icepack", packer)):
            path = tmp_path / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
            monkeypatch.setenv(f"QUWEIT_{name.upper().replace('-', '_')}", str(path))
        return tmp_path / "bin/nextpnr-ice40"

    return make


@pytest.fixture
def project(tmp_path: Path) -> Path:
    packages.write_rtl(tmp_path / "p")
    return tmp_path / "p"


def options(**changes: object) -> config.Synth:
    given = {"tool": "nextpnr", "device": "up5k", "clock_mhz": 25.0, "cache": False, **changes}
    return config.Synth.model_validate(given)


def test_the_fastest_of_several_seeds_is_kept_and_the_others_are_stated(
    project: Path, stand_ins: StandIns, quweit: Callable[..., Outcome]
) -> None:
    stand_ins()
    words = ("synth", project, "--tool", "nextpnr", "--device", "up5k", "--clock-mhz", "25", "--seeds", "3")
    outcome = quweit(*words, "--json")
    assert outcome.code == 0, outcome.stderr
    (block,) = SynthesisReport.model_validate_json(outcome.stdout).designs
    assert (block.tool, block.stage, block.device) == ("nextpnr", "route", UP5K)
    assert (block.luts, block.ffs, block.carries, block.power_mw) == (7, 3, 0, None)
    assert block.slack_ns == 20.0  # 40 ns asked for, 20 reached
    made = block.routed
    assert made is not None and (made.seed, made.reached_mhz, made.placed_mhz) == (2, 50.0, 60.25)
    assert [(one.seed, one.reached_mhz) for one in made.seeds] == [(1, 30.0), (2, 50.0), (3, 40.0)]
    assert [(one.name, one.used, one.available) for one in made.resources] == [("ICESTORM_LC", 9, 5280)]
    path = made.critical_path
    assert (path.start, path.end, path.cells) == ("u_axis.u_block.slot_q", "u_axis.y_q", 1)
    assert (path.logic_ns, path.routing_ns) == (3.0, 6.5)
    assert (project / "synth" / made.bitstream).read_text() == "placed by seed 2"
    assert [one.name for one in (project / "synth/nextpnr").glob("*.bin")] == ["block_0.seed2.bin"]
    assert "nextpnr-0.11" in made.method and "No power" in made.method
    text = " ".join(quweit(*words).stdout.split())
    assert "3 seeds reach 30.0 to 50.0 MHz; seed 2 is kept" in text and "u_axis.u_block.slot_q" in text
    assert "nextpnr/block_0.seed2.bin" in text
    (section,) = (one for one in sections(Findings(synth=load(SynthesisReport, project / "synth/synth.json"))) if one.title == "Synthesis")  # fmt: skip
    assert made.method in section.method and "neither timing" not in section.method


def test_the_wrapper_is_placed_between_register_slices(project: Path, stand_ins: StandIns) -> None:
    ran = stand_ins().with_name("nextpnr-ice40.ran")
    synth.run(project, options())
    script = (project / "synth/nextpnr/block_0.ys").read_text()
    read = re.findall(r"^read_verilog -sv (\S+)$", script, re.MULTILINE)
    assert read[-4:] == ["../rtl/rtl/wrapper/quweit_gearbox.v", "../rtl/rtl/wrapper/top_0_axis.v", "nextpnr/top_0_shell.v", f"nextpnr/{REGISTER_SLICE}"]  # fmt: skip
    assert "\nsynth_ice40 -top top_0_shell -nobram\n" in script
    shell = (project / "synth/nextpnr/top_0_shell.v").read_text()
    assert shell.count("quweit_register_slice #(") == 2 and "top_0_axis u_axis" in shell
    words = ran.read_text().split()
    assert words[:9] == ["--json", "nextpnr/block_0.json", "--top", "top_0_shell", "--up5k", "--package", "sg48", "--pcf-allow-unconstrained", "--freq"]  # fmt: skip


def test_the_same_rtl_is_placed_once(project: Path, stand_ins: StandIns) -> None:
    ran = stand_ins().with_name("nextpnr-ice40.ran")
    first = synth.run(project, options(cache=True, clock_mhz=24.5)).designs[0]
    again = synth.run(project, options(cache=True, clock_mhz=24.5)).designs[0]
    assert not first.cached and again.cached and len(ran.read_text().splitlines()) == 1
    assert again.routed == first.routed and (project / "synth/nextpnr/block_0.seed1.bin").is_file()
    assert not synth.run(project, options(cache=True, clock_mhz=24.5, seeds=2)).designs[0].cached
    assert len(ran.read_text().splitlines()) == 2  # seed 2 alone


def test_a_missed_clock_ends_with_1_and_names_the_path(
    project: Path, stand_ins: StandIns, quweit: Callable[..., Outcome]
) -> None:
    stand_ins()
    words = ("synth", project, "--tool", "nextpnr", "--device", UP5K, "--clock-mhz", "40")
    outcome = quweit(*words)
    assert outcome.code == 1
    message = " ".join(outcome.stderr.split())
    assert "miss 40 MHz" in message and "-8.333 ns" in message
    assert "from u_axis.u_block.slot_q to u_axis.y_q" in message
    assert quweit(*words, "--allow-negative-slack").code == 0
    assert quweit(*words, "--seeds", "2").code == 0  # the second one reaches 50 MHz


@pytest.mark.parametrize(
    ("pins", "says", "hint"),
    [
        ("24", "block_0 does not fit iCE40UP5K-SG48: 9,360 of 5,280 logic cells", "fold it more"),
        ("99", "9,360 of 5,280 logic cells, 99 of 39 pins", "--bus-bytes 1"),
    ],
)
def test_what_does_not_fit_says_by_how_much(
    pins: str, says: str, hint: str, project: Path, stand_ins: StandIns
) -> None:
    stand_ins(FULL.replace("PINS", pins))
    with pytest.raises(ConstraintMissed) as caught:
        synth.run(project, options())
    assert says in caught.value.message and hint in str(caught.value.hint)
    assert not (project / "synth").exists()


@pytest.mark.parametrize(
    ("nextpnr", "says"),
    [
        (FULL.replace("9360", "360").replace("PINS", "24"), "Unable to place cell"),
        (NEXTPNR.replace('"fmax"', '"other"'), "left no timing of the design"),
        (NEXTPNR.replace('{"from": edge,', '{"from": "<async>",'), "left no timing of the design"),
        (NEXTPNR.replace('"achieved"', '"wanted"'), "left no timing of the design"),
        (NEXTPNR.replace("json.dump({", "print({"), "left no timing of the design"),
    ],
    ids=["another failure", "no clock", "only paths to pins", "no frequency", "no report"],
)
def test_a_figure_that_is_missing_is_an_error(
    nextpnr: str, says: str, project: Path, stand_ins: StandIns
) -> None:
    stand_ins(nextpnr)
    with pytest.raises(ToolFailed, match=says):
        synth.run(project, options())


def test_a_packer_that_leaves_no_bitstream_is_an_error(project: Path, stand_ins: StandIns) -> None:
    stand_ins(packer="#!/bin/sh\n")
    with pytest.raises(ToolFailed, match=r"icepack on block block_0` left no `nextpnr/block_0\.seed1\.bin`"):
        synth.run(project, options())


def test_a_missing_package_says_what_to_install(
    project: Path, quweit: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "yowasp" in name else find_spec(name))  # fmt: skip
    monkeypatch.setenv("PATH", "/nowhere")
    outcome = quweit("synth", project, "--tool", "nextpnr", "--device", "up5k")
    assert outcome.code == 3
    assert "`nextpnr-ice40` is not on this machine" in outcome.stderr
    assert "pip install quweit[pnr]" in outcome.stderr and "QUWEIT_NEXTPNR_ICE40" in outcome.stderr
    (health,) = (one for one in json.loads(quweit("doctor", "--json").stdout)["tools"] if one["name"] == "nextpnr-ecp5")  # fmt: skip
    assert not health["found"] and health["install"] == "pip install quweit[pnr]"


def test_a_native_nextpnr_without_its_packer_is_refused(
    project: Path, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins().with_name("icepack").unlink()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolNotFound, match="`icepack` is neither beside"):
        synth.run(project, options())


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("ecp6-85", "no device that nextpnr places and routes; known are ecp5-12 (LFE5U-12F-6BG381C)"),
        ("xcvu9p-flgb2104-2-i", "up5k (iCE40UP5K-SG48)"),
        ("iCE40UP5K-TQ144", "no part of iCE40 that nextpnr knows: LP384 in CM36, CM49, QN32"),
        ("iCE40UP9K-SG48", "UP5K in SG48, UWG30"),
        ("LFE5U-85F-9BG381C", "speed grades 6, 7, 8"),
        ("LFE5U-45F-6BG756C", "U-45F in BG256, MG285, BG381, TG144, BG554;"),
        ("LFE5U-85F-6BG381C-and-more", "no part of ECP5 that nextpnr knows"),
    ],
)
def test_an_unknown_device_is_refused_with_those_that_are_known(
    device: str, says: str, project: Path, quweit: Callable[..., Outcome]
) -> None:
    outcome = quweit("synth", project, "--tool", "nextpnr", "--device", device)
    assert outcome.code == 2 and f"`{device}`" in outcome.stderr
    assert says in " ".join(outcome.stderr.split())


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("LFE5U-85F-6BG381C", ("--85k", "--package", "CABGA381", "--speed", "6")),
        ("LFE5UM5G-25F-8MG285I", ("--um5g-25k", "--package", "CSFBGA285", "--speed", "8")),
        ("LFE5U-12F-7BG256C", ("--12k", "--package", "CABGA256", "--speed", "7")),
        ("ICE40UP5K-SG48I", ("--up5k", "--package", "sg48")),
        ("iCE40HX8K-CT256", ("--hx8k", "--package", "ct256")),
    ],
)
def test_a_part_becomes_options_of_nextpnr(device: str, words: tuple[str, ...]) -> None:
    assert routing_of(device).options(device) == words


@pytest.mark.parametrize(("name", "part"), SHORT_NAMES.items())
def test_a_short_name_stands_for_a_part_of_its_family(name: str, part: str) -> None:
    assert part_named(name) == part != name and part_named(part) == part
    assert routing_of(part).short[name] == part


def test_every_size_and_package_has_a_name() -> None:
    for technology in TECHNOLOGIES:
        if one := technology.routing:
            assert {name for size in one.sizes.values() for name in size.packages} == set(one.packages)
            assert one.tool in toolbox.TOOLS and one.pins in one.resources
            assert one.options(technology.example) is not None


def test_seeds_are_of_nextpnr_alone_and_bounded(project: Path, quweit: Callable[..., Outcome]) -> None:
    refused = quweit("synth", project, "--seeds", "2")
    assert refused.code == 2 and "seeds are of the tool nextpnr, not of yosys" in refused.stderr
    assert quweit("synth", project, "--tool", "nextpnr", "--device", "up5k", "--seeds", "0").code == 2


def test_a_package_without_blocks_is_refused(tmp_path: Path) -> None:
    packages.write_package(tmp_path / "p", {})
    with pytest.raises(ConfigError, match="has no blocks"):
        synth.run(tmp_path / "p", options())


def test_no_energy_is_stated_of_its_cells() -> None:
    for part in (UP5K, "LFE5U-85F-6BG381C"):
        assert not power.covers(part)
        with pytest.raises(ArtifactError, match="fitted to counts of LUT6"):
            power.estimate(power.calibrated(), luts=100, ffs=100, clock_mhz=25, device=part)


def test_a_plan_has_every_seed_and_runs_elsewhere(project: Path, quweit: Callable[..., Outcome], stand_ins: StandIns, tmp_path: Path) -> None:  # fmt: skip
    words = ("--tool", "nextpnr", "--device", "up5k", "--seeds", "2")
    assert quweit("synth", project, *words, "--plan", tmp_path / "plan.zip").code == 0
    with zipfile.ZipFile(tmp_path / "plan.zip") as archive:
        archive.extractall(tmp_path / "elsewhere")
    binaries = stand_ins().parent
    run = tmp_path / "elsewhere/run.sh"
    subprocess.run(["sh", run], env={"PATH": f"{binaries}:/usr/bin:/bin"}, check=True)
    left = sorted(one.name for one in (tmp_path / "elsewhere/synth/nextpnr").glob("*.bin"))
    assert left == ["block_0.seed1.bin", "block_0.seed2.bin"]


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("u_axis.u_block.u_bit_store.token_q_TRELLIS_FF_Q_DI_LUT4_Z", "u_axis.u_block.u_bit_store.token_q"),
        ("m_axis_tlast_SB_LUT4_I3_O_SB_DFFER_D_Q_LC", "m_axis_tlast"),
        ("$auto$opt.cc:12$34", "$auto$opt.cc:12$34"),
        ("x" * 500, "x" * reports.LONGEST_NAME),
    ],
)
def test_a_cell_is_named_by_its_signal(cell: str, name: str) -> None:
    assert reports.signal(cell) == name


@pytest.mark.parametrize("arguments", [[], ["nextpnr-gowin"]])
def test_the_packaged_nextpnr_refuses_what_it_does_not_have(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "quweit_cli.synthesizers.packaged_nextpnr", *arguments]
    with pytest.raises(ToolFailed, match=r"usage: .*nextpnr-ice40"):
        toolbox.run(command, cwd=tmp_path, log=tmp_path / "log", name="nextpnr")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked example of the formats page, rendered for a device with few pins."""
    path = tmp_path_factory.mktemp("routed") / "p"
    with artifacts.writing_stage(artifacts.open_project(path), "dump", inputs={}, options={}) as folder:
        shutil.copytree(REPOSITORY / "docs/example/dump", folder, dirs_exist_ok=True)
    rtl.run(path, config.Rtl(bus_bytes=1, random_rows=16, directed_rows=16))
    return path


def compile_bench(project: Path, top: str, files: dict[str, str], folder: Path) -> toolbox.Found:
    """The self-checking bench of the wrapper, compiled around `top` in its place."""
    (block,) = load(RtlManifest, project / "rtl/manifest.json").blocks
    axis, found = block.axis, toolbox.find(toolbox.ICARUS)
    bench = (project / f"rtl/tb/{axis.testbench}.sv").read_text()
    assert bench.count(f"  {axis.top} u_axis") == 1
    texts = {**files, "bench.sv": bench.replace(f"  {axis.top} u_axis", f"  {top} u_axis")}
    for name, text in texts.items():
        (folder / name).write_text(text)
    names = ("quweit_row_source", "quweit_row_sink", axis.check)
    sources = [*(project / f"rtl/tb/{name}.sv" for name in names), *(folder / name for name in texts)]
    compiled = ["-g2012", "-s", axis.check, "-o", str(folder / "bench.vvp"), *map(str, sources)]
    toolbox.run([*found.command, *compiled], cwd=folder, log=folder / "compile.log", name="iverilog")
    return found


def shell_bench(project: Path, text: str, folder: Path) -> toolbox.Found:
    """The same around the shell; `text` is that of the register slice."""
    (block,) = load(RtlManifest, project / "rtl/manifest.json").blocks
    read = {Path(name).name: (project / "rtl" / name).read_text() for name in (*block.sources, *block.axis.sources)}  # fmt: skip
    return compile_bench(project, shell_of(block), {**read, "shell.v": render_shell(block) + text}, folder)


def play(project: Path, found: toolbox.Found, folder: Path) -> str:
    (block,) = load(RtlManifest, project / "rtl/manifest.json").blocks
    files = (f"+inputs={project / 'rtl' / block.axis.inputs}", f"+outputs={project / 'rtl' / block.vectors.outputs}")  # fmt: skip
    command = [toolbox.icarus_runtime(found), "-N", "bench.vvp", *files]
    return toolbox.run(command, cwd=folder, log=folder / "bench.log", name="vvp")


@pytest.mark.requires("icarus")
def test_a_block_between_register_slices_gives_the_golden_rows(example: Path, tmp_path: Path) -> None:
    found = shell_bench(example, static_text(f"package/{REGISTER_SLICE}"), tmp_path)
    assert re.search(r"PASS: \d\d+ rows equal", play(example, found, tmp_path))


@pytest.mark.requires("verilator")
def test_verilator_lints_the_shell_without_a_warning(example: Path, tmp_path: Path) -> None:
    (block,) = load(RtlManifest, example / "rtl/manifest.json").blocks
    texts = {f"{shell_of(block)}.v": render_shell(block), REGISTER_SLICE: static_text(f"package/{REGISTER_SLICE}")}  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    words = [
        *toolbox.find(toolbox.VERILATOR).command,
        "--lint-only",
        "-Wall",
        "--top-module",
        shell_of(block),
    ]
    sources = [str(example / "rtl" / name) for name in (*block.sources, *block.axis.sources)]
    output = toolbox.run([*words, *sources, *texts], cwd=tmp_path, log=tmp_path / "log", name="verilator")
    assert "%Warning" not in output and "%Error" not in output


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ready_q ? in_data_i : second_q", "in_data_i"),
        ("if (ready_q) second_q", "second_q"),
        ("valid_q <= in_valid_i || !ready_q", "valid_q <= in_valid_i"),
        ("ready_q <= ready_q && !in_valid_i", "ready_q <= 1'b1"),
        ("assign in_ready_o  = ready_q", "assign in_ready_o  = 1'b1"),
    ],
)
def test_a_register_slice_that_loses_beats_is_found(
    right: str, wrong: str, example: Path, tmp_path: Path
) -> None:
    text = static_text(f"package/{REGISTER_SLICE}")
    assert text.count(right) == 1
    found = shell_bench(example, text.replace(right, wrong), tmp_path)
    with pytest.raises(ToolFailed, match="FAIL|ERROR"):
        play(example, found, tmp_path)


@pytest.fixture(scope="module")
def routed(example: Path) -> SynthesisReport:
    return synth.run(example, options(device=UP5K, clock_mhz=20.0, cache=True))


@pytest.mark.requires("yosys", "nextpnr-ice40")
def test_the_worked_example_is_placed_and_routed_on_an_ice40(example: Path, routed: SynthesisReport) -> None:
    (block,) = routed.blocks
    assert block.luts is not None and 100 < block.luts < 300 and 80 < block.ffs < 150
    assert block.routed is not None and 25 < block.routed.reached_mhz < 150
    assert block.slack_ns == pytest.approx(50 - 1000 / block.routed.reached_mhz, abs=1e-3)
    assert block.routed.placed_mhz is not None and block.routed.critical_path.routing_ns > 0
    cells = {one.name: one.used for one in block.routed.resources}
    assert cells["SB_IO"] == 24 and cells["ICESTORM_LC"] >= block.luts
    bitstream = (example / "synth" / block.routed.bitstream).read_bytes()
    assert bitstream.startswith(b"\xff\x00") and len(bitstream) > 50_000
    assert "Nextpnr-ice40 0." in block.routed.method


@pytest.mark.requires("yosys", "nextpnr-ice40")
def test_a_block_is_placed_on_the_pins_of_a_board(
    example: Path, tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = tmp_path / "p"
    shutil.copytree(example, project)
    outcome = quweit("synth", project, "--tool", "nextpnr", "--board", "icebreaker", "--json")
    assert outcome.code == 0, outcome.stderr
    (block,) = SynthesisReport.model_validate_json(outcome.stdout).designs
    assert (block.device, block.clock_mhz, block.netlist) == (UP5K, 12.0, None)
    made = block.routed
    assert made is not None and made.board == "icebreaker" and made.reached_mhz > 12
    assert {one.name: one.used for one in made.resources}["SB_IO"] == 4
    folder = project / "synth/nextpnr"
    assert (folder / "icebreaker.pcf").read_text().splitlines()[0] == "set_io clk 35"
    assert (folder / "check_rows.py").is_file() and (
        project / "synth" / made.bitstream
    ).stat().st_size > 50_000
    assert "those of icebreaker" in made.method
    outcome = quweit("sim", project, "--netlist", "--simulator", "icarus")
    assert outcome.code == 2 and "what is placed without `--board` is compared" in outcome.stderr


@pytest.mark.requires("yosys", "nextpnr-ice40", "icarus")
def test_what_was_routed_gives_the_golden_rows_and_a_flipped_bit_is_found(
    example: Path, routed: SynthesisReport, tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = tmp_path / "p"
    shutil.copytree(example, project)
    (block,) = routed.blocks
    assert block.netlist == "nextpnr/block0.seed1.netlist.v"
    netlist = project / "synth" / block.netlist
    text = netlist.read_text()
    assert text.count("SB_LUT4 #(") > 100 and "SB_CARRY p" in text and "quweit" not in text
    outcome = quweit("sim", project, "--netlist", "--simulator", "icarus", "--rows", "12", "--json")
    assert outcome.code == 0, outcome.stderr
    (run,) = SimResult.model_validate_json(outcome.stdout).simulators[0].runs
    assert (run.form, run.scenarios["gaps_and_backpressure"]) == ("routed", 12) and run.scenarios["reset"]
    (design,) = load(RtlManifest, project / "rtl/manifest.json").blocks
    assert run.initiation_interval_cycles == design.axis.initiation_interval_cycles

    (signal,) = re.findall(r"assign m_axis_tdata\[0\] = (n\d+);", text)
    (driver,) = re.findall(rf"assign {signal} = (n\d+);", text)
    lut = re.compile(rf"(\.D\((c\d+)_lut\),\n    \.Q\({driver}\))")
    (named,) = {found[1] for found in lut.findall(text)}
    contents = re.compile(rf"(LUT_INIT\(16'h)(\w{{4}})(\)\n  \) p\d+ \([^;]*\.O\({named}_lut\))")
    flipped, count = contents.subn(lambda one: f"{one[1]}{int(one[2], 16) ^ 0xFFFF:04x}{one[3]}", text)
    assert count == 1
    rewrite(project, netlist, flipped)
    outcome = quweit("sim", project, "--netlist", "--simulator", "icarus", "--rows", "12")
    assert outcome.code == 1 and "block `block0` on icarus differs" in outcome.stderr


@pytest.mark.slow
@pytest.mark.requires("yosys", "nextpnr-ecp5", "icarus", "verilator")
def test_what_was_routed_on_an_ecp5_equals_and_a_changed_carry_is_found(
    example: Path, tmp_path: Path
) -> None:
    project = tmp_path / "p"
    shutil.copytree(example, project)
    (block,) = synth.run(project, options(device="ecp5-12", clock_mhz=20.0)).blocks
    assert block.netlist is not None
    netlist = project / "synth" / block.netlist
    both = config.Sim(simulators=("icarus", "verilator"))
    assert sim.run(project, both, netlist=True).bit_exact
    carry = re.compile(r"= ~(c\d+_lut) & (c\d+_low) \|")
    text, count = carry.subn(r"= \1 & \2 |", netlist.read_text())
    assert count > 3
    rewrite(project, netlist, text)
    with pytest.raises(Mismatch):
        sim.run(project, both, netlist=True)


def rewrite(project: Path, netlist: Path, text: str) -> None:
    """As if synthesis had left it so."""
    netlist.write_text(text)
    record = load(artifacts.StageRecord, project / "synth/stage.json")
    changed = {"outputs": artifacts.file_digests(project / "synth")}
    artifacts.save(record.model_copy(update=changed), project / "synth/stage.json")


@pytest.mark.requires("yosys", "icarus")
def test_the_netlist_of_an_ice40_equals_and_a_flipped_bit_is_found(example: Path, tmp_path: Path) -> None:
    """What Yosys mapped, without placement: `quweit sim --netlist` on the vendor's models of the cells."""
    project = tmp_path / "p"
    shutil.copytree(example, project)
    made = synth.run(project, config.Synth(device="up5k"))
    (block,) = made.blocks
    assert block.device == UP5K and block.luts and block.routed is None and block.slack_ns is None
    rows = config.Sim(simulators=("icarus",), rows={"icarus": 12})
    assert sim.run(project, rows, netlist=True).bit_exact
    netlist = project / "synth/yosys/block0.netlist.v"
    rewrite(project, netlist, re.sub(r"(LUT_INIT\(16'h)(\w{4})\)", lambda one: f"{one[1]}{int(one[2], 16) ^ 1:04x})", netlist.read_text()))  # fmt: skip
    with pytest.raises(Mismatch):
        sim.run(project, rows, netlist=True)


@pytest.mark.requires("yosys", "nextpnr-ice40")
def test_a_block_with_more_pins_than_the_package_is_refused(
    example: Path, quweit: Callable[..., Outcome]
) -> None:
    outcome = quweit("synth", example, "--tool", "nextpnr", "--device", "iCE40LP384-QN32")
    assert outcome.code == 1
    assert "block0 does not fit iCE40LP384-QN32: 24 of 21 pins" in " ".join(outcome.stderr.split())
