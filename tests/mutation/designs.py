"""What is mutated: the worked example, the blocks of the digits, small blocks of the shapes that those two lack, and a whole model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from experiments import whole_model
from mutation.mutant import Places
from mutation.rules import OF_MODELS
from mutation.trial import Package
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.artifacts import load
from quweit_cli.documents import BlockDesign, RtlManifest
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.hdl.model.writes import expected_words
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.stages import rtl
from quweit_cli.stages.sources import bring_dump, read_manifest, read_model

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "example" / "dump"
STRAIGHT = "gearbox"  # of a bus as wide as the beats of the block: wires


@dataclass
class Design:
    """A package of one block or model, and where it can be changed."""

    name: str
    package: Package
    places: Places
    large: bool  # whether a build takes so long that many mutants share one


def worked_example(folder: Path) -> list[Design]:
    return packages("example", _rendered(folder / "example", EXAMPLE), large=False)


def digits(folder: Path, dump: Path) -> list[Design]:
    """The blocks of a dump, rendered anew by this quweit."""
    return packages("digits", _rendered(folder / "digits", dump), large=True)


def shapes(folder: Path) -> list[Design]:
    """Gears of both directions, gated terms, LUT layers behind one another, a multiplier, neighbours of patches and of text."""
    made = []
    for name, block, options in (
        ("gears", {"features": 7, "thresholds": 2, "layers": (12,), "outputs": 5}, {"outputs_per_cycle": 2, "bus_bytes": 3}),
        ("narrow", {"features": 12, "thresholds": 2, "layers": (12,)}, {"outputs_per_cycle": 6, "bus_bytes": 1}),
        ("gated", {"features": 9, "layers": (12,), "outputs": 100}, {"outputs_per_cycle": 1}),
        ("layers", {"features": 5, "layers": (12, 9), "fan_in": 4}, {"outputs_per_cycle": 2}),
    ):  # fmt: skip
        program = random_block(len(name), **block)  # type: ignore[arg-type]
        project = project_with_dump(folder / name, program, rows=24)
        rtl.run(project, config.Rtl.model_validate({"random_rows": 200, **options}))
        made += packages(name, project, large=False)
    for name, tokens, causal, features in (("patches", 9, False, 8), ("text", 6, True, 8)):
        program = random_block(31, features=2 * features, thresholds=2, layers=(20,), outputs=features)
        around = Neighbourhood(tokens, causal)
        project = project_with_dump(folder / name, program, rows=3 * tokens, around=around)
        rtl.run(project, config.Rtl(cycles_per_row=8, random_rows=100))
        made += packages(name, project, large=False)
    return made


def whole(folder: Path) -> list[Design]:
    """A vision transformer from pixels to logits: modules of templates/model/, their top, and what its memories hold."""
    project = whole_model(folder / "whole", "model.dim=8", "model.depth=1", "model.block.lut_layers=[8]")
    rtl.run(project, config.Rtl(side=8, lanes=2, directed_rows=0, random_rows=1))
    manifest = load(RtlManifest, project / "rtl" / "manifest.json")
    model = manifest.model
    assert model is not None
    source = read_model(project / "dump", read_manifest(project / "dump"))
    layout = lay_out(source.program, model.side, f"rtl/{model.top}", manifest.blocks, model.lanes)
    package = Package(project, manifest, model, expected_words(layout, source.program, source.inputs))
    modules = [
        name for name in model.sources if name.startswith("rtl/model/") or Path(name).stem == model.top
    ]
    files = (*modules, *model.memories)
    return [Design("whole", package, Places("whole", package.root, files, OF_MODELS), large=False)]


def _rendered(project: Path, dump: Path) -> Path:
    bring_dump(dump, project, config.Dump())
    rtl.run(project, config.Rtl())
    return project


def packages(name: str, project: Path, *, large: bool) -> list[Design]:
    """A design of every block of a rendered project."""
    manifest = load(RtlManifest, project / "rtl" / "manifest.json")
    designs = []
    for block in manifest.blocks:
        package = Package(project, manifest, block)
        called = name if len(manifest.blocks) == 1 else f"{name} {block.name}"
        files = tuple(name for name in used(package) if not (large and name in block.axis.sources))
        designs.append(Design(called, package, Places(called, package.root, files), large))
    return designs


def used(package: Package) -> list[str]:
    """Files of which the block or its wrapper have an instance; not the gearbox where it is wires."""
    block = package.block
    files = dict.fromkeys([*block.sources, *block.sources_xilinx, *block.axis.sources])
    texts = {name: (package.root / name).read_text() for name in files}
    named = {
        word
        for text in texts.values()
        for word in re.findall(r"^ +(\w+) (?:#\(|u_\w+ \()", text, re.MULTILINE)
    }
    named |= {block.top, block.axis.top}
    return [
        name for name in files if Path(name).stem in named and not (STRAIGHT in name and _straight(block))
    ]


def _straight(block: BlockDesign) -> bool:
    axis = block.axis
    return axis.bytes_in == block.features_per_beat and axis.bytes_out == 2 * block.outputs_per_beat
