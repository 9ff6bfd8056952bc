"""The wrapper of a block or a model as an IP-XACT component (IEEE 1685-2014), for tools that put designs together."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from quweit_cli import __version__
from quweit_cli.documents import ModelDesign, PortedDesign
from quweit_cli.templating import render

FOLDER = "ipxact"
FILE_TYPES = {
    ".sv": "systemVerilogSource",
    ".v": "verilogSource",
    ".sdc": "SDC",
    ".h": "cSource",
}


class Port(NamedTuple):
    """Of the wrapper. logical: its name on the bus that it belongs to."""

    name: str
    direction: str
    bits: int
    logical: str


class Stream(NamedTuple):
    """One side of the wrapper. role: as AXI4-Stream has it in this version of the standard."""

    name: str
    role: str
    ports: tuple[Port, ...]


class FileSet(NamedTuple):
    """Names relative to the package's folder, in compile order."""

    name: str
    files: list[str]

    def kind(self, file: str) -> str:
        """What IP-XACT calls a file of this ending."""
        return FILE_TYPES.get(PurePosixPath(file).suffix, "user")


def render_component(package: str, design: PortedDesign) -> dict[str, str]:
    """Name -> text of the component of a wrapper.

    package: what names of files begin with that are of all designs.
    """
    axis = design.axis
    text = render(
        "package/component.xml.mako",
        design=design,
        streams=(_stream("s_axis", "slave", axis.bytes_in), _stream("m_axis", "master", axis.bytes_out)),
        file_sets=_file_sets(package, design),
        parameters=_parameters(design),
        version=__version__,
    )
    return {f"{FOLDER}/{axis.top}.xml": text}


def _stream(name: str, role: str, width: int) -> Stream:
    """A slave takes data and gives `tready`; a master the other way round."""
    data, ready = ("in", "out") if role == "slave" else ("out", "in")
    bits = {"tdata": (data, 8 * width), "tvalid": (data, 1), "tready": (ready, 1), "tlast": (data, 1)}
    return Stream(name, role, tuple(Port(f"{name}_{one}", *bits[one], one.upper()) for one in bits))


def _file_sets(package: str, design: PortedDesign) -> list[FileSet]:
    """The first two are views of the component, by their name."""
    axis = design.axis
    sets = [
        FileSet("rtl", [*design.sources, *axis.sources]),
        FileSet("xilinx", [*design.sources_xilinx, *axis.sources] if design.sources_xilinx else []),
        FileSet("memories", design.memories),
        FileSet("constraints", [f"constraints/{axis.top}.{kind}" for kind in ("sdc", "xdc")]),
        FileSet(
            "host",
            [f"host/{name}.{kind}" for name in ("quweit_stream", f"{package}_host") for kind in ("h", "py")],
        ),
    ]
    return [one for one in sets if one.files]


def _parameters(design: PortedDesign) -> dict[str, int]:
    """What the design promises. The module itself has no parameters."""
    axis = design.axis
    numbers = {
        "FEATURES": design.features,
        "FEATURE_BITS": design.input_bits,
        "OUTPUTS": design.outputs,
        "OUTPUT_BITS": design.output_bits,
        "INPUT_BEATS": axis.input_beats,
        "OUTPUT_BEATS": axis.output_beats,
        "INITIATION_INTERVAL_CYCLES": axis.initiation_interval_cycles,
    }
    if design.straight:
        numbers["LATENCY_CYCLES"] = design.latency_cycles
    if isinstance(design, ModelDesign) and design.decode:
        numbers["CODES"] = design.decode.codes
    return numbers
