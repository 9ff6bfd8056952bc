"""Integer programs made at random, and projects that hold them as a dump."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from quweit_cli.artifacts import digest_of, file_digests, open_project, save, writing_stage
from quweit_cli.documents import DumpChecks, DumpedBlock, DumpManifest, ModelShape
from quweit_cli.ir.block import beside, block_program, residual_requantize
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation, Requantize
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.program import Program, evaluate
from quweit_cli.ir.serialization import program_to_record


def random_block(
    seed: int = 0,
    *,
    name: str = "block0",
    features: int = 6,
    thresholds: int = 3,
    layers: Sequence[int] = (10,),
    outputs: int | None = None,
    fan_in: int = 6,
    equal_thresholds: bool = False,
    summed: bool = False,
    requantize: Requantize | None = None,
    largest: int = 128,
    groups: int = 1,
) -> Program:
    """Thresholds within and beyond int8, tables and values over their whole range, which ends at `largest`.

    groups: bit k reaches the outputs whose number leaves the rest k mod groups.
    """
    rng = np.random.default_rng(seed)
    thermometer = Thermometer(rng.integers(-140, 140, (features, thresholds)))
    if equal_thresholds:  # as fixed ones are
        thermometer = Thermometer(np.tile(rng.integers(-60, 60, thresholds), (features, 1)))
    bits, lut_layers = features * thresholds, []
    for luts in layers:
        tables = rng.integers(0, 2**64, luts, dtype=np.uint64) >> np.uint64(64 - 2**fan_in)
        lut_layers.append(LutLayer(rng.integers(0, bits, (luts, fan_in)), tables))
        bits = luts
    if summed:
        lut_layers = beside(lut_layers, features * thresholds)
        bits = len(lut_layers[-1].tables_J)
    width = features if outputs is None else outputs
    values_KE = rng.integers(-largest, min(largest, 127) + 1, (bits, width))
    values_KE[np.arange(bits)[:, None] % groups != np.arange(width) % groups] = 0
    summation = ConditionalSummation(values_KE, rng.integers(-500, 500, width))
    return block_program(
        name, thermometer, lut_layers, summation, requantize or residual_requantize(*summation.range())
    )


def random_rows(program: Program, rows: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-128, 128, (rows, program.input_type.features)).astype(np.int8)


def project_with_dump(
    path: Path,
    *programs: Program,
    rows: int = 40,
    around: Neighbourhood | None = None,
    inputs: np.ndarray | None = None,
) -> Path:
    """A project whose dump holds these programs with random golden rows, those of whole samples that read `around`, or with these `inputs`."""
    project = open_project(path)
    with writing_stage(project, "dump", inputs={}, options={}) as folder:
        (folder / "blocks").mkdir()
        blocks = [
            _write_block(
                folder, layer, program, random_rows(program, rows) if inputs is None else inputs, around
            )
            for layer, program in enumerate(programs)
        ]
        features = programs[0].input_type.features // (2 if around else 1)
        manifest = DumpManifest(
            name="toy",
            checkpoint="0" * 64,
            data="random rows",
            model=ModelShape(
                family="gpt" if around and around.causal else "vit",
                layers=len(programs),
                dim=features,
                heads=1,
                tokens=around.tokens if around else 16,
                mlp_hidden=4 * features,
                neighbours=around is not None,
            ),
            blocks=blocks,
            checks=DumpChecks(samples=1, rows_compared=rows, logits_equal=True),
            digest=digest_of(file_digests(folder)),
        )
        save(manifest, folder / "dump.json")
    return project


def seal(dump: Path) -> None:
    """Give `dump.json` the digest of the files that it names, as docs/formats.md says; what is not there is left out."""
    path = dump / "dump.json"
    manifest = json.loads(path.read_text())
    files = {}
    for block in manifest["blocks"]:
        for name in (block["program"], block["inputs"], block["outputs"]):
            if (dump / name).is_file():
                files[name] = hashlib.sha256((dump / name).read_bytes()).hexdigest()
    text = json.dumps(files, sort_keys=True, separators=(", ", ": "))
    manifest["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(manifest))


def _write_block(
    folder: Path, layer: int, program: Program, inputs: np.ndarray, around: Neighbourhood | None
) -> DumpedBlock:
    if around is not None:
        inputs = around.read(inputs[:, : inputs.shape[1] // 2])
    name = program.name
    np.save(folder / f"blocks/{name}.x.npy", inputs)
    np.save(folder / f"blocks/{name}.y.npy", evaluate(program, inputs).astype(np.int16))
    save(program_to_record(program), folder / f"blocks/{name}.json")
    return DumpedBlock(
        name=name,
        layer=layer,
        program=f"blocks/{name}.json",
        inputs=f"blocks/{name}.x.npy",
        outputs=f"blocks/{name}.y.npy",
        rows=len(inputs),
        input_scale=1 / 32,
        output_scale=0.01,
    )


# Name -> what `random_block` makes of it, and outputs a cycle.
SHAPES = {
    "one_layer": ({"layers": (10,)}, 1),
    "two_layers": ({"features": 5, "layers": (12, 9), "fan_in": 4}, 2),
    "three_layers": ({"features": 5, "layers": (12, 11, 9), "fan_in": 3}, 2),
    "one_cycle": ({"features": 7, "layers": (13,), "outputs": 3}, "all"),
    "summed_thermometer": ({"layers": (10,), "summed": True}, 2),
    "summed_past_two_layers": ({"features": 5, "layers": (12, 9), "fan_in": 4, "summed": True}, 2),
    "equal_thresholds": ({"equal_thresholds": True}, 1),
    "gated": ({"features": 4, "layers": (30,), "outputs": 40}, 1),
    "gated_two_cells": ({"features": 9, "layers": (12,), "outputs": 100}, 1),
    "gated_three_cells": ({"features": 4, "layers": (7,), "outputs": 131}, 1),
    "group_of_one": ({"features": 4, "layers": (30,), "outputs": 20}, 1),
    "multiplier": ({"requantize": Requantize(77777, 18, -32768, 32767)}, 3),
    "single": ({"features": 1, "thresholds": 2, "layers": (1,), "fan_in": 2}, 1),
    "ternary": ({"features": 5, "layers": (40,), "outputs": 12, "largest": 1}, 3),
    "groups": ({"features": 5, "layers": (40,), "outputs": 12, "groups": 3}, 3),
    "groups_in_parallel": ({"features": 5, "layers": (40,), "outputs": 6, "groups": 2, "largest": 1}, "all"),
    "groups_of_two_lanes": ({"features": 5, "layers": (40,), "outputs": 16, "groups": 4, "largest": 1}, 2),
    "groups_gated": ({"features": 4, "layers": (30,), "outputs": 140, "groups": 2, "largest": 1}, 2),
    "narrow_range": ({"requantize": Requantize(1, 2, -100, 99)}, 4),
}
