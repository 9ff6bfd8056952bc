"""A project whose dump can be looked into: two blocks, a whole model of them, and images that it reads wrongly. Nothing is trained."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from programs import project_with_dump, random_block
from quweit_cli.artifacts import digest_of, file_digests, save, writing_stage
from quweit_cli.documents import DUMP, DumpChecks, DumpedModel, DumpedReadings, DumpManifest, MisreadImage
from quweit_cli.ir.block import chain_of
from quweit_cli.ir.nodes.attention import ScoreProduct, ValueProduct
from quweit_cli.ir.nodes.bits import Thermometer
from quweit_cli.ir.nodes.embeddings import Embedding
from quweit_cli.ir.nodes.functions import Softmax
from quweit_cli.ir.nodes.places import Patches
from quweit_cli.ir.nodes.pooling import Pool
from quweit_cli.ir.nodes.products import MatrixProduct
from quweit_cli.ir.nodes.sums import Addition, Requantize
from quweit_cli.ir.program import Program, Step, evaluate
from quweit_cli.ir.serialization import program_to_record
from quweit_cli.ir.types import INT8, INT16, TensorType

DIM, TOKENS, CLASSES, HEADS = 4, 4, 3, 2
NAMES = ["cat", "<script>alert(1)</script>", 'a"b']


def blocks() -> list[Program]:
    return [
        random_block(3, name="block0", features=DIM, thresholds=5, layers=(20,), outputs=DIM),
        random_block(4, name="block1", features=DIM, thresholds=3, layers=(14, 9), outputs=DIM, fan_in=4),
    ]


def image_model(*made: Program) -> Program:
    """Patches of 2 x 2 pixels are the tokens; each layer adds what its block gives."""
    layers = [_layer(number, block, causal=False) for number, block in enumerate(made)]
    steps = [
        Step("patch", ("pixels",), Patches(2)),
        Step("embedded", ("patch",), Requantize(1, 0, *INT8), 0.5),
    ]
    for layer in layers:
        steps.append(Step(layer.name, (steps[-1].name,), layer, 0.25))
    weights_IO = np.random.default_rng(0).integers(-9, 9, (DIM, CLASSES))
    steps += [
        Step("pooled", (steps[-1].name,), Pool("sum")),
        Step("logits", ("pooled",), MatrixProduct(weights_IO, np.zeros(CLASSES, dtype=np.int64))),
    ]
    return Program("model", "pixels", TensorType(4, *INT8, (1, 4)), tuple(steps))


def text_model(block: Program) -> Program:
    """Codes of three characters are embedded; the logits are those of each token."""
    vectors_VD = np.random.default_rng(1).integers(-128, 128, (CLASSES, DIM))
    weights_IO = np.random.default_rng(2).integers(-9, 9, (DIM, CLASSES))
    steps = (
        Step("embedded", ("tokens",), Embedding(vectors_VD)),
        Step("layer0", ("embedded",), _layer(0, block, causal=True)),
        Step("logits", ("layer0",), MatrixProduct(weights_IO, np.zeros(CLASSES, dtype=np.int64))),
    )
    return Program("model", "tokens", TensorType(TOKENS, 0, CLASSES - 1), steps)


def _layer(number: int, block: Program, *, causal: bool) -> Program:
    """What is read is query, key and value at once, of two heads."""
    steps = (
        Step("read", ("x",), Requantize(1, 0, *INT8)),
        Step("score_sum", ("read", "read"), ScoreProduct(HEADS, causal)),
        Step("score", ("score_sum",), Requantize(1, 8, *INT8)),
        Step("weight", ("score",), Softmax(16, causal), 1 / 128),
        Step("mixed_sum", ("weight", "read"), ValueProduct(HEADS, causal)),
        Step("mixed", ("mixed_sum",), Requantize(1, 7, *INT8)),
        Step("mlp", ("mixed",), block),
        Step("y", ("x", "mlp"), Addition((0, 0), *INT16)),
    )
    return Program(f"layer{number}", "x", TensorType(DIM, *INT16, (TOKENS,)), steps)


def write_project(path: Path, *, rows: int = 40, samples: int = 3) -> Path:
    """A project with a dump alone."""
    made = blocks()
    project_with_dump(path, *made, rows=rows)
    model = image_model(*made)
    inputs = np.random.default_rng(5).integers(-128, 128, (samples, *model.input_type.shape))
    logits = evaluate(model, inputs)
    golden = [int((logits[sample].argmax() + sample) % CLASSES) for sample in range(samples)]
    images = np.random.default_rng(6).integers(0, 17, (2, 1, 8, 8)).astype(np.uint8)
    readings = DumpedReadings(
        classes=NAMES, wrong=2, golden=golden, images="misread.npy",
        misread=[MisreadImage(sample=4, true=0, read=1), MisreadImage(sample=9, true=2, read=0)],
    )  # fmt: skip
    dump = DUMP.load(path).model_copy(update={"readings": readings})
    return _rewritten(path, dump, model, inputs, images)


def write_text_project(path: Path) -> Path:
    """A whole model of text, and its block; some of its thresholds are beyond 32 bits."""
    block = blocks()[0]
    chain = chain_of(block)
    assert chain is not None
    first, *others = block.steps
    some_DT = np.arange(20).reshape(4, 5) % 3 == 0
    far = Thermometer(np.where(some_DT, 2**40, chain.thermometer.thresholds_DT))
    block = replace(block, steps=(replace(first, node=far), *others))
    project_with_dump(path, block)
    return _rewritten(path, DUMP.load(path), text_model(block), np.array([[0, 1, 2, 1], [2, 2, 0, 0]]))


def _rewritten(
    path: Path, dump: DumpManifest, model: Program, inputs: np.ndarray, images: np.ndarray | None = None
) -> Path:
    with writing_stage(path, "dump", inputs={}, options={}) as folder:
        shutil.copytree(path / "dump" / "blocks", folder / "blocks")
        whole = write_model(folder, model, inputs)
        digest = digest_of(file_digests(folder))
        if images is not None:
            np.save(folder / "misread.npy", images)
        checks = DumpChecks(samples=20, rows_compared=80, logits_equal=True)
        changed = {"whole": whole, "digest": digest, "checks": checks}
        save(dump.model_copy(update=changed), folder / "dump.json")
    return path


def write_model(folder: Path, model: Program, inputs: np.ndarray) -> DumpedModel:
    (folder / "model").mkdir()
    save(program_to_record(model), folder / "model" / "program.json")
    kind = np.int8 if model.input_type.signed else np.int32
    np.save(folder / "model" / "samples.x.npy", inputs.astype(kind))
    np.save(folder / "model" / "samples.y.npy", evaluate(model, inputs).astype(np.int32))
    return DumpedModel(
        vocabulary=None if model.input_type.signed else "a\nc",
        program="model/program.json", inputs="model/samples.x.npy", logits="model/samples.y.npy", samples=len(inputs), tensors=[]
    )  # fmt: skip
