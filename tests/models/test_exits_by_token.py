"""Tokens leave a decoder early: a whole sequence gives what tokens give one by one, in float and in whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from experiments import tiny_gpt
from integer_networks import TEXT, made
from quweit_cli import config
from quweit_cli.errors import ConfigError, Mismatch
from quweit_cli.export import whole
from quweit_cli.ir.exits import CRITERIA, STEPS, Criterion, ExitRule, token_exits
from quweit_cli.ir.program import after_prompt, trace
from quweit_cli.models import Gpt, IntegerGpt, build, grids_of
from quweit_cli.models.integer.exits import TokenExit, information_table
from quweit_cli.models.integer.fixed_point import FixedPoint, follow
from quweit_cli.models.integer.layer import IntegerLayer
from quweit_cli.models.integer.operations import ScoreProduct, Softmax
from quweit_cli.training import leaving_tokens

EXITS = ("model.depth=4", "model.exits.after=[1, 2, 3]")


def decoder(arithmetic: str, *overrides: str) -> Gpt:
    """Of random weights so large that tokens part."""
    torch.manual_seed(1)
    mlp = "weightless" if arithmetic == "integer" else "dense"  # which float64 makes exact enough
    of_model = (f"model.arithmetic={arithmetic}", f"model.mlp={mlp}", "model.dropout=0")
    settings = tiny_gpt("none.txt", *EXITS, *of_model, *overrides).model
    model = build(settings, TEXT)
    assert isinstance(model, Gpt)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and "mlp" not in name:
            parameter.data *= 20
    model.train()
    for _ in range(3):
        model(torch.randint(7, (6, 16)), exits=True)
        follow(grids_of(model))
    return model.eval() if arithmetic == "integer" else model.double().eval()


def rule_that_parts(model: Gpt, criterion: Criterion, tokens: Tensor) -> ExitRule:
    """With a threshold in the midst of what exits say."""
    if criterion == "fall":
        return ExitRule(criterion, 12)
    _, after, _ = model(tokens, states=True, exits=True)
    sure = [model.certainty(place, after[place]) for place in range(3)]
    middle = torch.stack([one.entropy_B if criterion == "entropy" else one.largest_B for one in sure])
    return ExitRule(criterion, int(middle.median()))


# ---------------------------------------------------------------- tokens one by one, with cached keys and values


def keys_of(layer: torch.nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value, [H, 1, C] each, of the state of one token."""
    if not isinstance(layer, IntegerLayer):
        q, k, v = layer.attention.heads_of(layer.attention_norm(x))
        return q[0], k[0], v[0]
    at = layer.attention
    read = layer.attention_normalisation(FixedPoint(x, layer.residual.fraction()))
    sums = at.qkv_product(read, *at.qkv_weights(at.qkv, layer.attention_norm)).value.chunk(3, dim=-1)
    grids = (at.query, at.key, at.value)
    q, k, v = (at._split(grid(one)).value[0] for grid, one in zip(grids, sums, strict=True))
    return q, k, v


