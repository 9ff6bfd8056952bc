"""A small decoder as one program: from characters to logits, with its attention, a block inside, and an early exit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from programs import random_block
from quweit_cli import artifacts
from quweit_cli.errors import ArtifactError
from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.attention import ScoreProduct, ValueProduct
from quweit_cli.ir.nodes.embeddings import Embedding, PositionEmbedding
from quweit_cli.ir.nodes.functions import LayerNormalisation, Softmax, Table, gelu_table
from quweit_cli.ir.nodes.pooling import Pool
from quweit_cli.ir.nodes.products import MatrixProduct
from quweit_cli.ir.nodes.sums import Addition, Requantize
from quweit_cli.ir.program import (
    DEEPEST,
    Program,
    Step,
    evaluate,
    evaluate_outputs,
    tensor_types,
    trace,
)
from quweit_cli.ir.serialization import ProgramRecord, program_from_record, program_to_record
from quweit_cli.ir.types import INT8, INT16, TensorType

TOKENS, WIDTH, HEADS, VOCABULARY = 6, 8, 2, 5


def linear(rng: np.random.Generator, inputs: int, outputs: int) -> MatrixProduct:
    return MatrixProduct(rng.integers(-128, 128, (inputs, outputs)), rng.integers(-99, 99, outputs))


def attention(rng: np.random.Generator) -> Program:
    """Normalised rows in, what is added to the residual stream out."""
    steps = []
    for name in ("query", "key", "value"):
        steps += [
            Step(f"{name}_sum", ("x",), linear(rng, WIDTH, WIDTH)),
            Step(name, (f"{name}_sum",), Requantize(1, 9, *INT8)),
        ]
    steps += [
        Step("score_sum", ("query", "key"), ScoreProduct(HEADS, causal=True)),
        Step("score", ("score_sum",), Requantize(1, 6, *INT8), scale=1 / 16),
        Step("probability", ("score",), Softmax(23, causal=True), scale=1 / 128),
        Step("mixed_sum", ("probability", "value"), ValueProduct(HEADS, causal=True)),
        Step("mixed", ("mixed_sum",), Requantize(1, 7, *INT8)),
        Step("projected", ("mixed",), linear(rng, WIDTH, WIDTH)),
    ]
    return Program("attention", "x", TensorType(WIDTH, *INT8, (TOKENS,)), tuple(steps))


def decoder(seed: int = 0) -> Program:
    rng = np.random.default_rng(seed)
    residual = rng.integers(-300, 300, (VOCABULARY, WIDTH))
    block = random_block(seed, features=WIDTH, layers=(12,))
    steps = (
        Step("embedded", ("code",), Embedding(residual)),
        Step("placed", ("embedded",), PositionEmbedding(rng.integers(-300, 300, (TOKENS, WIDTH)))),
        Step("first_norm", ("placed",), LayerNormalisation(), scale=1 / 32),
        Step("attention", ("first_norm",), attention(rng)),
        Step("after_attention", ("placed", "attention"), Addition((0, -6), *INT16)),
        Step("exit_logits", ("after_attention",), linear(rng, WIDTH, VOCABULARY)),
        Step("second_norm", ("after_attention",), LayerNormalisation(), scale=1 / 32),
        Step("block", ("second_norm",), block),
        Step("after_block", ("after_attention", "block"), Addition((0, 1), *INT16)),
        Step("last_norm", ("after_block",), LayerNormalisation(), scale=1 / 32),
        Step("head", ("last_norm",), linear(rng, WIDTH, VOCABULARY)),
    )
    outputs = {"logits": "head", "early": "exit_logits"}
    return Program("decoder", "code", TensorType(TOKENS, 0, VOCABULARY - 1), steps, outputs)


def codes(*batch: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, VOCABULARY, (*batch, TOKENS))


def test_every_tensor_has_the_shape_and_range_of_its_type() -> None:
    program = decoder()
    types = tensor_types(program)
    for batch in ((), (40,), (2, 3), (0,)):
        for name, tensor in trace(program, codes(*batch)).items():
            assert tensor.shape == (*batch, *types[name].shape)
            assert tensor.dtype == np.int64
            assert tensor.min(initial=types[name].high) >= types[name].low
            assert tensor.max(initial=types[name].low) <= types[name].high
    inside = tensor_types(program.steps[3].node)  # type: ignore[arg-type]
    assert inside["score_sum"].shape == (HEADS, TOKENS, TOKENS)
    assert program.output_type() == types["head"]
    assert types["head"].shape == (TOKENS, VOCABULARY)


def test_a_batch_is_answered_as_its_samples_are() -> None:
    program, x = decoder(), codes(5)
    assert np.array_equal(evaluate(program, x), np.stack([evaluate(program, one) for one in x]))
    assert np.array_equal(evaluate(program, x), program.evaluate(x))


def test_a_token_changes_no_earlier_logits_and_some_later_ones() -> None:
    program, x = decoder(), codes(30)
    before = evaluate(program, x)
    for token in range(TOKENS):
        changed = x.copy()
        changed[:, token] = (x[:, token] + 1) % VOCABULARY
        after = evaluate(program, changed)
        assert np.array_equal(after[:, :token], before[:, :token])
        assert all((after[:, later] != before[:, later]).any() for later in range(token, TOKENS))


def test_attention_that_is_not_causal_is_noticed() -> None:
    program = attention(np.random.default_rng(0))
    seeing = {
        "score_sum": ScoreProduct(HEADS, causal=False),
        "probability": Softmax(23, causal=False),
        "mixed_sum": ValueProduct(HEADS, causal=False),
    }
    steps = tuple(replace(step, node=seeing.get(step.name, step.node)) for step in program.steps)
    x = np.random.default_rng(1).integers(-128, 128, (30, TOKENS, WIDTH))
    changed = x.copy()
    changed[:, -1] = -x[:, -1].clip(-127)
    for one, same in ((program, True), (replace(program, steps=steps), False)):
        early = evaluate(one, x)[:, 0], evaluate(one, changed)[:, 0]
        assert np.array_equal(*early) == same


def test_outputs_are_named_and_the_first_is_the_answer() -> None:
    program, x = decoder(), codes(4)
    tensors, answers = trace(program, x), evaluate_outputs(program, x)
    assert list(answers) == ["logits", "early"]
    assert np.array_equal(answers["logits"], tensors["head"])
    assert np.array_equal(answers["early"], tensors["exit_logits"])
    other = replace(program, outputs={"early": "exit_logits"})
    assert np.array_equal(evaluate(other, x), answers["early"])
    assert other.output_type() == tensor_types(program)["exit_logits"]


def test_without_outputs_the_last_step_is_the_output() -> None:
    block = random_block()
    assert block.outputs == {"y": "y"}


def test_the_cost_is_the_sum_of_its_steps() -> None:
    program = decoder()
    types = tensor_types(program)
    total = Cost()
    for step in program.steps:
        total += step.node.cost(*(types[source] for source in step.sources))
    assert program.cost() == total
    projections = 4 * TOKENS * WIDTH * WIDTH
    seen = TOKENS * (TOKENS + 1) // 2
    inside = program.steps[3].node.cost(types["first_norm"])
    assert inside.multiplications == projections + 2 * seen * WIDTH + 2 * seen * HEADS
    assert inside.divisions == HEADS * TOKENS
    block = program.steps[7].node.cost(types["second_norm"])
    assert block.lut_reads == 12 * TOKENS and block.multiplications == 0
    three = program.cost(TensorType(TOKENS, 0, VOCABULARY - 1, (3,)))
    assert three.multiplications == 3 * total.multiplications
    assert three.stored_bits == total.stored_bits


def test_a_program_is_a_node_of_another() -> None:
    inner, x = decoder(), codes(7)
    outer = Program("outer", "x", inner.input_type, (Step("all", ("x",), inner),))
    assert np.array_equal(evaluate(outer, x), evaluate(inner, x))
    assert outer.output_type() == inner.output_type()
    assert outer.cost() == inner.cost()
    batch = replace(outer, input_type=replace(inner.input_type, outer=(7,)))
    assert batch.output_type().shape == (7, TOKENS, VOCABULARY)
    assert np.array_equal(evaluate(batch, x), evaluate(inner, x))


def test_a_classifier_ends_in_a_mean_over_its_patches() -> None:
    rng = np.random.default_rng(0)
    gelu = np.array(gelu_table(1 / 16, 1 / 16))
    steps = (
        Step("hidden_sum", ("x",), linear(rng, WIDTH, WIDTH)),
        Step("hidden", ("hidden_sum",), Requantize(1, 8, *INT8)),
        Step("activated", ("hidden",), Table(-128, gelu)),
        Step("sum", ("activated",), Pool("sum")),
        Step("mean", ("sum",), Requantize(10923, 16, *INT8)),  # a sixth
        Step("logits", ("mean",), linear(rng, WIDTH, 3)),
    )
    program = Program("classifier", "x", TensorType(WIDTH, *INT8, (TOKENS,)), steps)
    x = rng.integers(-128, 128, (50, TOKENS, WIDTH))
    tensors = trace(program, x)
    exact = tensors["activated"].mean(axis=1)
    assert np.abs(tensors["mean"] - exact).max() < 0.51
    assert evaluate(program, x).shape == (50, 3)
    assert program.cost().multiplications == TOKENS * WIDTH * WIDTH + WIDTH + WIDTH * 3


# ---------------------------------------------------------------- JSON


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    program, path = decoder(), tmp_path / "decoder.json"
    artifacts.save(program_to_record(program), path)
    record = artifacts.load(ProgramRecord, path)
    again = program_from_record(record)
    assert json.loads(path.read_text())["schema"] == record.schema_name == "quweit.program/2"
    assert list(again.outputs.items()) == list(program.outputs.items())
    assert [step.scale for step in again.steps] == [step.scale for step in program.steps]
    for one, other in zip(trace(program, codes(9)).values(), trace(again, codes(9)).values(), strict=True):
        assert np.array_equal(one, other)
    artifacts.save(program_to_record(again), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_block_is_written_in_the_first_format_without_new_keys() -> None:
    raw = written(random_block())
    assert raw["schema"] == "quweit.program/1"
    assert set(raw) == {"schema", "name", "input", "steps"}
    assert set(raw["input"]) == {"name", "features", "low", "high"}
    assert [set(step) for step in raw["steps"]] == [
        {"op", "name", "source", "thresholds"},
        {"op", "name", "source", "pins", "tables"},
        {"op", "name", "source", "values", "bias"},
        {"op", "name", "source", "multiplier", "shift", "low", "high"},
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda block: replace(block, input_type=replace(block.input_type, outer=(2,))),
        lambda block: replace(block, outputs={"sums": "summation"}),
        lambda block: replace(block, steps=(replace(block.steps[0], scale=1.0), *block.steps[1:])),
        lambda block: replace(block, steps=(*block.steps, Step("z", ("y", "y"), Addition((0, 0), *INT16)))),
        lambda block: Program("p", "x", block.input_type, (Step("y", ("x",), block),)),
        lambda block: Program("p", "x", block.input_type, (Step("y", ("x",), Table(-128, np.arange(256))),)),
    ],
)
def test_what_the_first_format_cannot_say_is_written_in_the_second(
    change: Callable[[Program], Program],
) -> None:
    block = random_block()
    program = change(replace(block, outputs={}))
    raw = written(program)
    assert raw["schema"] == "quweit.program/2"
    assert program_to_record(program_from_record(ProgramRecord.model_validate(raw))) == program_to_record(
        program
    )
    with pytest.raises(ValidationError, match="is written as quweit.program/2"):
        ProgramRecord.model_validate(raw | {"schema": "quweit.program/1"})


def test_programs_lie_within_one_another_to_a_depth_that_readers_take(tmp_path: Path) -> None:
    program = random_block()
    for _ in range(DEEPEST - 1):
        program = Program("p", "x", program.input_type, (Step("y", ("x",), program),))
    artifacts.save(program_to_record(program), tmp_path / "deep.json")
    again = program_from_record(artifacts.load(ProgramRecord, tmp_path / "deep.json"))
    assert again.depth == DEEPEST
    with pytest.raises(ValueError, match=f"more than {DEEPEST} deep"):
        Program("p", "x", program.input_type, (Step("y", ("x",), program),))


@pytest.mark.parametrize("levels", [DEEPEST, 20, 10_000])
def test_a_document_deeper_than_that_is_refused(tmp_path: Path, levels: int) -> None:
    raw = written(random_block())
    inner, name = json.dumps({key: raw[key] for key in ("name", "input", "steps")}), raw["input"]
    opened = f'{{"name": "p", "input": {json.dumps(name)}, "steps": [{{"op": "program", "name": "y", "source": "x", "program": '
    text = opened.replace("{", '{"schema": "quweit.program/2", ', 1) + opened * (levels - 1) + inner
    (tmp_path / "deep.json").write_text(text + "}]}" * levels)
    with pytest.raises((ArtifactError, ValueError), match="deep"):
        program_from_record(artifacts.load(ProgramRecord, tmp_path / "deep.json"))


def written(program: Program) -> dict[str, Any]:
    raw: dict[str, Any] = program_to_record(program).model_dump(mode="json", by_alias=True)
    return raw


# ---------------------------------------------------------------- what is no graph

KIND = TensorType(WIDTH, *INT8, (TOKENS,))
NORM = LayerNormalisation()


@pytest.mark.parametrize(
    ("steps", "outputs", "message"),
    [
        ([Step("a", ("b",), NORM), Step("b", ("x",), NORM)], {}, "step `a` reads `b`, which no earlier step makes"),
        ([Step("a", ("a",), NORM)], {}, "step `a` reads `a`, which no earlier step makes"),
        ([Step("a", ("x",), NORM), Step("a", ("x",), NORM)], {}, "two tensors are named `a`"),
        ([Step("x", ("x",), NORM)], {}, "two tensors are named `x`"),
        ([Step("a", ("x",), NORM)], {"y": "b"}, "output `y` of `p` is `b`, which no step makes"),
        ([Step("a", ("x",), NORM)], {"Y;": "a"}, "'Y;' is not an identifier"),
        ([], {}, "program `p` has no steps"),
        ([Step("a", ("x", "x"), NORM)], {}, "step `a` of `p`: it reads 2 tensors, and its operation takes 1"),
        ([Step("a", ("x",), ScoreProduct(2, True))], {}, "it reads 1 tensors, and its operation takes 2"),
        ([Step("a", (), NORM)], {}, "it reads 0 tensors, and its operation takes 1"),
        ([Step("a", (), random_block())], {}, "it reads 0 tensors, and its operation takes 1"),
        ([Step("a", ("x",), random_block())], {}, r"step `a` of `p`: program `block0` takes .* shape \(6,\)"),
    ],
)  # fmt: skip
def test_what_is_no_graph_is_refused(steps: list[Step], outputs: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Program("p", "x", KIND, tuple(steps), outputs)


def test_an_input_may_be_an_output() -> None:
    program = Program("p", "x", KIND, (Step("a", ("x",), NORM),), {"normal": "a", "as_it_was": "x"})
    x = np.ones((TOKENS, WIDTH), dtype=np.int64)
    assert np.array_equal(evaluate_outputs(program, x)["as_it_was"], x)


def test_two_outputs_of_one_name_are_refused() -> None:
    raw = written(decoder())
    raw["outputs"][1]["name"] = "logits"
    with pytest.raises(ValueError, match="two outputs of `decoder` have one name"):
        program_from_record(ProgramRecord.model_validate(raw))


def test_an_input_of_another_shape_or_range_is_refused() -> None:
    program = decoder()
    with pytest.raises(ValueError, match=r"takes rows of 6, got shape \(2, 5\)"):
        evaluate(program, np.zeros((2, 5)))
    with pytest.raises(ValueError, match=r"takes 0 \.\.\. 4, got 0 \.\.\. 5"):
        evaluate(program, np.array([0, 1, 2, 3, 4, 5]))
    with pytest.raises(ValueError, match=r"takes tensors of shape \(6, 8\), got shape \(8,\)"):
        evaluate(attention(np.random.default_rng(0)), np.zeros(8))
