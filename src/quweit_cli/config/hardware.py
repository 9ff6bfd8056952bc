"""Settings of everything after training: dump, RTL, simulation, synthesis, energy, baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from quweit_cli.boundary.quantities import File, Identifier, Size
from quweit_cli.config.base import Settings

# Of cell names; nothing else may come into a tool's script.
Pattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9_$*?]+$")]
Part = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([_.-][A-Za-z0-9]+)*$", max_length=64)]
Sides = Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(min_length=1, max_length=100)]
Libraries = Annotated[
    tuple[File, ...],
    BeforeValidator(lambda raw: (raw,) if isinstance(raw, str | Path) else raw or ()),
    Field(max_length=64),
]


class Baseline(Settings):
    model: str = Field("i_vit_t", description="whose layer's products are simulated")
    checkpoint: File | None = Field(
        None,
        description="a dense checkpoint in place of `model`: its shape, and the operands of one of its layers",
    )
    arrays: Sides = Field((8, 16, 32, 64), description="sides of the systolic arrays")
    simulators: tuple[str, ...] = Field(
        ("verilator",), min_length=1, max_length=2, description="verilator, icarus, or both"
    )
    cycles_per_row: int | None = Field(
        16, ge=1, le=10**9, description="folding of the reference block; no block is made when absent"
    )
    pipeline_depth: Annotated[int, Field(ge=1, le=1000)] | Literal["auto", "deepest"] = Field(
        "deepest",
        description="registers in a row of the reference block in library cells; `auto` is that of the FPGA",
    )
    liberty: Libraries = Field(
        (), description="cell library, or the files that it comes in: arrays and block in its cells, too"
    )
    clock_ghz: float = Field(1.0, ge=0.001, le=1000, description="clock of what is made of library cells")
    activity: Literal["measured", "vectorless"] = Field(
        "measured",
        description="in library cells: counted in simulation as well, or 12.5 % on every net alone",
    )
    device: Part = Field("xcvu9p-flgb2104-2-i", description="part; Yosys uses its family only")


class Dump(Settings):
    rows: int = Field(1024, ge=1, le=10**6, description="golden rows kept for each block")
    golden_samples: int = Field(
        64,
        ge=1,
        le=10**5,
        description="samples kept with the logits of a model whose arithmetic is of integers",
    )
    samples: int | None = Field(
        None, ge=1, le=10**9, description="test samples checked against the integer program; all when absent"
    )


class Fold(Settings):
    """How a block is spread over time; at most one of the three is given."""

    outputs_per_cycle: Size | Literal["all", "auto"] = Field(
        1,
        description="outputs of a row that are summed in one cycle; `auto` takes as few as keep pace with the attention on the array",
    )
    bits_per_cycle: Size | Literal["all"] | None = Field(
        None,
        description="the same as the share of work: LUT outputs of the last layer whose values, for all outputs, are added in one cycle on average (equal to outputs_per_cycle where there are as many LUTs as outputs)",
    )
    cycles_per_row: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="in place of outputs_per_cycle: the outputs a cycle that keep a row within so many cycles with the fewest LUTs; `target_cycles_per_row` is the same key",
    )

    @model_validator(mode="before")
    @classmethod
    def _target_is_the_same_key(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("target_cycles_per_row") is not None:
            raw = dict(raw)
            raw["cycles_per_row"] = raw.pop("target_cycles_per_row")
        return raw

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Fold:
        given = ["outputs_per_cycle"] if self.outputs_per_cycle != 1 else []
        given += [name for name in ("bits_per_cycle", "cycles_per_row") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} say the same thing twice: give one of them")
        return self


class Rtl(Fold):
    array: int = Field(
        32, ge=1, le=10**4, description="side of the systolic array whose attention `auto` keeps pace with"
    )
    arrays: Sides = Field(
        (8, 16, 32, 64),
        description="sides of the systolic arrays that compute the products of a dense layer, where the dump has some",
    )
    side: int | None = Field(
        None,
        ge=8,
        le=64,
        description="side of the systolic array of a whole model whose arithmetic is of integers: 8, 16, 32 or 64; its blocks alone are rendered when absent",
    )
    lanes: int | None = Field(
        None,
        ge=1,
        le=64,
        description="units of layer normalisation and of softmax of a whole model, a power of two; as many as `side` when absent",
    )
    pipelined: bool = Field(
        False, description="arrays and units with more registers, for library cells at a fast clock"
    )
    blocks: dict[Identifier, Fold] = Field(
        {}, description="by name of a block: its own outputs_per_cycle, bits_per_cycle or cycles_per_row"
    )
    features_per_beat: Size | Literal["auto"] = Field(
        "auto",
        description="features of one input beat, and outputs of one output beat; `auto` takes the fewest that keep up with the summation",
    )
    top_name: Identifier | None = Field(
        None, description="what the names of modules start with; the name of the design when not given"
    )
    bus_bytes: Annotated[int, Field(ge=1, le=128)] | Literal["auto"] = Field(
        "auto",
        description="bytes of TDATA of the AXI-Stream wrapper, in and out; `auto`, which alone a whole model has, takes beats as they are",
    )
    pipeline_depth: Annotated[int, Field(ge=1, le=1000)] | Literal["auto", "deepest"] = Field(
        "auto",
        description="registers in a row from the time slot to the output; `auto` suits an FPGA at 200 MHz, library cells at 1 GHz want more, `deepest` is all that a block has places for",
    )
    random_rows: int = Field(
        256,
        ge=0,
        le=10**5,
        description="uniformly random rows added to the golden ones: they reach table entries that real activations seldom do",
    )
    directed_rows: int = Field(
        512,
        ge=0,
        le=10**5,
        description="the most rows that are added, in whole samples where neighbours are read, for what golden and random ones do not show of tables, pins, thresholds, values and biases; 0 searches for none",
    )


class Sim(Settings):
    simulators: tuple[str, ...] = Field(
        ("verilator", "icarus"),
        min_length=1,
        description="who compares; `run` skips, visibly, one that this machine lacks",
    )
    samples: dict[str, Size] = Field(
        {"icarus": 2},
        description="samples of a whole model compared in each scenario, by simulator; all golden ones where none is named",
    )
    netlist_samples: Size = Field(
        2, description="samples of a whole model of which its netlist is compared in each scenario"
    )
    rows: dict[str, Size] = Field(
        {"icarus": 200},
        description="rows of a block compared in each scenario, by simulator; all where none is named",
    )
    steady_only: bool = Field(
        False,
        description="blocks, units and models without gaps, backpressure and resets, and no wrappers: a first look at something large",
    )
    array_forms: tuple[Literal["rtl", "xilinx"], ...] = Field(
        ("rtl", "xilinx"), min_length=1, description="which renderings of arrays are simulated"
    )


class Synth(Settings):
    tool: str = Field("yosys", description="yosys, vivado or nextpnr")
    device: Part = Field(
        "xcvu9p-flgb2104-2-i",
        description="part, or a short name such as up5k or ecp5-85; Yosys uses its family only",
    )
    clock_mhz: float = Field(
        200.0, ge=0.001, le=10**6, description="clock that timing and power are asked for"
    )
    board: str | None = Field(
        None,
        max_length=64,
        description="board for nextpnr, such as icebreaker, in place of device and clock: a block behind its serial line, on its pins",
    )
    seeds: int = Field(
        1, ge=1, le=100, description="placements that nextpnr tries of each block; the fastest is kept"
    )
    cache: bool = Field(
        True, description="reuse what Yosys and nextpnr made of the same RTL before, whatever the project"
    )
    allow_negative_slack: bool = Field(
        False, description="keep figures of a design that misses the clock, instead of failing"
    )
    liberty: Libraries = Field(
        (),
        description="cell library (Liberty, .lib or .lib.gz), or a list of the files that it comes in: yosys maps to its cells in place of a part; relative to the experiment file",
    )
    dont_use: tuple[Pattern, ...] = Field(
        ("*lpflow*", "*probe*"),
        description="patterns of cells that are not taken; the default names cells for power domains and probing that libraries do not mark",
    )
    driving_cell: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_$]*$",
        description="cell that drives every input of a block; found in the library when not given: a buffer of twice the least strength",
    )
    load_ff: float | None = Field(
        None,
        ge=0.001,
        le=10**6,
        description="load of every output in fF; four inputs of the driving cell when not given",
    )
    clock_gating: bool = Field(True, description="clock gates for flip-flops with an enable")
    mapping: Literal["area", "speed"] = Field(
        "area",
        description="to library cells: `speed` keeps the prefix adders that `area` takes apart, and more of the period to spare",
    )
    activity: Literal["measured", "vectorless"] = Field(
        "measured",
        description="power of library cells from the activity of every net on golden rows, which needs Icarus Verilog, or vectorless alone",
    )
    activity_rows: Size = Field(4, description="golden rows over which activity is counted")

    @model_validator(mode="after")
    def _each_tool_has_its_own(self) -> Synth:
        if self.liberty and self.tool != "yosys":
            raise ValueError(f"liberty is for the tool yosys, not for {self.tool}")
        if self.seeds != 1 and self.tool != "nextpnr":
            raise ValueError(f"seeds are of the tool nextpnr, not of {self.tool}")
        if self.board and self.tool != "nextpnr":
            raise ValueError(f"a board is for the tool nextpnr, not for {self.tool}")
        return self


class Energy(Settings):
    arrays: tuple[Annotated[int, Field(ge=1, le=10**4)], ...] = Field(
        (8, 16, 32, 64),
        min_length=1,
        max_length=100,
        description="sides of the systolic arrays compared with",
    )
    clock_mhz: float = Field(200.0, ge=0.001, le=10**6, description="clock that the energies are stated for")
    dense: Path | None = Field(
        None,
        description="project of the dense twin of a whole model, on the same hardware, whose energy stands beside",
    )
