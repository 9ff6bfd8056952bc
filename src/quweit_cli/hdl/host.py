"""The host's side of a package: how rows lie in the bytes of each wrapper, for Python and for C."""

from __future__ import annotations

from typing import NamedTuple

from quweit_cli import __version__
from quweit_cli.documents import BlockDesign, DumpManifest, ModelDesign, PortedDesign
from quweit_cli.templating import render, static_text

STATIC = ("quweit_stream.py", "quweit_stream.h")


class Host(NamedTuple):
    """What a host must know of one wrapper."""

    design: PortedDesign
    kind: str  # the class of quweit_stream.py
    sizes: dict[str, int | float]


def render_host(name: str, dump: DumpManifest, designs: list[PortedDesign]) -> dict[str, str]:
    """Name -> text of what is the same in every package, and of the sizes of this one."""
    names = {
        "name": name,
        "hosts": [_host(design, dump) for design in designs],
        "dump": dump,
        "version": __version__,
    }
    rendered = {
        f"host/{name}_host.{kind}": render(f"package/host.{kind}.mako", **names) for kind in ("py", "h")
    }
    return rendered | {f"host/{file}": static_text(f"package/{file}") for file in STATIC}


def _host(design: PortedDesign, dump: DumpManifest) -> Host:
    axis = design.axis
    sizes: dict[str, int | float] = {
        "inputs": design.features,
        "input_bytes": design.input_bits // 8,
        "row_bytes": axis.input_beats * axis.bytes_in,
        "outputs": design.outputs,
        "output_bytes": design.output_bits // 8,
        "answer_bytes": axis.output_beats * axis.bytes_out,
    }
    if isinstance(design, ModelDesign) and design.decode:
        return Host(design, "Requests", sizes | {"codes": design.decode.codes})
    sizes["rows_of_sample"] = design.rows_of_sample
    if not isinstance(design, BlockDesign):
        return Host(design, "Images", sizes)
    block = next(one for one in dump.blocks if one.name == design.name)
    steps = {"input_step": block.input_scale, "output_step": block.output_scale}
    return Host(design, "Block", sizes | steps | {"normalised": dump.site(block).normalised})
