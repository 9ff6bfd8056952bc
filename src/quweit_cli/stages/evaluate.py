"""checkpoint -> accuracy or loss, in PyTorch and with every block replaced by its integer program."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from quweit_cli.documents import EvalResult, ExitTable
from quweit_cli.export.equality import integer_programs, programs_of
from quweit_cli.export.samples import samples_for
from quweit_cli.models import Classifier, Gpt, Network, blocks_of
from quweit_cli.models.size import size_of
from quweit_cli.progress import SILENT, Progress
from quweit_cli.training import checkpoint as checkpoints
from quweit_cli.training import leaving, leaving_tokens
from quweit_cli.training.device import describe, pick_device
from quweit_cli.training.evaluation import evaluate


def run(
    checkpoint: Path, *, data_path: Path | None = None, device: str = "auto", progress: Progress = SILENT
) -> EvalResult:
    """Test on all held-out samples; writes nothing.

    Raises:
        ArtifactError: not a checkpoint of ours, or damaged.
        ConfigError: CUDA is asked for, and there is none.
        DataUnavailable: `data_path` does not hold the checkpoint's dataset.
    """
    loaded = checkpoints.load(checkpoint)
    place = pick_device(device)
    model = loaded.model().to(place)
    samples = samples_for(loaded, model.tokens, data_path)
    programs = programs_of(blocks_of(model), checkpoint)
    with progress.task("test", total=2 if programs else 1) as task:
        score = evaluate(model, samples.inputs, samples.targets, model.tokens)
        task.advance()
        integer = None
        if programs:
            with integer_programs(model, programs):
                integer = evaluate(model, samples.inputs, samples.targets, model.tokens)
            task.advance()
    return EvalResult(
        name=loaded.experiment.name,
        mlp=loaded.experiment.model.mlp,
        data=samples.description,
        samples=score.samples,
        device=describe(place),
        loss=score.loss,
        accuracy=score.accuracy,
        integer_loss=None if integer is None else integer.loss,
        integer_accuracy=None if integer is None else integer.accuracy,
        exits=rules_of(model, samples.inputs, samples.targets, progress),
        size=size_of(model, loaded.experiment.model, loaded.meta),
    )


def rules_of(
    model: Network, inputs: Tensor, targets: Tensor, progress: Progress = SILENT
) -> ExitTable | None:
    """What samples or tokens gain and lose by leaving a model early; None where they cannot."""
    if isinstance(model, Classifier) and model.exit_heads:
        return leaving.table(model, inputs, targets)
    if isinstance(model, Gpt) and model.exit_settings.after:
        return leaving_tokens.table(model, inputs, targets, progress)
    return None
