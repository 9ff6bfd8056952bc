"""Models in integers: what PyTorch computes in evaluation is their program, integer for integer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import tiny_digits, tiny_gpt
from integer_networks import IMAGES, META, TEXT, images, made
from quweit_cli import config, ir
from quweit_cli.errors import ArtifactError, ConfigError, Mismatch
from quweit_cli.export import whole
from quweit_cli.ir.nodes.functions import layer_norm, shiftmax
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear, RangeScaling
from quweit_cli.ir.nodes.products import MatrixProduct
from quweit_cli.ir.program import evaluate
from quweit_cli.models import IntegerClassifier, IntegerGpt, build, grids_of
from quweit_cli.models.integer.building import Model
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid, follow, rounded
from quweit_cli.models.integer.operations import Normalisation, Softmax
from quweit_cli.training import checkpoint
from quweit_cli.weightless.powers import exponent_of, power_of_two

CASES = [
    (family, mlp, neighbours)
    for family in ("vit", "gpt")
    for mlp in ("weightless", "dense")
    for neighbours in ("false", "true")
] + [("encoder", mlp, "false") for mlp in ("weightless", "dense")]


@pytest.mark.parametrize(("family", "mlp", "neighbours"), CASES)
def test_every_tensor_of_every_sample_equals_the_program(family: str, mlp: str, neighbours: str) -> None:
    model, samples = made(family, f"model.mlp={mlp}", f"model.neighbours={neighbours}")
    program = whole.program_of(model, Path("x"))
    verified = whole.verify(model, program, samples, golden=2)
    assert verified.tensors_compared == len(program.twins) > 30
    logits = model(samples[[0, 3]])
    scale = next(step.scale for step in program.program.steps if step.name == "logits")
    assert scale is not None
    np.testing.assert_array_equal(verified.logits * scale, logits.detach().numpy())


def test_only_what_is_moved_has_no_twin() -> None:
    model, _ = made("vit", "model.neighbours=true")
    program = model.build()
    paths = set(ir.program.tensor_types(program.program, nested=True))
    alone = {path.rpartition("/")[2] for path in paths - program.twins.keys()}
    inside_blocks = {"x", "thermometer", "lut_layer0", "summation", "y"}
    moved = {"pixels", "patches", "query_sum", "key_sum", "value_sum", "around"}
    assert alone == moved | inside_blocks - {"x"} | {"position", "layer0", "layer1"}


@pytest.mark.parametrize("tensor", ["layer1/hidden_sum", "layer0/qkv", "logits_sum"])
def test_one_changed_weight_is_named_by_layer_tensor_and_place(tensor: str) -> None:
    model, samples = made("vit", "model.mlp=dense")
    changed = with_other_weight(model.build(), tensor)
    with pytest.raises(Mismatch, match=f"`{tensor}` of test sample 0, element .*the integer program gives"):
        whole.verify(model, changed, samples, golden=1)


def with_other_weight(model: Model, tensor: str) -> Model:
    return model._replace(program=_changed(model.program, tensor.split("/")))


def _changed(program: ir.Program, path: list[str]) -> ir.Program:
    steps = []
    for step in program.steps:
        node = step.node
        if step.name == path[0] and isinstance(node, ir.Program):
            node = _changed(node, path[1:])
        elif step.name == path[0]:
            assert isinstance(node, MatrixProduct)
            node = dataclasses.replace(node, bias_O=node.bias_O + 1)
        steps.append(dataclasses.replace(step, node=node))
    return dataclasses.replace(program, steps=tuple(steps))


@pytest.mark.parametrize("family", ["vit", "gpt", "encoder"])
def test_saved_and_loaded_it_computes_the_same_integers(family: str, tmp_path: Path) -> None:
    model, samples = made(family)
    base = tiny_digits() if family == "vit" else tiny_gpt("none.txt")
    experiment = config.with_overrides(base, ["model.arithmetic=integer", f"model.family={family}"])
    targets = samples if family == "gpt" else torch.zeros(6, dtype=torch.int64)
    checkpoint.save(
        checkpoint.Checkpoint(experiment, META[family], model.state_dict(), samples, targets, {}),
        tmp_path / "ckpt.pt",
    )
    loaded = checkpoint.load(tmp_path / "ckpt.pt").model()
    assert isinstance(loaded, IntegerClassifier | IntegerGpt)
    assert torch.equal(loaded(samples), model(samples))
    codes = model.codes(samples).numpy()
    np.testing.assert_array_equal(
        evaluate(loaded.build().program, codes), evaluate(model.build().program, codes)
    )


@pytest.mark.parametrize("family", ["vit", "gpt"])
def test_it_has_the_weights_of_the_float_model_and_starts_near_it(family: str) -> None:
    torch.manual_seed(0)
    base = tiny_digits("model.mlp=dense") if family == "vit" else tiny_gpt("none.txt", "model.mlp=dense")
    real = build(base.model, IMAGES if family == "vit" else TEXT).eval()
    model, samples = made(family, "model.mlp=dense")
    missing, unexpected = model.load_state_dict(real.state_dict(), strict=False)
    assert not unexpected and all(name.endswith("largest") for name in missing)
    model.train()
    for _ in range(40):
        model(samples)
        follow(grids_of(model))
    with torch.no_grad():
        got, wanted = model.eval()(samples), real(samples)
    assert float((got - wanted).std() / wanted.std()) < 0.1


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("family", ["vit", "gpt"])
def test_every_weight_has_nearly_the_gradient_of_the_float_model(family: str, traced: bool) -> None:
    base = tiny_digits("model.mlp=dense") if family == "vit" else tiny_gpt("none.txt", "model.mlp=dense")
    meta = IMAGES if family == "vit" else TEXT
    gradients = []
    for arithmetic in ("float", "integer"):
        torch.manual_seed(0)
        model = build(config.with_overrides(base, [f"model.arithmetic={arithmetic}"]).model, meta).train()
        samples = images(6) if family == "vit" else torch.randint(7, (6, 16))
        if traced and arithmetic == "integer":
            for layer in model.layers:
                layer.forward = torch.compile(
                    layer.forward, dynamic=False, backend="aot_eager_decomp_partition"
                )
        for _ in range(3):  # ranges come first
            model.zero_grad()
            logits = model(samples)
            assert isinstance(logits, torch.Tensor)
            logits.square().sum().backward()  # type: ignore[no-untyped-call]
            follow(grids_of(model))
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    real, integer = gradients
    assert real.keys() == integer.keys()
    for name, gradient in real.items():
        other = integer[name]
        assert gradient is not None and other is not None, name
        if float(gradient.abs().max()) > 1e-6:
            alike = torch.cosine_similarity(gradient.flatten(), other.flatten(), dim=0)
            assert float(alike) > 0.9, name


def test_pixels_come_back_exactly() -> None:
    model, samples = made("vit")
    mean, std = (torch.tensor(IMAGES[key])[:, None, None] for key in ("mean", "std"))
    pixels = (samples * std + mean).round().long()
    assert torch.equal(model.codes(samples), pixels - 128)


def test_a_resnet_has_no_integers() -> None:
    settings = tiny_digits("model.arithmetic=integer", "model.family=resnet", "model.mlp=dense").model
    with pytest.raises(ConfigError, match="the family `resnet` computes in floating point alone"):
        build(settings, IMAGES)


def test_a_dataset_that_does_not_say_how_it_was_normalised_is_refused() -> None:
    settings = tiny_digits("model.arithmetic=integer").model
    with pytest.raises(ConfigError, match="nothing says how those of this dataset were normalised"):
        build(settings, IMAGES | {"mean": [], "std": []})
    with pytest.raises(ConfigError, match="nothing says how"):
        build(settings, IMAGES | {"mean": [1.0]})


def test_weights_of_no_use_give_no_program() -> None:
    model, _ = made("vit")
    model.head.weight.data[0, 0] = float("nan")
    with pytest.raises(ArtifactError, match="gives no valid integer program"):
        whole.program_of(model, Path("x"))


# ---------------------------------------------------------------- fixed points


def test_powers_of_two_are_exact() -> None:
    exponents = torch.arange(-126, 128, dtype=torch.int32)
    assert power_of_two(exponents).tolist() == [2.0**exponent for exponent in range(-126, 128)]


@pytest.mark.parametrize(
    ("value", "exponent"), [(0.75, 0), (1.0, 1), (1.5, 1), (2.0, 2), (0.25, -1), (0.0, -126)]
)
def test_an_exponent_is_the_least_that_is_above(value: float, exponent: int) -> None:
    assert int(exponent_of(torch.tensor(value))) == exponent


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_halves_are_rounded_upward_and_the_gradient_passes(dtype: torch.dtype) -> None:
    x = torch.tensor([0.125, -0.125, 0.374, -0.376, 9.0, -9.0], dtype=dtype, requires_grad=True)
    y = rounded(x, torch.tensor(2, dtype=torch.int32), -8, 7)
    assert y.tolist() == [0.25, 0.0, 0.25, -0.5, 1.75, -2.0]
    y.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None and x.grad.tolist() == [1.0] * 6


def test_a_grid_follows_what_it_sees_in_training_alone() -> None:
    grid = Grid()
    grid(torch.tensor([-3.0, 1.0]))
    follow([grid])
    assert int(grid.fraction()) == 5  # 3 · 2^5 = 96
    grid.eval()
    grid(torch.tensor([100.0]))
    follow([grid])
    assert int(grid.fraction()) == 5
    wide = Grid(16, headroom=1)
    wide(torch.tensor([3.0]))
    follow([wide])
    assert int(wide.fraction()) == 12


def test_a_step_rounds_by_what_the_steps_before_have_seen_and_the_first_by_nothing() -> None:
    grid, x = Grid(), torch.tensor([1.03, -0.4])
    assert torch.equal(grid(x).value, x)
    assert torch.equal(grid(x).value, x)  # until it follows
    follow([grid])
    assert grid(100 * x).value.tolist() == [127 / 64, -2.0]  # 1.03 · 2^6 = 66
    follow([grid])
    assert float(grid.largest) == pytest.approx(0.95 * 1.03 + 0.05 * 103)


def test_grids_follow_the_mean_or_the_largest_of_what_they_see() -> None:
    mean, most, idle = Grid(), Grid(smooth=False), Grid()
    for magnitude in (4.0, 2.0):
        for grid in (mean, most):
            grid(torch.tensor([magnitude, -1.0]))
        follow([mean, most, idle])
    assert float(mean.largest) == pytest.approx(0.95 * 4 + 0.05 * 2)
    assert float(most.largest) == pytest.approx(0.999 * 4)
    assert float(idle.largest) == 0


def test_tokens_that_are_there_for_the_alignment_change_nothing() -> None:
    torch.manual_seed(0)
    score = torch.randint(-128, 128, (2, 3, 5, 5)) / 8
    fraction = torch.tensor(3, dtype=torch.int32)
    softmax = Softmax(causal=False).train()
    plain = softmax(FixedPoint(score, fraction)).value
    aligned = softmax(FixedPoint(torch.nn.functional.pad(score, (0, 3)), fraction)).value
    assert torch.equal(aligned[..., :5], plain) and not aligned[..., 5:].any()
    assert torch.equal(
        plain, Softmax(causal=False).eval()(FixedPoint(score.double(), fraction)).value.float()
    )


@pytest.mark.parametrize("causal", [False, True])
def test_the_gradient_of_a_softmax_is_that_of_one_that_gives_the_same(causal: bool) -> None:
    torch.manual_seed(0)
    score = (torch.randint(-128, 128, (2, 1, 6, 6)) / 32).requires_grad_()
    fraction = torch.tensor(5, dtype=torch.int32)
    wanted = torch.randn(2, 1, 6, 6)
    share = Softmax(causal=causal).train()(FixedPoint(score, fraction)).value
    (share * wanted).sum().backward()  # type: ignore[no-untyped-call]
    given = share.detach()
    expected = given * (wanted - (given * wanted).sum(-1, keepdim=True))
    assert score.grad is not None
    assert float((score.grad - expected).abs().max()) < 0.03  # the share is rounded to 1/128
    assert not causal or not score.grad.triu(1).any()


def test_softmax_and_normalisation_equal_their_nodes_at_the_edges() -> None:
    random = np.random.default_rng(0)
    score = random.integers(-128, 128, (40, 7))
    score[0], score[1] = 127, [-128, -128, -128, -128, -128, -128, 127]
    for fraction in (1, 3, 5):
        of_score = torch.tensor(fraction, dtype=torch.int32)
        x = FixedPoint(torch.from_numpy(score / 2.0**fraction), of_score)
        got = Softmax(causal=False).eval()(x).value * 128
        multiplier = int(Softmax.octaves(of_score))
        np.testing.assert_array_equal(got.numpy(), shiftmax(score, multiplier))
    rows = random.integers(-32768, 32768, (40, 24))
    rows[0], rows[1], rows[2] = 5, [-32768] * 12 + [32767] * 12, [0] * 23 + [1]
    normal = Normalisation().eval()(
        FixedPoint(torch.from_numpy(rows / 256), torch.tensor(8, dtype=torch.int32))
    )
    np.testing.assert_array_equal((normal.value * 32).numpy(), layer_norm(rows))


def test_a_normalisation_in_pieces_equals_its_node_and_learns_as_the_function() -> None:
    """In training as well, on the grid of the stream."""
    pieces = PiecewiseLinear(
        np.array([16, 40]),
        np.array([-9, -4, -1]),
        np.array([20, 17, 12]),
        4,
        3,
        -128,
        127,
        RangeScaling(6, 4, 2),
    )
    random = np.random.default_rng(0)
    rows = random.integers(-32768, 32768, (40, 24))
    rows[0], rows[1], rows[2] = 5, [-32768] * 12 + [32767] * 12, [0] * 23 + [1]
    value = torch.from_numpy(rows / 256)
    fraction, module = torch.tensor(8, dtype=torch.int32), Normalisation(pieces)
    assert np.array_equal(module.node().evaluate(rows), layer_norm(rows, pieces))
    for training in (False, True):
        x = value.clone().requires_grad_(training)
        normal = module.train(training)(FixedPoint(x, fraction)).value
        np.testing.assert_array_equal((normal * 32).detach().numpy(), layer_norm(rows, pieces))
    wanted = torch.randn(normal.shape, dtype=normal.dtype, generator=torch.Generator().manual_seed(0))
    (normal * wanted).sum().backward()
    real = value.clone().requires_grad_()
    (torch.nn.functional.layer_norm(real, real.shape[-1:]) * wanted).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, real.grad)


@pytest.mark.parametrize("causal", [False, True])
def test_a_softmax_in_pieces_equals_its_node_and_learns_as_the_function(causal: bool) -> None:
    exponential = PiecewiseLinear(
        np.array([-90, -30]), np.array([0, 3, 20]), np.array([-1, 9, 60]), 5, -5, 0, 1 << 16
    )
    reciprocal = PiecewiseLinear(
        np.array([16, 40]),
        np.array([-9, -4, -1]),
        np.array([20, 17, 12]),
        4,
        2,
        0,
        127,
        RangeScaling(6, 3, 3),
    )
    score = np.random.default_rng(0).integers(-128, 128, (3, 9, 9))
    score[0, :3] = -128
    fraction = torch.tensor(4, dtype=torch.int32)
    for parts in ((exponential, None), (None, reciprocal), (exponential, reciprocal)):
        module = Softmax(causal=causal, exponential=parts[0], reciprocal=parts[1])
        expected = module.node(4).evaluate(score)
        for training in (False, True):
            x = torch.from_numpy(score / 16).requires_grad_(training)
            got = module.train(training)(FixedPoint(x, fraction)).value
            np.testing.assert_array_equal((got * 128).detach().numpy(), expected)
        wanted = torch.randn(got.shape, dtype=got.dtype, generator=torch.Generator().manual_seed(0))
        (got * wanted).sum().backward()
        real = torch.from_numpy(score / 16).requires_grad_()
        seen = real.masked_fill(torch.ones(9, 9).triu(1).bool(), -torch.inf) if causal else real
        (torch.softmax(seen, -1) * wanted).sum().backward()
        assert x.grad is not None and real.grad is not None
        torch.testing.assert_close(x.grad, real.grad)


def test_pieces_that_nobody_searched_yet_make_no_model() -> None:
    settings = tiny_digits("model.arithmetic=integer", "model.functions.root={bits: 9}").model
    meta = {"kind": "images", "side": 8, "channels": 1, "classes": ["a", "b"], "mean": [0.0], "std": [1.0]}
    with pytest.raises(ConfigError, match=r"`model.functions.root` says which pieces to take"):
        build(settings, meta)
