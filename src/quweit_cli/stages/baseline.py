"""baseline: what blocks are compared with, rendered, simulated and synthesized like them.

Arrays know no model but its shape. Each model has a folder in the project directory:

    i_vit_t/rtl/     systolic arrays, golden matrices
    i_vit_t/sim/     equal, and cycles
    i_vit_t/synth/   cells
    i_vit_t/units/   cells of GELU, softmax and layer normalisation
    i_vit_t/block/   a project with the reference block: dump/, rtl/, sim/, synth/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from quweit_cli import config
from quweit_cli.artifacts import (
    check_fresh,
    check_stage,
    digest_of_file,
    is_current,
    load_document,
    open_project,
    read_json,
    save,
    writing_stage,
)
from quweit_cli.config import Baseline
from quweit_cli.documents import (
    ArrayRun,
    BaselineManifest,
    BaselineSim,
    BaselineSynthesis,
    BaselineUnits,
    ModelShape,
    UnitRun,
)
from quweit_cli.energy import workload
from quweit_cli.energy.shapes import parse_shape
from quweit_cli.errors import ArtifactError, CheckFailed, Mismatch, StaleArtifact
from quweit_cli.hdl.array.causal import causal_products
from quweit_cli.hdl.array.design import render_arrays
from quweit_cli.hdl.units.design import units_of
from quweit_cli.ir.nodes.products import Head, Operands
from quweit_cli.progress import SILENT, Progress
from quweit_cli.simulators import arrays as simulation
from quweit_cli.simulators.units import run_units
from quweit_cli.stages import keys, reference, rtl, sim, synth
from quweit_cli.stages.keys import renderer_digest
from quweit_cli.synthesizers import systolic as synthesis
from quweit_cli.synthesizers import units
from quweit_cli.synthesizers.library import modules as silicon
from quweit_cli.synthesizers.library import units as units_silicon

OPERAND_STD = 32.0  # of the random operands, in steps of int8
OPERANDS = f"normal, deviation {OPERAND_STD:g}, rounded and clamped to int8, seed 0"


class Made(NamedTuple):
    rtl: BaselineManifest
    sim: BaselineSim
    synth: BaselineSynthesis
    units: BaselineUnits


def run(project: Path, options: Baseline, *, progress: Progress = SILENT, reuse: bool = True) -> Made:
    """Bring all stages of `project/<model>` up to date.

    Raises:
        Mismatch: an array does not equal the products of matrices.
        ConfigError: an unknown model, or a side that is no multiple of eight.
        ToolError: a tool is missing or rejects a design.
    """
    name, shape = model_of(options)
    folder = open_project(open_project(project) / name)
    manifest = render(folder, options, progress=progress, reuse=reuse)
    simulated = simulate(folder, options, progress=progress, reuse=reuse)
    synthesized = synthesize(folder, options, progress=progress, reuse=reuse)
    between = synthesize_units(folder, options, shape, progress=progress, reuse=reuse)
    if options.cycles_per_row is not None:
        reference_block(folder / "block", options, shape, progress=progress, reuse=reuse)
        if options.liberty:
            reference_block(
                folder / "block_silicon", options, shape, silicon=True, progress=progress, reuse=reuse
            )
    return Made(manifest, simulated, synthesized, between)


def reference_block(
    project: Path,
    options: Baseline,
    shape: ModelShape,
    *,
    silicon: bool = False,
    progress: Progress,
    reuse: bool,
) -> None:
    """A weightless block of this width with random contents, by the stages that every block takes.

    `silicon`: in cells of the library, and with the activity that the arrays get.
    """
    reference.write_dump(project, model_of(options)[0], shape)
    depth = options.pipeline_depth if silicon else "auto"
    rendered = config.Rtl(cycles_per_row=options.cycles_per_row, pipeline_depth=depth)
    rtl.run(project, rendered, progress=progress, reuse=reuse)
    sim.run(project, config.Sim(simulators=options.simulators), progress=progress, reuse=reuse)
    target = config.Synth(device=options.device)
    if silicon:
        target = config.Synth(
            liberty=options.liberty,
            clock_mhz=1000 * options.clock_ghz,
            mapping="speed",
            activity=options.activity,
            allow_negative_slack=True,
        )
    synth.run(project, target, progress=progress, reuse=reuse)


def render(
    project: Path, options: Baseline, *, progress: Progress = SILENT, reuse: bool = True
) -> BaselineManifest:
    """Arrays and the products of one layer of the model."""
    inputs = {"renderer": renderer_digest(), **_checkpoint(options)}
    chosen = options.model_dump(mode="json", include={"model", "arrays"})
    if not (reuse and is_current(project, "rtl", inputs=inputs, options=chosen)):
        name, shape = model_of(options)
        with progress.task("rendering"):
            products, heads, source = layer_operands(options, shape)
            causal = {side: causal_products(heads, side) for side in options.arrays} if heads else {}
            plan, manifest = render_arrays(name, shape, products, options.arrays, source, causal)
        with writing_stage(project, "rtl", inputs=inputs, options=chosen) as folder:
            plan.write(folder)
            save(manifest, folder / "manifest.json")
    return load_document(project, "rtl", BaselineManifest)


def simulate(
    project: Path, options: Baseline, *, progress: Progress = SILENT, reuse: bool = True
) -> BaselineSim:
    """Every product on every array, and rows on every unit; raises Mismatch when one differs, after the artefact was written."""
    result = compare(project, options, progress=progress, reuse=reuse)
    judge(result)
    return result


def prove(project: Path, simulators: Sequence[str], *, progress: Progress = SILENT) -> BaselineSim:
    """What `quweit sim` does with arrays: all renderings of arrays and units on these simulators; `judge` says what it means.

    Raises:
        ArtifactError: no RTL package of arrays here.
        ToolError: a simulator is missing or rejects a design, or the bench could not tell.
    """
    options = config.settings(Baseline, simulators=tuple(simulators))
    return compare(project, options, everything=True, progress=progress, reuse=False)


def holds_arrays(project: Path) -> bool:
    """Whether the RTL of a project is of arrays, in place of blocks."""
    path = project / "rtl" / "manifest.json"
    schema = BaselineManifest.model_fields["schema_name"].default
    try:
        return path.is_file() and bool(read_json(path).get("schema") == schema)
    except (ArtifactError, AttributeError):  # whoever reads it says what is wrong
        return False


def judge(result: BaselineSim) -> None:
    """Raises Mismatch or CheckFailed when an array or a unit is not what it must be."""
    for one in [*result.runs, *result.pipelined]:
        verdict(one)
    for unit in result.units:
        verdict_of_unit(unit)


def compare(
    project: Path, options: Baseline, *, everything: bool = False, progress: Progress, reuse: bool
) -> BaselineSim:
    """`everything`: both renderings of the arrays, and what library cells are made of whether a library is named or not."""
    of_cells = everything or bool(options.liberty)
    inputs = {"rtl": check_stage(project, "rtl").digest(), "renderer": renderer_digest()}
    chosen = options.model_dump(mode="json", include={"simulators", "rendering"})
    chosen |= {"pipelined": of_cells, "everything": everything}
    if not (reuse and is_current(project, "sim", inputs=inputs, options=chosen)):
        manifest = load_document(project, "rtl", BaselineManifest)
        with writing_stage(project, "sim", inputs=inputs, options=chosen) as folder:
            runs = simulation.run_arrays(project / "rtl", manifest, options, folder, progress)
            if everything:
                other = options.model_copy(update={"rendering": "behavioural"})
                runs += simulation.run_arrays(project / "rtl", manifest, other, folder, progress)
            fast = _simulate_pipelined(project, manifest, options, folder, progress) if of_cells else []
            wanted = units_of(manifest.model)
            between = run_units(wanted, options, folder, progress)
            if of_cells:
                between += run_units(wanted, options, folder, progress, pipelined=True)
            made = BaselineSim(
                rtl=inputs["rtl"],
                bit_exact=all([one.bit_exact for one in [*runs, *fast]] + [one.bit_exact for one in between]),
                runs=runs,
                pipelined=fast,
                units=between,
            )
            save(made, folder / "sim.json")
    return load_document(project, "sim", BaselineSim)


def _simulate_pipelined(
    project: Path, manifest: BaselineManifest, options: Baseline, folder: Path, progress: Progress
) -> list[ArrayRun]:
    """The arrays that library cells are made of."""
    return simulation.run_arrays(
        project / "rtl",
        manifest.model_copy(update={"arrays": manifest.pipelined}),
        options.model_copy(update={"rendering": "behavioural"}),
        folder,
        progress,
    )


def verdict(run_of_array: ArrayRun) -> None:
    """Raises Mismatch or CheckFailed when an array is not what it must be."""
    first = run_of_array.difference
    if first is not None:
        got = "unknown bits (X or Z)" if first.got is None else str(first.got)
        raise Mismatch(
            f"`{run_of_array.array}` on {run_of_array.simulator} differs from the product of matrices: "
            f"{run_of_array.different_elements} of {run_of_array.elements_compared} elements; first in scenario "
            f"{first.scenario}, product {first.product}, row {first.row}, column {first.column}, cycle "
            f"{first.cycle}: expected {first.expected}, got {got}"
        )
    if not run_of_array.bit_exact:
        raise CheckFailed(f"`{run_of_array.array}`: {'; '.join(run_of_array.failures)}")


def verdict_of_unit(run_of_unit: UnitRun) -> None:
    """Raises Mismatch or CheckFailed when a unit is not what it must be."""
    what = f"`{run_of_unit.module}` ({run_of_unit.rendering}) on {run_of_unit.simulator}"
    if run_of_unit.differences:
        raise Mismatch(
            f"{what} differs from the integers: {run_of_unit.different_rows} of {run_of_unit.rows_compared} rows; first in "
            f"{run_of_unit.differences[0]}"
        )
    if not run_of_unit.bit_exact:
        raise CheckFailed(f"{what}: {'; '.join(run_of_unit.failures)}")


def synthesize(
    project: Path, options: Baseline, *, progress: Progress = SILENT, reuse: bool = True
) -> BaselineSynthesis:
    """Cells of every array, each module synthesized once."""
    inputs = {"rtl": check_stage(project, "rtl").digest(), **keys.libraries(options.liberty)}
    chosen = options.model_dump(mode="json", include={"device", "clock_ghz", "activity"})
    if not (reuse and is_current(project, "synth", inputs=inputs, options=chosen)):
        manifest = load_document(project, "rtl", BaselineManifest)
        with writing_stage(project, "synth", inputs=inputs, options=chosen) as folder:
            arrays = synthesis.synthesize(project / "rtl", manifest, options, folder, progress)
            cells = (
                silicon.synthesize(project / "rtl", manifest, options, folder, progress)
                if options.liberty
                else []
            )
            made = BaselineSynthesis(rtl=inputs["rtl"], arrays=arrays, silicon=cells)
            save(made, folder / "synth.json")
    return load_document(project, "synth", BaselineSynthesis)


def synthesize_units(
    project: Path,
    options: Baseline,
    shape: ModelShape,
    *,
    progress: Progress = SILENT,
    reuse: bool = True,
) -> BaselineUnits:
    """Cells of what stands between the products."""
    inputs = {
        "sim": check_stage(project, "sim").digest(),
        "renderer": renderer_digest(),
        **keys.libraries(options.liberty),
    }
    clock_ghz = options.clock_ghz if options.liberty else None
    chosen = {
        "device": options.device,
        "shape": shape.model_dump(mode="json"),
        "clock_ghz": clock_ghz,
        "activity": options.activity if options.liberty else None,
    }
    if not (reuse and is_current(project, "units", inputs=inputs, options=chosen)):
        with writing_stage(project, "units", inputs=inputs, options=chosen) as folder:
            wanted, sim = units_of(shape), load_document(project, "sim", BaselineSim)
            made = units.synthesize(wanted, sim, options, folder, progress)
            cells = {}
            if options.liberty:
                cells = units_silicon.synthesize(wanted, sim, options, folder, progress)
            made = [one.model_copy(update={"silicon": cells.get(one.module)}) for one in made]
            save(BaselineUnits(units=made), folder / "units.json")
    return load_document(project, "units", BaselineUnits)


def model_of(options: Baseline) -> tuple[str, ModelShape]:
    """Name and shape of the model, known, given by its numbers, or that of a checkpoint."""
    if options.checkpoint is None:
        return parse_shape(options.model)
    from quweit_cli.stages.dump import shape_of  # noqa: PLC0415  (torch, which only a checkpoint needs)

    return shape_of(options.checkpoint)


def layer_operands(options: Baseline, shape: ModelShape) -> tuple[list[Operands], list[Head], str]:
    """The products of one layer, the heads of a decoder's attention, and where their operands come from."""
    if options.checkpoint is None:
        return operands_of(shape), random_heads(shape) if shape.causal else [], OPERANDS
    from quweit_cli.export import operands  # noqa: PLC0415  (torch)

    return operands.layer_operands(options.checkpoint)


