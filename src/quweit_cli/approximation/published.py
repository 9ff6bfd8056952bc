"""What others published of their approximations, as far as it is known. Their conditions are not always."""

from __future__ import annotations

from typing import NamedTuple

GQA_LUT = "GQA-LUT, arXiv 2403.19591"
LUT_APP = "LUT-APP, DATE 2026"


class Published(NamedTuple):
    """Mean squared errors of published pieces, by bits below the point of a code; evaluated at every int8 code in range."""

    function: str
    segments: int
    mse_S: tuple[float, ...]


# The pieces are those of its public repository; their errors were evaluated anew, a code on a breakpoint being in the
# piece before it.
AT_CODES = (
    Published("gelu", 8, (3.1e-3, 8.9e-5, 1.0e-4, 7.3e-5, 7.3e-5, 7.2e-5, 1.1e-4)),
    Published("gelu", 16, (3.5e-3, 9.1e-5, 2.1e-5, 1.9e-5, 1.8e-5, 1.6e-5, 1.1e-5)),
    Published("hswish", 8, (5.7e-4, 5.9e-4, 4.5e-4, 3.4e-4, 3.3e-4, 3.3e-4, 4.5e-4)),
    Published("hswish", 16, (2.4e-3, 1.4e-4, 4.7e-5, 2.1e-5, 1.8e-5, 1.9e-5, 2.1e-5)),
    Published("exp", 8, (9.7e-4, 1.8e-4, 2.4e-5, 2.4e-5, 1.9e-5, 2.8e-5, 2.2e-5)),
    Published("exp", 16, (1.5e-3, 7.6e-5, 2.4e-5, 2.0e-5, 2.1e-5, 1.6e-5, 1.3e-5)),
)
GRID_SCALE_BITS = 5
ON_GRID = {  # real numbers 0.01 apart, codes of 2^-5; they take 9 bits
    ("reciprocal", 8): 4.0e-5,
    ("reciprocal", 16): 2.1e-5,
    ("reciprocal_root", 8): 3.6e-5,
    ("reciprocal_root", 16): 1.1e-5,
}
MAGNITUDES = {  # mean absolute errors of LUT-APP
    ("exp", 8): 1.81e-3,
    ("exp", 16): 8.3e-4,
    ("reciprocal", 8): 1.97e-3,
    ("reciprocal", 16): 2.25e-3,
    ("reciprocal_root", 8): 1.43e-3,
    ("reciprocal_root", 16): 1.38e-3,
    ("gelu", 8): 5.09e-3,
    ("gelu", 16): 3.65e-3,
}
SAVED = {"float32": "81.3 to 81.7 %", "int32": "79.3 to 80.2 %"}  # area and power, by int8, GQA-LUT
NOTES = (
    f"{GQA_LUT}: its own figures of errors are of pieces with breakpoints that are rounded to each scale; its rule for a code on a "
    "breakpoint is not the same in its search and its network, which is up to 26 times in the error of coarse scales",
    f"{GQA_LUT}: slopes of `reciprocal` and `reciprocal_root` reach below -2, so that they take 9 bits; grids are real "
    "numbers, whose breakpoints are codes of 2^-5",
    f"{LUT_APP}: range, scale and storage of its mean absolute errors are not known here; beside them stand ours of ten bits. On "
    "0.5 ... 4 and 0.25 ... 4 at 2^-5 no eight pieces of 12 bits have a mean magnitude below 2.5e-3 and 2.2e-3, so that "
    "its conditions for eight must be others",
)
