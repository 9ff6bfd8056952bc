"""The netlist of a whole model, as Yosys leaves it, equals the program; and a changed table of one of its LUTs is found."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from test_decoders import TEXT

import packages
from conftest import Outcome
from experiments import tiny_gpt, whole_model
from quweit_cli import artifacts, config
from quweit_cli.documents import RTL, SYNTH, Bank, ModelDesign, SimRun
from quweit_cli.errors import ArtifactError, Mismatch, StaleArtifact
from quweit_cli.hdl.benches import Probe, render_bench
from quweit_cli.simulators.netlists import Synthesized
from quweit_cli.stages import dump, rtl, sim, synth, train
from quweit_cli.synthesizers import yosys
from quweit_cli.technologies import ULTRASCALE_PLUS

VERILATOR = config.Sim(simulators=("verilator",))
# One unit of each kind: eight take Yosys and Verilator three times as long.
SMALL = config.Rtl(side=8, lanes=1, directed_rows=0, random_rows=1)
SIZES = ("model.dim=8", "model.depth=1", "model.block.lut_layers=[8]")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = whole_model(tmp_path_factory.mktemp("model"), *SIZES)
    rtl.run(project, SMALL)
    return project


@pytest.fixture(scope="module")
def project(rendered: Path) -> Path:
    synth.run(rendered, config.Synth())
    return rendered


def design_of(project: Path) -> ModelDesign:
    design = RTL.load(project).model
    assert design is not None
    return design


def compared(project: Path) -> SimRun:
    (run,) = sim.run(project, VERILATOR, netlist=True, only=["model"]).simulators[0].models
    return run


def changed(project: Path, module: str, old: str, new: str) -> None:
    """One table of the netlist, as if synthesis had written it so."""
    path = project / "synth/yosys/model.netlist.v"
    text = path.read_text()
    first = re.search(rf"^module {module}\b", text, re.M)
    assert first is not None and old in text[first.start() :]
    place = text.index(old, first.start())
    path.write_text(text[:place] + new + text[place + len(old) :])
    record = artifacts.load(artifacts.StageRecord, project / "synth/stage.json")
    outputs = artifacts.file_digests(project / "synth")
    artifacts.save(record.model_copy(update={"outputs": outputs}), project / "synth/stage.json")


@pytest.mark.slow
@pytest.mark.requires("yosys", "verilator")
def test_every_word_and_cycle_of_the_netlist_is_compared_and_a_flipped_bit_of_a_table_is_found(
    project: Path,
) -> None:
    design, run = design_of(project), compared(project)
    assert (run.form, run.bit_exact, run.different) == ("netlist", True, 0)
    assert run.scenarios["steady"] == run.scenarios["gaps_and_backpressure"] == 2 and run.scenarios["reset"]
    assert run.latency_cycles == design.latency_cycles
    assert run.initiation_interval_cycles == design.initiation_interval_cycles
    assert run.words_compared is not None and run.words_compared > 1000
    kept = (project / "netlist/verilator/model/netlist.v").read_text()
    assert "module quweit_memory" not in kept and len(re.findall("^  quweit_memory #", kept, re.M)) == 3
    assert f"module {RTL.load(project).blocks[0].top}(" in kept
    # An AND of two bits of operands, in each of 64 cells, that is an OR for two of four addresses.
    changed(project, "quweit_systolic_cell", ".INIT(4'h8)", ".INIT(4'ha)")
    with pytest.raises(Mismatch, match="model `model` on verilator differs .* tensor `"):
        compared(project)


@pytest.mark.slow
@pytest.mark.requires("yosys", "verilator")
def test_the_netlist_of_a_decoder_answers_its_requests(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    project = artifacts.open_project(tmp_path / "p")
    sizes = (*SIZES, "model.context=10", "model.arithmetic=integer")
    train.run(tiny_gpt(str(tmp_path / "text.txt"), *sizes), project)
    dump.run(project / "train/ckpt.pt", project, config.Dump(rows=8, samples=8, golden_samples=1))
    rtl.run(project, SMALL)
    synth.run(project, config.Synth())
    run, design = compared(project), design_of(project)
    assert design.decode is not None and run.decode_latency_cycles == design.decode.latency_cycles
    assert run.bit_exact and run.words_compared


# ---------------------------------------------------------------- texts


def lines_of(project: Path, banks: Sequence[Bank]) -> str:
    design = design_of(project).model_copy(update={"banks": list(banks)})
    return yosys.script(design, ULTRASCALE_PLUS, Path("../rtl"), RTL.load(project).blocks)


def test_the_netlist_is_written_after_its_cells_were_counted_with_memories_as_instances(
    rendered: Path,
) -> None:
    design = design_of(rendered)
    text, top = lines_of(rendered, design.banks), design.top
    assert text.index("stat -json") < text.index("chtype") < text.index("write_verilog")
    for bank in design.banks:
        module = "quweit_memory" if bank.writes else "quweit_rom"
        assert f"chtype -set {module} {top}/t:{top}.*u_{bank.name}\n" in text
        assert f"delete ={top}.*u_{bank.name}\n" in text
    words = {bank.name: bank.words for bank in design.banks}
    assert (
        f"setparam -set Words {words['residual']} -set Lanes 8 -set Bits 16 {top}/t:{top}.*u_residual\n"
        in text
    )
    assert f'-set Bits 64 -set Contents "rtl/{top}/weights.hex" {top}/t:{top}.*u_weights\n' in text


def test_a_package_that_does_not_say_how_memories_are_written_gets_no_netlist(rendered: Path) -> None:
    earlier = [bank.model_copy(update={"lanes": None}) for bank in design_of(rendered).banks]
    assert "write_verilog" not in lines_of(rendered, earlier)


def test_the_bench_watches_ports_of_memories_which_a_netlist_has_too(rendered: Path) -> None:
    text = render_bench(design_of(rendered), "", probe=Probe(1, 8))
    watched = set(re.findall(r"u_model\.(\w+\.\w+)", text))
    assert {"u_residual.write_data_i", "u_activations_a.write_i", "u_sequencer.loads_o"} <= watched
    assert not re.findall(r"u_model\.\w+\)", text)


# ---------------------------------------------------------------- what is compared, and what is not


def with_netlists(project: Path, *names: str) -> None:
    """A synthesis that left netlists of these designs, each its ports alone."""
    manifest = RTL.load(project)
    tops = {design.name: design.top for design in manifest.designs}
    made = [
        packages.synthesized_block(
            design=name,
            netlist=f"yosys/{name}.netlist.v" if name in names else None,
            device="xcvu9p-flgb2104-2-i",
        )
        for name in tops
    ]
    inputs = {"rtl": artifacts.read_stage(project, "rtl").digest()}
    with artifacts.writing_stage(project, "synth", inputs=inputs, options={}) as folder:
        (folder / "yosys").mkdir()
        for name in names:
            (folder / f"yosys/{name}.netlist.v").write_text(f"module {tops[name]}(clk_i);\nendmodule\n")
        SYNTH.save(packages.synthesis_report(*made), folder)


@pytest.fixture
def bare(rendered: Path, tmp_path: Path) -> Path:
    """Without what a test of this module has synthesized."""
    copied = Path(shutil.copytree(rendered, tmp_path / "bare"))
    for stage in ("synth", "netlist"):
        shutil.rmtree(copied / stage, ignore_errors=True)
    return copied


def test_blocks_and_memories_stand_beside_the_netlist_of_their_model(bare: Path) -> None:
    with_netlists(bare, "model", "block0")
    made, manifest = Synthesized(bare / "synth", SYNTH.load(bare), bare / "rtl"), RTL.load(bare)
    subject = made.model(design_of(bare), manifest.blocks, 2, None)
    assert [Path(name).name for name in subject.files] == ["quweit_memory.sv", "quweit_rom.sv", "netlist.v"]
    text = subject.files["netlist.v"]
    assert isinstance(text, str)
    assert re.findall(r"^module (\w+)", text, re.M) == [design_of(bare).top, manifest.blocks[0].top]


def test_a_model_without_the_netlist_of_a_block_is_refused(bare: Path) -> None:
    with_netlists(bare, "model")
    with pytest.raises(ArtifactError, match="the synthesis of `block0` left no netlist"):
        sim.run(bare, VERILATOR, netlist=True, only=["model"])


def test_a_netlist_that_was_changed_by_hand_is_refused(bare: Path) -> None:
    with_netlists(bare, "model", "block0")
    path = bare / "synth/yosys/model.netlist.v"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(StaleArtifact, match=r"model\.netlist\.v"):
        sim.run(bare, VERILATOR, netlist=True, only=["model"])


@pytest.mark.requires("verilator", "icarus")
@pytest.mark.parametrize(
    ("names", "simulator", "why"),
    [
        (("block0",), "verilator", "synthesis left none"),
        (("block0", "model"), "icarus", "its samples take too long on this simulator; Verilator plays them"),
    ],
)
def test_a_netlist_that_is_not_simulated_is_named_and_never_called_equal(
    bare: Path, quweit: Callable[..., Outcome], names: tuple[str, ...], simulator: str, why: str
) -> None:
    with_netlists(bare, *names)
    refused = quweit("sim", bare, "--netlist", "--simulator", simulator, "--block", "model")
    assert refused.code == 2
    assert f"the netlist of `model` is not compared: {why}" in " ".join(refused.stderr.split())
    assert "none of these has a netlist that is simulated: model" in refused.stderr
    assert not (bare / "netlist").exists()
