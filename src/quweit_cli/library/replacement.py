"""MLPs of somebody else's model, found and replaced in place by weightless blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from quweit_cli.errors import UnsupportedModel
from quweit_cli.library.recognition import Mlp, mlp_of, pair_of, stands_alone
from quweit_cli.library.replaced import ReplacedMlp
from quweit_cli.weightless.block import WeightlessBlock, block_settings

Where = str | type[nn.Module] | tuple[type[nn.Module], ...] | Callable[[str, nn.Module], bool]
INLINE = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)


class _Found(NamedTuple):
    """An MLP, the names of the modules that go, and the first of them, in whose place the block comes."""

    mlp: Mlp
    names: tuple[str, ...]


def replace_mlps(
    model: nn.Module,
    where: Where | None = None,
    *,
    luts: int | Sequence[int],
    normalise: bool = True,
    **block: Any,
) -> dict[str, nn.Module]:
    """Put a fresh weightless block in the place of each MLP; gives what was replaced, by name.

    where: a pattern of names such as `blocks.*.mlp`, where `*` is one part of a name; a type of module, or several; or a
    function of name and module. Without it: every module that is an MLP beside a residual stream.
    luts: of a block's only layer, or of each of its layers. normalise: normalise the rows in front of each block, without
    gain and bias; a block whose rows are of unit scale as they come needs no more of it.
    block: other keys of `model.block`, such as `fan_in=4` or `thermometer={"bits": 4}`.

    Blocks come to the device of what they replace and answer in its type; their weights are float32.

    Raises:
        UnsupportedModel: there is nothing to replace, what `where` chose is no MLP, or a module stands in two places.
        ConfigError: settings that no block can have.
    """
    settings = block_settings(None, luts, block)
    chosen = _chosen(model, where)
    _check_places(model, chosen)
    made = [
        ReplacedMlp(
            WeightlessBlock(found.mlp.features, settings, outputs=found.mlp.outputs),
            hidden=None if found.mlp.gated else found.mlp.hidden,
            normalised=normalise,
        )
        for found in chosen
    ]  # all of them before the first is put in: an error leaves the model as it was
    replaced: dict[str, nn.Module] = {}
    for found, new in zip(chosen, made, strict=True):
        first, *others = found.names
        replaced[first] = _put(model, first, new.to(found.mlp.weight.device))
        for name in others:
            replaced[name] = _put(model, name, nn.Identity())
    return replaced


def _put(model: nn.Module, name: str, new: nn.Module) -> nn.Module:
    """The module that stood there, whose mode the new one takes on."""
    parent, _, leaf = name.rpartition(".")
    old = model.get_submodule(name)
    setattr(model.get_submodule(parent), leaf, new.train(old.training))
    return old


def _chosen(model: nn.Module, where: Where | None) -> list[_Found]:
    """Raises UnsupportedModel where there is none, or what was asked for is no MLP."""
    found = list(_of_any_kind(model) if where is None else _asked_for(model, where))
    if [one.names for one in found] == [("",)]:
        raise UnsupportedModel(
            "the model itself is an MLP, and nothing can be put in its place",
            hint="use `WeightlessBlock(features, luts=..., outputs=...)` in its stead",
        )
    if not found:
        asked = "there is no MLP" if where is None else "no module is what `where` asks for"
        hint = "say which modules are MLPs by `where`: a pattern of names, a type or a function"
        if any(isinstance(one, INLINE) for one in model.modules()):
            hint = "layers of `torch.nn` compute their MLP in their own forward: give it a module of its own"
        raise UnsupportedModel(f"nothing to replace in {type(model).__name__}: {asked}", hint=hint)
    return found


def _of_any_kind(model: nn.Module) -> Iterator[_Found]:
    """Innermost modules that are MLPs beside a residual stream, and pairs of modules."""
    for name, module in model.named_modules():
        if found := _pair(name, module):
            yield found
            continue
        mlp = mlp_of(module)
        if mlp is None or not mlp.residual or not stands_alone(module, mlp):
            continue
        if not any(mlp_of(inner) for inner in module.modules() if inner is not module):
            yield _Found(mlp, (name,))


def _asked_for(model: nn.Module, where: Where) -> Iterator[_Found]:
    """Outermost modules of those that are meant; what is within one is not looked at."""
    taken: list[str] = []
    for name, module in model.named_modules():
        if (
            not name
            or any(name.startswith(f"{outer}.") for outer in taken)
            or not _is_meant(name, module, where)
        ):
            continue
        taken.append(name)
        mlp = mlp_of(module)
        found = _pair(name, module) if mlp is None else _Found(mlp, (name,))
        if found is None:
            raise UnsupportedModel(
                f"`{name}` is a {type(module).__name__}, and no MLP of two matrices",
                hint="narrow `where`, or put a `WeightlessBlock` in its place by hand",
            )
        yield found


def _pair(name: str, layer: nn.Module) -> _Found | None:
    found = pair_of(layer)
    if found is None:
        return None
    prefix = f"{name}." if name else ""
    return _Found(found, (f"{prefix}intermediate", f"{prefix}output.dense"))


def _is_meant(name: str, module: nn.Module, where: Where) -> bool:
    if isinstance(where, str):
        parts, wanted = name.split("."), where.split(".")
        return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
    if isinstance(where, type | tuple):
        return isinstance(module, where)
    return bool(where(name, module))


def _check_places(model: nn.Module, chosen: list[_Found]) -> None:
    """Raises UnsupportedModel for a module with several names: its block would be several in hardware."""
    names: dict[int, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(id(module), []).append(name)
    for found in chosen:
        places = names[id(model.get_submodule(found.names[0]))]
        if len(places) > 1:
            raise UnsupportedModel(
                f"one module stands at {' and '.join(f'`{one}`' for one in places)}",
                hint="give each place a module of its own, by `copy.deepcopy`: a block in hardware stands in one place",
            )
