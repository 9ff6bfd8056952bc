"""A model of somebody else's as a dump: every row compared, nothing claimed that is not known, every obstacle named."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import quweit_cli
from own_models import task, weightless_vit
from quweit_cli import (
    ModelShape,
    Program,
    WeightlessBlock,
    artifacts,
    documents,
    evaluate,
    export_blocks,
    read,
)
from quweit_cli.documents import DumpManifest
from quweit_cli.errors import ArtifactError, ConfigError, Mismatch, UnsupportedModel
from quweit_cli.models import blocks_of

IMAGES = task(6)[0]
SHAPE = ModelShape(family="vit", layers=2, dim=24, heads=2, tokens=16, mlp_hidden=96)


@pytest.fixture
def model() -> nn.Module:
    return weightless_vit().eval()


def export(model: nn.Module, inputs: Any, out: Path, **options: Any) -> DumpManifest:
    return export_blocks(model, inputs, out, **options)


def test_every_row_of_every_sample_is_compared_and_some_are_kept(model: nn.Module, tmp_path: Path) -> None:
    made = export(model, IMAGES, tmp_path / "p", name="vit", rows=40, data="noise")
    assert made == read(tmp_path / "p/dump/dump.json")
    assert (made.name, made.data, made.model) == ("vit", "noise", None)
    assert (made.checks.samples, made.checks.rows_compared) == (6, 6 * 16)
    assert [one.site.module for one in made.blocks if one.site] == ["blocks.0.mlp", "blocks.1.mlp"]
    assert {(one.site.rows, one.site.hidden, one.rows) for one in made.blocks if one.site} == {(16, 96, 40)}
    for block in made.blocks:
        program = read(tmp_path / "p/dump" / block.program)
        assert isinstance(program, Program)
        x_RD = np.load(tmp_path / "p/dump" / block.inputs)
        assert np.array_equal(evaluate(program, x_RD), np.load(tmp_path / "p/dump" / block.outputs))
        assert len(np.unique(x_RD, axis=0)) > 30


def test_golden_rows_are_those_that_reach_the_block(model: nn.Module, tmp_path: Path) -> None:
    made = export(model, IMAGES, tmp_path / "p", rows=10**4)
    seen: list[Tensor] = []
    model.blocks[1].mlp.block.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model(IMAGES)
    expected = (seen[0].flatten(0, 1) * 32).round().clamp(-128, 127).to(torch.int8)
    assert np.array_equal(np.load(tmp_path / "p/dump" / made.blocks[1].inputs), expected.numpy())


def test_the_same_model_gives_the_same_dump_and_another_one_another(model: nn.Module, tmp_path: Path) -> None:
    first = export(model, IMAGES, tmp_path / "a")
    assert export(model, IMAGES, tmp_path / "b") == first
    assert artifacts.file_digests(tmp_path / "a/dump") == artifacts.file_digests(tmp_path / "b/dump")
    with torch.no_grad():
        model.head.bias += 1
    other = export(model, IMAGES, tmp_path / "b")  # in place of what lies there
    assert (other.checkpoint != first.checkpoint, other.digest == first.digest) == (True, True)


def test_blocks_of_several_widths_each_say_their_own(tmp_path: Path) -> None:
    model = nn.Sequential(
        WeightlessBlock(12, luts=24, outputs=8), nn.Linear(8, 6), WeightlessBlock(6, luts=24)
    )
    made = export(model.eval(), torch.randn(20, 3, 12), tmp_path / "p")
    sites = [one.site for one in made.blocks if one.site]
    assert [(one.module, one.features, one.outputs, one.hidden, one.normalised) for one in sites] == [
        ("0", 12, 8, None, False),
        ("2", 6, 6, None, False),
    ]


def test_a_block_alone_is_a_model(tmp_path: Path) -> None:
    made = export(WeightlessBlock(12, luts=24).eval(), torch.randn(20, 12), tmp_path / "p")
    assert [(one.site.module, one.site.rows) for one in made.blocks if one.site] == [("model", 1)]


def test_the_shape_of_a_transformer_is_compared_with_its_blocks(model: nn.Module, tmp_path: Path) -> None:
    assert export(model, IMAGES, tmp_path / "p", shape=SHAPE).model == SHAPE
    for key, value in {"layers": 3, "dim": 26, "tokens": 17, "mlp_hidden": 48, "neighbours": True}.items():
        with pytest.raises(ConfigError, match="the shape is not that of the model"):
            export(model, IMAGES, tmp_path / "q", shape=SHAPE.model_copy(update={key: value}))
    assert not (tmp_path / "q").exists()


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = WeightlessBlock(12, luts=24)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.block(x))


class Never(Twice):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Mixed(Twice):
    """Reads samples together."""

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x[:1])


class Routed(Twice):
    """Gives the block those rows alone that begin with a positive feature."""

    def forward(self, x: Tensor) -> Tensor:
        y = x.clone()
        y[x[..., 0] > 0] = self.block(x[x[..., 0] > 0])
        return y


class Drawing(Twice):
    def forward(self, x: Tensor) -> Tensor:
        return self.block(x) + torch.rand(1)


ROWS = torch.randn(4000, 12)
ROWS[:2, 0], ROWS[2:, 0] = 1, torch.tensor([-1.0, 1.0]).repeat(1999)


@pytest.mark.parametrize(
    ("model", "inputs", "error", "said"),
    [
        (nn.Linear(12, 12), ROWS, UnsupportedModel, "Linear has no weightless block"),
        (Twice(), ROWS, UnsupportedModel, "`block` was called 2 times"),
        (Never(), ROWS, UnsupportedModel, "`block` was given no row"),
        (Mixed(), ROWS, UnsupportedModel, "1 rows by 2 samples"),
        (Routed(), ROWS, UnsupportedModel, "samples differ in their rows"),
        (Drawing(), ROWS, UnsupportedModel, "another answer when it is asked again"),
        (WeightlessBlock(12, luts=24), ROWS[:, :11], UnsupportedModel, "rows of 12 features"),
        (WeightlessBlock(12, luts=24), ROWS[:0], ConfigError, "no sample"),
        (WeightlessBlock(12, luts=24), "rows", ConfigError, "no tensor in inputs of type str"),
        (WeightlessBlock(12, luts=24), {"x": 3}, ConfigError, "no tensor in inputs of type dict"),
        (WeightlessBlock(12, luts=24), (ROWS, ROWS[:3]), ConfigError, "different numbers of samples"),
        (WeightlessBlock(12, luts=24), torch.tensor(1.0), ConfigError, "no sample"),
    ],
)
def test_what_cannot_be_exported_says_why_and_writes_nothing(
    model: nn.Module, inputs: Any, error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said) as caught:
        export(model.eval(), inputs, tmp_path / "p")
    assert caught.value.hint  # type: ignore[attr-defined]
    assert not (tmp_path / "p").exists()


def test_a_model_in_train_mode_or_on_two_devices_is_refused(model: nn.Module, tmp_path: Path) -> None:
    model.blocks[1].train()
    with pytest.raises(UnsupportedModel, match=r"in train mode: `blocks\.1`"):
        export(model, IMAGES, tmp_path / "p")
    model.eval().head.to("meta")
    with pytest.raises(UnsupportedModel, match="several devices: cpu, meta"):
        export(model, IMAGES, tmp_path / "p")


@pytest.mark.parametrize("name", ["", "Vit", "../vit", "vit-tiny", "v" * 50])
def test_a_name_that_cannot_name_hardware_is_refused(name: str, model: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot name a project"):
        export(model, IMAGES, tmp_path / "p", name=name)


def test_a_number_of_golden_rows_is_one_of_settings(model: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rows"):
        export(model, IMAGES, tmp_path / "p", rows=0)


def test_somebody_elses_folder_is_left_alone(model: nn.Module, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="not a quweit project"):
        export(model, IMAGES, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


def test_a_block_that_computes_otherwise_than_its_program_is_found(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = blocks_of(model)
    true_integers = blocks["block1"].integers

    def one_output_wrong(code_RD: Tensor) -> Tensor:
        made = true_integers(code_RD)
        made[len(made) // 2, 5] += 1
        return made

    monkeypatch.setattr(blocks["block1"], "integers", one_output_wrong)
    with pytest.raises(Mismatch, match=r"block1, row \d+, output 5"):
        export(model, IMAGES, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_a_changed_scale_is_found_in_the_answer(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block, calls = blocks_of(model)["block0"], iter(range(10**6))
    true_scale = block.output_scale()
    # asked for by the rows' count, by PyTorch, by the program, and by PyTorch once more
    monkeypatch.setattr(block, "output_scale", lambda: true_scale * (1.1 if next(calls) == 2 else 1))
    with pytest.raises(Mismatch, match="sample 0 change"):
        export(model, IMAGES, tmp_path / "p")


def test_weights_that_are_no_numbers_are_refused(model: nn.Module, tmp_path: Path) -> None:
    with torch.no_grad():
        model.head.bias[0] = torch.nan
    with pytest.raises(quweit_cli.QuweitError, match="not finite"):
        export(model, IMAGES, tmp_path / "p")


def test_a_model_stays_as_it_was(model: nn.Module, tmp_path: Path) -> None:
    before, state = copy.deepcopy(model)(IMAGES), copy.deepcopy(model.state_dict())
    export(model, IMAGES, tmp_path / "p")
    assert torch.equal(model(IMAGES), before)
    assert all(torch.equal(one, state[name]) for name, one in model.state_dict().items())
    for block in blocks_of(model).values():
        assert block.evaluate_integers == block.integers


def test_any_document_is_read_by_its_schema(repository: Path, tmp_path: Path) -> None:
    example = repository / "docs/example/dump"
    assert isinstance(read(str(example / "dump.json")), documents.DumpManifest)
    assert isinstance(read(example / "blocks/block0.json"), Program)
    for content, said in (
        ("{}", "its schema is None"),
        ('{"schema": "quweit.dump/0"}', "its schema is quweit.dump/0"),
        ('{"schema": "quweit.dump/1"}', "not a valid DumpManifest"),
        ('{"schema": "quweit.program/1"}', "not a valid ProgramRecord"),
        ("[1]", "its schema is None"),
        ("no JSON", "cannot read"),
    ):
        (tmp_path / "one.json").write_text(content)
        with pytest.raises(ArtifactError, match=said):
            read(tmp_path / "one.json")
    with pytest.raises(ArtifactError, match="cannot read"):
        read(tmp_path)


def test_a_dump_of_which_no_shape_is_known_is_refused(model: nn.Module, tmp_path: Path) -> None:
    made = export(model, IMAGES, tmp_path / "p").model_dump(mode="json", by_alias=True)
    DumpManifest.model_validate(made)
    made["blocks"][1]["site"] = None
    with pytest.raises(ValueError, match="nor the `site` of `block1`"):
        DumpManifest.model_validate(made)
    made["blocks"][1]["site"] = {**made["blocks"][0]["site"], "module": "a`b\nc"}
    with pytest.raises(ValueError, match="pattern"):
        DumpManifest.model_validate(made)
