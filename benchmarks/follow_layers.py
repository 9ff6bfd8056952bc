"""Where a weightless model that follows a dense one loses: layer by layer, on the data of both.

    python benchmarks/follow_layers.py build/dense/train/ckpt.pt build/weightless/train/ckpt.pt --data cifar.npz

Both are vision transformers of the same shape, the second trained by `training.distill.states`. After every layer it
prints how far the weightless stream is from the dense one (squared distance over the variance of the latter), how far
from the dense model's update this layer is when it reads the dense stream (squared distance over the update's square),
and the accuracy of a model that is weightless up to that layer and dense from there on; then both models' accuracy and
loss. All of it on test images and on as many training images, unchanged: a follower that learned its images by heart
would be closer to the dense model on those.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from quweit_cli.models.vit import Vit
from quweit_cli.training import checkpoint, datasets
from quweit_cli.training.datasets.images import Images

BATCH = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dense", type=Path, help="checkpoint of the model that is followed")
    parser.add_argument("weightless", type=Path, help="checkpoint of the model that follows")
    parser.add_argument("--data", type=Path, help="the dataset's file")
    parser.add_argument("--samples", type=int, default=1024)
    options = parser.parse_args()
    loaded = checkpoint.load(options.dense)
    dense, weightless = vit(options.dense), vit(options.weightless)
    data = datasets.load(loaded.experiment.data.model_copy(update={"path": options.data}))
    if not isinstance(data, Images):
        raise SystemExit(f"`{options.dense}` learned from no images")
    trained_on = dataclasses.replace(data, test_pixels=data.train_pixels, test_labels=data.train_labels)
    for images, source in (("test", data), ("training", trained_on)):
        samples = source.test(dense.tokens, options.samples)
        print(f"{images} images", flush=True)
        for line in by_layer(dense, weightless, *samples):
            print(f"  {line}", flush=True)
        for name, model in (("dense", dense), ("weightless", weightless)):
            print(f"  {name}: {judged(model, *samples)}", flush=True)


def vit(path: Path) -> Vit:
    model = checkpoint.load(path).model()
    if not isinstance(model, Vit):
        raise SystemExit(f"`{path}` is no vision transformer")
    return model


@torch.no_grad()
def by_layer(dense: Vit, weightless: Vit, image_BXSS: Tensor, label_B: Tensor) -> list[str]:
    depth, samples = len(dense.layers), len(label_B)
    off_D, missed_D, right_D = torch.zeros(depth), torch.zeros(depth), torch.zeros(depth)
    start_BND: list[Tensor] = []
    watch = dense.layers[0].register_forward_pre_hook(lambda _, given: start_BND.append(given[0]))
    for image_PXSS, label_P in zip(torch.split(image_BXSS, BATCH), torch.split(label_B, BATCH), strict=True):
        share = len(label_P) / samples
        _, dense_states = dense(image_PXSS, states=True)
        _, weightless_states = weightless(image_PXSS, states=True)
        before_PND = start_BND.pop()
        for layer, (aim_PND, got_PND) in enumerate(zip(dense_states, weightless_states, strict=True)):
            off_D[layer] += share * relative(got_PND - aim_PND, aim_PND - aim_PND.mean(dim=(0, 1)))
            alone_PND = weightless.layers[layer](before_PND)
            missed_D[layer] += share * relative(alone_PND - aim_PND, aim_PND - before_PND)
            logits_PO = finished(dense, got_PND, layer + 1)
            right_D[layer] += (logits_PO.argmax(dim=1) == label_P).sum()
            before_PND = aim_PND
    watch.remove()
    return [
        f"layer {layer}: stream {off_D[layer]:.3f} off, update {missed_D[layer]:.3f} missed, "
        f"weightless up to here {100 * right_D[layer] / samples:.2f} %"
        for layer in range(depth)
    ]


def relative(difference: Tensor, whole: Tensor) -> Tensor:
    return difference.square().sum() / whole.square().sum()


def finished(model: Vit, x_BND: Tensor, first: int) -> Tensor:
    """What the layers from `first` on answer to a stream, [B, O]."""
    for layer in list(model.layers)[first:]:
        x_BND = layer(x_BND)
    logits_BO: Tensor = model.head(model.norm(x_BND).mean(dim=1))
    return logits_BO


@torch.no_grad()
def judged(model: Vit, image_BXSS: Tensor, label_B: Tensor) -> str:
    logits_BO = torch.cat([model(image_PXSS) for image_PXSS in torch.split(image_BXSS, BATCH)])
    accuracy = (logits_BO.argmax(dim=1) == label_B).float().mean()
    return f"{100 * accuracy:.2f} %, loss {F.cross_entropy(logits_BO, label_B.long()):.3f}"


if __name__ == "__main__":
    main()
