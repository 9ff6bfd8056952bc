"""A whole model made by hand, finished up to `synth`: two layers, engines of known cells, memories of known accesses."""

from __future__ import annotations

from pathlib import Path

import packages
from quweit_cli import artifacts, documents
from quweit_cli.hdl.axis import RowShape, axis_port

SIDE, PIXELS, LOGITS = 8, 100, 10
JOBS: tuple[tuple[str, str, int], ...] = (
    ("embedded", "product", 200),
    *(
        (f"layer{layer}/{tensor}", engine, cycles)
        for layer in range(2)
        for tensor, engine, cycles in (
            ("attention_norm", "norm", 300),
            ("query", "product", 500),
            ("weight", "softmax", 400),
            ("mixed", "product", 100),
            ("y", "block", 1000),
        )
    ),
    ("pooled", "sum", 50),
    ("logits", "product", 60),
)
SCHEDULE = sum(cycles for _, _, cycles in JOBS)
CYCLES = PIXELS + SCHEDULE + LOGITS
WORKING = {"array": 200 + 2 * 600 + 60, "norm": 600, "softmax": 800, "sum": 50, "rescale": 1510}
CELLS = {  # LUTs and flip-flops of each engine
    "array": (8_000, 4_000), "norm": (12_000, 4_000), "softmax": (7_000, 1_000), "sum": (200, 90), "rescale": (2_800, 640),
    "block_0": (3_000, 1_200), "block_1": (3_000, 1_200), "control": (2_600, 1_300),
}  # fmt: skip
SHAPE = packages.I_VIT_T.model_copy(
    update={"layers": 2, "dim": 48, "tokens": 16, "mlp_hidden": 192, "heads": 4}
)


def model_design(*, weightless: bool = True) -> documents.ModelDesign:
    schedule, first = [], 0
    for tensor, engine, cycles in JOBS:
        schedule.append(
            documents.ScheduledJob.model_validate(
                {"tensor": tensor, "engine": engine, "first_cycle": first, "cycles": cycles}
            )
        )
        first += cycles
    vectors = documents.GoldenRows(
        rows=2,
        inputs="tb/x.hex",
        outputs="tb/y.hex",
        inputs_sha256=packages.DIGEST,
        outputs_sha256=packages.DIGEST,
    )
    names = [name for name in CELLS if weightless or not name.startswith("block")]
    engines = [
        documents.Engine(
            name=name,
            modules=[f"quweit_{name}"],
            parts=[documents.Part(module=f"quweit_{name}")],
            cycles=WORKING.get(name, 1000 if name.startswith("block") else CYCLES),
        )
        for name in [*names, "memories"]
    ]
    return documents.ModelDesign(
        name="model", top="tiny_model", testbench="tb_tiny_model", check="check_tiny_model", sources=["block_0.sv"],
        sources_xilinx=["block_0.sv"], features=PIXELS, outputs=LOGITS, features_per_beat=1, outputs_per_beat=1,
        input_bits=8, output_bits=32, input_beats=PIXELS, output_beats=LOGITS, latency_cycles=CYCLES - 1,
        initiation_interval_cycles=CYCLES, vectors=vectors, side=SIDE, lanes=SIDE, schedule=schedule, engines=engines,
        axis=axis_port("tiny_model", RowShape(PIXELS, LOGITS * 4, CYCLES), 1, 4, ("tb/x.hex", packages.DIGEST)),
        banks=[
            documents.Bank(name="weights", words=1024, bits=64, reads=5_000, writes=0),
            documents.Bank(name="activations_a", words=700, bits=64, reads=3_000, writes=1_000),
            documents.Bank(name="jobs", words=17, bits=230, reads=17, writes=0),
        ],
    )  # fmt: skip


