"""Small images on the page, in the page: PNG as data."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quweit_cli.documents import DumpedReadings
from quweit_cli.templating import render

# Darker is lower: lightness rises evenly, so that a print without colours reads the same. The page's script has them too.
COLOURS = ((0, 34, 78), (124, 123, 120), (254, 232, 56))


def heat_map(values_TD: np.ndarray, most: float) -> str:
    """A pixel a value of -most ... most, as the address of an image."""
    share_TD = (values_TD + most) / (2 * most)
    channels = [np.interp(share_TD, (0, 0.5, 1), one) for one in zip(*COLOURS, strict=True)]
    return png(np.stack(channels).round().astype(np.uint8), 255)


def misread(readings: DumpedReadings, images_BXSS: NDArray[np.uint8]) -> str:
    """Images with what is read and what is right."""
    white = max(1, int(images_BXSS.max(initial=0)))
    shown = [
        (
            png(image_XSS, white),
            one.sample,
            readings.classes[one.read],
            readings.classes[one.true],
        )
        for image_XSS, one in zip(images_BXSS, readings.misread, strict=True)
    ]
    return render("report/misread.html.mako", shown=shown)


def png(image_XSS: NDArray[np.uint8], white: int) -> str:
    """As the address of an image; three channels in colour, of others the first. white: the brightest pixel."""
    bright = (image_XSS.astype(np.int64) * 255 // white).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(np.moveaxis(bright, 0, -1) if len(bright) == 3 else bright[0])
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
