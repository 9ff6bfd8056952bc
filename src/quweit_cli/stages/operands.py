"""The operands of products, written into a dump."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from quweit_cli.documents import DumpedHead, DumpedProduct
from quweit_cli.ir.nodes.products import LayerOperands, Operands


def write_operands(folder: Path, layer: LayerOperands) -> tuple[list[DumpedProduct], list[DumpedHead]]:
    """Matrices of a dense layer below `folder/operands`."""
    (folder / "operands").mkdir()
    products = [write_product(folder, one) for one in layer.products]
    heads = [
        DumpedHead(
            queries=_written(folder, f"head{place}.q", one.q_TD),
            keys=_written(folder, f"head{place}.k", one.k_DT),
            weights=_written(folder, f"head{place}.p", one.p_TT),
            values=_written(folder, f"head{place}.v", one.v_TD),
        )
        for place, one in enumerate(layer.heads)
    ]
    return products, heads


def write_product(folder: Path, one: Operands) -> DumpedProduct:
    """Both matrices of a product below `folder/operands`, which is there."""
    return DumpedProduct(
        name=one.name,
        left=_written(folder, f"{one.name}.a", one.a_MK),
        right=_written(folder, f"{one.name}.b", one.b_KN),
        copies=one.copies,
    )


def _written(folder: Path, name: str, matrix: np.ndarray) -> str:
    file = f"operands/{name}.npy"
    np.save(folder / file, matrix.astype(np.int8))
    return file
