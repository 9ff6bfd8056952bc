"""What samples gain and lose by leaving early: rules over all test samples."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.documents import ExitRow, ExitTable
from quweit_cli.models.classifier import Classifier
from quweit_cli.models.exits import Certainty, leaving, rule_of
from quweit_cli.training.evaluation import batches
from quweit_cli.training.operations import Operations, operations

THRESHOLDS: Mapping[str, tuple[float, ...]] = {
    "fall": (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625),
    "entropy": (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.25, 1.5, 2.0),
    "probability": (0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98),
}


@torch.no_grad()
def table(model: Classifier, inputs: Tensor, targets: Tensor) -> ExitTable:
    """Every criterion at several thresholds, and the rule of the settings; the model is left as it was."""
    device, settings, training = next(model.parameters()).device, model.exit_settings, model.training
    model.eval()
    right, certain = [], []
    for part in batches(len(inputs), model.tokens):
        logits, _, of_exits = model(inputs[part].to(device), exits=True)
        heads = torch.stack([*of_exits, logits]).argmax(dim=-1)
        right.append((heads == targets[part].to(device)).cpu())
        certain.append([Certainty(*(one.cpu() for one in each)) for each in model.certainties(of_exits)])
    right_HB = torch.cat(right, dim=1)
    exits = [Certainty(*map(torch.cat, zip(*batch, strict=True))) for batch in zip(*certain, strict=True)]
    taken = operations(model, inputs[:1].to(device))
    model.train(training)
    rules = [_row(exits, right_HB, taken, rule, model) for rule in rules_beside(settings)]
    return ExitTable(
        after=list(settings.after),
        layers=len(model.layers),
        head_accuracy=right_HB.double().mean(dim=1).tolist(),
        operations=taken.until(list(settings.after)),
        operations_without_exits=taken.without_exits,
        rules=rules,
    )


def rules_beside(settings: config.Exits) -> list[config.Exits]:
    """Every criterion at several thresholds, and the rule of the settings among them."""
    return [
        settings.model_copy(update={"criterion": criterion, "threshold": threshold})
        for criterion, thresholds in THRESHOLDS.items()
        for threshold in sorted(
            {*thresholds, *([settings.threshold] if criterion == settings.criterion else [])}
        )
    ]


def _row(
    exits: list[Certainty], right_HB: Tensor, taken: Operations, rule: config.Exits, model: Classifier
) -> ExitRow:
    taken_B = leaving(exits, rule_of(rule))
    depths = torch.tensor([*rule.after, len(model.layers)], dtype=torch.double)
    mean = float(depths[taken_B].mean())
    shares = torch.bincount(taken_B, minlength=len(depths)).double() / len(taken_B)
    ways = torch.tensor(taken.until(list(rule.after)), dtype=torch.double)
    own = model.exit_settings
    return ExitRow(
        criterion=rule.criterion,
        threshold=rule.threshold,
        accuracy=float(right_HB.gather(0, taken_B[None]).double().mean()),
        mean_layers=mean,
        layers_saved=1 - mean / len(model.layers),
        operations_saved=1 - float(ways[taken_B].mean()) / taken.without_exits,
        leaving=shares.tolist(),
        chosen=(rule.criterion, rule.threshold) == (own.criterion, own.threshold),
    )
