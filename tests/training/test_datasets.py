"""Datasets: splits, augmentation, checks on what a user gives, downloads that are whole or absent."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from quweit_cli import config
from quweit_cli.errors import ConfigError, DataUnavailable
from quweit_cli.training import datasets
from quweit_cli.training.augmentation import crop_and_flip
from quweit_cli.training.datasets import download
from quweit_cli.training.datasets.images import Images
from quweit_cli.training.datasets.text import Text


def load(source: str, **settings: object) -> datasets.Dataset:
    return datasets.load(config.Data.model_validate({"source": source, **settings}))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_digits_are_split_once_and_by_their_own_seed() -> None:
    first, again, other = load("digits"), load("digits"), load("digits", split_seed=1)
    assert isinstance(first, Images) and isinstance(again, Images) and isinstance(other, Images)
    assert (len(first.train_labels), len(first.test_labels)) == (1347, 450)
    assert torch.equal(first.test_pixels, again.test_pixels)
    assert not torch.equal(first.test_labels, other.test_labels)
    per_class = torch.bincount(first.test_labels)
    assert int(per_class.min()) >= 43  # stratified
    assert "1347 training and 450 test" in first.description
    inputs, _ = first.test(16)
    assert abs(float(inputs.mean())) < 0.02 and abs(float(inputs.std()) - 1) < 0.02


def test_an_epoch_shows_every_image_once() -> None:
    data = load("digits")
    assert isinstance(data, Images)
    data.train_labels = torch.arange(len(data.train_labels))
    seen = torch.cat([data.batch(step, 449, 16, seed=0)[1] for step in range(3)])
    assert torch.equal(seen.sort().values, data.train_labels)


def test_shift_moves_by_at_most_one_pixel() -> None:
    pixels = torch.zeros(200, 1, 5, 5, dtype=torch.uint8)
    pixels[:, 0, 2, 2] = 9
    moved = crop_and_flip(pixels, "shift", generator())
    assert set(moved.sum(dim=0).flatten().nonzero().flatten().tolist()) == {6, 7, 8, 11, 12, 13, 16, 17, 18}
    assert moved.sum() == pixels.sum()


def test_crop_flip_mirrors_about_half() -> None:
    pixels = torch.zeros(400, 1, 32, 32, dtype=torch.uint8)
    pixels[:, 0, :, :16] = 1
    changed = crop_and_flip(pixels, "crop_flip", generator())
    left_heavier = (
        (changed[:, 0, :, :8].sum(dim=(1, 2)) > changed[:, 0, :, -8:].sum(dim=(1, 2))).float().mean()
    )
    assert 0.4 < left_heavier < 0.6


def test_no_augmentation_changes_nothing() -> None:
    pixels = torch.randint(255, (4, 1, 5, 5), dtype=torch.uint8)
    assert crop_and_flip(pixels, "none", generator()) is pixels


def test_python_s_own_text_is_there_and_split_in_order() -> None:
    data = load("pydoc_text")
    assert isinstance(data, Text)
    total = len(data.train_tokens) + len(data.test_tokens)
    assert total > 300_000
    assert len(data.test_tokens) == total // 10
    inputs, targets = data.test(64)
    assert inputs.shape == ((len(data.test_tokens) - 1) // 64, 64)
    assert torch.equal(inputs.flatten()[1:], targets.flatten()[:-1])
    fewer, _ = data.test(64, samples=10)
    assert len(fewer) == 10


def test_text_batches_are_windows_and_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "abc.txt"
    path.write_text("abcdefghij" * 30)
    data = load("text_file", path=str(path))
    assert isinstance(data, Text)
    assert data.vocabulary == "abcdefghij"
    inputs, targets = data.batch(0, 5, 8, seed=0)
    assert inputs.shape == targets.shape == (5, 8)
    assert torch.equal((inputs + 1) % 10, targets)


def test_text_shorter_than_the_context_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("hello world" * 5)
    data = load("text_file", path=str(path))
    with pytest.raises(ConfigError, match="too short for a context of 64"):
        data.test(64)
    with pytest.raises(ConfigError, match="too short for a context of 64"):
        data.batch(0, 4, 64, seed=0)


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    for source in ("text_file", "shakespeare_char", "cifar10", "cifar100"):
        with pytest.raises(DataUnavailable, match="nowhere"):
            load(source, path=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"needs `data\.path`"):
        load("text_file")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.txt"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(DataUnavailable, match=r"noise\.txt"):
        load("text_file", path=str(path))


def test_an_unknown_source_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        load("imagenet")
    assert caught.value.hint is not None
    assert all(source in caught.value.hint for source in datasets.SOURCES)


def cifar_archive(path: Path, label: int = 7) -> None:
    """The binary version with two images a batch: `label`, then pixels that count up."""
    with tarfile.open(path, "w:gz") as archive:
        for name in [f"data_batch_{batch}.bin" for batch in range(1, 6)] + ["test_batch.bin"]:
            record = bytes([label]) + bytes(range(256)) * 12
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = 2 * len(record)
            archive.addfile(info, io.BytesIO(record * 2))


def test_cifar_is_read_from_its_binary_archive_and_its_folder(tmp_path: Path) -> None:
    cifar_archive(tmp_path / "cifar.tar.gz")
    with tarfile.open(tmp_path / "cifar.tar.gz") as archive:
        for member in archive.getmembers():  # `extractall` wants a filter from 3.12 on, and 3.11.2 knows none
            target, content = tmp_path / "folder" / member.name, archive.extractfile(member)
            target.parent.mkdir(parents=True, exist_ok=True)
            assert content is not None
            target.write_bytes(content.read())
    for path in (tmp_path / "cifar.tar.gz", tmp_path / "folder"):
        data = load("cifar10", path=str(path))
        assert isinstance(data, Images)
        assert data.train_pixels.shape == (10, 3, 32, 32)
        assert data.test_labels.tolist() == [7, 7]
        assert data.train_pixels[0, 0, 0, :3].tolist() == [0, 1, 2]


def cifar100_archive(
    path: Path, classes: int = 100, labels: bytes = b"\x07\x63", name: str = "train.bin"
) -> None:
    """Three images to learn and two to test on: a coarse label, a fine one, then pixels that count up."""
    record = labels + bytes(range(256)) * 12
    names = "".join(f"class{number}\n" for number in range(classes)).encode()
    files = {name: record * 3, "test.bin": record * 2, "fine_label_names.txt": names}
    with tarfile.open(path, "w:gz") as archive:
        for file, content in files.items():
            info = tarfile.TarInfo(f"cifar-100-binary/{file}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_cifar100_has_its_fine_labels_by_the_names_in_its_archive(tmp_path: Path) -> None:
    cifar100_archive(tmp_path / "cifar.tar.gz")
    folder = tmp_path / "folder"
    folder.mkdir()
    with tarfile.open(tmp_path / "cifar.tar.gz") as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            assert content is not None
            (folder / Path(member.name).name).write_bytes(content.read())
    for path in (tmp_path / "cifar.tar.gz", folder):
        data = load("cifar100", path=str(path))
        assert isinstance(data, Images)
        assert (data.train_pixels.shape, data.test_labels.tolist()) == ((3, 3, 32, 32), [99, 99])
        assert (len(data.classes), data.classes[99]) == (100, "class99")
        assert data.train_pixels[0, 0, 0, :3].tolist() == [0, 1, 2]
        assert data.mean == [127.5] * 3  # of the training images


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": 99}, "the names of 100 classes"),
        ({"labels": b"\x63\x64"}, "a label 100"),
        ({"labels": b"\x00"}, "records of 3074 bytes"),
        ({"name": "train"}, "it has no train.bin"),  # as in the version for Python, which is pickled
    ],
)
def test_a_cifar100_of_another_kind_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    cifar100_archive(tmp_path / "cifar.tar.gz", **change)
    with pytest.raises(DataUnavailable, match=words) as caught:
        load("cifar100", path=str(tmp_path / "cifar.tar.gz"))
    assert "the binary version" in str(caught.value.hint)


def test_cifar_is_read_from_encoded_images(tmp_path: Path) -> None:
    arrays = {}
    for part, count in (("train", 3), ("test", 2)):
        encoded = []
        for shade in range(count):
            file = io.BytesIO()
            Image.new("RGB", (32, 32), (60 * shade, 0, 0)).save(file, "PNG")
            encoded.append(file.getvalue())
        arrays[f"{part}_jpeg"] = np.frombuffer(b"".join(encoded), np.uint8)
        arrays[f"{part}_offsets"] = np.cumsum([0] + [len(one) for one in encoded])
        arrays[f"{part}_labels"] = np.arange(count, dtype=np.uint8)
    np.savez(tmp_path / "cifar.npz", **arrays)
    data = load("cifar10", path=str(tmp_path / "cifar.npz"))
    assert isinstance(data, Images)
    assert data.train_pixels[:, 0, 5, 5].tolist() == [0, 60, 120]
    assert data.test_labels.tolist() == [0, 1]


def test_archives_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "noise.tar.gz").write_bytes(b"no archive")
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    np.savez(tmp_path / "pickled.npz", train_jpeg=np.array([{"a": 1}], dtype=object))
    cifar_archive(tmp_path / "label.tar.gz", label=12)
    for name in ("noise.tar.gz", "other.npz", "pickled.npz", "label.tar.gz"):
        with pytest.raises(DataUnavailable, match=name):
            load("cifar10", path=str(tmp_path / name))


def served(path: Path, checksum: str) -> download.Download:
    return download.Download(path.as_uri(), "text.txt", "sha256", checksum)


def test_a_download_is_kept_when_its_checksum_fits(tmp_path: Path) -> None:
    (tmp_path / "origin").write_text("to be")
    good = served(tmp_path / "origin", hashlib.sha256(b"to be").hexdigest())
    path = download.ensure_downloaded(good, tmp_path / "data")
    assert path.read_text() == "to be"
    (tmp_path / "origin").unlink()
    assert download.ensure_downloaded(good, tmp_path / "data") == path  # not fetched again


def test_a_download_of_other_content_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "origin").write_text("not to be")
    with pytest.raises(DataUnavailable, match="sha256"):
        download.ensure_downloaded(served(tmp_path / "origin", "0" * 64), tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_no_network_is_said_plainly_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailable) as caught:
        download.ensure_downloaded(served(tmp_path / "absent", "0" * 64), tmp_path / "data")
    assert caught.value.hint is not None and "data.path" in caught.value.hint
    assert list((tmp_path / "data").iterdir()) == []
