"""Wiring: which input bit every pin of a LUT layer reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from quweit_cli.errors import ConfigError


class RandomMapping(nn.Module):
    """Drawn once: every bit is read equally often (within one), and a LUT reads distinct features.

    Distinct features matter with thermometer bits: two thresholds of one feature in a LUT waste
    half of its table, since a bit above implies the bit below.
    """

    def __init__(self, features: int, bits_per_feature: int, luts: int, fan_in: int) -> None:
        super().__init__()
        _check_enough_bits(features * bits_per_feature, fan_in)
        self.features, self.bits_per_feature = features, bits_per_feature
        self.register_buffer("bit_JL", draw_wiring(features, bits_per_feature, luts, fan_in))
        order_P, start_I = sorted_by_source(self.bit_JL, features, bits_per_feature)
        self.register_buffer("order_P", order_P, persistent=False)
        self.register_buffer("start_I", start_I, persistent=False)
        self.bit_JL: Tensor
        self.order_P: Tensor
        self.start_I: Tensor
        self.register_load_state_dict_post_hook(RandomMapping._sort)  # type: ignore[no-untyped-call]

    def forward(self) -> Tensor:
        """The bit that each pin reads, int64 [J, L]."""
        return self.bit_JL

    def readers(self) -> tuple[Tensor, Tensor]:
        """The pins sorted by the feature that they read: see `sorted_by_source`."""
        return self.order_P, self.start_I

    def _sort(self, _: object) -> None:
        """Loaded weights bring another wiring; raises ValueError where it reads bits that there are not."""
        _check_bits(self.bit_JL, self.features * self.bits_per_feature)
        self.order_P, self.start_I = sorted_by_source(self.bit_JL, self.features, self.bits_per_feature)


class LearnableMapping(nn.Module):
    """A pin reads the best of its candidates (argmax of their weights), until it is frozen.

    The candidate pools of a LUT's pins are disjoint, so that its pins always differ. Gradients come
    from the LUT layer: `dM = (2X - 1)^T G`, X the candidates' bits and G the gradient of the pin.
    """

    def __init__(self, features: int, bits_per_feature: int, luts: int, fan_in: int, candidates: int) -> None:
        super().__init__()
        bits = features * bits_per_feature
        _check_enough_bits(bits, fan_in)
        self.features, self.bits_per_feature = features, bits_per_feature
        candidates = min(candidates, bits // fan_in)
        pools = torch.stack([torch.randperm(bits)[: fan_in * candidates] for _ in range(luts)])
        self.register_buffer("candidate_JLC", pools.view(luts, fan_in, candidates))
        self.candidate_JLC: Tensor
        self.choice_JLC = nn.Parameter(0.01 * torch.randn(luts, fan_in, candidates))
        self.register_load_state_dict_post_hook(LearnableMapping._check)  # type: ignore[no-untyped-call]

    @property
    def frozen(self) -> bool:
        return not self.choice_JLC.requires_grad

    def freeze(self) -> None:
        """Keep the wiring as it is now."""
        self.choice_JLC.requires_grad_(False)
        self.choice_JLC.grad = None

    def forward(self) -> Tensor:
        """The bit that each pin reads, int64 [J, L]."""
        best_JL1 = self.choice_JLC.detach().argmax(dim=2, keepdim=True)
        return self.candidate_JLC.gather(2, best_JL1).squeeze(2)

    def readers(self) -> tuple[Tensor, Tensor]:
        """The pins sorted by the feature that they read now: see `sorted_by_source`."""
        return sorted_by_source(self(), self.features, self.bits_per_feature)

    def _check(self, _: object) -> None:
        _check_bits(self.candidate_JLC, self.features * self.bits_per_feature)


def sorted_by_source(bit_JL: Tensor, features: int, bits_per_feature: int) -> tuple[Tensor, Tensor]:
    """All pins, as `l * J + j`, sorted by the bit that they read, and where each feature's pins start.

    That is the wiring inverted: the gradient of a feature gathers from its pins. int32 [L*J], [features + 1].
    """
    sorted_P, order_P = bit_JL.t().flatten().sort(stable=True)
    first_I = torch.arange(features + 1, device=bit_JL.device) * bits_per_feature
    start_I = torch.searchsorted(sorted_P, first_I)
    return order_P.int(), start_I.int()


def draw_wiring(features: int, bits_per_feature: int, luts: int, fan_in: int) -> Tensor:
    """Random wiring, int64 [J, L], drawn from torch's global generator.

    LUTs are dealt the features with the most uses left, ties at random: that is a shuffled deck dealt
    again and again, and it cannot run into a corner where only one feature is left.
    """
    if features < fan_in:  # distinct features are impossible: distinct bits then
        features, bits_per_feature = features * bits_per_feature, 1
    uses_DT = _balanced_uses(features, bits_per_feature, luts * fan_in)
    left_D = uses_DT.sum(dim=1)
    decks = [_shuffled_deck(uses_T) for uses_T in uses_DT]
    wiring_JL = torch.empty(luts, fan_in, dtype=torch.int64)
    for lut in range(luts):
        chosen_L = (left_D + torch.rand(features)).topk(fan_in).indices
        chosen_L = chosen_L[torch.randperm(fan_in)]
        left_D[chosen_L] -= 1
        for pin, feature in enumerate(chosen_L.tolist()):
            wiring_JL[lut, pin] = feature * bits_per_feature + decks[feature].pop()
    return wiring_JL


def _balanced_uses(features: int, bits_per_feature: int, pins: int) -> Tensor:
    """How often each bit is read, [D, T]: all equal, and the remainder spread over the features."""
    bits = features * bits_per_feature
    uses_TD = torch.full((bits_per_feature, features), pins // bits)
    extra_TD = torch.rand(features, bits_per_feature).argsort(dim=1).argsort(dim=1).t()
    order = (extra_TD * features + torch.randperm(features)).flatten().argsort()
    uses_TD.view(-1)[order[: pins % bits]] += 1
    return uses_TD.t().contiguous()


def _shuffled_deck(uses_T: Tensor) -> list[int]:
    deck = torch.arange(len(uses_T)).repeat_interleave(uses_T)
    return [int(bit) for bit in deck[torch.randperm(len(deck))]]


def _check_bits(wiring: Tensor, bits: int) -> None:
    if int(wiring.min()) < 0 or int(wiring.max()) >= bits:  # kernels read where they are told to
        raise ValueError(f"the wiring reads bits beyond the {bits:,} that there are")


def _check_enough_bits(bits: int, fan_in: int) -> None:
    if bits < fan_in:
        raise ConfigError(
            f"a LUT of fan-in {fan_in} cannot read distinct bits of a layer that has only {bits}",
            hint="lower `model.block.fan_in`, or widen the layer before it",
        )
