"""What a classifier makes of test images, as a document and as pixels; in a dump: tests/export/test_dump.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from programs import project_with_dump, random_block
from quweit_cli.documents import DUMP, MOST_PIXELS, DumpedReadings, MisreadImage
from quweit_cli.errors import ArtifactError
from quweit_cli.export.readings import readings
from quweit_cli.export.samples import Samples
from quweit_cli.stages import sources


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 1, 65, 8), (2, 0, 8, 8), (2, 8, 8)])
def test_images_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    project = project_with_dump(tmp_path / "p", random_block())
    misread = [MisreadImage(sample=sample, true=0, read=1) for sample in (4, 7)]
    found = DumpedReadings(classes=["a", "b"], wrong=2, misread=misread, images="misread.npy")
    manifest = DUMP.load(project).model_copy(update={"readings": found})
    np.save(tmp_path / "misread.npy", np.zeros((2, 3, 8, 9), dtype=np.uint8))
    assert sources.read_images(tmp_path, manifest).shape == (2, 3, 8, 9)
    np.save(tmp_path / "misread.npy", np.zeros(shape, dtype=np.uint8))
    with pytest.raises(ArtifactError, match="images"):
        sources.read_images(tmp_path, manifest)


def test_a_dump_without_them_has_none_to_show(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block())
    assert len(sources.read_images(project / "dump", DUMP.load(project))) == 0


def test_a_model_of_text_reads_no_classes() -> None:
    text = Samples("text", torch.zeros(2, 4), torch.zeros(2, 4))
    assert readings(text, torch.zeros(2, 4), {"kind": "text", "vocabulary": "ab"}) is None


def of_noise(side: int, **meta: object) -> tuple[Samples, dict[str, object]]:
    inputs = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    return Samples("noise", inputs, torch.tensor([0, 1])), {
        "kind": "images", "side": side, "channels": 3, "classes": ["cat", "x" * 300], **meta,
    }  # fmt: skip


def test_large_images_lose_pixels_and_long_names_their_end() -> None:
    found = readings(*of_noise(150)[:1], torch.tensor([1, 1]), of_noise(150)[1])
    assert found is not None
    assert found.images_BXSS.shape == (1, 3, 50, 50) and max(found.images_BXSS.shape[2:]) <= MOST_PIXELS
    assert found.document.classes == ["cat", "x" * 200]
    assert (found.images_BXSS.min(), found.images_BXSS.max()) == (
        0,
        255,
    )  # nothing says how they were normalised


def test_without_a_wrong_image_there_is_no_file() -> None:
    samples, meta = of_noise(8)
    found = readings(samples, samples.targets, meta)
    assert found is not None and found.document.images is None and found.document.wrong == 0


def test_golden_samples_have_their_true_classes() -> None:
    samples, meta = of_noise(8)
    found = readings(samples, samples.targets, meta, np.array([1, 0, 1]))
    assert found is not None and found.document.golden == [1, 0, 1]


def test_readings_that_contradict_themselves_are_refused() -> None:
    one = MisreadImage(sample=0, true=0, read=1)
    with pytest.raises(ValidationError, match="class 1 has no name"):
        DumpedReadings(classes=["a"], wrong=1, misread=[one], images="misread.npy")
    with pytest.raises(ValidationError, match="without the other"):
        DumpedReadings(classes=["a", "b"], wrong=1, misread=[one])
    with pytest.raises(ValidationError, match="class 2 has no name"):
        DumpedReadings.model_validate(json.loads('{"classes": ["a", "b"], "wrong": 0, "golden": [2]}'))
