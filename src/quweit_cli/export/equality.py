"""PyTorch against the integer program, with no tolerance: every row of every block, and the logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quweit_cli import ir
from quweit_cli.errors import ArtifactError, Mismatch, QuweitError, UnsupportedModel
from quweit_cli.ir.types import exactly
from quweit_cli.models import Network, blocks_of
from quweit_cli.progress import SILENT, Progress
from quweit_cli.training.evaluation import batches
from quweit_cli.weightless.block import WeightlessBlock

GOLDEN_SEED = 0

Implementation = Callable[[Tensor], Tensor]


def programs_of(blocks: Mapping[str, WeightlessBlock], source: Path | str) -> dict[str, ir.Program]:
    """Integer programs by name; raises ArtifactError when the weights give none. source: what messages call them."""
    try:
        return {name: block.program(name) for name, block in blocks.items()}
    except ValueError as error:
        raise ArtifactError(f"`{source}` gives no valid integer program: {error}") from None


@dataclass(frozen=True)
class GoldenRows:
    """Real rows of one block, with what its program answers."""

    inputs_RD: NDArray[np.int8]
    outputs_RE: NDArray[np.int16]


@dataclass(frozen=True)
class Verified:
    rows_compared: int  # for each block
    golden: dict[str, GoldenRows]
    read: list[Tensor]  # the largest logit's place, by part: classes, or of a text the next token everywhere


@dataclass(frozen=True)
class Answering:
    """How a model answers samples, some at a time."""

    model: nn.Module
    samples: int
    parts: Sequence[slice]  # over all of them, in order
    rows: Mapping[str, int]  # that a sample gives each block
    answer: Callable[[slice], list[Tensor]]


def verify(
    model: Network,
    programs: Mapping[str, ir.Program],
    inputs: Tensor,
    golden_rows: int,
    progress: Progress = SILENT,
    *,
    whole_samples: bool = False,
) -> Verified:
    """`compare` one of our own models, whose answer are its logits."""
    parts = list(batches(len(inputs), model.tokens))
    rows = dict.fromkeys(programs, model.tokens)
    answering = Answering(model, len(inputs), parts, rows, lambda part: [model(inputs[part])])
    return compare(answering, programs, golden_rows, progress, whole_samples=whole_samples)


@torch.no_grad()
def compare(
    answering: Answering,
    programs: Mapping[str, ir.Program],
    golden_rows: int,
    progress: Progress = SILENT,
    *,
    whole_samples: bool = False,
) -> Verified:
    """Run every sample twice, in PyTorch and with the blocks replaced by their programs.

    whole_samples: golden rows are all rows of some samples, as many as that takes, in their order.

    Raises:
        Mismatch: names the first block, row and output that differ, or the sample whose answer does.
        UnsupportedModel: a block is given other rows by some samples than by others, or the model answers otherwise
            when it is asked again.
    """
    recorders = {
        name: _Recorder(program, _chosen(answering, name, golden_rows, whole_samples=whole_samples))
        for name, program in programs.items()
    }
    torch_blocks = {name: block.integers for name, block in blocks_of(answering.model).items()}
    checked = {name: recorders[name].checking(torch_blocks[name]) for name in programs}
    read = []
    with progress.task("compare with the integer program", total=answering.samples) as task:
        for part in answering.parts:
            with blocks_replaced(answering.model, checked):
                expected = answering.answer(part)
            for name, recorder in recorders.items():
                _check_rows(name, recorder.rows, part.stop * answering.rows[name])
            with integer_programs(answering.model, programs):
                got = answering.answer(part)
            _compare_answers(answering, expected, got, part)
            if expected[0].ndim > 1:
                read.append(expected[0].argmax(dim=-1))
            task.advance(part.stop - part.start)
    rows_compared = min((recorder.rows for recorder in recorders.values()), default=0)
    golden = {name: recorder.golden() for name, recorder in recorders.items()}
    return Verified(rows_compared, golden, read)


def _chosen(answering: Answering, name: str, golden_rows: int, *, whole_samples: bool) -> NDArray[np.int64]:
    """Which rows of a block are kept, in order."""
    total = answering.samples * answering.rows[name]
    together = answering.rows[name] if whole_samples else 1
    groups = np.random.default_rng(GOLDEN_SEED).permutation(total // together)[: -(-golden_rows // together)]
    chosen: NDArray[np.int64] = np.sort((groups[:, None] * together + np.arange(together)).flatten())
    return chosen


def _check_rows(name: str, passed: int, expected: int) -> None:
    if passed != expected:
        raise UnsupportedModel(
            f"`{name}` was given {passed:,} rows where {expected:,} were to come: samples differ in their rows",
            hint="give samples of one shape, and a model that reads the same rows of each",
        )


@contextmanager
def blocks_replaced(model: nn.Module, implementations: Mapping[str, Implementation]) -> Iterator[None]:
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
def integer_programs(model: nn.Module, programs: Mapping[str, ir.Program]) -> Iterator[None]:
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
            self._compare(code_RD.cpu().numpy(), output_RE.cpu().numpy())
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


def _compare_answers(answering: Answering, expected: list[Tensor], got: list[Tensor], part: slice) -> None:
    for mine, other in zip(expected, got, strict=True):
        if not bool(torch.isfinite(mine).all()):
            raise QuweitError(
                "the logits are not finite: the weights are of no use",
                hint="train again with a lower `training.learning_rate`",
            )
        if not torch.equal(mine, other):
            _check_steady(answering, expected, part)
            raise Mismatch(
                f"the logits of test sample {part.start + _first_difference(mine, other)} change when the blocks are"
                " replaced by their integer programs",
                hint="this is a defect of quweit, please report it with the checkpoint",
            )


def _check_steady(answering: Answering, expected: list[Tensor], part: slice) -> None:
    """Raises UnsupportedModel where the model itself answers otherwise the second time."""
    again = answering.answer(part)
    if not all(torch.equal(mine, other) for mine, other in zip(expected, again, strict=True)):
        raise UnsupportedModel(
            "the model gives another answer when it is asked again",
            hint="switch off what draws at random in eval mode, such as a random mask; on a GPU, export on the CPU",
        )


def _first_difference(expected: Tensor, got: Tensor) -> int:
    """Along the first axis."""
    return int((expected != got).reshape(len(expected), -1).any(dim=1).nonzero()[0]) if expected.ndim else 0
