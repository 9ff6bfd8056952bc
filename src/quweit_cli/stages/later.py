"""Settings of the stages that follow training, as far as they can be refused before it: hours later is too late."""

from __future__ import annotations

from quweit_cli import config, toolbox
from quweit_cli.energy import power, published
from quweit_cli.errors import ConfigError
from quweit_cli.synthesizers.library import activity, mapping
from quweit_cli.technologies import technology_of


def check(experiment: config.Experiment) -> None:
    """Raises what the stage would raise: ConfigError, or ToolNotFound and ToolTooOld of a tool that a cell library asks for."""
    _check_rtl(experiment.rtl, experiment.model)
    _check_synth(experiment.synth, experiment.dump)
    for side in experiment.energy.arrays:
        if side not in published.SYSTOLIC:
            known = ", ".join(str(one) for one in published.SYSTOLIC)
            raise ConfigError(
                f"`energy.arrays`: no power is published for a systolic array of side {side}; known: {known}"
            )


def _check_rtl(options: config.Rtl, model: config.Model) -> None:
    projections = model.attention.projections
    kinds = {"qkv": projections.qkv, "projection": projections.output, "block": model.mlp}
    roles = [role for role, kind in kinds.items() if kind == "weightless"]
    names = [f"{role}{layer}" for layer in range(model.depth) for role in roles]
    if unknown := sorted(set(options.blocks) - set(names)):
        raise ConfigError(
            f"`rtl.blocks` names `{unknown[0]}`, which the model will not have",
            hint=f"its blocks: {', '.join(names)}",
        )
    folds = {"rtl": options, **{f"rtl.blocks.{name}": fold for name, fold in options.blocks.items()}}
    for where, fold in folds.items():
        if isinstance(fold.outputs_per_cycle, int) and fold.outputs_per_cycle > model.dim:
            raise ConfigError(
                f"`{where}.outputs_per_cycle` is {fold.outputs_per_cycle}, and a block has only {model.dim} outputs",
                hint=f"choose at most {model.dim} (`model.dim`), or `all`",
            )


def _check_synth(options: config.Synth, dump: config.Dump) -> None:
    if not options.liberty:
        if not power.covers(options.device):
            raise ConfigError(
                f"`synth.device` is `{options.device}`, and the power model knows nothing of {technology_of(options.device).cells.name}: "
                "there would be no energy to state",
                hint="leave the device as it is, and count its cells afterwards: `quweit synth DIR --device "
                f"{options.device}`",
            )
        return
    mapping.target_of(options)
    toolbox.find(toolbox.OPENSTA)
    if options.activity == "measured":
        toolbox.find(toolbox.ICARUS)
        if dump.rows <= activity.ROWS_AROUND:
            raise ConfigError(
                f"`dump.rows` is {dump.rows}, and activity takes {activity.ROWS_AROUND + 1} golden rows at least",
                hint="dump more rows, or set `synth.activity` to vectorless",
            )
