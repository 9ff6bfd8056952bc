"""Settings of `quweit baseline`, which has no section in an experiment file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from quweit_cli.config import Libraries, Part
from quweit_cli.quantities import File
from quweit_cli.training_settings import Settings


class Baseline(Settings):
    model: str = Field("i_vit_t", description="whose layer's products are simulated")
    checkpoint: File | None = Field(
        None,
        description="a dense checkpoint in place of `model`: its shape, and the operands of one of its layers",
    )
    arrays: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (8, 16, 32, 64), min_length=1, max_length=100, description="sides of the systolic arrays"
    )
    simulator: str = Field("verilator", description="verilator or icarus")
    rendering: Literal["behavioural", "xilinx"] = Field(
        "xilinx", description="which rendering is simulated: that of ASICs or that of FPGAs"
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
