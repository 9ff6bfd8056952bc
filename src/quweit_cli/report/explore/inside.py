"""What is looked into: programs of a dump with their golden rows and samples, as they were read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quweit_cli.documents import DumpedExits, DumpedReadings
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.program import Program


class BlockRows(NamedTuple):
    """A block and its golden rows. around: what it reads beside its token."""

    program: Program
    rows_RD: Integers
    input_scale: float
    output_scale: float
    around: Neighbourhood | None = None


class ModelSamples(NamedTuple):
    """A whole model and its golden samples. vocabulary: of a text, the character of each token. exits: by which samples leave."""

    program: Program
    inputs: Integers
    logits: Integers
    vocabulary: str | None = None
    exits: DumpedExits | None = None


class Inside(NamedTuple):
    """images_BXSS: those that a classifier reads wrongly, of which `readings` says more.

    absent: blocks that are not shown, and why.
    """

    blocks: Sequence[BlockRows] = ()
    model: ModelSamples | None = None
    readings: DumpedReadings | None = None
    images_BXSS: NDArray[np.uint8] = np.zeros((0, 1, 1, 1), dtype=np.uint8)
    absent: Mapping[str, str] = MappingProxyType({})
