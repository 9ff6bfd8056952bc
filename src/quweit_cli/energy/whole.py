"""The energy of a whole model: what each engine spends while it works, and what its memories spend.

    a sample = sum over engines of power · cycles of their jobs / clock  +  sum over memories of accesses · energy of one

Cycles are those of the schedule, which simulation measured equal. What waits is stated beside the sum, where the flow can:
in cells of a library, whose clock runs on. An FPGA's tools state no such power, and it stays absent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from quweit_cli.config import Mlp
from quweit_cli.documents import (
    Bank,
    DumpManifest,
    EnergyRow,
    Engine,
    EngineEnergy,
    Implementation,
    MeanSample,
    MemoryEnergy,
    ModelDesign,
    ModelEnergy,
    PowerModel,
)
from quweit_cli.energy import power, published, workload
from quweit_cli.energy.power import energy_uj
from quweit_cli.energy.rows import layers_of
from quweit_cli.errors import ArtifactError
from quweit_cli.ir.nodes.products import systolic_cycles

MEMORIES = "memories"  # the engine that they are
WHOLE = "model"  # where a tool states the power of all of it alone


def model_energy(
    design: ModelDesign,
    cycles: int,
    made: Implementation,
    clock_mhz: float,
    model: PowerModel,
    *,
    weightless: bool,
    mlp: Mlp = "dense",
) -> ModelEnergy:
    """Of one sample.

    cycles: as simulation measured them.

    Raises:
        ArtifactError: a package of an earlier version, whose engines are not known, or cells that the power model was not
            fitted to.
    """
    if not design.engines:
        raise ArtifactError(
            "the package does not say which engines its model has",
            hint="run `quweit rtl` and what follows again",
        )
    if made.asic is not None:  # leakage does not scale with the clock, so nothing is scaled
        clock_mhz = made.clock_mhz
    engines = _engines(design, cycles, made, clock_mhz, model)
    memories, source = _memories(design, made)
    spent = total([one.energy_uj for one in engines])
    stored = total([one.energy_uj for one in memories])
    waiting = [one for one in engines if one.cycles < cycles]
    return ModelEnergy(
        weightless=weightless,
        mlp=mlp,
        side=design.side,
        cycles=cycles,
        clock_mhz=clock_mhz,
        device=made.device,
        tool=made.version,
        engines=engines,
        memories=memories,
        memory_source=source,
        engines_uj=spent,
        memories_uj=stored,
        idle_uj=total([one.idle_uj for one in waiting]),
        energy_uj=total([spent, stored]),
        mean=_mean(design, engines, memories),
    )


def _mean(
    design: ModelDesign, engines: Sequence[EngineEnergy], memories: Sequence[MemoryEnergy]
) -> MeanSample | None:
    """Each part as often as an average sample has it; by the whole cycles where a tool states one power for all."""
    if design.mean_cycles is None:
        return None
    share = design.mean_cycles / design.initiation_interval_cycles
    of_engines = {
        one.name: one.mean_cycles / one.cycles if one.cycles and one.mean_cycles is not None else 0.0
        for one in design.engines
    }
    of_memories = {
        one.name: (one.mean_accesses or 0.0) / max(1, one.reads + one.writes) for one in design.banks
    }
    parts = [(one.energy_uj, of_engines.get(one.engine, share)) for one in engines]
    parts += [(one.energy_uj, of_memories[one.memory]) for one in memories]
    spent = total([None if energy is None else energy * times for energy, times in parts])
    return MeanSample(cycles=design.mean_cycles, energy_uj=spent)


def beside_formula(made: ModelEnergy, dump: DumpManifest, rows: Sequence[EnergyRow]) -> ModelEnergy:
    """With the sum of the rows of a published array of the same side, at measured cycles of blocks, and why it is another."""
    found = [
        row
        for row in rows
        if row.scope == "model"
        and row.array == f"systolic {made.side}x{made.side}"
        and row.weightless == made.weightless
        and row.accounting == ("measured" if made.weightless else "counted")
    ]
    if not found:
        return made
    gemms, arrays = workload.attention_split(dump.shape).multiplied, {"array"}
    if not made.weightless:  # all of it on the published array
        gemms = [*workload.attention_of_layer(dump.shape), *workload.mlp_gemms(dump.shape)]
        arrays |= {"few_bits_array"}
    steady = layers_of(dump) * systolic_cycles(gemms, made.side)
    working = sum(one.cycles for one in made.engines if one.engine in arrays) or made.cycles
    return made.model_copy(
        update={
            "formula_uj": found[0].value,
            "difference": f"The formula counts {steady:,} cycles of products in steady state, at the published power of an array "
            f"and nothing else; the schedule has {working:,}: with the embedding, the head, filling and draining, and inner "
            "dimensions and rows shorter than the side. Softmax, normalisation, rescaling, memories and control are in the "
            "sum alone. Neither has what waits.",
        }
    )


def total(parts: Sequence[float | None]) -> float | None:
    """Absent where one is."""
    if any(part is None for part in parts):
        return None
    return sum(part for part in parts if part is not None)


class _Circuit(NamedTuple):
    """What an engine is made of, and its power."""

    power_mw: float | None
    idle_mw: float | None
    sources: list[str]
    modelled: bool = False
    extrapolated: bool = False
    luts: int | None = None
    ffs: int | None = None
    area_mm2: float | None = None


def _engines(
    design: ModelDesign, cycles: int, made: Implementation, clock_mhz: float, model: PowerModel
) -> list[EngineEnergy]:
    if made.power_mw is not None and made.asic is None:
        scaled = made.power_mw * clock_mhz / made.clock_mhz
        return [_spent(WHOLE, cycles, cycles, _Circuit(scaled, None, [str(made.power_method)]), clock_mhz)]
    found = []
    for engine in design.engines:
        circuit = _in_library(engine, made) if made.asic else _on_fpga(engine, made, clock_mhz, model)
        if circuit is not None:
            found.append(_spent(engine.name, engine.cycles, cycles, circuit, clock_mhz))
    return found


def _spent(name: str, working: int, cycles: int, circuit: _Circuit, clock_mhz: float) -> EngineEnergy:
    def energy(power_mw: float | None, of: int) -> float | None:
        return None if power_mw is None else energy_uj(of, power_mw, clock_mhz)

    return EngineEnergy(
        engine=name,
        cycles=working,
        power_mw=circuit.power_mw,
        energy_uj=energy(circuit.power_mw, working),
        idle_mw=circuit.idle_mw,
        idle_uj=energy(circuit.idle_mw, cycles - working),
        power_sources=circuit.sources,
        modelled=circuit.modelled,
        extrapolated=circuit.extrapolated,
        luts=circuit.luts,
        ffs=circuit.ffs,
        area_mm2=circuit.area_mm2,
    )


def _on_fpga(engine: Engine, made: Implementation, clock_mhz: float, model: PowerModel) -> _Circuit | None:
    """None for memories that take no LUTs and flip-flops: what they spend is stated by access."""
    own = [one for one in made.modules if one.engine == engine.name]
    if not own and engine.name != MEMORIES:
        raise ArtifactError(f"the synthesis has no cells of `{engine.name}`", hint="run `quweit synth` again")
    luts, ffs = (sum(one.count * getattr(one, name) for one in own) for name in ("luts", "ffs"))
    if engine.name == MEMORIES and not (luts and ffs):
        return None
    estimate = power.estimate(model, luts=luts, ffs=ffs, clock_mhz=clock_mhz, device=made.device)
    return _Circuit(
        power_mw=estimate.power_mw,
        idle_mw=None,
        sources=[estimate.source],
        modelled=True,
        extrapolated=estimate.extrapolated,
        luts=luts,
        ffs=ffs,
    )


def _in_library(engine: Engine, made: Implementation) -> _Circuit | None:
    """None for memories, which are in no cells of a library."""
    own = [one for one in (made.asic.modules if made.asic else []) if one.engine == engine.name]
    if engine.name == MEMORIES:
        return None
    if not own:
        raise ArtifactError(f"the synthesis has no cells of `{engine.name}`", hint="run `quweit synth` again")
    measured = [one for one in own if one.measured_mw is not None]
    powers = [one.vectorless_mw if one.measured_mw is None else one.measured_mw for one in own]
    method = "measured activity" if len(measured) == len(own) else "vectorless"
    if measured and len(measured) < len(own):
        rest = [one.module for one in own if one.measured_mw is None]
        method = f"measured activity, but for {', '.join(dict.fromkeys(rest))}: vectorless"
    return _Circuit(
        power_mw=sum(one.count * each for one, each in zip(own, powers, strict=True)),
        idle_mw=total([None if one.idle_mw is None else one.count * one.idle_mw for one in own]),
        sources=[f"OpenSTA: {method}"],
        area_mm2=sum(one.count * one.area_um2 for one in own) / 1e6,
    )


# ---------------------------------------------------------------- memories


def _memories(design: ModelDesign, made: Implementation) -> tuple[list[MemoryEnergy], str]:
    """Each memory, and where the energy of an access comes from."""
    if made.asic is not None:
        rows = [_memory(bank, _sram_pj(bank), None) for bank in design.banks]
        return rows, f"assumed: {published.SRAM_ACCESS.source}"
    if made.power_mw is not None:
        return [], "within the power that the tool states"
    rows = []
    for bank in design.banks:
        own = [one for one in made.modules if one.memory == bank.name]
        brams = sum(one.count * one.brams for one in own)
        known = bool(own) and not any(one.urams for one in own)
        a_copy = brams / bank.copies * published.BLOCK_RAM_ACCESS.picojoules
        rows.append(_memory(bank, a_copy if known else None, brams))
    return rows, f"assumed: {published.BLOCK_RAM_ACCESS.source}"


def _memory(bank: Bank, access_pj: float | None, brams: float | None) -> MemoryEnergy:
    accesses = bank.reads + bank.writes
    return MemoryEnergy(
        memory=bank.name,
        kilobits=bank.copies * bank.words * bank.bits / 1024,
        brams=brams,
        accesses=accesses,
        access_pj=access_pj,
        energy_uj=None if access_pj is None else accesses * access_pj / 1e6,
    )


def _sram_pj(bank: Bank) -> float:
    """As the root of the size, and as many times as a word has 64 bits."""
    size = bank.words * bank.bits / 8
    return (
        published.SRAM_ACCESS.picojoules
        * math.sqrt(size / published.SRAM_BYTES)
        * bank.bits
        / published.SRAM_BITS
    )
