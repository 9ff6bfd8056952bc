"""Projects with systolic arrays and small products."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from packages import DIGEST
from quweit_cli import config
from quweit_cli.artifacts import open_project, save, writing_stage
from quweit_cli.documents import ArrayRun, Form, RtlManifest, SimResult
from quweit_cli.hdl.array.causal import causal_products
from quweit_cli.hdl.array.design import render_arrays
from quweit_cli.hdl.plan import FilePlan
from quweit_cli.ir.nodes.products import Head, Operands
from quweit_cli.stages import sim

# Full tiles; edges in rows, columns and both; fewer rows than a tile; one step; inner below the side.
PRODUCTS = [(8, 16, 8), (9, 12, 15), (1, 1, 1), (8, 3, 16)]  # small: Icarus takes a second for 50 cycles
LARGER = [(16, 16, 16), (17, 20, 50), (5, 12, 7), (1, 1, 1), (16, 3, 48), (33, 33, 16)]


def random_products(sizes: Sequence[tuple[int, int, int]] = PRODUCTS) -> list[Operands]:
    """Whole int8 range, corners included."""
    random = np.random.default_rng(3)
    made = []
    for number, (rows, inner, columns) in enumerate(sizes):
        a_MK = random.integers(-128, 127, (rows, inner), endpoint=True)
        b_KN = random.integers(-128, 127, (inner, columns), endpoint=True)
        a_MK[0], b_KN[:, 0] = -128, -128
        made.append(Operands(f"product{number}", a_MK, b_KN))
    return made


def project_with_arrays(
    project: Path,
    side: int,
    sizes: Sequence[tuple[int, int, int]] = PRODUCTS,
    change: tuple[str, str, str] | None = None,
    *,
    pipelined: bool = False,
    heads: Sequence[Head] = (),
) -> Path:
    """`project/rtl` with one array; `change` replaces a text in one of its files. heads: of causal attention."""
    causal = {side: causal_products(heads, side)} if heads else {}
    files, arrays = render_arrays("tiny", random_products(sizes), [side], causal, pipelined=pipelined)
    manifest = RtlManifest(
        name="tiny", dump=DIGEST, blocks=[], arrays=arrays, operands="random", files=FilePlan(files).digests()
    )
    if change is not None:
        name, old, new = change
        assert files[name].count(old) == 1
        files[name] = files[name].replace(old, new)
    with writing_stage(open_project(project), "rtl", inputs={}, options={}) as folder:
        FilePlan(files).write(folder)
        save(manifest, folder / "manifest.json")
    return project


def simulate(project: Path, simulator: str, form: Form = "rtl") -> SimResult:
    """Raises Mismatch and CheckFailed as `quweit sim` does."""
    return sim.run(project, config.Sim(simulators=(simulator,), array_forms=(form,)))


def array_run(project: Path, simulator: str, form: Form = "rtl") -> ArrayRun:
    """The only run of the only array."""
    ((run,),) = (one.arrays for one in simulate(project, simulator, form).simulators)
    return run
