"""A token's MLP or block reads the tokens around: which, what lies outside, and the same in hardware."""

from pathlib import Path

import pytest
import torch

from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts, config
from quweit_cli.models import blocks_of, build
from quweit_cli.models.neighbours import AROUND, BEFORE, with_neighbours
from quweit_cli.stages import dump, rtl, sim, train

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
    assert (program.input_type.features, program.output_type.features) == (32, 16)
    dense = build(tiny_digits("model.neighbours=true", "model.mlp=dense").model, META)
    assert tuple(dense.state_dict()["layers.0.mlp.expand.weight"].shape) == (64, 32)


def test_the_hardware_of_such_a_block_equals_it(tmp_path: Path) -> None:
    project = artifacts.open_project(tmp_path / "project")
    train.run(tiny_digits("model.neighbours=true"), project)
    dumped = dump.run(project / "train/ckpt.pt", project, config.Dump(rows=48, samples=20))
    made = rtl.run(project, config.Rtl.model_validate({"cycles_per_row": 8, "random_rows": 16}))
    result = sim.run(project, config.Sim(simulators=("icarus",)))
    assert dumped.checks.logits_equal
    assert [(block.features, block.outputs) for block in made.blocks] == [(32, 16)] * 2
    assert result.bit_exact
