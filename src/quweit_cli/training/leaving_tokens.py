"""What the tokens of a text gain and lose by leaving a decoder early: rules over held-out tokens.

A token that leaves changes what later tokens read, so every rule is a run of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.documents import ExitRow, ExitTable
from quweit_cli.models.exits import rule_of
from quweit_cli.models.gpt import Gpt
from quweit_cli.progress import SILENT, Progress
from quweit_cli.training.evaluation import batches, prediction_loss
from quweit_cli.training.leaving import rules_beside

MOST_TOKENS = 1 << 13  # that rules are compared on: a model runs over them once a rule
GPU_MOST_TOKENS = 1 << 16


@torch.no_grad()
def table(model: Gpt, inputs: Tensor, targets: Tensor, progress: Progress = SILENT) -> ExitTable:
    """Every criterion at several thresholds, and the rule of the settings; the model is in evaluation afterwards.

    inputs, targets: samples x tokens, of which as many are taken as MOST_TOKENS are (on a GPU GPU_MOST_TOKENS), evenly spaced. Every sample is decoded
    from its first token on, none of which is a prompt.
    """
    settings, device = model.exit_settings, next(model.parameters()).device
    model.eval()
    most = GPU_MOST_TOKENS if device.type == "cuda" else MOST_TOKENS
    wanted = max(1, min(len(inputs), most // model.tokens))
    chosen = torch.arange(wanted) * len(inputs) // wanted
    inputs, targets = inputs[chosen].to(device), targets[chosen].to(device)
    heads = [_Sums() for _ in (*settings.after, None)]
    for part in batches(len(inputs), model.tokens):
        logits, _, of_exits = model(inputs[part], exits=True)
        for head, answered in zip(heads, (*of_exits, logits), strict=True):
            head.add(answered, targets[part])
    rules = rules_beside(settings)
    rows = []
    with progress.task("tokens that leave early", total=len(rules)) as task:
        for rule in rules:
            rows.append(_row(model, inputs, targets, rule))
            task.advance()
    return ExitTable(
        after=list(settings.after),
        layers=len(model.layers),
        tokens=targets.numel(),
        head_accuracy=[head.accuracy for head in heads],
        head_loss=[head.loss for head in heads],
        rules=rows,
    )


def _row(model: Gpt, inputs: Tensor, targets: Tensor, rule: config.Exits) -> ExitRow:
    found, depths, own = _Sums(), [*rule.after, len(model.layers)], model.exit_settings
    went = torch.zeros(len(model.layers) + 1, dtype=torch.long)
    for part in batches(len(inputs), model.tokens):
        decoded = model.decoded(inputs[part], rule_of(rule))
        found.add(decoded.logits_BNV, targets[part])
        went += torch.bincount(decoded.layers_BN.flatten().cpu(), minlength=len(went))
    shares = went.double() / went.sum()
    mean = float(shares @ torch.arange(len(went), dtype=torch.double))
    return ExitRow(
        criterion=rule.criterion,
        threshold=rule.threshold,
        accuracy=found.accuracy,
        loss=found.loss,
        mean_layers=mean,
        layers_saved=1 - mean / len(model.layers),
        leaving=shares[depths].tolist(),
        chosen=(rule.criterion, rule.threshold) == (own.criterion, own.threshold),
    )


@dataclass
class _Sums:
    """Over tokens."""

    nats: float = 0.0
    right: int = 0
    tokens: int = 0

    def add(self, logits_BNV: Tensor, target_BN: Tensor) -> None:
        self.nats += float(prediction_loss(logits_BNV, target_BN, reduction="sum"))
        self.right += int((logits_BNV.argmax(dim=-1) == target_BN).sum())
        self.tokens += target_BN.numel()

    @property
    def loss(self) -> float:
        return self.nats / self.tokens

    @property
    def accuracy(self) -> float:
        return self.right / self.tokens
