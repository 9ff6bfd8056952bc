"""Images of a user's own: arrays and folders of pictures, split, bounded, and refused in words that name the file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import own_images
from conftest import Outcome
from experiments import DIGITS
from quweit_cli import config
from quweit_cli.boundary import pictures
from quweit_cli.errors import ConfigError, DataUnavailable
from quweit_cli.stages import keys
from quweit_cli.training import datasets
from quweit_cli.training.datasets.images import Images

Quweit = Callable[..., Outcome]


def load(source: str, path: Path, **settings: object) -> Images:
    data = datasets.load(config.Data.model_validate({"source": source, "path": path, **settings}))
    assert isinstance(data, Images)
    return data


def refused(source: str, path: Path, words: str, **settings: object) -> None:
    with pytest.raises(DataUnavailable) as caught:
        load(source, path, **settings)
    assert str(path) in caught.value.message and words in caught.value.message
    assert caught.value.hint is not None


# ---------------------------------------------------------------- .npz


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_arrays_are_read_as_they_are_and_normalised_by_the_training_part(
    tmp_path: Path, channels: int
) -> None:
    data = load("images_npz", own_images.write(tmp_path / "own.npz", channels=channels))
    assert data.train_pixels.shape == (9, channels or 1, 8, 8)
    assert data.test_pixels.shape == (3, channels or 1, 8, 8)
    assert data.classes == ["0", "1"]
    inputs = (data.train_pixels.float() - data.mean_X11) / data.std_X11
    assert inputs.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert inputs.std(dim=(0, 2, 3), correction=0).sub(1).abs().max() < 1e-5
    bright = data.train_pixels[:, 0, :, 4:].float().mean(dim=(1, 2)) > 100
    assert torch.equal(bright.long(), data.train_labels)


def test_channels_stand_where_they_belong(tmp_path: Path) -> None:
    found = own_images.arrays(channels=3)
    found["images"][..., 1] = 7
    np.savez(tmp_path / "own.npz", **found)  # type: ignore[arg-type]
    data = load("images_npz", tmp_path / "own.npz")
    assert (data.train_pixels[:, 1] == 7).all() and not (data.train_pixels[:, 0] == 7).all()
    assert (data.mean[1], data.std[1]) == (7, 1)


def test_a_split_is_stratified_and_goes_by_its_own_seed(tmp_path: Path) -> None:
    path = own_images.write(tmp_path / "own.npz", each=40)
    first, again, other = (load("images_npz", path, split_seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.test_pixels, again.test_pixels)
    assert not torch.equal(first.test_pixels, other.test_pixels)
    assert torch.bincount(first.test_labels).tolist() == [10, 10]


def test_a_test_part_of_its_own_is_taken(tmp_path: Path) -> None:
    found = own_images.arrays()
    test = {f"test_{name}": array[:5] for name, array in found.items()}
    np.savez(tmp_path / "own.npz", **found, **test)  # type: ignore[arg-type]
    data = load("images_npz", tmp_path / "own.npz")
    assert (len(data.train_labels), data.test_labels.tolist()) == (12, [0, 1, 0, 1, 0])
    assert data.description == "`own.npz`, 12 training and 5 test images of 2 classes, its own test part"


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.uint8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": zeros(12, 8, 6)}, "8 x 6 pixels"),
        ({"images": zeros(12, 8)}, "3 or 4 dimensions are wanted"),
        ({"images": np.zeros((12, 8, 8))}, "float64, not uint8"),
        ({"images": zeros(12, 8, 8, 17)}, "17 channels"),
        ({"images": zeros(12, 0, 0)}, "0 x 0 pixels"),
        ({"images": zeros(11, 8, 8)}, "11 `images` and 12 `labels`"),
        ({"images": zeros(0, 8, 8), "labels": zeros(0)}, "0 `images`"),
        ({"images": np.array([{}] * 12)}, "not uint8"),
        ({"labels": np.arange(12) - 1}, "`labels` has -1"),
        ({"labels": np.arange(12) * 2}, "`labels` has no 1, and goes up to 22"),
        ({"labels": np.full(12, 2**63, np.uint64)}, "9,223,372,036,854,775,808"),
        ({"labels": np.arange(12) / 1}, "not uint8 or"),
        ({"labels": zeros(12)}, "it has one class"),
        ({"test_images": zeros(2, 8, 8)}, "no array `test_labels`"),
        ({"test_labels": zeros(2)}, "no array `test_images`"),
        ({"test_images": zeros(2, 9, 9), "test_labels": zeros(2)}, "`test_images` of (9, 9, 1)"),
        ({"test_images": zeros(1, 8, 8), "test_labels": zeros(1) + 2}, "`test_labels` has 2"),
        ({"images": None}, "no array `images`"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    found = {name: array for name, array in (own_images.arrays() | change).items() if array is not None}
    np.savez(tmp_path / "own.npz", **found)
    refused("images_npz", tmp_path / "own.npz", words)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.npz").write_bytes(b"PK no archive")
    refused("images_npz", tmp_path / "own.npz", "not an archive")
    refused("images_npz", tmp_path / "nowhere.npz", "No such file")
    with pytest.raises(ConfigError, match=r"needs `data\.path`"):
        datasets.load(config.Data(source="images_npz"))


def test_classes_that_cannot_be_split_are_refused(tmp_path: Path) -> None:
    found = own_images.arrays()
    np.savez(tmp_path / "one.npz", images=found["images"], labels=np.array([0] * 11 + [1]))
    with pytest.raises(ConfigError, match="class `1` has only one of the images"):
        load("images_npz", tmp_path / "one.npz")
    np.savez(tmp_path / "few.npz", images=found["images"], labels=np.array([0] * 10 + [1] * 2))
    with pytest.raises(ConfigError, match="none of the images of class `1` is left to learn from"):
        load("images_npz", tmp_path / "few.npz", test_fraction=0.83)
    with pytest.raises(ConfigError, match="leaves 11 images to learn from and 1 to test on"):
        load("images_npz", own_images.write(tmp_path / "own.npz"), test_fraction=0.01)


# ---------------------------------------------------------------- folders of pictures


def test_a_folder_is_read_as_the_same_arrays_are(tmp_path: Path) -> None:
    folder = own_images.write(tmp_path / "own")
    (folder / ".hidden").write_text("")
    data = load("image_folder", folder, side=8)
    assert data.classes == ["left", "right"] and data.train_pixels.shape == (9, 1, 8, 8)
    pixels = torch.cat([data.train_pixels, data.test_pixels])[:, 0]
    wanted = {image.tobytes() for image in own_images.arrays()["images"]}
    assert {image.numpy().tobytes() for image in pixels} == wanted
    bright = data.train_pixels[:, 0, :, 4:].float().mean(dim=(1, 2)) > 100
    assert torch.equal(bright.long(), data.train_labels)


def test_a_folder_with_both_parts_is_not_split(tmp_path: Path) -> None:
    own_images.write(tmp_path / "own" / "train")
    own_images.write(tmp_path / "own" / "test", each=2)
    data = load("image_folder", tmp_path / "own", side=8)
    assert (len(data.train_labels), data.test_labels.tolist()) == (12, [0, 0, 1, 1])


def test_pictures_become_squares_of_their_middle(tmp_path: Path) -> None:
    folder = own_images.write(tmp_path / "own")
    wide = np.zeros((10, 40), np.uint8)
    wide[:, 15:25] = 200
    Image.fromarray(wide).save(folder / "left" / "0.png")
    assert pictures.read_picture(folder / "left" / "0.png", 4).tolist() == [[200] * 4] * 4


def test_one_picture_in_colour_gives_all_of_them_three_channels(tmp_path: Path) -> None:
    folder = own_images.write(tmp_path / "own")
    Image.new("RGB", (9, 9), (250, 0, 0)).save(folder / "right" / "red.PNG")
    Image.new("RGB", (9, 9), (0, 0, 250)).save(folder / "right" / "blue.jpg")
    data = load("image_folder", folder, side=8)
    pixels = torch.cat([data.train_pixels, data.test_pixels])
    assert pixels.shape == (14, 3, 8, 8)
    assert sum(bool((image[0] == 250).all() and (image[1] == 0).all()) for image in pixels) == 1
    assert sum(bool(torch.equal(image[0], image[2])) for image in pixels) == 12


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    def folder(name: str, file: str, content: bytes = b"no picture") -> Path:
        own = own_images.write(tmp_path / name)
        (own / file).parent.mkdir(parents=True, exist_ok=True)
        (own / file).write_bytes(content)
        return own

    refused("image_folder", tmp_path / "nowhere", "No such file", side=8)
    refused("image_folder", folder("text", "left/notes.txt"), "notes.txt` is neither PNG nor JPEG", side=8)
    refused("image_folder", folder("loose", "loose.png"), "loose.png` is no folder of a class", side=8)
    refused("image_folder", folder("noise", "left/noise.png"), "noise.png`: it cannot be decoded", side=8)
    refused("image_folder", folder("train", "train/left/1.png"), "a folder `train` and no `test`", side=8)
    own = own_images.write(tmp_path / "empty")
    (own / "third").mkdir()
    refused("image_folder", own, "third` has no pictures", side=8)
    own = own_images.write(tmp_path / "deep")
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(own / "left" / "deep.png")
    refused("image_folder", own, "not of 8 bits a channel", side=8)
    own = own_images.write(tmp_path / "pipe")
    os.mkfifo(own / "left" / "pipe.png")
    refused("image_folder", own, "pipe.png`: it is not a regular file", side=8)
    own = own_images.write(tmp_path / "named")
    (own / "left").rename(own / "le\x1b[2Jft")
    refused("image_folder", own, "the name of the class `le?[2Jft`", side=8)
    for part in ("train", "test"):
        own_images.write(tmp_path / "parts" / part)
    (tmp_path / "parts" / "test" / "left").rename(tmp_path / "parts" / "test" / "up")
    refused("image_folder", tmp_path / "parts", "its test part has the class `up`", side=8)
    (tmp_path / "nothing").mkdir()
    refused("image_folder", tmp_path / "nothing", "it has no class", side=8)
    with pytest.raises(ConfigError, match=r"needs `data\.side`"):
        load("image_folder", tmp_path / "text")


def test_pictures_beyond_bounds_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_images.write(tmp_path / "own")
    monkeypatch.setattr(pictures, "PICTURE_PIXELS", 63)
    refused("image_folder", own, "8 x 8 pixels, more than 63", side=8)
    monkeypatch.setattr(pictures, "PICTURE_BYTES", 10)
    refused("image_folder", own, "more than 10 bytes", side=8)
    monkeypatch.setattr(pictures, "MOST_PICTURES", 11)
    refused("image_folder", own, "more than 11 pictures", side=8)
    monkeypatch.undo()
    refused("image_folder", own_images.write(tmp_path / "many", each=20), "take more than", side=4096)


def test_another_picture_is_other_data(tmp_path: Path) -> None:
    own = own_images.write(tmp_path / "own")
    settings = config.experiment_from_dict(
        {**DIGITS, "data": {"source": "image_folder", "path": str(own), "side": 8}}, where="test"
    )
    before = keys.train(settings)
    assert keys.train(settings) == before and before.inputs.keys() == {"data"}
    (own / "left" / "0.png").write_bytes((own / "left" / "2.png").read_bytes())
    assert keys.train(settings).inputs["data"] != before.inputs["data"]


# ---------------------------------------------------------------- all the way


@pytest.mark.parametrize(
    ("source", "name", "settings"),
    [("images_npz", "own.npz", {}), ("image_folder", "own", {"side": 8})],
)
def test_a_model_of_own_images_is_trained_dumped_and_evaluated(
    quweit: Quweit, tmp_path: Path, source: str, name: str, settings: dict[str, Any]
) -> None:
    path = own_images.write(tmp_path / name, each=20)
    raw = {**DIGITS, "data": {"source": source, "path": name, **settings}}
    raw["model"] = {**DIGITS["model"], "arithmetic": "integer"}
    raw["training"] = {**DIGITS["training"], "batch_size": 8}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(raw))
    project = tmp_path / "project"
    assert quweit("train", tmp_path / "own.yaml", "--out", project).code == 0
    checkpoint = project / "train" / "ckpt.pt"
    dumped = quweit("dump", checkpoint, "--out", project, "--data", path, "--rows", 8, "--json")
    assert dumped.code == 0, dumped.stderr
    assert json.loads(dumped.stdout)["checks"]["logits_equal"] is True
    scored = json.loads(quweit("eval", checkpoint, "--data", path, "--json").stdout)
    assert scored["samples"] == 10 and scored["integer_accuracy"] == scored["accuracy"]
    other = own_images.write(tmp_path / "other.npz", each=20, side=12)
    outcome = quweit("eval", checkpoint, "--data", other if source == "images_npz" else tmp_path / "no")
    assert outcome.code == 2 and "Traceback" not in outcome.stderr


def test_what_is_wrong_with_the_data_ends_with_code_2(quweit: Quweit, tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=zeros(4, 8, 8))
    raw = {**DIGITS, "data": {"source": "images_npz", "path": "own.npz"}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(raw))
    outcome = quweit("train", tmp_path / "own.yaml", "--out", tmp_path / "project")
    assert outcome.code == 2 and "own.npz`: it has no array `labels`" in outcome.stderr