def synthesized(*, weightless: bool = True, urams: int = 0) -> documents.Implementation:
    names = [name for name in CELLS if weightless or not name.startswith("block")]
    modules = [
        documents.ModuleCells(
            module=f"quweit_{name}", count=2, luts=CELLS[name][0] // 2, ffs=CELLS[name][1] // 2, carries=1, muxes=0, engine=name
        )
        for name in names
    ]  # fmt: skip
    memories = {
        "weights": (2.0, 0, 0),
        "activations_a": (2.0 if not urams else 0.0, urams, 0),
        "jobs": (0.0, 0, 230),
    }
    modules += [
        documents.ModuleCells(
            module="quweit_rom", count=1, luts=luts, ffs=luts, carries=0, muxes=0, brams=brams, urams=urams_, engine="memories",
            memory=name,
        )
        for name, (brams, urams_, luts) in memories.items()
    ]  # fmt: skip
    sums = {
        name: sum(one.count * getattr(one, name) for one in modules)
        for name in ("luts", "ffs", "carries", "muxes", "brams", "urams", "dsps")
    }
    return packages.synthesized_block(
        design="model", kind="model", log="yosys/model.log", modules=modules, **sums
    )


def library_model(*, idle_mw: float | None = 0.5) -> documents.Implementation:
    """In cells of a library at 1 GHz: each engine two modules of 1 mW vectorless, of which one has a measured 0.25 mW."""
    of_cells = [
        documents.ModuleInCells(
            module=f"quweit_{name}_{place}", count=4, area_um2=1000.0, vectorless_mw=1.0, measured_mw=measured,
            idle_mw=idle_mw, slack_ns=0.1, engine=name,
        )
        for name in CELLS
        for place, measured in enumerate((0.25, None))
    ]  # fmt: skip
    made = packages.library_block(modules=of_cells, measured_mw=None, measured_method=None)
    return made.model_copy(update={"design": "model", "kind": "model"})


def simulated(
    layers: int = 2, *, bit_exact: bool = True, interval: int | None = CYCLES
) -> documents.SimResult:
    result = packages.sim_result(layers)
    (one,) = result.simulators
    run = one.runs[0] if one.runs else packages.sim_result(1).simulators[0].runs[0]
    whole = run.model_copy(
        update={
            "design": "model", "bit_exact": bit_exact, "compared": 20, "initiation_interval_cycles": interval,
            "latency_cycles": CYCLES - 1, "table_entries_read": None, "table_entries_reachable": None,
        }
    )  # fmt: skip
    changed = one.model_copy(update={"models": [whole], "bit_exact": bit_exact})
    return result.model_copy(update={"simulators": [changed], "bit_exact": bit_exact})


def write_project(
    project: Path,
    *,
    weightless: bool = True,
    sim: documents.SimResult | None = None,
    model: documents.Implementation | None = None,
) -> None:
    layers = SHAPE.layers if weightless else 0
    whole = documents.DumpedModel(
        program="model/program.json", inputs="model/x.npy", logits="model/y.npy", samples=2, tensors=[]
    )
    dump = packages.dump_manifest(SHAPE).model_copy(update={"whole": whole})
    packages.write_document(project, "dump", dump if weightless else dump.model_copy(update={"blocks": []}))
    manifest = packages.write_rtl(project, layers)
    inputs = {"dump": artifacts.read_stage(project, "dump").digest()}
    with artifacts.writing_stage(project, "rtl", inputs=inputs, options={}) as folder:
        with_model = manifest.model_copy(update={"model": model_design(weightless=weightless)})
        artifacts.save(with_model, folder / "manifest.json")
    packages.write_document(project, "sim", sim or simulated(layers), made_from=("rtl",))
    made = model or synthesized(weightless=weightless)
    block = packages.library_block() if made.asic else packages.synthesized_block()
    blocks = [block.model_copy(update={"design": f"block_{layer}"}) for layer in range(layers)]
    report = packages.synthesis_report(*blocks, made)
    packages.write_document(project, "synth", report, made_from=("rtl",))
