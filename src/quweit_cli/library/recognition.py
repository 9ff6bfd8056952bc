"""What is an MLP in somebody else's model: by its matrices, so that no library needs to be known by name.

An MLP is a module whose matrices are two, the second reading what the first gives: timm's `Mlp`, Hugging Face's `ViTMLP`
and `GPT2MLP`, `nn.Sequential(Linear, GELU, Linear)`. With three matrices, two of which read the same rows, it is gated;
three square ones could as well be queries, keys and values, and are none.
BERT and its relatives have the two in modules of their own, `intermediate` and `output`, which are taken as a pair.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

LIKE_LINEAR = "Conv1D"  # a Linear of Hugging Face's whose weight lies [inputs, outputs]


class Matrix(NamedTuple):
    inputs: int
    outputs: int


class Mlp(NamedTuple):
    features: int
    hidden: int
    outputs: int
    gated: bool
    weight: Tensor  # tells device and type

    @property
    def residual(self) -> bool:
        """Whether it looks like a branch beside a residual stream: as wide at its end, and wider in between."""
        return not self.gated and self.features == self.outputs < self.hidden


def mlp_of(module: nn.Module) -> Mlp | None:
    """The MLP that a module is, by all matrices in it; none where they are others."""
    linears = [one for one in module.modules() if _matrix(one) is not None]
    own = {id(one.weight) for one in linears}
    if any(one.ndim >= 2 and id(one) not in own for one in module.parameters()) or len(linears) not in (2, 3):
        return None
    first, *gates, last = [one for one in map(_matrix, linears) if one is not None]
    if first.outputs != last.inputs or any(one != first or one == last for one in gates):
        return None
    weight = linears[0].weight
    assert isinstance(weight, Tensor)
    return Mlp(first.inputs, first.outputs, last.outputs, bool(gates), weight)


def pair_of(layer: nn.Module) -> Mlp | None:
    """Of a layer with `intermediate` and `output`, each of one matrix: the MLP that both are; none of any other."""
    first, last = (dict(layer.named_children()).get(name) for name in ("intermediate", "output"))
    if first is None or last is None or _matrix(getattr(last, "dense", nn.Identity())) is None:
        return None
    found = mlp_of(nn.ModuleList([first, last]))
    return None if found is None or found.gated else found


def stands_alone(module: nn.Module, found: Mlp) -> bool:
    """Whether nothing but the MLP is lost with a module: a norm over its rows within could be that of a residual."""
    if isinstance(module, nn.Sequential):
        return True
    norms = (one for one in module.modules() if "norm" in type(one).__name__.lower())
    return not any(found.features in one.shape for norm in norms for one in norm.parameters())


def _matrix(module: nn.Module) -> Matrix | None:
    weight = getattr(module, "weight", None)
    if isinstance(module, nn.Linear):
        return Matrix(module.in_features, module.out_features)
    if type(module).__name__ == LIKE_LINEAR and isinstance(weight, Tensor) and weight.ndim == 2:
        return Matrix(int(weight.shape[0]), int(weight.shape[1]))
    return None
