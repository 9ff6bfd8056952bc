"""A block on disk, as the folder of a dump holds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from quweit_cli import artifacts, ir
from quweit_cli.documents import BlockSite, DumpedBlock
from quweit_cli.errors import ArtifactError
from quweit_cli.export.equality import GoldenRows
from quweit_cli.ir.serialization import program_to_record
from quweit_cli.models import Placed
from quweit_cli.weightless.thermometer import INPUT_SCALE


def write_block(
    folder: Path,
    program: ir.Program,
    placed: Placed,
    golden: GoldenRows,
    site: BlockSite | None = None,
) -> DumpedBlock:
    """Program and golden rows, and what `dump.json` says of them.

    Raises:
        ArtifactError: its outputs are in steps that nothing could be computed in.
    """
    block, stem = placed.block, f"blocks/{program.name}"
    artifacts.save(program_to_record(program), folder / f"{stem}.json", indent=None)
    np.save(folder / f"{stem}.x.npy", golden.inputs_RD)
    np.save(folder / f"{stem}.y.npy", golden.outputs_RE)
    if not 1e-12 <= block.output_scale() <= 1e12:
        raise ArtifactError(
            f"the outputs of `{program.name}` are in steps of {block.output_scale():.3g}: its weights are of no use",
            hint="train it again with a lower `training.learning_rate`",
        )
    return DumpedBlock(
        name=program.name,
        layer=placed.layer,
        role=placed.role,
        program=f"{stem}.json",
        inputs=f"{stem}.x.npy",
        outputs=f"{stem}.y.npy",
        rows=len(golden.inputs_RD),
        input_scale=INPUT_SCALE,
        output_scale=block.output_scale(),
        site=site,
    )
