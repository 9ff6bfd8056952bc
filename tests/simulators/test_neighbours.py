"""A token's MLP or block reads the tokens around: which, what lies outside, and the same in hardware."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import tiny_digits, tiny_gpt, whole_model
from packages import self_checked
from programs import project_with_dump, random_block
from quweit_cli import artifacts, config, toolbox
from quweit_cli.documents import DumpManifest
from quweit_cli.errors import ArtifactError, Mismatch, UnsupportedModel
from quweit_cli.ir.nodes.tokens import AROUND, BEFORE, Neighbourhood
from quweit_cli.ir.program import evaluate
from quweit_cli.models import blocks_of, build
from quweit_cli.models.neighbours import with_neighbours
from quweit_cli.stages import dump, front, rtl, sim, synth, train
from quweit_cli.stages.sources import read_block

META = {"kind": "images", "side": 8, "channels": 1, "classes": list("0123456789")}


def test_every_direction_of_an_image_has_its_features() -> None:
    place_BND = torch.arange(1.0, 10).view(1, 9, 1).expand(1, 9, len(AROUND))  # 1 2 3 / 4 5 6 / 7 8 9
    read_BNI = with_neighbours(place_BND, causal=False)
    assert torch.equal(read_BNI[..., :8], place_BND)
    # of the one in the middle, and of two corners, which have nothing above or nothing below
    assert read_BNI[0, 4, 8:].tolist() == [2, 8, 4, 6, 1, 3, 7, 9]
    assert read_BNI[0, 0, 8:].tolist() == [0, 4, 0, 2, 0, 0, 0, 5]
    assert read_BNI[0, 8, 8:].tolist() == [6, 0, 8, 0, 5, 0, 0, 0]


def test_a_text_has_tokens_before_alone() -> None:
    place_BND = torch.arange(1.0, 6).view(1, 5, 1).expand(1, 5, len(BEFORE))
    assert with_neighbours(place_BND, causal=True)[0, :, 4:].tolist() == [
        [0, 0, 0, 0],
        [1, 1, 0, 0],
        [2, 2, 1, 0],
        [3, 3, 2, 1],
        [4, 4, 3, 2],
    ]


@pytest.mark.parametrize("causal", [False, True])
def test_a_width_that_does_not_divide_evenly_keeps_every_feature(causal: bool) -> None:
    x_BND = torch.randn(2, 16, 21)
    read_BNI = with_neighbours(x_BND, causal=causal)
    assert read_BNI.shape == (2, 16, 42) and bool((read_BNI[:, 5, 21:] != 0).all())


@pytest.mark.parametrize("mlp", ["weightless", "dense"])
def test_no_answer_depends_on_a_later_token(mlp: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings = tiny_gpt(str(tmp_path / "absent"), "model.neighbours=true", f"model.mlp={mlp}").model
    model = build(settings, {"kind": "text", "vocabulary": list("abcdef")}).eval()
    token_BN = torch.randint(0, 6, (1, 16))
    changed_BN = token_BN.clone()
    changed_BN[0, 9] = (token_BN[0, 9] + 1) % 6
    with torch.no_grad():
        before_BNV, after_BNV = model(token_BN), model(changed_BN)
    assert torch.equal(before_BNV[:, :9], after_BNV[:, :9])
    assert not torch.equal(before_BNV[:, 9:], after_BNV[:, 9:])


def test_an_mlp_reads_two_rows_and_answers_one() -> None:
    model = build(tiny_digits("model.neighbours=true").model, META)
    program = blocks_of(model)["block0"].program("block0")
    assert (program.input_type.features, program.output_type().features) == (32, 16)
    dense = build(tiny_digits("model.neighbours=true", "model.mlp=dense").model, META)
    assert tuple(dense.state_dict()["layers.0.mlp.expand.weight"].shape) == (64, 32)


@pytest.mark.parametrize(("tokens", "causal"), [(1, False), (4, False), (25, False), (1, True), (7, True)])
@pytest.mark.parametrize("features", [16, 21])
def test_the_specification_reads_what_the_model_reads(tokens: int, causal: bool, features: int) -> None:
    x_BND = torch.randint(-128, 128, (3, tokens, features))
    expected_BNI = with_neighbours(x_BND, causal=causal)
    read_RI = Neighbourhood(tokens, causal).read(x_BND.flatten(0, 1).numpy())
    assert np.array_equal(read_RI, expected_BNI.flatten(0, 1).numpy())


@pytest.mark.requires("icarus")
def test_the_hardware_of_such_a_block_equals_it(tmp_path: Path) -> None:
    project = artifacts.open_project(tmp_path / "project")
    train.run(tiny_digits("model.neighbours=true"), project)
    dumped = dump.run(project / "train/ckpt.pt", project, config.Dump(rows=47, samples=20))
    made = rtl.run(
        project, config.Rtl.model_validate({"cycles_per_row": 8, "random_rows": 15, "directed_rows": 33})
    )
    result = sim.run(project, config.Sim(simulators=("icarus",)))
    assert dumped.checks.logits_equal and [block.rows for block in dumped.blocks] == [48, 48]
    assert [(block.features, block.outputs) for block in made.blocks] == [(16, 16)] * 2
    assert [(block.vectors.rows, block.vectors.random_rows) for block in made.blocks] == [(96, 16)] * 2
    assert result.bit_exact


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_blocks_of_projections_read_their_token_alone(tmp_path: Path) -> None:
    project = artifacts.open_project(tmp_path / "project")
    of_attention = (
        "model.attention.projections.qkv=weightless",
        "model.attention.projections.output=weightless",
    )
    train.run(tiny_digits("model.neighbours=true", "model.depth=1", *of_attention), project)
    dump.run(project / "train/ckpt.pt", project, config.Dump(rows=16, samples=4))
    made = rtl.run(project, config.Rtl(random_rows=0, directed_rows=0))
    assert {block.name: block.neighbours is not None for block in made.blocks} == {
        "qkv0": False, "projection0": False, "block0": True,
    }  # fmt: skip
    assert sim.run(project, config.Sim(simulators=("icarus",))).bit_exact


@pytest.mark.parametrize("mlp", ["weightless", "dense"])
def test_a_whole_model_that_reads_tokens_around_has_no_hardware_so_far(mlp: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="read by blocks alone so far"):
        whole_model(tmp_path / "p", "model.neighbours=true", "model.depth=1", f"model.mlp={mlp}")


# tokens, causal, features of a token, cycles a row: a beat of 1, 2, 3 and 4 features; one token; text shorter than it reads
SHAPES = {
    "sixteen patches": (16, False, 8, 8),
    "nine patches": (9, False, 24, 1),
    "four patches": (4, False, 16, 40),
    "one patch": (1, False, 8, 8),
    "text": (10, True, 16, 4),
    "two tokens": (2, True, 8, 8),
}


def project_of(folder: Path, tokens: int, causal: bool, features: int, samples: int = 3) -> Path:
    program = random_block(31, features=2 * features, layers=(40,), outputs=features, thresholds=2)
    return project_with_dump(
        folder / "p", program, rows=samples * tokens, around=Neighbourhood(tokens, causal)
    )


@pytest.mark.requires("icarus", "verilator")
@pytest.mark.parametrize(
    "shape",
    [shape if shape == "text" else pytest.param(shape, marks=pytest.mark.slow) for shape in SHAPES],
)
def test_every_shape_equals_the_program_at_the_promised_pace(shape: str, tmp_path: Path) -> None:
    """With gaps, stalls and rows that break off; latency and interval are compared, too."""
    tokens, causal, features, cycles = SHAPES[shape]
    project = project_of(tmp_path, tokens, causal, features)
    (block,) = rtl.run(project, config.Rtl(cycles_per_row=cycles, random_rows=2 * tokens)).blocks
    assert sim.run(project, config.Sim(simulators=("icarus",), rows={"icarus": 4 * tokens + 1})).bit_exact
    assert block.neighbours is not None and block.initiation_interval_cycles == max(
        block.neighbours.row_beats, block.output_beats
    )
    toolbox.run(
        [*toolbox.find(toolbox.VERILATOR).command, "--lint-only", "-Wall", "--top-module", block.top, "-f", f"filelists/{block.top}.f"],
        cwd=project / "rtl", log=tmp_path / "lint.log", name="verilator",
    )  # fmt: skip


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"(// -1 down, 0 right\n\s+distance = \d+'d)\d+", r"\g<1>1"),
        pytest.param(r"exists   = \(down_q >= 2'd1\);", "exists   = 1'b1;", marks=pytest.mark.slow),
        pytest.param(r"ahead_q > (\d)'d5\)", r"ahead_q > \1'd3)", marks=pytest.mark.slow),
        (r"in_beat_q == 3'd7", "in_beat_q == 3'd6"),
    ],
    ids=["another patch", "beyond the border", "too early", "a beat too few"],
)
def test_a_broken_memory_is_found(pattern: str, replacement: str, tmp_path: Path) -> None:
    project = project_of(tmp_path, 16, False, 8)
    (block,) = rtl.run(project, config.Rtl(cycles_per_row=8, random_rows=0)).blocks
    path = project / f"rtl/rtl/{block.top}_neighbours.sv"
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, path.read_text()
    path.write_text(text)
    with pytest.raises(Mismatch):
        sim.run(project, config.Sim(simulators=("icarus",)))


@pytest.mark.requires("icarus")
def test_the_wrapper_takes_rows_of_a_token(tmp_path: Path) -> None:
    project = project_of(tmp_path, 9, False, 24, samples=2)
    options = config.Rtl(cycles_per_row=16, bus_bytes=7, random_rows=0, directed_rows=0)
    (block,) = rtl.run(project, options).blocks
    done = self_checked(project / "rtl", block, wrapper=True)
    assert done.returncode == 0 and f"PASS: {4 * block.vectors.rows} rows equal" in done.stdout, done.stdout


@pytest.mark.slow
@pytest.mark.requires("icarus", "yosys")
def test_its_memory_is_counted_and_the_netlist_equals(tmp_path: Path) -> None:
    project = project_of(tmp_path, 16, False, 16, samples=1)
    options = config.Rtl(cycles_per_row=16, random_rows=0, directed_rows=0)
    foretold = front.estimates(project, options).points[0]
    rtl.run(project, options)
    cells = synth.run(project, config.Synth()).blocks[0]
    assert foretold.luts == pytest.approx(cells.luts, rel=0.1)
    assert foretold.ffs == pytest.approx(cells.ffs, rel=0.1)
    assert cells.brams == 0
    assert sim.run(project, config.Sim(simulators=("icarus",)), netlist=True).bit_exact


@pytest.mark.parametrize(("tokens", "causal"), [(0, False), (0, True), (-4, True), (12, False)])
def test_samples_have_tokens_and_images_are_square(tokens: int, causal: bool) -> None:
    with pytest.raises(ValueError, match="tokens are not"):
        Neighbourhood(tokens, causal)


def test_golden_rows_must_be_those_of_whole_samples(tmp_path: Path) -> None:
    project = project_of(tmp_path, 4, False, 8)
    (path,) = (project / "dump/blocks").glob("*.x.npy")
    row_RI = np.load(path)
    manifest = artifacts.load(DumpManifest, project / "dump/dump.json")
    for broken_RI, found in ((row_RI[:-1], "not whole samples"), (row_RI[::-1], "of their neighbours")):
        np.save(path, broken_RI)
        np.save(path.with_suffix("").with_suffix(".y.npy"), outputs_of(broken_RI))
        with pytest.raises(ArtifactError, match=found):
            block = manifest.blocks[0].model_copy(update={"rows": len(broken_RI)})
            read_block(project / "dump", manifest, block)
    shape = manifest.model.model_copy(update={"tokens": 3})
    with pytest.raises(ArtifactError, match="3 tokens are not a square"):
        read_block(project / "dump", manifest.model_copy(update={"model": shape}), block)


def outputs_of(row_RI: np.ndarray) -> np.ndarray:
    program = random_block(31, features=row_RI.shape[1], layers=(40,), outputs=8, thresholds=2)
    return evaluate(program, row_RI).astype(np.int16)


def test_a_beat_holds_features_of_one_token(tmp_path: Path) -> None:
    project = project_of(tmp_path, 4, False, 32)
    for use in (rtl.run, front.estimates):
        with pytest.raises(UnsupportedModel, match="in parts of 4"):
            use(project, config.Rtl(cycles_per_row=16, features_per_beat=3))
    (block,) = rtl.run(project, config.Rtl(cycles_per_row=64)).blocks
    assert (block.features_per_beat, block.input_beats) == (2, 16)
