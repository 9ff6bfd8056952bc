"""Projects with systolic arrays and small products."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from quweit_cli.artifacts import open_project, save, writing_stage
from quweit_cli.config import Baseline
from quweit_cli.documents import BaselineSim, ModelShape
from quweit_cli.hdl.array.design import render_arrays
from quweit_cli.ir.nodes.products import Operands
from quweit_cli.stages import baseline

SHAPE = ModelShape(family="vit", layers=1, dim=8, heads=1, tokens=8, mlp_hidden=16)
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
) -> Path:
    """`project/rtl`; `change` replaces a text in one of its files."""
    plan, manifest = render_arrays("tiny", SHAPE, random_products(sizes), [side], "random")
    with writing_stage(open_project(project), "rtl", inputs={}, options={}) as folder:
        plan.write(folder)
        if change is not None:
            name, old, new = change
            text = (folder / name).read_text()
            assert text.count(old) == 1
            (folder / name).write_text(text.replace(old, new))
        save(manifest, folder / "manifest.json")
    return project


def simulate(project: Path, simulator: str, rendering: str = "behavioural") -> BaselineSim:
    options = Baseline.model_validate({"simulators": (simulator,), "rendering": rendering})
    return baseline.simulate(project, options)
