"""The energy table: the weightless blocks beside the same MLPs on systolic arrays.

    scope        rows
    mlp          one layer's MLP on each array
    attention    one layer's attention products on each array
    block        the block of one layer, in both accountings
    layer        attention and MLP on each array; and attention on it with the block of a layer beside it
    mlps         the MLPs or the blocks of all layers
    model        all layers end to end, either way

Where tokens do not see one another there is no attention, and no row of it, of a layer or of the model; nor where
nothing is known of a model but its blocks. A block that took the place of no known MLP is compared with none.
Every row of an array also states its energy were every multiplier at work: a product of few rows leaves
most of an array idle, and what a block saves over an idle array is no merit of the block.

Blocks in cells of a library stand alone: the arrays' powers are of an FPGA, and two libraries are never
compared. Their energy is stated at the clock that they were synthesized for.

The two accountings of a block's cycles are never mixed: `measured` is what simulation found, `counted`
is one row a cycle, as the paper's table 3 counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from quweit_cli.config import Energy
from quweit_cli.documents import (
    Accounting,
    ArrayDesign,
    DumpedBlock,
    DumpManifest,
    EnergyRatio,
    EnergyRow,
    Implementation,
    ModelShape,
    PowerModel,
    Scope,
    SimResult,
    SynthesisReport,
)
from quweit_cli.energy import power, published, workload
from quweit_cli.energy.power import energy_uj
from quweit_cli.errors import ArtifactError, CheckFailed, ConfigError
from quweit_cli.ir.nodes.products import Gemm, systolic_cycles

BLOCK_ACCOUNTINGS: tuple[Accounting, Accounting] = ("measured", "counted")
BLOCK_IMPLEMENTATION = "weightless block"
ALL_MLPS, ALL_LAYERS = "all MLPs", "all layers end to end"  # what ratios of the whole model are named after


class Circuit(NamedTuple):
    """What runs: its power at the clock of the table, and where that comes from."""

    implementation: str
    array: str | None
    weightless: bool
    power_mw: float
    power_sources: list[str]
    modelled: bool
    extrapolated: bool
    clock_mhz: float
    tools: list[str]
    devices: list[str]
    stages: list[str]
    luts: int | None
    ffs: int | None
    area_mm2: float | None = None


class Work(NamedTuple):
    """What a block does for a sample, and the products of the MLP in whose place it stands."""

    operation: str
    rows: int
    gemms: list[Gemm]  # none where it stands in the place of no MLP that is known


class Around(NamedTuple):
    """Rows of an array of what is known of a transformer alone."""

    attention: EnergyRow
    layer: EnergyRow
    model: EnergyRow


class DenseRows(NamedTuple):
    """Of one array, everything on it."""

    mlps: list[EnergyRow]  # of each layer or block; of equal ones the same row
    total: EnergyRow
    around: Around | None

    def rows(self) -> list[EnergyRow]:
        """Each once."""
        different = list({row.subject: row for row in self.mlps}.values())
        return [*different, self.total, *(self.around or ())]


def build(
    dump: DumpManifest,
    sim: SimResult,
    synth: SynthesisReport,
    arrays: Sequence[ArrayDesign],
    options: Energy,
    model: PowerModel,
) -> tuple[list[EnergyRow], list[EnergyRatio]]:
    """All rows and ratios. `arrays`: of the package.

    Raises:
        CheckFailed: the RTL is not bit-exact, or its measured cycles disagree between simulators.
        ArtifactError: a block was not simulated or not synthesized, two libraries meet in one table, or blocks are in
            cells that the power model was not fitted to.
        ConfigError: an array of which no power is published.
    """
    intervals = initiation_intervals(dump, sim)
    synthesized = {block.design: block for block in synth.blocks}
    accountings = BLOCK_ACCOUNTINGS if dump.blocks else BLOCK_ACCOUNTINGS[1:]
    blocks: dict[Accounting, list[EnergyRow]] = {accounting: [] for accounting in accountings}
    devices = {block.device for block in synth.blocks}
    if len(devices) > 1:
        raise ArtifactError(f"blocks of different targets in one table: {', '.join(sorted(devices))}")
    for block in dump.blocks:
        if block.name not in synthesized:
            raise ArtifactError(f"block `{block.name}` was not synthesized", hint="run `quweit synth` again")
        circuit = _block_circuit(synthesized[block.name], options.clock_mhz, model)
        work = _work(dump, block)
        for accounting, row in _block_rows(block.name, work, intervals[block.name], circuit).items():
            blocks[accounting].append(row)
    of_mlps = {
        accounting: [row for block, row in zip(dump.blocks, made, strict=True) if block.role == "block"]
        for accounting, made in blocks.items()
    }
    totals = {
        accounting: _sum("mlps", "mlps", _all_layers(dump), own) for accounting, own in of_mlps.items() if own
    }
    rows = [row for made in blocks.values() for row in made] + list(totals.values())
    ratios: list[EnergyRatio] = []
    compared = all(_work(dump, block).gemms for block in dump.blocks)
    compared &= not any(block.asic for block in synth.blocks)
    for side in options.arrays if compared else ():
        array = _array(side, options.clock_mhz)
        dense = _dense_rows(dump, side, array)
        rows += dense.rows()
        kept = _kept_rows(dump, side, array, synth, arrays, options.clock_mhz, model)
        rows += [row for row in kept or () if row.subject not in ("attention", "mlp")]
        for accounting, made in blocks.items():
            if own := of_mlps[accounting]:
                ratios.append(_ratio(ALL_MLPS, dense.total, totals[accounting], array))
                ratios += [
                    _ratio(f"MLP of {row.subject}", mlp, row, array)
                    for mlp, row in zip(dense.mlps, own, strict=True)
                ]
            if dense.around is not None and kept is not None:
                layers, whole = _hybrid_rows(dump, kept, made)
                rows += [*layers, whole]
                ratios.append(_ratio(ALL_LAYERS, dense.around.model, whole, array))
                ratios += [
                    _ratio(f"{row.subject} end to end", dense.around.layer, row, array) for row in layers
                ]
    return rows, ratios


def dense_rows(dump: DumpManifest, synth: SynthesisReport, options: Energy) -> list[EnergyRow]:
    """Of a dense model, which has no blocks: everything on each array.

    Raises:
        ConfigError: an array of which no power is published.
    """
    if any(design.asic for design in synth.designs):
        return []
    return [
        row
        for side in options.arrays
        for row in _dense_rows(dump, side, _array(side, options.clock_mhz)).rows()
    ]


def initiation_intervals(dump: DumpManifest, sim: SimResult) -> dict[str, int]:
    """Of every block; raises as `initiation_interval` does."""
    return {block.name: initiation_interval(block.name, sim) for block in dump.blocks}


def initiation_interval(block: str, sim: SimResult) -> int:
    """Cycles between rows of a block, or samples of a model, as every simulator measured them.

    Raises:
        CheckFailed: the RTL is not bit-exact, or its measured cycles disagree between simulators.
        ArtifactError: it was not simulated.
    """
    if not sim.bit_exact:
        raise CheckFailed(
            "the RTL does not equal the integer program: its energy would be that of something else",
            hint="`quweit sim` names the first difference",
        )
    runs = [run for one in sim.simulators for run in (*one.runs, *one.models) if run.design == block]
    measured = {run.initiation_interval_cycles for run in runs} - {None}
    if not measured:
        raise ArtifactError(
            f"no simulation measured the cycles of `{block}`",
            hint="run `quweit rtl` and `quweit sim` without `--block`"
            if block in sim.not_compared
            else "run `quweit sim` with at least two rows",
        )
    if len(measured) > 1:
        raise CheckFailed(f"the simulators disagree on the cycles of `{block}`: {sorted(measured, key=str)}")
    cycles = int(measured.pop() or 0)
    if cycles < 1:
        raise ArtifactError(f"the simulation of block `{block}` states {cycles} cycles a row")
    return cycles


def _array(side: int, clock_mhz: float) -> Circuit:
    if side not in published.SYSTOLIC:
        known = ", ".join(str(key) for key in published.SYSTOLIC)
        raise ConfigError(f"no power is published for a systolic array of side {side}; known: {known}")
    point = published.SYSTOLIC[side]
    return Circuit(
        implementation=point.name,
        array=point.name,
        weightless=False,
        power_mw=point.power_mw * clock_mhz / published.CLOCK_MHZ,
        power_sources=[
            f"{published.SOURCE}: energy · clock / cycles" + _scaled(published.CLOCK_MHZ, clock_mhz)
        ],
        modelled=False,
        extrapolated=False,
        clock_mhz=clock_mhz,
        tools=[f"{published.TOOL}, published"],
        devices=[published.DEVICE],
        stages=["as published"],
        luts=point.luts,
        ffs=point.ffs,
    )


def _block_circuit(block: Implementation, clock_mhz: float, model: PowerModel) -> Circuit:
    """The tool's own power where it gave one, else the model's."""
    if block.asic is not None:  # leakage does not scale with the clock, so nothing is scaled
        clock_mhz = block.clock_mhz
    modelled = extrapolated = False
    if block.power_mw is not None:
        power_mw = block.power_mw * clock_mhz / block.clock_mhz
        source = f"{block.version}: {block.power_method}" + _scaled(block.clock_mhz, clock_mhz)
    elif block.luts is None:
        raise ArtifactError(f"the synthesis of block `{block.design}` states neither power nor LUTs")
    else:
        estimate = power.estimate(
            model, luts=block.luts, ffs=block.ffs, clock_mhz=clock_mhz, device=block.device
        )
        power_mw, source = estimate.power_mw, estimate.source
        modelled, extrapolated = True, estimate.extrapolated
    return Circuit(
        implementation=BLOCK_IMPLEMENTATION,
        array=None,
        weightless=True,
        power_mw=power_mw,
        power_sources=[source],
        modelled=modelled,
        extrapolated=extrapolated,
        clock_mhz=clock_mhz,
        tools=[block.version],
        devices=[block.device],
        stages=[block.stage],
        luts=block.luts,
        ffs=block.ffs,
        area_mm2=block.asic.area_mm2 if block.asic else None,
    )


def _scaled(given_mhz: float, clock_mhz: float) -> str:
    return "" if given_mhz == clock_mhz else f", scaled from {given_mhz:g} to {clock_mhz:g} MHz"


def _work(dump: DumpManifest, block: DumpedBlock) -> Work:
    """Of a block in a model of a known shape, its own MLP; of any other, that which the block says."""
    shape = dump.model
    if shape is not None and block.role != "block":
        gemms = [gemm for gemm in workload.attention_of_layer(shape) if gemm.name == block.role]
        outputs = shape.dim * (3 if block.role == "qkv" else 1)
        return Work(f"projection {shape.dim} -> {outputs} on {shape.tokens} tokens", shape.tokens, gemms)
    if shape is not None:
        return _work_of_layer(shape)
    site = dump.site(block)
    if site.hidden is None:
        return Work(f"block {site.features} -> {site.outputs} on {site.rows} rows", site.rows, [])
    widths = (site.features, site.hidden, site.outputs)
    operation = f"MLP {' -> '.join(map(str, widths))} on {site.rows} rows"
    return Work(operation, site.rows, workload.mlp_products(site.rows, *widths))


def _work_of_layer(shape: ModelShape) -> Work:
    what, hidden = "MLP", f"{shape.mlp_hidden}"
    if shape.mlp == "learn_forget":
        what, hidden = "learn-forget network", f"2 x {hidden}"
    operation = f"{what} {shape.dim} -> {hidden} -> {shape.dim} on {shape.tokens} tokens"
    return Work(operation, shape.tokens, workload.mlp_gemms(shape))


def _block_rows(name: str, work: Work, interval: int, circuit: Circuit) -> dict[Accounting, EnergyRow]:
    measured = f"simulation: {work.rows} rows of {interval} cycles"
    counted = f"the paper's one row a cycle: {work.rows} rows"
    return {
        "measured": _row("block", name, work.operation, "measured", work.rows * interval, measured, circuit),
        "counted": _row("block", name, work.operation, "counted", work.rows, counted, circuit),
    }


def _dense_rows(dump: DumpManifest, side: int, array: Circuit) -> DenseRows:
    """Everything on the array."""
    mlps = _dense_mlps(dump, side, array)
    total = _sum("mlps", "mlps", _all_layers(dump), mlps)
    gemms = workload.attention_of_layer(dump.model) if dump.model else []
    if not gemms:
        return DenseRows(mlps, total, None)
    attention = _on_array("attention", "attention products of a layer", gemms, side, array)
    layer = _sum("layer", "layer", "a layer end to end: attention, MLP", [attention, mlps[0]])
    whole = _sum("model", "model", f"{_layers(dump)} end to end", [layer] * len(mlps))
    return DenseRows(mlps, total, Around(attention, layer, whole))


def _dense_mlps(dump: DumpManifest, side: int, array: Circuit) -> list[EnergyRow]:
    """Of each layer or block; where they differ, a row is named after the first that it is of."""
    if dump.model is not None:
        work = _work_of_layer(dump.model)
        return [_on_array("mlp", work.operation, work.gemms, side, array)] * layers_of(dump)
    works = [_work(dump, block) for block in dump.blocks]
    made: dict[str, EnergyRow] = {}
    for block, work in zip(dump.blocks, works, strict=True):
        if work.operation not in made:
            row = _on_array("mlp", work.operation, work.gemms, side, array)
            made[work.operation] = row.model_copy(update={"subject": f"mlp as of {block.name}"})
    if len(made) == 1:
        made = {name: row.model_copy(update={"subject": "mlp"}) for name, row in made.items()}
    return [made[work.operation] for work in works]


def _kept_rows(
    dump: DumpManifest,
    side: int,
    array: Circuit,
    synth: SynthesisReport,
    arrays: Sequence[ArrayDesign],
    clock_mhz: float,
    model: PowerModel,
) -> list[EnergyRow] | None:
    """What arrays compute of a layer beside its blocks: attention, without the projections that blocks replace, and the MLP where
    no block does. Matrices of few bits are on an array without multipliers.

    None where tokens do not see one another, or such an array was not synthesized for this side.
    """
    shape = dump.model
    if shape is None or not shape.attends:
        return None
    attention = workload.attention_split(shape)
    replaced = any(block.role == "block" for block in dump.blocks)
    few_bits = not replaced and workload.mlp_of_few_bits(shape)
    made = []
    if attention.multiplied:
        made.append(
            _on_array("attention", "attention products of a layer", attention.multiplied, side, array)
        )
    steps = 1
    if attention.of_few_bits or few_bits:
        name = ArrayDesign.name_of(side, few_bits=True)
        found = next((one for one in synth.designs if one.design == name), None)
        design = next((one for one in arrays if one.name == name), None)
        if found is None or design is None:
            return None
        steps = design.steps
        circuit = _block_circuit(found, clock_mhz, model)._replace(
            implementation=f"array of few bits {side}x{side}", array=array.array, weightless=False
        )
    if attention.of_few_bits:
        row = _on_array(
            "attention",
            "projections of a layer, weights of few bits",
            attention.of_few_bits,
            side,
            circuit,
            steps,
        )
        made.append(row.model_copy(update={"subject": "projections of few bits"}))
    if few_bits:
        work = _work_of_layer(shape)
        row = _on_array("mlp", f"{work.operation}, weights of few bits", work.gemms, side, circuit, steps)
        made.append(row.model_copy(update={"subject": "mlp of few bits"}))
    elif not replaced:
        work = _work_of_layer(shape)
        made.append(_on_array("mlp", work.operation, work.gemms, side, array))
    return made


def _hybrid_rows(
    dump: DumpManifest, kept: Sequence[EnergyRow], blocks: Sequence[EnergyRow]
) -> tuple[list[EnergyRow], EnergyRow]:
    """What arrays compute of a layer, and its blocks beside it: each layer, and all of them."""
    of_layers: dict[int, list[EnergyRow]] = (
        {} if blocks else {layer: [] for layer in range(dump.shape.layers)}
    )
    for block, row in zip(dump.blocks, blocks, strict=True):
        of_layers.setdefault(block.layer, []).append(row)
    most = max(map(len, of_layers.values()))
    names = ("attention, MLP", "attention, block", "attention, blocks")[min(most, 2)]
    layers = [
        _sum("layer", f"layer {layer}", f"a layer end to end: {names}", [*kept, *found])
        for layer, found in of_layers.items()
    ]
    whole = _sum("model", "model", f"{_layers(dump)} end to end", layers)
    if not blocks:
        layers, whole = (
            [one.model_copy(update={"weightless": True}) for one in layers],
            whole.model_copy(update={"weightless": True}),
        )
    return layers, whole


def _on_array(
    scope: Scope, operation: str, gemms: Sequence[Gemm], side: int, array: Circuit, steps: int = 1
) -> EnergyRow:
    """steps: of the inner dimension that a cell adds up in a cycle."""
    cycles = systolic_cycles(gemms, side, steps)
    source = "steady state: ceil(M/S) · ceil(N/S) · " + ("K" if steps == 1 else f"max(ceil(K/{steps}), S)")
    made = _row(scope, scope, operation, "counted", cycles, source, array)
    return made.model_copy(update={"full_array": made.value * workload.utilisation(gemms, side, steps)})


def _row(
    scope: Scope,
    subject: str,
    operation: str,
    accounting: Accounting,
    cycles: int,
    cycles_source: str,
    circuit: Circuit,
) -> EnergyRow:
    return EnergyRow(
        scope=scope,
        subject=subject,
        operation=operation,
        accounting=accounting,
        cycles=cycles,
        cycles_sources=[cycles_source],
        value=energy_uj(cycles, circuit.power_mw, circuit.clock_mhz),
        **circuit._asdict(),
    )


def _sum(scope: Scope, subject: str, operation: str, parts: Sequence[EnergyRow]) -> EnergyRow:
    """Parts one after the other on one clock; power is the average over their cycles.

    What waits is taken to spend nothing, on both sides of every comparison.
    """
    value, cycles = sum(part.value for part in parts), sum(part.cycles for part in parts)
    clock_mhz = parts[0].clock_mhz
    blocks = [part.accounting for part in parts if part.weightless]
    array = next((part.array for part in parts if part.array), None)
    return EnergyRow(
        scope=scope,
        subject=subject,
        array=array,
        weightless=bool(blocks),
        operation=operation,
        implementation=" + ".join(filter(None, (array, BLOCK_IMPLEMENTATION if blocks else None))),
        accounting=blocks[0] if blocks else "counted",
        value=value,
        cycles=cycles,
        cycles_sources=_each_once(part.cycles_sources for part in parts),
        power_mw=value * clock_mhz * 1000 / cycles,
        power_sources=_each_once(part.power_sources for part in parts),
        modelled=any(part.modelled for part in parts),
        extrapolated=any(part.extrapolated for part in parts),
        clock_mhz=clock_mhz,
        tools=_each_once(part.tools for part in parts),
        devices=_each_once(part.devices for part in parts),
        stages=_each_once(part.stages for part in parts),
        full_array=sum(_on_full_array(part) for part in parts) if array else None,
    )


def _ratio(name: str, dense: EnergyRow, weightless: EnergyRow, array: Circuit) -> EnergyRatio:
    return EnergyRatio(
        scope=dense.scope,
        name=f"{name}, {array.implementation}",
        array=array.implementation,
        value=dense.value / weightless.value,
        numerator=dense.implementation,
        denominator=weightless.implementation,
        accounting=weightless.accounting,
        full_array=_on_full_array(dense) / _on_full_array(weightless),
    )


def _on_full_array(row: EnergyRow) -> float:
    """A block waits for nothing: its energy is what it is."""
    return row.value if row.full_array is None else row.full_array


def _all_layers(dump: DumpManifest) -> str:
    if dump.model is None and any(dump.site(block).hidden is None for block in dump.blocks):
        return _layers(dump)
    return f"MLPs of {_layers(dump)}"


def _layers(dump: DumpManifest) -> str:
    what = "block" if dump.model is None else "layer"
    return f"{layers_of(dump)} {what}s" if layers_of(dump) > 1 else f"the only {what}"


def layers_of(dump: DumpManifest) -> int:
    """With blocks; or of the model, where it has none."""
    return len({block.layer for block in dump.blocks}) or dump.shape.layers


def _each_once(lists: Iterable[Sequence[str]]) -> list[str]:
    """In order of appearance."""
    return list(dict.fromkeys(one for several in lists for one in several))
