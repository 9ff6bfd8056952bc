"""The augmentation of DeiT: what each part changes, how often, and that a batch is never looped over."""

import random

import pytest
import torch

from quweit_cli import config
from quweit_cli.training import deit
from quweit_cli.training.datasets import load
from quweit_cli.training.datasets.images import Images

OFF = config.Deit(flip=0, operations=0, mixup=0, cutmix=0, erasing=0)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def images(count: int = 300, side: int = 32) -> torch.Tensor:
    """Smooth random images in [0, 1]."""
    coarse = torch.rand(count, 3, 4, 4, generator=generator())
    return torch.nn.functional.interpolate(coarse, size=side, mode="bilinear")


@pytest.mark.parametrize("operation", [one for _, one in deit.OPERATIONS])
def test_every_operation_keeps_shape_and_range_and_changes_images(operation: deit.Operation) -> None:
    image, choice = images(10), torch.arange(10) / 10  # of the five moves, each twice
    for level in (0.0, 0.9, 1.0):
        for sign in (-1.0, 1.0):
            result = operation(image, torch.full((10,), level), torch.full((10,), sign), choice)
            assert result.shape == image.shape and result.dtype == image.dtype
            assert float(result.min()) >= -1e-5 and float(result.max()) <= 1 + 1e-5
            if level:
                assert (result - image).abs().amax(dim=(1, 2, 3)).min() > 1e-3


@pytest.mark.parametrize("operation", [one for _, one in deit.OPERATIONS])
def test_strength_is_the_sample_s_own(operation: deit.Operation) -> None:
    arguments = (
        images(4),
        torch.tensor([0.0, 0.3, 0.9, 0.9]),
        torch.ones(4),
        torch.tensor([0.1, 0.5, 0.5, 0.9]),
    )
    alone = [operation(*(one[i : i + 1] for one in arguments)) for i in range(4)]
    assert torch.allclose(operation(*arguments), torch.cat(alone), atol=1e-6)


def moved(row: int, column: int, choice: float, sign: float) -> tuple[int, int]:
    """Where a bright pixel, counted from the centre, is found after a move at full strength."""
    image = torch.zeros(1, 1, 65, 65)
    image[0, 0, 32 + row, 32 + column] = 1.0
    result = deit._move(image, torch.ones(1), torch.tensor([sign]), torch.tensor([choice]))[0, 0]
    result = torch.where((result - deit.GREY).abs() < 1e-3, 0.0, result)  # what came from outside
    place = divmod(int(result.argmax()), 65)
    return place[0] - 32, place[1] - 32


def test_moves_turn_shear_and_shift_by_what_they_say() -> None:
    assert sorted(moved(0, 20, 0.1, sign) for sign in (1, -1)) == [(-10, 17), (10, 17)]  # 30 degrees
    assert sorted(moved(20, 0, 0.3, sign) for sign in (1, -1)) == [(20, -6), (20, 6)]  # 0.3 along x
    assert sorted(moved(0, 20, 0.5, sign) for sign in (1, -1)) == [(-6, 20), (6, 20)]  # 0.3 along y
    assert sorted(moved(0, 0, 0.7, sign) for sign in (1, -1)) == [(0, -29), (0, 29)]  # 0.45 of the side
    assert sorted(moved(0, 0, 0.9, sign) for sign in (1, -1)) == [(-29, 0), (29, 0)]


def test_samples_of_a_batch_go_through_different_operations() -> None:
    image = images(1).expand(150, -1, -1, -1)
    settings = OFF.model_copy(update={"operations": 1, "operation_chance": 1.0, "magnitude_std": 0.0})
    changed = deit._one_operation_each(image, settings, generator(), random.Random(0))
    distinct = torch.unique((changed * 1e4).round().flatten(1), dim=0)
    assert len(distinct) >= deit.SHARES  # two signs of most
    assert (changed - image).abs().amax(dim=(1, 2, 3)).min() > 0


def test_half_of_the_samples_keep_each_operation_off() -> None:
    image = images(1000)
    settings = OFF.model_copy(update={"operations": 1, "operation_chance": 0.5})
    changed = deit._one_operation_each(image, settings, generator(), random.Random(0))
    same = (changed == image).all(dim=3).all(dim=2).all(dim=1).float().mean()
    assert 0.43 < same < 0.57


def test_erasing_hits_a_quarter_of_the_images_with_rectangles_of_the_stated_area() -> None:
    image = torch.full((2000, 3, 32, 32), 9.0)
    erased = deit.erased(image, OFF.model_copy(update={"erasing": 0.25}), generator())
    gone = (erased != 9.0).all(dim=1)
    hit = gone.flatten(1).any(dim=1)
    assert 0.21 < hit.float().mean() < 0.29
    area = gone[hit].float().mean(dim=(1, 2))
    assert float(area.min()) > 0.005 and float(area.max()) < 0.40
    for one in gone[hit][:50]:
        rows, columns = one.any(dim=1), one.any(dim=0)
        assert torch.equal(one, rows[:, None] & columns[None, :])  # a rectangle
    assert abs(float(erased[gone[:, None].expand_as(erased)].mean())) < 0.02


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_mixed_images_share_their_targets_alike(way: str) -> None:
    image = torch.zeros(6, 3, 32, 32)
    image[3:] = 1.0
    label = torch.tensor([0, 0, 0, 1, 1, 1])
    shares = []
    for seed in range(40):
        settings = OFF.model_copy(update={way: 1.0})
        mixed, target = deit.mixed(image, label, 2, settings, seed)
        assert torch.allclose(mixed.mean(dim=(1, 2, 3)), target[:, 1], atol=1e-5)
        assert torch.allclose(target.sum(dim=1), torch.ones(6))
        shares.append(float(target[0, 0]))
    assert min(shares) < 0.2 and max(shares) > 0.8


def test_switched_off_it_changes_nothing_but_the_form_of_the_targets() -> None:
    image = images(8)
    mixed, target = deit.mixed(image, torch.arange(8), 10, OFF, 0)
    assert torch.equal(mixed, image) and torch.equal(target.argmax(dim=1), torch.arange(8))
    assert torch.equal(deit.erased(image, OFF, generator()), image)


def test_a_resized_crop_of_the_whole_is_the_image() -> None:
    image = images(8)
    whole = deit._resized_crop(image, (1.0, 1.0), generator())
    zoomed = deit._resized_crop(image, (0.2, 0.3), generator())
    assert (whole - image).abs().mean() < 0.1 * image.std()
    assert (zoomed - image).abs().mean() > 0.3 * image.std()


def test_a_batch_depends_on_its_step_and_seed_alone() -> None:
    data = load(config.Data.model_validate({"source": "digits", "augment": "deit"}))
    assert isinstance(data, Images)
    again, other, later = (data.batch(step, 32, 16, seed) for step, seed in ((3, 0), (3, 1), (4, 0)))
    first = data.batch(3, 32, 16, 0)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0]) and not torch.equal(first[0], later[0])
    assert first[1].shape == (32, 10)


def test_a_share_of_the_held_out_images_has_every_class_though_the_file_is_sorted() -> None:
    pixels, labels = torch.zeros(100, 3, 8, 8, dtype=torch.uint8), torch.arange(10).repeat_interleave(10)
    data = Images("sorted", list("abcdefghij"), pixels, labels, pixels, labels, [0.0] * 3, [1.0] * 3)
    assert data.test(4, 20)[1].bincount(minlength=10).tolist() == [2] * 10
    assert torch.equal(data.test(4, 1000)[1], labels)
