"""Wiring: balanced use of bits, distinct features and bits in a LUT, learnable pools."""

import pytest
import torch

from quweit_cli.errors import ConfigError
from quweit_cli.weightless.mapping import LearnableMapping, RandomMapping, draw_wiring


@pytest.mark.parametrize(
    ("features", "bits", "luts", "fan_in"), [(48, 8, 144, 6), (6, 4, 50, 6), (7, 3, 11, 5), (192, 8, 100, 6)]
)
def test_bits_are_used_equally_often_and_features_differ_within_a_lut(
    features: int, bits: int, luts: int, fan_in: int
) -> None:
    torch.manual_seed(0)
    wiring = draw_wiring(features, bits, luts, fan_in)
    uses = torch.bincount(wiring.flatten(), minlength=features * bits)
    assert int(uses.max() - uses.min()) <= 1
    for lut in (wiring // bits).tolist():
        assert len(set(lut)) == fan_in


def test_few_features_still_give_distinct_bits() -> None:
    torch.manual_seed(0)
    wiring = draw_wiring(2, 8, 30, 6)
    assert all(len(set(lut)) == 6 for lut in wiring.tolist())


def test_fewer_bits_than_pins_are_refused() -> None:
    with pytest.raises(ConfigError, match="fan-in 6"):
        RandomMapping(5, 1, 10, 6)
    with pytest.raises(ConfigError, match="fan-in 6"):
        LearnableMapping(5, 1, 10, 6, candidates=4)


def test_wiring_depends_on_the_seed_alone() -> None:
    torch.manual_seed(3)
    first = draw_wiring(20, 4, 30, 6)
    torch.manual_seed(3)
    assert torch.equal(first, draw_wiring(20, 4, 30, 6))
    torch.manual_seed(4)
    assert not torch.equal(first, draw_wiring(20, 4, 30, 6))


def test_learnable_pins_always_differ_within_a_lut() -> None:
    torch.manual_seed(0)
    mapping = LearnableMapping(8, 4, 40, 6, candidates=16)
    for _ in range(20):
        mapping.choice_JLC.data.normal_()
        assert all(len(set(lut)) == 6 for lut in mapping().tolist())


def test_a_learnable_pin_reads_its_best_candidate() -> None:
    torch.manual_seed(0)
    mapping = LearnableMapping(8, 4, 3, 2, candidates=4)
    mapping.choice_JLC.data.zero_()
    mapping.choice_JLC.data[1, 0, 2] = 1.0
    assert mapping()[1, 0] == mapping.candidate_JLC[1, 0, 2]
