"""The dump: PyTorch equals the integer program, golden rows are real, and every difference is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts, config, ir
from quweit_cli.documents import MOST_MISREAD, DumpManifest
from quweit_cli.errors import ArtifactError, DataUnavailable, Mismatch, UnsupportedModel
from quweit_cli.export.equality import verify
from quweit_cli.ir.serialization import ProgramRecord, program_from_record
from quweit_cli.models import blocks_of
from quweit_cli.stages import dump, sources, train
from quweit_cli.training import checkpoint, datasets
from quweit_cli.weightless.block import WeightlessBlock

OPTIONS = config.Dump(rows=300)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and dumped project."""
    path = artifacts.open_project(tmp_path_factory.mktemp("dumped"))
    train.run(tiny_digits("twin=true"), path)
    dump.run(path / "train" / "ckpt.pt", path, OPTIONS)
    return path


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    return artifacts.open_project(tmp_path / "fresh")


def manifest_of(project: Path) -> DumpManifest:
    return artifacts.load(DumpManifest, project / "dump" / "dump.json")


def program_of(project: Path, name: str) -> ir.Program:
    record = artifacts.load(ProgramRecord, project / "dump" / "blocks" / f"{name}.json")
    return program_from_record(record)


def test_a_checkpoint_gives_the_shape_of_its_model(project: Path) -> None:
    name, shape = dump.shape_of(project / "train" / "ckpt.pt")
    manifest = dump.run(project / "train" / "ckpt.pt", project, OPTIONS, reuse=True)
    assert (name, shape) == (manifest.name, manifest.model)


def test_every_test_sample_was_compared(project: Path) -> None:
    manifest = manifest_of(project)
    assert manifest.checks.samples == 450
    assert manifest.checks.rows_compared == 450 * 4
    assert manifest.checks.logits_equal
    assert manifest.model.tokens == 4 and manifest.model.mlp_hidden == 64
    assert [block.name for block in manifest.blocks] == ["block0", "block1"]


def test_golden_rows_are_what_the_written_program_answers(project: Path) -> None:
    for block in manifest_of(project).blocks:
        x_RD = np.load(project / "dump" / block.inputs)
        y_RE = np.load(project / "dump" / block.outputs)
        assert (x_RD.dtype, y_RE.dtype) == (np.int8, np.int16)
        assert x_RD.shape == y_RE.shape == (300, 16)
        assert np.array_equal(ir.evaluate(program_of(project, block.name), x_RD), y_RE)
        assert len(np.unique(x_RD, axis=0)) > 250  # real activations, not one row again and again
        assert block.input_scale == 1 / 32 and block.output_scale > 0


def test_the_same_checkpoint_gives_the_same_dump(project: Path, fresh: Path) -> None:
    dump.run(project / "train" / "ckpt.pt", fresh, OPTIONS)
    first, second = (artifacts.file_digests(path / "dump") for path in (project, fresh))
    assert first == second


def test_a_current_dump_is_reused(project: Path) -> None:
    before = (project / "dump" / "dump.json").stat().st_mtime_ns
    again = dump.run(project / "train" / "ckpt.pt", project, OPTIONS, reuse=True)
    assert again == manifest_of(project)
    assert (project / "dump" / "dump.json").stat().st_mtime_ns == before


def test_fewer_samples_can_be_asked_for(project: Path, fresh: Path) -> None:
    manifest = dump.run(project / "train" / "ckpt.pt", fresh, config.Dump(rows=1000, samples=20))
    assert manifest.checks.samples == 20
    assert [block.rows for block in manifest.blocks] == [80, 80]  # as many as there are


def test_a_dense_model_has_nothing_to_dump(project: Path, fresh: Path) -> None:
    with pytest.raises(UnsupportedModel, match="no weightless block"):
        dump.run(project / "train" / "dense" / "ckpt.pt", fresh, OPTIONS)
    assert not (fresh / "dump").exists()


def test_what_is_no_checkpoint_leaves_nothing(fresh: Path) -> None:
    (fresh / "noise.pt").write_bytes(b"noise")
    with pytest.raises(ArtifactError, match=r"noise\.pt"):
        dump.run(fresh / "noise.pt", fresh, OPTIONS)
    with pytest.raises(ArtifactError, match="absent"):
        dump.run(fresh / "absent.pt", fresh, OPTIONS)
    assert not (fresh / "dump").exists()


def flip_a_table_bit(block: WeightlessBlock) -> None:
    """Of the first LUT, at an address that rows select, by swapping all its answers."""
    block.lut_layers[0].table_JA.data[0] *= -1


def move_a_threshold(block: WeightlessBlock) -> None:
    block.thermometer.threshold_DT.data[:, 1] += 0.5


def change_a_value(block: WeightlessBlock) -> None:
    block.summation.value_KE.data[3] = block.summation.value_KE.abs().max()


def swap_pins(block: WeightlessBlock) -> None:
    block.lut_layers[0].mapping.bit_JL.copy_(block.lut_layers[0].mapping.bit_JL.flip(1))


