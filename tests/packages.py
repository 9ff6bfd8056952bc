"""Small projects made by hand, for the stages after `rtl`: an RTL package, and the documents beside it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from quweit_cli import artifacts, documents
from quweit_cli.hdl.axis import RowShape, axis_port
from quweit_cli.hdl.plan import FilePlan

DIGEST = "0" * 64

BLOCK = """\
`default_nettype none
module {top} (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       x_valid_i,
  output logic       x_ready_o,
  input  logic [7:0] x_data_i,
  input  logic       x_last_i,
  output logic       y_valid_o,
  input  logic       y_ready_i,
  output logic [7:0] y_data_o,
  output logic       y_last_o
);
  logic hit;
  {top}_table u_table (.address_i(x_data_i[5:0]), .bit_o(hit));
  assign x_ready_o = y_ready_i | ~y_valid_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (x_ready_o) y_valid_o <= x_valid_i;
    if (x_ready_o) begin
      y_last_o <= x_last_i;
      y_data_o <= {{7'd0, hit}};
    end
  end
endmodule

module {top}_table (
  input  logic [5:0] address_i,
  output logic       bit_o
);
  LUT6 #(.INIT(64'h8000_0000_0000_0001)) u_lut (
    .O(bit_o), .I0(address_i[0]), .I1(address_i[1]), .I2(address_i[2]),
    .I3(address_i[3]), .I4(address_i[4]), .I5(address_i[5])
  );
endmodule
`default_nettype wire
"""


def rtl_block(layer: int = 0) -> documents.BlockDesign:
    name = f"block_{layer}"
    vectors = documents.RtlVectors(
        rows=4,
        directed_rows=0,
        random_rows=0,
        tables=documents.TableEntries(entries=64, read=64, observed=64, unreachable=0, masked=0),
        inputs=f"tb/{name}.x.hex",
        outputs=f"tb/{name}.y.hex",
        coverage=f"tb/{name}.coverage.json",
        inputs_sha256=DIGEST,
        outputs_sha256=DIGEST,
        coverage_sha256=DIGEST,
    )
    return documents.BlockDesign(
        name=name,
        layer=layer,
        top=f"top_{layer}",
        testbench=f"tb_{layer}",
        check=f"check_{layer}",
        features=1,
        outputs=1,
        features_per_beat=1,
        outputs_per_beat=1,
        input_bits=8,
        output_bits=8,
        input_beats=1,
        output_beats=1,
        latency_cycles=2,
        initiation_interval_cycles=192,
        thresholds=8,
        luts_by_layer=[1],
        sources=[f"{name}.sv"],
        bench_sources=["tb/quweit_row_source.sv", "tb/quweit_row_sink.sv", f"tb/tb_{layer}.sv"],
        sources_xilinx=[f"{name}.sv"],
        vectors=vectors,
        axis=axis_port(f"top_{layer}", RowShape(1, 2, 192), 1, 2, (vectors.inputs, DIGEST)),
    )


def write_rtl(project: Path, layers: int = 1, source: str = BLOCK) -> documents.RtlManifest:
    """`project/rtl` with one tiny block a layer; every block has one LUT6, a little logic and flip-flops."""
    artifacts.open_project(project)
    blocks = [rtl_block(layer) for layer in range(layers)]
    manifest = documents.RtlManifest(name="tiny", dump=DIGEST, blocks=blocks, files={})
    with artifacts.writing_stage(project, "rtl", inputs={}, options={}) as folder:
        for block in blocks:
            (folder / block.sources_xilinx[0]).write_text(source.format(top=block.top))
            for name in block.axis.sources:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text("// of the wrapper\n")
        artifacts.save(manifest, folder / "manifest.json")
    return manifest


def write_package(
    project: Path, files: Mapping[str, str], *designs: documents.UnitDesign | documents.ArrayDesign
) -> documents.RtlManifest:
    """`project/rtl` of these files, which units and arrays were rendered to."""
    plan = FilePlan(dict(files))
    manifest = documents.RtlManifest(
        name="tiny",
        dump=DIGEST,
        blocks=[],
        units=[one for one in designs if isinstance(one, documents.UnitDesign)],
        arrays=[one for one in designs if isinstance(one, documents.ArrayDesign)],
        operands="random",
        files=plan.digests(),
    )
    with artifacts.writing_stage(artifacts.open_project(project), "rtl", inputs={}, options={}) as folder:
        plan.write(folder)
        artifacts.save(manifest, folder / "manifest.json")
    return manifest


def write_document(
    project: Path,
    stage: str,
    document: artifacts.Artifact,
    *,
    made_from: tuple[str, ...] = (),
    options: dict[str, object] | None = None,
    name: str | None = None,
) -> None:
    """`project/<stage>/<stage>.json`, or of another `name`, with the digests of the stages that it was made from."""
    artifacts.open_project(project)
    inputs = {name: artifacts.read_stage(project, name).digest() for name in made_from}
    with artifacts.writing_stage(project, stage, inputs=inputs, options=options or {}) as folder:
        artifacts.save(document, folder / (name or f"{stage}.json"))


I_VIT_T = documents.ModelShape(family="vit", layers=1, dim=192, heads=3, tokens=196, mlp_hidden=768)


def train_result() -> documents.TrainResult:
    """A weightless model and its twin, with a curve each."""
    models = [
        documents.TrainedModel(
            mlp=mlp,
            checkpoint="ckpt.pt",
            parameters=parameters,
            steps=1000,
            seconds=60.0,
            device="cpu",
            test_loss=loss,
            test_accuracy=accuracy,
            curve=[
                {
                    "step": step,
                    "learning_rate": 1e-3 * (1 - step / 1100),
                    "train_loss": loss + 0.5 / (1 + step / 100) - 0.05,
                    "test_loss": loss + 0.5 / (1 + step / 100),
                    "test_accuracy": accuracy - 0.3 / (1 + step / 100),
                }
                for step in range(0, 1001, 250)
            ],
        )
        for mlp, parameters, loss, accuracy in (
            ("weightless", 41_000, 0.11, 0.9711),
            ("dense", 52_000, 0.10, 0.9733),
        )
    ]
    return documents.TrainResult(
        name="tiny", seed=0, data="digits: 1,347 training and 450 test images", models=models
    )


def dump_manifest(shape: documents.ModelShape = I_VIT_T) -> documents.DumpManifest:
    blocks = [
        documents.DumpedBlock(
            name=f"block_{layer}",
            layer=layer,
            program=f"blocks/block_{layer}.json",
            inputs=f"blocks/block_{layer}.x.npy",
            outputs=f"blocks/block_{layer}.y.npy",
            rows=1024,
            input_scale=0.05,
            output_scale=0.001,
        )
        for layer in range(shape.layers)
    ]
    return documents.DumpManifest(
        name="tiny",
        checkpoint=DIGEST,
        data="random numbers",
        model=shape,
        blocks=blocks,
        checks=documents.DumpChecks(samples=450, rows_compared=7200, logits_equal=True),
        digest=DIGEST,
    )


def sim_result(
    layers: int = 1, interval: int | None = 192, *, bit_exact: bool = True, simulator: str = "verilator"
) -> documents.SimResult:
    difference = documents.SimDifference(
        design="block_0", scenario="gaps", row=3, output=5, cycle=77, expected=-4, got=12
    )
    runs = [
        documents.SimRun(
            design=f"block_{layer}",
            bit_exact=bit_exact,
            compared=4096,
            different=0 if bit_exact else 1,
            scenarios={"steady": 1024, "gaps": 1024, "backpressure": 1024, "both": 1024},
            latency_cycles=300,
            initiation_interval_cycles=interval,
            differences=[] if bit_exact else [difference],
            failures=[],
            table_entries_read=60,
            table_entries_reachable=64,
            build_seconds=1.0,
            run_seconds=2.0,
        )
        for layer in range(layers)
    ]
    result = documents.SimulatorResult(
        simulator=simulator,
        version="Verilator 5.048",
        bit_exact=bit_exact,
        blocks=layers,
        rows_compared=4096 * layers,
        cycles_per_row=[interval or 0] * layers,
        seconds=3.0,
        runs=runs,
    )
    return documents.SimResult(name="tiny", rtl=DIGEST, bit_exact=bit_exact, simulators=[result])


def synthesized_block(layer: int = 0, **changes: object) -> documents.Implementation:
    """The size of the paper's block, of which the power is published."""
    block = documents.Implementation(
        design=f"block_{layer}",
        tool="yosys",
        version="Yosys 0.70",
        device="xcvu9p-flgb2104-2-i",
        clock_mhz=200.0,
        stage="synthesis",
        luts=23_984,
        ffs=6_654,
        carries=1_000,
        muxes=500,
        brams=0.0,
        dsps=0,
        slack_ns=None,
        power_mw=None,
        power_method=None,
        seconds=60.0,
        log=f"yosys/block_{layer}.log",
    )
    return block.model_copy(update=changes)


