"""Operations of a sample, part by part, and what exits save of them."""

from __future__ import annotations

import pytest
import torch

from experiments import tiny_digits
from integer_networks import IMAGES, images
from quweit_cli.models import Classifier, blocks_of, build
from quweit_cli.training import leaving
from quweit_cli.training.operations import Operations, operations


def classifier(*overrides: str) -> Classifier:
    torch.manual_seed(0)
    model = build(tiny_digits("model.depth=3", "model.exits.after=[1, 2]", *overrides).model, IMAGES).eval()
    assert isinstance(model, Classifier)
    return model


def test_products_of_a_dense_layer_are_counted_by_hand() -> None:
    taken = operations(classifier("model.mlp=dense"), images(1))
    tokens, width = 4, 16
    layer = 2 * tokens * (12 * width**2) + 2 * 2 * tokens**2 * width
    assert taken.layers == [layer] * 3
    assert taken.embedding == 2 * tokens * 2 * 4**2 * width
    assert taken.exits == [2 * width * 3] * 2 and taken.head == 2 * width * 3


def test_a_block_counts_what_its_program_does_and_answers_again_afterwards() -> None:
    model, sample = classifier(), images(1)
    before = model(sample)
    taken = operations(model, sample)
    dense = operations(classifier("model.mlp=dense"), sample)
    block = blocks_of(model)["block0"].program("block").cost()
    of_block = block.comparisons + block.lut_reads + block.additions
    assert taken.layers[0] == dense.layers[0] - 2 * 4 * 8 * 16**2 + 4 * of_block
    assert torch.equal(model(sample), before)


def test_a_way_out_pays_for_all_heads_that_it_passes() -> None:
    taken = Operations(embedding=5, layers=[100, 100, 100], exits=[7, 7], head=3)
    assert taken.without_exits == 308
    assert taken.until([1, 2]) == [112, 219, 322]


def test_rules_save_what_their_ways_out_do_not_take() -> None:
    torch.manual_seed(0)
    found = leaving.table(classifier(), images(20), torch.randint(3, (20,)))
    assert found.operations_without_exits is not None
    for one in found.rules:
        mean = sum(share * ops for share, ops in zip(one.leaving, found.operations, strict=True))
        assert one.operations_saved == pytest.approx(1 - mean / found.operations_without_exits)
    for one in found.free_of_loss():
        assert one.accuracy >= found.head_accuracy[-1]
        alike = [rule for rule in found.rules if rule.criterion == one.criterion]
        assert not any(
            rule.accuracy >= found.head_accuracy[-1] and rule.saved() > one.saved() for rule in alike
        )


def test_a_criterion_all_of_whose_rules_lose_is_not_free_of_loss() -> None:
    torch.manual_seed(0)
    found = leaving.table(classifier(), images(20), torch.randint(3, (20,)))
    worse = [
        rule.model_copy(update={"accuracy": -1.0}) if rule.criterion == "fall" else rule
        for rule in found.rules
    ]
    lossless = found.model_copy(update={"rules": worse}).free_of_loss()
    assert "fall" not in {one.criterion for one in lossless}