def _checkpoint(options: Baseline) -> dict[str, str]:
    """A checkpoint that cannot be read is refused where it is loaded."""
    if options.checkpoint is None or not options.checkpoint.is_file():
        return {}
    return {"checkpoint": digest_of_file(options.checkpoint, "the checkpoint ")}


def read(project: Path) -> Made:
    """What an earlier run left.

    Raises:
        ArtifactError: a stage is missing.
        StaleArtifact: a stage was made from other RTL than there is now.
    """
    for stage in ("rtl", "sim", "synth", "units"):
        try:
            check_fresh(project, stage)
        except StaleArtifact as error:
            raise StaleArtifact(error.message, hint="run `quweit baseline` again") from None
    return Made(
        load_document(project, "rtl", BaselineManifest),
        load_document(project, "sim", BaselineSim),
        load_document(project, "synth", BaselineSynthesis),
        load_document(project, "units", BaselineUnits),
    )


def operands_of(shape: ModelShape) -> list[Operands]:
    """The products of one layer, on random operands; of the heads' products one each."""
    drawn = _drawn(0)
    return [
        Operands(gemm.name, drawn(gemm.rows, gemm.inner), drawn(gemm.inner, gemm.columns), gemm.copies)
        for gemm in [*workload.mlp_gemms(shape), *workload.attention_gemms(shape)]
    ]


def random_heads(shape: ModelShape) -> list[Head]:
    """The attention of a decoder on random operands, different for every head."""
    drawn = _drawn(1)
    tokens, width = shape.tokens, shape.dim // shape.heads
    return [
        Head(drawn(tokens, width), drawn(width, tokens), np.tril(drawn(tokens, tokens)), drawn(tokens, width))
        for _ in range(shape.heads)
    ]


def _drawn(seed: int) -> Callable[[int, int], np.ndarray]:
    """Matrices [rows, columns] of random operands, one after the other."""
    random = np.random.default_rng(seed)

    def drawn(rows: int, columns: int) -> np.ndarray:
        values = np.rint(random.normal(0, OPERAND_STD, (rows, columns)))
        return np.clip(values, -128, 127).astype(np.int64)

    return drawn