def library_block(library: str = "tiny", layer: int = 0, **figures: object) -> documents.Implementation:
    """A block in cells of a library at 1 GHz."""
    method = "activity counted in simulation"
    found = documents.LibraryFigures(
        library=library, library_sha256=DIGEST, area_mm2=0.07, sequential_area_mm2=0.02, cells=9,
        cells_by_type={"NAND2": 9}, clock_gates=1, shortest_period_ns=0.9, highest_clock_mhz=1111.0, leakage_mw=0.1,
        vectorless_mw=3.0, vectorless_method="12.5 %", measured_mw=2.0, measured_ungated_mw=2.5,
        measured_method=method, nets=10, nets_annotated=10, activity_rows=4, activity_cycles=768,
    )  # fmt: skip
    return synthesized_block(
        layer, device=library, clock_mhz=1000.0, luts=None, carries=None, muxes=None, brams=None, dsps=None,
        slack_ns=0.1, power_mw=2.0, power_method=method, asic=found.model_copy(update=figures),
    )  # fmt: skip


def synthesis_report(*blocks: documents.Implementation) -> documents.SynthesisReport:
    return documents.SynthesisReport(
        name="tiny", rtl=DIGEST, designs=list(blocks), vivado_project="vivado/run_all.tcl"
    )


def write_project(
    project: Path,
    shape: documents.ModelShape = I_VIT_T,
    *,
    dump: documents.DumpManifest | None = None,
    sim: documents.SimResult | None = None,
    synth: documents.SynthesisReport | None = None,
    synth_options: dict[str, object] | None = None,
) -> None:
    """A project finished up to `synth`, its stages made from one another."""
    write_document(project, "dump", dump or dump_manifest(shape))
    write_rtl(project, shape.layers)
    write_document(project, "sim", sim or sim_result(shape.layers), made_from=("rtl",))
    made = synth or synthesis_report(*(synthesized_block(layer) for layer in range(shape.layers)))
    write_document(project, "synth", made, made_from=("rtl",), options=synth_options)


def self_checked(
    root: Path, design: documents.PortedDesign, *, wrapper: bool
) -> subprocess.CompletedProcess[str]:
    """The self-checking bench of a design or of its wrapper on Icarus, in the folder of the package, as its README says."""
    bench, inputs = (
        (design.axis.check, design.axis.inputs) if wrapper else (design.check, design.vectors.inputs)
    )
    command = ["iverilog", "-g2012", "-s", bench, "-c", f"filelists/{bench}.f", "-o", "check.vvp"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    played = ["vvp", "check.vvp", f"+inputs={inputs}", f"+outputs={design.vectors.outputs}"]
    return subprocess.run(played, cwd=root, check=False, capture_output=True, text=True)
