"""PyTorch against the integer program, with no tolerance: every row of every block, and the logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quweit_cli import ir
from quweit_cli.errors import ArtifactError, Mismatch, QuweitError
from quweit_cli.ir.types import exactly
from quweit_cli.models import Network, blocks_of
from quweit_cli.progress import SILENT, Progress
from quweit_cli.training.evaluation import batches
from quweit_cli.weightless.block import WeightlessBlock

GOLDEN_SEED = 0

Implementation = Callable[[Tensor], Tensor]


def programs_of(blocks: Mapping[str, WeightlessBlock], checkpoint: Path) -> dict[str, ir.Program]:
    """Integer programs by name; raises ArtifactError when the weights of `checkpoint` give none."""
    try:
        return {name: block.program(name) for name, block in blocks.items()}
    except ValueError as error:
        raise ArtifactError(f"`{checkpoint}` gives no valid integer program: {error}") from None


@dataclass(frozen=True)
class GoldenRows:
    """Real rows of one block, with what its program answers."""

    inputs_RD: NDArray[np.int8]
    outputs_RE: NDArray[np.int16]


@dataclass(frozen=True)
class Verified:
    rows_compared: int  # for each block
    golden: dict[str, GoldenRows]
    read_B: Tensor  # the class of each sample, or of a text the next token at each place


@torch.no_grad()
def verify(
    model: Network,
    programs: Mapping[str, ir.Program],
    inputs: Tensor,
    golden_rows: int,
    progress: Progress = SILENT,
    *,
    whole_samples: bool = False,
) -> Verified:
    """Run every sample twice, in PyTorch and with the blocks replaced by their programs.

    whole_samples: golden rows are all rows of some samples, as many as that takes, in their order.

    Raises:
        Mismatch: names the first block, row and output that differ, or the sample whose logits do.
    """
    total = len(inputs) * model.tokens
    together = model.tokens if whole_samples else 1
    groups = np.random.default_rng(GOLDEN_SEED).permutation(total // together)[: -(-golden_rows // together)]
    chosen = np.sort((groups[:, None] * together + np.arange(together)).flatten())
    recorders = {name: _Recorder(program, chosen) for name, program in programs.items()}
    torch_blocks = {name: block.integers for name, block in blocks_of(model).items()}
    checked = {name: recorders[name].checking(torch_blocks[name]) for name in programs}
    read = []
    with progress.task("compare with the integer program", total=len(inputs)) as task:
        for part in batches(len(inputs), model.tokens):
            with blocks_replaced(model, checked):
                expected = model(inputs[part])
            with integer_programs(model, programs):
                got = model(inputs[part])
            _compare_logits(expected, got, first_sample=part.start)
            read.append(expected.argmax(dim=-1))
            task.advance(part.stop - part.start)
    golden = {name: recorder.golden() for name, recorder in recorders.items()}
    return Verified(total, golden, torch.cat(read))


@contextmanager
def blocks_replaced(model: Network, implementations: Mapping[str, Implementation]) -> Iterator[None]:
    """Within, blocks in eval mode answer through these functions of int8 rows to integer rows."""
    blocks = blocks_of(model)
    for name, implementation in implementations.items():
        blocks[name].evaluate_integers = implementation
    try:
        yield
    finally:
        for block in blocks.values():
            block.evaluate_integers = block.integers


@contextmanager
def integer_programs(model: Network, programs: Mapping[str, ir.Program]) -> Iterator[None]:
    """Within, blocks in eval mode answer through `ir.evaluate`."""

    def through(program: ir.Program) -> Implementation:
        return lambda code_RD: torch.from_numpy(ir.evaluate(program, code_RD.cpu().numpy())).to(
            code_RD.device
        )

    with blocks_replaced(model, {name: through(program) for name, program in programs.items()}):
        yield


class _Recorder:
    """Compares the rows of one block as they pass, and keeps the chosen ones."""

    def __init__(self, program: ir.Program, chosen: NDArray[np.int64]) -> None:
        self.program, self.chosen, self.rows = program, chosen, 0
        self.inputs: list[NDArray[np.int64]] = []
        self.outputs: list[NDArray[np.int64]] = []

    def checking(self, implementation: Implementation) -> Implementation:
        def run(code_RD: Tensor) -> Tensor:
            output_RE = implementation(code_RD)
            self._compare(code_RD.numpy(), output_RE.numpy())
            return output_RE

        return run

    def golden(self) -> GoldenRows:
        return GoldenRows(
            exactly(np.concatenate(self.inputs), np.int8), exactly(np.concatenate(self.outputs), np.int16)
        )

    def _compare(self, code_RD: NDArray[np.int64], got_RE: NDArray[np.int64]) -> None:
        expected_RE = ir.evaluate(self.program, code_RD)
        if not np.array_equal(expected_RE, got_RE):
            row, output = (int(index) for index in np.argwhere(expected_RE != got_RE)[0])
            raise Mismatch(
                f"{self.program.name}, row {self.rows + row}, output {output}:"
                f" the integer program gives {expected_RE[row, output]}, PyTorch {got_RE[row, output]}",
                hint="this is a defect of quweit, please report it with the checkpoint",
            )
        within = (self.chosen >= self.rows) & (self.chosen < self.rows + len(code_RD))
        rows = self.chosen[within] - self.rows
        self.inputs.append(code_RD[rows])
        self.outputs.append(expected_RE[rows])
        self.rows += len(code_RD)


def _compare_logits(expected: Tensor, got: Tensor, first_sample: int) -> None:
    if not bool(torch.isfinite(expected).all()):
        raise QuweitError(
            "the logits are not finite: the weights are of no use",
            hint="train again with a lower `training.learning_rate`",
        )
    if torch.equal(expected, got):
        return
    sample = int((expected != got).flatten(1).any(dim=1).nonzero()[0])
    raise Mismatch(
        f"the logits of test sample {first_sample + sample} change when the blocks are replaced"
        " by their integer programs",
        hint="this is a defect of quweit, please report it with the checkpoint",
    )
