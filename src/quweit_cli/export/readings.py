"""What a classifier makes of the test images: how many it gets wrong, and the first of them to look at."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quweit_cli.documents import LONGEST_NAME, MOST_MISREAD, MOST_PIXELS, DumpedReadings, MisreadImage
from quweit_cli.export.samples import Samples
from quweit_cli.ir.nodes.base import Integers

IMAGES = "misread.npy"


class Readings(NamedTuple):
    document: DumpedReadings
    images_BXSS: NDArray[np.uint8]  # those of `misread`


def readings(
    samples: Samples, read_B: Tensor, meta: dict[str, Any], golden_G: Integers | None = None
) -> Readings | None:
    """Nothing of a text; of a table no pictures.

    read_B: the class that the model reads. meta: what the dataset says of itself.
    golden_G: which samples are the golden ones of a whole model.
    """
    if meta["kind"] == "text":
        return None
    wrong = (read_B != samples.targets).nonzero().flatten()
    shown = wrong[: MOST_MISREAD if meta["kind"] == "images" else 0]
    misread = [
        MisreadImage(sample=int(sample), true=int(samples.targets[sample]), read=int(read_B[sample]))
        for sample in shown
    ]
    golden = [] if golden_G is None else samples.targets[torch.from_numpy(golden_G)].tolist()
    document = DumpedReadings(
        classes=[str(name)[:LONGEST_NAME] for name in meta["classes"]],
        wrong=len(wrong),
        golden=golden,
        misread=misread,
        images=IMAGES if misread else None,
    )
    return Readings(document, _pixels(samples.inputs[shown], meta))


def _pixels(image_BXSS: Tensor, meta: dict[str, Any]) -> NDArray[np.uint8]:
    """As they were before they were normalised, which old checkpoints say nothing of; every so many of large ones.

    None of passages of text, which have no side.
    """
    step = -(-meta.get("side", 1) // MOST_PIXELS)
    image_BXSS = image_BXSS[..., ::step, ::step]
    if meta.get("mean") and meta.get("std"):
        mean_X11, std_X11 = (torch.tensor(meta[key])[:, None, None] for key in ("mean", "std"))
        image_BXSS = image_BXSS * std_X11 + mean_X11
    elif len(image_BXSS):
        low, high = image_BXSS.min(), image_BXSS.max()
        image_BXSS = (image_BXSS - low) * (255 / (high - low).clamp(min=1e-12))
    pixels: NDArray[np.uint8] = image_BXSS.round().clamp(0, 255).to(torch.uint8).numpy()
    return pixels
