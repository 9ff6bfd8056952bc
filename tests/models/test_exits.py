"""Exits: who leaves where, in float and in whole numbers, equal to the program; joint training."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import tiny_digits
from integer_networks import IMAGES, images, made
from quweit_cli import config, ir
from quweit_cli.errors import ConfigError
from quweit_cli.export import whole
from quweit_cli.ir.exits import STEPS, ExitRule
from quweit_cli.ir.program import trace
from quweit_cli.models import build
from quweit_cli.models.exits import Certainty, joint_loss, leaving
from quweit_cli.models.integer.exits import information_table
from quweit_cli.models.vit import Vit
from quweit_cli.training import leaving as rules

EXITS = ("model.depth=3", "model.exits.after=[1, 2]")


def certainty(entropy: list[float], largest: list[float] | None = None) -> Certainty:
    """In bits, and as probabilities."""
    shares = largest or [0.5] * len(entropy)
    return Certainty(STEPS * torch.tensor(entropy), STEPS * torch.tensor(shares))


def test_a_sample_leaves_at_the_first_exit_whose_entropy_is_low_enough() -> None:
    exits = [certainty([0.1, 0.9, 0.9]), certainty([0.9, 0.2, 0.9])]
    rule = ExitRule.of("entropy", 0.5)
    assert leaving(exits, rule).tolist() == [0, 1, 2]
    assert leaving(exits, ExitRule.of("entropy", 0.15)).tolist() == [0, 2, 2]


def test_a_sample_leaves_when_its_largest_probability_reaches_the_threshold() -> None:
    exits = [certainty([1, 1], [0.9, 0.6]), certainty([1, 1], [0.1, 0.75])]
    rule = ExitRule.of("probability", 0.75)
    assert leaving(exits, rule).tolist() == [0, 1]


def test_a_sample_leaves_when_its_entropy_has_stopped_falling_and_never_at_the_first_exit() -> None:
    before, after = [1.0, 1.0, 1.0, 1.0], [0.5, 0.76, 0.75, 1.5]
    exits = [certainty(before), certainty(after)]
    rule = ExitRule.of("fall", 0.25)
    assert leaving(exits, rule).tolist() == [2, 1, 2, 1]


def test_a_fall_is_a_shift_a_subtraction_and_a_comparison_of_whole_numbers() -> None:
    entropies = torch.randint(0, 500, (2, 1000)).float()
    exits = [Certainty(row, row) for row in entropies]
    taken = leaving(exits, ExitRule.of("fall", 0.125))
    before, after = entropies.long()
    assert torch.equal(taken == 1, before - (before >> 3) < after)


def test_whole_entropies_are_near_real_ones() -> None:
    torch.manual_seed(0)
    table = information_table()
    for share in torch.softmax(3 * torch.randn(50, 10).double(), dim=-1):
        whole_steps = table[(share * STEPS).round().long().clamp(max=127) + 128].sum()
        real = float(-(share * share.log2()).sum())
        assert abs(whole_steps / STEPS - real) < 0.15 + 0.05 * real


def test_every_tensor_of_the_exits_equals_the_program_and_so_do_the_decisions() -> None:
    model, samples = made("vit", *EXITS)
    program = whole.program_of(model, Path("x"))
    verified = whole.verify(model, program, samples, golden=2)
    assert {"exit0/entropy", "exit1/logits", "exit1/probability"} <= program.twins.keys()
    assert verified.program.answer == "logits"
    tensors = trace(program.program, model.codes(samples).numpy(), nested=True)
    assert isinstance(model, Vit)
    with torch.no_grad():
        _, _, of_exits = model(samples, exits=True)
    for number, one in enumerate(model.certainties(of_exits)):
        np.testing.assert_array_equal(one.entropy_B.numpy(), tensors[f"exit{number}/entropy"][:, 0])
        largest = tensors[f"exit{number}/probability"].max(axis=-1)
        np.testing.assert_array_equal(one.largest_B.numpy(), largest)


def test_the_program_has_an_exit_a_program_within() -> None:
    model, _ = made("vit", *EXITS)
    steps = model.build().program.steps
    names = [step.name for step in steps if isinstance(step.node, ir.Program)]
    assert names == ["layer0", "exit0", "layer1", "exit1", "layer2"]
    sources = {step.name: step.sources for step in steps}
    assert sources["exit1"] == sources["layer2"] == ("layer1",)


def test_losses_of_all_heads_are_averaged_or_weighed_by_depth() -> None:
    losses = [torch.tensor(1.0), torch.tensor(2.0), torch.tensor(6.0)]
    assert float(joint_loss(losses, config.Exits(after=(1, 2)), 4)) == pytest.approx(3.0)
    weighed = joint_loss(losses, config.Exits(after=(1, 2), weights="depth"), 4)
    assert float(weighed) == pytest.approx((1 + 4 + 24) / 7)
    assert joint_loss(losses[:1], config.Exits(), 4) == losses[0]


@pytest.mark.parametrize("arithmetic", ["float", "integer"])
def test_a_table_of_rules_counts_layers_and_right_answers(arithmetic: str) -> None:
    torch.manual_seed(0)
    settings = tiny_digits(
        *EXITS, f"model.arithmetic={arithmetic}", "model.exits.criterion=entropy", "model.exits.threshold=0.7"
    )
    model = build(settings.model, IMAGES)
    assert isinstance(model, Vit)
    samples, targets = images(20), torch.randint(3, (20,))
    found = rules.table(model, samples, targets)
    assert found.after == [1, 2] and len(found.head_accuracy) == 3
    (chosen,) = [one for one in found.rules if one.chosen]
    assert (chosen.criterion, chosen.threshold) == ("entropy", 0.7)
    for one in found.rules:
        assert sum(one.leaving) == pytest.approx(1)
        assert one.mean_layers == pytest.approx(
            sum(s * n for s, n in zip(one.leaving, (1, 2, 3), strict=True))
        )
    never = next(one for one in found.rules if one.criterion == "entropy" and one.threshold == 0.05)
    assert math.isclose(never.accuracy, found.head_accuracy[-1]) == (never.leaving[-1] == 1)


def test_exits_that_are_no_layers_before_the_last_are_refused() -> None:
    for wrong in ("[3]", "[2, 1]", "[1, 1]"):
        with pytest.raises(ConfigError, match="must rise"):
            tiny_digits("model.depth=3", f"model.exits.after={wrong}")
