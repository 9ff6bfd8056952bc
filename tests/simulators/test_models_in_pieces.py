"""A whole model with functions in pieces: torch, program and RTL give the same integers."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases import few
from experiments import whole_model
from quweit_cli import config
from quweit_cli.documents import DUMP, RTL
from quweit_cli.errors import UnsupportedModel
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.hdl.units.cycles import layer_norm_cycles, softmax_cycles
from quweit_cli.ir import Program, Step
from quweit_cli.ir.nodes.functions import LayerNormalisation
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.stages import sim
from quweit_cli.stages.sources import read_model

SIDE = 8


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dump` has compared torch with the program, tensor by tensor."""
    return whole_model(
        tmp_path_factory.mktemp("pieces"),
        "model.dim=8",
        "model.depth=1",
        *(
            f"model.functions.{role}={{segments: 8, bits: 9}}"
            for role in ("exponential", "reciprocal", "root")
        ),
    )


@pytest.mark.requires("icarus", "verilator")
@pytest.mark.parametrize("simulator", few(["verilator", "icarus"]))
def test_a_model_with_functions_in_pieces_equals_its_program(project: Path, simulator: str) -> None:
    result = sim.run(project, config.Sim(simulators=(simulator,)), only=["model"])
    (run,) = result.simulators[0].models
    design = RTL.load(project).model
    assert design is not None and run.bit_exact and run.words_compared
    assert run.initiation_interval_cycles == design.initiation_interval_cycles


def test_lanes_in_pieces_shorten_the_schedule(project: Path) -> None:
    design = RTL.load(project).model
    assert design is not None
    of_norm = [job for job in design.schedule if job.tensor.endswith("norm")]
    assert of_norm and all(job.cycles % (layer_norm_cycles(8, pieces=True) + 8) == 10 for job in of_norm)
    parts = {part.module: part.parameters for one in design.engines for part in one.parts}
    assert parts["quweit_layer_norm"]["SearchedRoot"] == "1"
    assert parts["quweit_softmax_rows"]["SearchedReciprocal"] == "1"
    of_softmax = [job for job in design.schedule if job.tensor.endswith("weight")]
    assert of_softmax and all(
        (job.cycles - 10) % (softmax_cycles(4, reciprocal=True) + 8) == 0 for job in of_softmax
    )


def test_normalisations_with_different_roots_do_not_become_one_lane(project: Path) -> None:
    program = read_model(project / "dump", DUMP.load(project)).program
    changed = tuple(
        Step(step.name, step.sources, LayerNormalisation(), step.scale) if step.name == "norm" else step
        for step in program.steps
    )
    other = Program(program.name, program.input_name, program.input_type, changed)
    with pytest.raises(UnsupportedModel, match="have a different root each"):
        lay_out(other, SIDE, "x", RTL.load(project).blocks)


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_a_dense_model_with_a_gelu_in_pieces_equals_its_program(tmp_path: Path) -> None:
    """Its hardware has the table of what the pieces answer."""
    project = whole_model(
        tmp_path,
        "model.dim=8",
        "model.depth=1",
        "model.mlp=dense",
        "model.functions.gelu={segments: 8, bits: 9}",
    )
    program = read_model(project / "dump", DUMP.load(project)).program
    (layer,) = [step.node for step in program.steps if step.name == "layer0"]
    assert isinstance(layer, Program)
    (gelu,) = [step.node for step in layer.steps if step.name == "gelu"]
    assert isinstance(gelu, PiecewiseLinear)
    result = sim.run(project, config.Sim(simulators=("verilator",)), only=["model"])
    assert result.bit_exact