def rest_of(layer: torch.nn.Module, x: Tensor, q: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
    """The state after a layer, of one token that attends to what is cached."""
    k, v = torch.cat(keys, dim=1)[None], torch.cat(values, dim=1)[None]
    at = layer.attention
    if not isinstance(layer, IntegerLayer):
        weight = torch.softmax(q[None] @ k.transpose(-1, -2) * at.score_scale, dim=-1)
        x = x + at.project((weight @ v).transpose(1, 2).flatten(-2))
        return x + layer.mlp(layer.mlp_norm(x))
    query, key = (FixedPoint(one, grid.fraction()) for one, grid in ((q[None], at.query), (k, at.key)))
    score = at.score(ScoreProduct(causal=False)(query, key).value)
    weight = Softmax(causal=False, padded=False).eval()(score)
    mixed = at.mixed(at.value_product(weight, FixedPoint(v, at.value.fraction())).value)
    out = at.onto(at.project_product(mixed, at.project.weight, at.project.bias).value, layer.residual)
    attended = layer.attention_sum(layer.residual, x, out.value)
    made = layer.mlp(layer.mlp_normalisation(attended).value)
    return layer.mlp_sum(layer.residual, attended.value, made).value


def embedded(model: Gpt, tokens: Tensor, place: int) -> Tensor:
    return model.embedded(tokens[None, : place + 1])[:, -1:]


def one_by_one(model: Gpt, tokens: Tensor, rule: ExitRule, prompt: int) -> Iterator[tuple[Tensor, int]]:
    """Logits of each token and its layers. What comes after the exit of a token is its keys and values."""
    cache: list[tuple[list[Tensor], list[Tensor]]] = [([], []) for _ in model.layers]
    for place in range(len(tokens)):
        x, depth, before = embedded(model, tokens, place), 0, None
        for number, (layer, (keys, values)) in enumerate(zip(model.layers, cache, strict=True), start=1):
            query, key, value = keys_of(layer, x)
            keys.append(key)
            values.append(value)
            if depth:
                continue
            x = rest_of(layer, x, query, keys, values)
            if number in model.exit_settings.after:
                now = model.certainty(number - 1, x)
                leaves = rule.leaves(now.entropy_B, before, now.largest_B).item()
                depth = number if leaves and place >= prompt else 0
                before = now.entropy_B
        yield model.logits_of(x)[0, 0], depth or len(model.layers)


@pytest.mark.parametrize("arithmetic", ["float", "integer"])
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("prompt", [0, 5])
@torch.no_grad()
def test_a_whole_sequence_gives_what_its_tokens_give_one_by_one(
    arithmetic: str, criterion: Criterion, prompt: int
) -> None:
    model = decoder(arithmetic)
    tokens = torch.randint(7, (2, 16))
    rule = rule_that_parts(model, criterion, tokens)
    together = model.decoded(tokens, rule, prompt)
    assert len(set(together.layers_BN[:, prompt:].flatten().tolist())) > 1
    assert (together.layers_BN[:, :prompt] == 4).all()
    for sample, alone in enumerate(tokens):
        logits, layers = zip(*one_by_one(model, alone, rule, prompt), strict=True)
        assert list(layers) == together.layers_BN[sample].tolist()
        if arithmetic == "integer":
            assert torch.equal(torch.stack(logits), together.logits_BNV[sample])
        else:
            torch.testing.assert_close(torch.stack(logits), together.logits_BNV[sample])


@torch.no_grad()
def test_a_token_that_left_is_read_otherwise_than_one_that_stayed() -> None:
    model, tokens = decoder("integer"), torch.randint(7, (2, 16))
    rule = rule_that_parts(model, "entropy", tokens)
    decoded, to_the_end = model.decoded(tokens, rule), model(tokens)
    stayed = decoded.layers_BN == 4
    assert stayed.any()
    assert not torch.equal(decoded.logits_BNV[stayed], to_the_end[stayed])
    assert torch.equal(model.decoded(tokens, rule, prompt=16).logits_BNV, to_the_end)
    assert torch.equal(model.decoded(tokens, ExitRule("entropy", 0)).logits_BNV, to_the_end)


@torch.no_grad()
def test_the_logits_of_a_token_that_leaves_are_those_of_its_exit() -> None:
    model, tokens = decoder("integer"), torch.randint(7, (2, 16))
    decoded = model.decoded(tokens, ExitRule("probability", 0))
    _, _, of_exits = model(tokens, exits=True)
    assert (decoded.layers_BN == 1).all() and torch.equal(decoded.logits_BNV, of_exits[0])


# ---------------------------------------------------------------- the program


def deciding(criterion: Criterion) -> tuple[IntegerGpt, Tensor]:
    """A model with a rule by which its tokens part, and samples."""
    model, samples = decoder("integer"), torch.randint(7, (6, 16))
    assert isinstance(model, IntegerGpt)
    with torch.no_grad():
        rule = rule_that_parts(model, criterion, samples)
    threshold = 2.0**-rule.steps if criterion == "fall" else rule.steps / STEPS
    chosen = {"criterion": criterion, "threshold": threshold}
    model.exit_settings = model.exit_settings.model_copy(update=chosen)
    return model, samples


def verified(criterion: Criterion) -> tuple[IntegerGpt, Tensor, whole.VerifiedModel]:
    model, samples = deciding(criterion)
    return model, samples, whole.verify(model, whole.program_of(model, Path("x")), samples, golden=2)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_tensor_equals_the_program_which_says_itself_who_leaves(criterion: Criterion) -> None:
    model, samples, found = verified(criterion)
    assert found.exits is not None and sum(found.exits.leaving) == samples.numel()
    assert sum(count > 0 for count in found.exits.leaving) > 1
    tensors = trace(found.program, samples.numpy(), nested=True)
    with torch.no_grad():
        _, _, of_exits = model(samples, exits=True)
        sure = model.exits[0].certainty(of_exits[0])
    np.testing.assert_array_equal(sure.entropy_B.numpy(), tensors["exit0/entropy"][..., 0])
    np.testing.assert_array_equal(sure.largest_B.numpy(), tensors["exit0/probability"].max(axis=-1))


def test_a_model_that_lets_others_leave_than_its_program_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    model, samples = deciding("entropy")
    program = whole.program_of(model, Path("x"))
    monkeypatch.setattr(model, "exit_settings", model.exit_settings.model_copy(update={"threshold": 0.05}))
    with pytest.raises(Mismatch):
        whole.verify(model, program, samples, golden=2)


@torch.no_grad()
def test_a_prompt_goes_through_all_layers_in_the_program_too() -> None:
    model, samples, found = verified("entropy")
    rule = ExitRule(found.exits.criterion, found.exits.steps) if found.exits else None
    assert rule is not None
    for prompt in (0, 3, 16):
        tensors = trace(after_prompt(found.program, prompt), samples.numpy(), nested=True)
        decoded = model.decoded(samples, rule, prompt)
        layers = np.array([1, 2, 3, 4])[token_exits(tensors, 3)]
        np.testing.assert_array_equal(layers, decoded.layers_BN.numpy())
        steps = decoded.logits_BNV / decoded.logits_BNV[decoded.logits_BNV != 0].abs().min()
        np.testing.assert_array_equal(np.sign(tensors["logits"]), np.sign(steps.numpy()))


# ---------------------------------------------------------------- learning and figures


def test_all_heads_are_one_head_and_learn_together() -> None:
    model = decoder("float").float()
    assert {name for name, _ in model.named_parameters() if "exit" in name} == set()
    model.train()
    _, after, of_exits = model(torch.randint(7, (2, 16)), states=True, exits=True)
    assert len(after) == 4 and [one.shape for one in of_exits] == [(2, 16, 7)] * 3
    of_exits[0].sum().backward()
    assert model.head.weight.grad is not None


@pytest.mark.parametrize("arithmetic", ["float", "integer"])
def test_a_table_of_rules_has_loss_and_layers(arithmetic: str) -> None:
    rule = ("model.exits.criterion=entropy", "model.exits.threshold=0.7")
    model = decoder(arithmetic, *rule)
    tokens, targets = torch.randint(7, (5, 16)), torch.randint(7, (5, 16))
    found = leaving_tokens.table(model, tokens, targets)
    assert found.tokens == 80 and len(found.head_loss) == 4
    (chosen,) = [one for one in found.rules if one.chosen]
    assert (chosen.criterion, chosen.threshold) == ("entropy", 0.7)
    for one in found.rules:
        assert one.loss is not None and sum(one.leaving) == pytest.approx(1)
        layers = sum(s * n for s, n in zip(one.leaving, (1, 2, 3, 4), strict=True))
        assert one.mean_layers == pytest.approx(layers)
        if one.leaving[-1] == 1:
            assert one.loss == pytest.approx(found.head_loss[-1])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.exits.after=[4]",), "must rise"),
        (("model.exits.after=[2]",), "compares an exit with the one before"),
        (("model.neighbours=true",), "do not go with `neighbours`"),
    ],
)
def test_exits_that_no_decoder_has_are_refused(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny_gpt("none.txt", *EXITS, *overrides)


def test_a_convolutional_network_has_no_exits() -> None:
    with pytest.raises(ConfigError, match="are for the families"):
        config.with_overrides(tiny_gpt("none.txt", *EXITS), ["model.family=resnet"])


def test_probabilities_below_half_a_step_are_lost_to_the_entropy() -> None:
    """The worst case of a vocabulary; what is lost on text is in docs/decisions/0037."""
    share = np.array([0.8, *[0.2 / 102] * 102])
    codes = np.floor(share * STEPS + 0.5).astype(int)
    whole_bits = information_table()[codes + 128].sum() / STEPS
    real_bits = -(share * np.log2(share)).sum()
    assert whole_bits == pytest.approx(0.26, abs=0.01) and real_bits == pytest.approx(2.06, abs=0.01)


def test_entropies_of_a_flat_vocabulary_are_near_real_ones() -> None:
    model, _ = made("gpt", *EXITS, "model.exits.criterion=entropy")
    assert isinstance(model, IntegerGpt)
    flat = torch.zeros(1, 1, 7, dtype=torch.float64)
    exit_ = model.exits[0]
    assert isinstance(exit_, TokenExit)
    assert abs(float(exit_.certainty(flat).entropy_B) / STEPS - np.log2(7)) < 0.15