@pytest.mark.parametrize("defect", [flip_a_table_bit, move_a_threshold, change_a_value, swap_pins])
def test_a_defect_is_named_by_block_row_and_output(project: Path, defect: object) -> None:
    loaded = checkpoint.load(project / "train" / "ckpt.pt")
    model = loaded.model()
    programs = {name: block.program(name) for name, block in blocks_of(model).items()}
    verify(model, programs, loaded.inputs[:50], 10)
    defect(blocks_of(model)["block1"])  # type: ignore[operator]
    with pytest.raises(Mismatch, match=r"block1, row \d+, output \d+: the integer program gives -?\d+"):
        verify(model, programs, loaded.inputs[:50], 10)


def test_a_changed_scale_is_found_in_the_logits(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = checkpoint.load(project / "train" / "ckpt.pt")
    model = loaded.model()
    programs = {name: block.program(name) for name, block in blocks_of(model).items()}
    block, calls = blocks_of(model)["block0"], iter(range(10**6))
    true_scale = block.output_scale()
    monkeypatch.setattr(block, "output_scale", lambda: true_scale * (1 + 0.1 * (next(calls) % 2)))
    with pytest.raises(Mismatch, match="logits of test sample"):
        verify(model, programs, loaded.inputs[:50], 10)


def test_a_mismatch_writes_nothing(project: Path, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true_integers = WeightlessBlock.integers
    monkeypatch.setattr(WeightlessBlock, "integers", lambda block, code: true_integers(block, code) + 1)
    with pytest.raises(Mismatch, match="block0, row 0, output 0"):
        dump.run(project / "train" / "ckpt.pt", fresh, OPTIONS)
    assert not (fresh / "dump").exists()


def test_a_bare_checkpoint_is_dumped_from_the_samples_that_it_carries(tmp_path: Path, fresh: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 400)
    train.run(tiny_gpt(str(text)), fresh)
    bare = tmp_path / "bare.pt"
    shutil.copy(fresh / "train" / "ckpt.pt", bare)
    without = dump.run(bare, fresh, OPTIONS)
    assert "the checkpoint carries" in without.data
    assert without.checks.rows_compared >= 1024
    with_data = dump.run(bare, fresh, OPTIONS, data_path=text)
    assert "text.txt" in with_data.data
    assert with_data.checks.logits_equal


def test_other_data_than_what_was_learned_is_refused(tmp_path: Path, fresh: Path) -> None:
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 60)
    (tmp_path / "other.txt").write_text("0123456789" * 200)
    train.run(tiny_gpt(str(tmp_path / "text.txt")), fresh)
    for name in ("other.txt", "absent.txt"):
        with pytest.raises(DataUnavailable, match=name):
            dump.run(fresh / "train" / "ckpt.pt", fresh, OPTIONS, data_path=tmp_path / name)


def test_pins_outside_of_the_input_are_refused(project: Path, tmp_path: Path, fresh: Path) -> None:
    content = torch.load(project / "train" / "ckpt.pt", weights_only=True)
    content["model"]["layers.0.mlp.lut_layers.0.mapping.bit_JL"][0, 0] = 10_000
    torch.save(content, tmp_path / "ckpt.pt")
    with pytest.raises(ArtifactError, match="beyond the 64 that there are"):
        dump.run(tmp_path / "ckpt.pt", fresh, OPTIONS)


def test_wrong_images_are_those_that_the_model_reads_wrongly(project: Path) -> None:
    manifest, loaded = manifest_of(project), checkpoint.load(project / "train" / "ckpt.pt")
    data = datasets.load(loaded.experiment.data)
    inputs, targets = data.test(4)
    read = loaded.model()(inputs).argmax(dim=1)
    wrong = (read != targets).nonzero().flatten().tolist()
    found = manifest.readings
    assert found is not None and found.wrong == len(wrong) > MOST_MISREAD
    assert [(one.sample, one.true, one.read) for one in found.misread] == [
        (sample, int(targets[sample]), int(read[sample])) for sample in wrong[:MOST_MISREAD]
    ]
    assert found.classes == [str(digit) for digit in range(10)]
    images = sources.read_images(project / "dump", manifest)
    assert np.array_equal(images, data.test_pixels.numpy()[wrong[:MOST_MISREAD]])


def test_wrong_images_change_no_digest_and_are_copied_with_a_dump(project: Path, tmp_path: Path) -> None:
    manifest = manifest_of(project)
    assert manifest.digest == sources.dump_digest(project / "dump", manifest.file_names())
    sources.bring_dump(project, tmp_path / "copy", config.Dump())
    copied = tmp_path / "copy" / "dump" / "misread.npy"
    assert copied.read_bytes() == (project / "dump" / "misread.npy").read_bytes()
    shutil.copytree(project / "dump", tmp_path / "incomplete")
    (tmp_path / "incomplete" / "misread.npy").unlink()
    with pytest.raises(ArtifactError, match=r"misread\.npy"):
        sources.bring_dump(tmp_path / "incomplete", tmp_path / "other", config.Dump())
