"""The formats page suffices to write a reader: one that was written from it agrees on whole models.

Every tensor of tiny models is compared, and whatever the models do not reach; one changed number is found.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import naive_evaluator
import numpy as np
import pytest
from naive_evaluator import Evaluation, Step, Tensor, evaluate

from conftest import REPOSITORY
from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts, config
from quweit_cli.ir.program import evaluate_outputs, trace
from quweit_cli.ir.serialization import ProgramRecord, program_from_record
from quweit_cli.stages import dump, train

PAGE = REPOSITORY / "docs" / "formats.md"
INTEGER = "model.arithmetic=integer"
MODELS = {
    "weightless_vit": ["vit"],
    "dense_vit_with_neighbours": ["vit", "model.mlp=dense", "model.neighbours=true"],
    "weightless_gpt_with_neighbours": ["gpt", "model.neighbours=true"],
    "dense_gpt": ["gpt", "model.mlp=dense"],
    "binary_learn_forget_vit": ["vit", "model.mlp=learn_forget", "model.learn_forget.weights=binary"],
    "gpt_whose_tokens_leave": [
        "gpt",
        "model.mlp=dense",
        "model.exits.after=[1]",
        "model.exits.criterion=entropy",
        "model.exits.threshold=3.5",
    ],
}


@dataclass(frozen=True)
class Dumped:
    """What a dump folder says of a whole model."""

    folder: Path
    whole: dict[str, Any]
    program: dict[str, Any]
    inputs: Tensor
    logits: Tensor

    def differences(self, evaluation: Evaluation) -> list[str]:
        """Names of the listed tensors that have another digest, in their order."""
        return [
            listed["name"]
            for listed in self.whole["tensors"]
            if naive_evaluator.digest(evaluation.tensors[listed["name"]]) != listed["sha256"]
        ]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dumped]:
    """Trained and dumped, all of them."""
    folder = tmp_path_factory.mktemp("whole")
    text = folder / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 60)
    made = {}
    for name, (family, *overrides) in MODELS.items():
        project = artifacts.open_project(folder / name)
        experiment = (
            tiny_digits(INTEGER, *overrides) if family == "vit" else tiny_gpt(str(text), INTEGER, *overrides)
        )
        train.run(experiment, project)
        dump.run(project / "train" / "ckpt.pt", project, config.Dump(rows=8, samples=4, golden_samples=2))
        made[name] = read(project / "dump")
    return made


def read(folder: Path) -> Dumped:
    whole = json.loads((folder / "dump.json").read_text())["whole"]
    return Dumped(
        folder,
        whole,
        json.loads((folder / whole["program"]).read_text()),
        np.load(folder / whole["inputs"]).tolist(),
        np.load(folder / whole["logits"]).tolist(),
    )


def shape_of(tensor: Tensor) -> list[int]:
    return [len(tensor), *shape_of(tensor[0])] if isinstance(tensor, list) else []


def operations_of(program: dict[str, Any]) -> set[str]:
    within = [operations_of(step["program"]) for step in program["steps"] if step["op"] == "program"]
    return {step["op"] for step in program["steps"]}.union(*within)


@pytest.mark.parametrize("name", MODELS)
def test_the_reader_gives_the_golden_logits(models: dict[str, Dumped], name: str) -> None:
    dumped = models[name]
    evaluation = evaluate(dumped.program, dumped.inputs)
    assert len(dumped.inputs) == dumped.whole["samples"] == 2
    assert evaluation.answer == dumped.logits
    assert len({str(logits) for logits in dumped.logits}) == 2


@pytest.mark.parametrize("name", MODELS)
def test_the_reader_gives_every_listed_tensor(models: dict[str, Dumped], name: str) -> None:
    dumped = models[name]
    evaluation = evaluate(dumped.program, dumped.inputs)
    assert dumped.differences(evaluation) == []
    for listed in dumped.whole["tensors"]:
        tensor, shape = evaluation.tensors[listed["name"]], listed["shape"]
        assert shape_of(tensor)[1:] == shape, listed["name"]
        assert listed["low"] <= min(naive_evaluator.elements(tensor)), listed["name"]
        assert max(naive_evaluator.elements(tensor)) <= listed["high"], listed["name"]


@pytest.mark.parametrize("name", MODELS)
def test_tensors_are_listed_once_but_for_inputs_of_programs_within(
    models: dict[str, Dumped], name: str
) -> None:
    dumped = models[name]
    listed = [one["name"] for one in dumped.whole["tensors"]]
    made = evaluate(dumped.program, dumped.inputs).tensors
    assert len(set(listed)) == len(listed)
    assert set(listed) == made.keys() - set(inputs_within(dumped.program, ""))


def inputs_within(program: dict[str, Any], path: str) -> Iterator[str]:
    for step in program["steps"]:
        if step["op"] == "program":
            yield f"{path}{step['name']}/{step['program']['input']['name']}"
            yield from inputs_within(step["program"], f"{path}{step['name']}/")


@pytest.mark.parametrize("name", MODELS)
def test_the_page_says_how_the_digest_of_a_dump_is_made(models: dict[str, Dumped], name: str) -> None:
    folder = models[name].folder
    content = json.loads((folder / "dump.json").read_text())
    files = [content["whole"][key] for key in ("program", "inputs", "logits")]
    files += [block[key] for block in content["blocks"] for key in ("program", "inputs", "outputs")]
    files += [product[key] for product in content["projections"] for key in ("left", "right")]
    digests = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in sorted(files)}
    assert hashlib.sha256(json.dumps(digests).encode()).hexdigest() == content["digest"]


def test_golden_samples_have_the_types_of_the_page(models: dict[str, Dumped]) -> None:
    for name, dumped in models.items():
        kind = np.int8 if "vit" in name else np.int32
        assert np.load(dumped.folder / dumped.whole["inputs"]).dtype == kind
        assert np.load(dumped.folder / dumped.whole["logits"]).dtype == np.int32


# One changed number. Each change is of a place that the first sample reads, so that the tensor must differ.

Change = Callable[[Step, list[Tensor], Tensor], None]


def first_row(tensor: Tensor) -> list[int]:
    return first_row(tensor[0]) if isinstance(tensor[0], list) else tensor


def more_weight(step: Step, sources: list[Tensor], _: Tensor) -> None:
    """Changes that of the first feature which is not 0."""
    feature = next(i for i, x in enumerate(first_row(sources[0])) if x)
    step["weights"][feature][-1] += 1


def more_bias(step: Step, _: list[Tensor], __: Tensor) -> None:
    step["bias"][-1] += 1


def longer_shift(step: Step, _: list[Tensor], given: Tensor) -> None:
    assert any(2 <= abs(y) < step["high"] for y in naive_evaluator.elements(given))
    step["shift"] += 1


def longer_shift_of_a_feature(step: Step, _: list[Tensor], given: Tensor) -> None:
    """Changes that of the first feature whose half is another integer."""
    feature = next(d for d, y in enumerate(first_row(given)) if 2 <= abs(y) < step["high"])
    step["shifts"][feature] += 1


def longer_shift_of_a_term(step: Step, sources: list[Tensor], _: Tensor) -> None:
    assert any(first_row(sources[0]))
    step["shifts"][0] += 1


def more_of_an_entry(step: Step, sources: list[Tensor], _: Tensor) -> None:
    step["entries"][first_row(sources[0])[0] - step["low"]] += 1


def another_lut_bit(step: Step, sources: list[Tensor], _: Tensor) -> None:
    """Changes what the last LUT answers to the first row."""
    bits = first_row(sources[0])
    address = sum(bits[pin] << place for place, pin in enumerate(step["pins"][-1]))
    step["tables"][-1] = f"{int(step['tables'][-1], 16) ^ 1 << address:x}"


def another_pin(step: Step, sources: list[Tensor], _: Tensor) -> None:
    """Moves a pin of the first LUT for which some row shows it."""
    moved = (
        (j, place, pin)
        for j, pins in enumerate(step["pins"])
        for place in range(len(pins))
        for pin in range(len(first_row(sources[0])))
    )
    true = naive_evaluator.lut_layer(step, first_row(sources[0]))
    for j, place, pin in moved:
        before = step["pins"][j][place]
        step["pins"][j][place] = pin
        if naive_evaluator.lut_layer(step, first_row(sources[0])) != true:
            return
        step["pins"][j][place] = before
    raise AssertionError("no pin matters to the first row")


def another_threshold(step: Step, sources: list[Tensor], given: Tensor) -> None:
    step["thresholds"][0][0] = first_row(sources[0])[0] - 1 + first_row(given)[0]


def another_value(step: Step, sources: list[Tensor], _: Tensor) -> None:
    bit = first_row(sources[0]).index(1)
    step["values"][bit][-1] ^= 1


def another_vector_of_a_code(step: Step, sources: list[Tensor], _: Tensor) -> None:
    step["vectors"][first_row(sources[0])[0]][-1] += 1


def another_vector_of_a_place(step: Step, _: list[Tensor], __: Tensor) -> None:
    step["vectors"][0][-1] += 1


CHANGES: list[tuple[Change, str, str]] = [
    (more_weight, "weightless_vit", "embedded_sum"),
    (more_weight, "dense_vit_with_neighbours", "layer1/hidden_sum"),
    (more_weight, "dense_gpt", "logits_sum"),
    (more_bias, "dense_gpt", "layer0/qkv"),
    (more_bias, "weightless_vit", "layer1/mlp/summation"),
    (longer_shift, "weightless_vit", "pooled"),
    (longer_shift, "weightless_gpt_with_neighbours", "layer0/mixed"),
    (longer_shift, "weightless_gpt_with_neighbours", "layer1/mlp/y"),
    (longer_shift_of_a_feature, "dense_vit_with_neighbours", "layer0/query"),
    (longer_shift_of_a_feature, "dense_gpt", "logits"),
    (longer_shift_of_a_term, "weightless_vit", "layer0/attended"),
    (more_of_an_entry, "dense_vit_with_neighbours", "layer0/gelu"),
    (more_of_an_entry, "dense_gpt", "layer1/gelu"),
    (more_of_an_entry, "binary_learn_forget_vit", "layer0/sigmoid"),
    (more_weight, "binary_learn_forget_vit", "layer0/learned_sum"),
    (longer_shift, "binary_learn_forget_vit", "layer1/mlp"),
    (another_lut_bit, "weightless_vit", "layer0/mlp/lut_layer0"),
    (another_lut_bit, "weightless_gpt_with_neighbours", "layer1/mlp/lut_layer0"),
    (another_pin, "weightless_vit", "layer0/mlp/lut_layer0"),
    (another_threshold, "weightless_vit", "layer0/mlp/thermometer"),
    (another_value, "weightless_vit", "layer0/mlp/summation"),
    (another_vector_of_a_code, "dense_gpt", "embedded"),
    (more_weight, "gpt_whose_tokens_leave", "exit0/logits_sum"),
    (another_vector_of_a_place, "weightless_vit", "position"),
]


@pytest.mark.parametrize(
    ("change", "name", "path"),
    CHANGES,
    ids=[f"{change.__name__}-{name}-{path.replace('/', '.')}" for change, name, path in CHANGES],
)
def test_one_changed_number_is_found_in_its_tensor_and_none_before(
    models: dict[str, Dumped], change: Change, name: str, path: str
) -> None:
    dumped = models[name]
    true = evaluate(dumped.program, dumped.inputs)
    changed = copy.deepcopy(dumped.program)
    step, sources = step_at(changed, path, true.tensors)
    change(step, sources, true.tensors[path])
    differing = dumped.differences(evaluate(changed, dumped.inputs))
    programs = {
        path.rsplit("/", level)[0] for level in range(1, path.count("/") + 1)
    }  # before what is within
    assert next(one for one in differing if one not in programs) == path


def test_a_changed_number_reaches_the_logits(models: dict[str, Dumped]) -> None:
    dumped = models["dense_gpt"]
    for path in ("logits_sum", "layer1/mlp_sum", "layer0/qkv"):
        changed = copy.deepcopy(dumped.program)
        step, _ = step_at(changed, path)
        step["bias"] = [bias + 1000 for bias in step["bias"]]
        assert evaluate(changed, dumped.inputs).answer != dumped.logits, path


def step_at(
    program: dict[str, Any], path: str, tensors: dict[str, Tensor] | None = None
) -> tuple[Step, list[Tensor]]:
    """The step, and what it reads where `tensors` are given."""
    *programs, name = path.split("/")
    for one in programs:
        program = next(step["program"] for step in program["steps"] if step["name"] == one)
    step: Step = next(step for step in program["steps"] if step["name"] == name)
    names = [step["source"]] if isinstance(step["source"], str) else step["source"]
    prefix = "".join(f"{one}/" for one in programs)
    return step, [tensors[prefix + one] for one in names] if tensors else []


# The page itself, and what no tiny model does.


def test_the_reader_knows_every_operation_of_the_page(models: dict[str, Dumped]) -> None:
    table = PAGE.read_text().split("| op | reads | gives | what it computes |")[1].split("\n\n")[0]
    named = {op for row in table.splitlines()[2:] for op in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == {*naive_evaluator.OPERATIONS, "addition", "program"}
    used = set().union(*(operations_of(dumped.program) for dumped in models.values()))
    assert named == used | {"piecewise_linear"}  # which no model has so far


def test_the_reader_does_the_worked_example() -> None:
    folder = REPOSITORY / "docs" / "example" / "dump" / "blocks"
    program = json.loads((folder / "block0.json").read_text())
    assert program["schema"] == "quweit.program/1"
    x = np.load(folder / "block0.x.npy").tolist()
    assert evaluate(program, x).answer == np.load(folder / "block0.y.npy").tolist()


def test_the_reader_does_the_worked_graph() -> None:
    page = PAGE.read_text()
    program = json.loads(re.findall(r"```json\n(.*?)```", page, re.S)[1])
    row = page.split("| x | sums | scores | weights | mixed | y |")[1].splitlines()[2]
    x, *expected = (json.loads(f"[{cell}]") for cell in row.strip("|").split("|"))
    evaluation = evaluate(program, x)
    got = [evaluation.tensors[step["name"]] for step in program["steps"]]
    assert got == expected
    assert evaluation.outputs == {"answer": evaluation.tensors["y"], "attended": evaluation.tensors["mixed"]}
    assert evaluation.answer == evaluation.outputs["answer"]


def document_of(tokens: int, features: int, causal: bool) -> dict[str, Any]:
    """Shares that are not even, the last token, and an answer which is not the last step, within a program."""
    row = {"name": "x", "outer": [tokens], "features": features, "low": -128, "high": 127}
    within: dict[str, Any] = {
        "name": "within",
        "input": row,
        "steps": [
            {
                "op": "tokens_around",
                "name": "around",
                "source": "x",
                "tokens": tokens,
                "causal": causal,
            },
            {"op": "pool", "name": "last", "source": "around", "take": "last"},
            {"op": "pool", "name": "total", "source": "around", "take": "sum"},
            {
                "op": "addition",
                "name": "sum",
                "source": ["last", "total", "total"],
                "shifts": [5, -3, 1],
                "low": -2000,
                "high": 2000,
            },
            {
                "op": "table",
                "name": "sign",
                "source": "sum",
                "low": -2000,
                "entries": [-1] * 2000 + [1] * 2001,
            },
        ],
        "outputs": [{"name": "answer", "source": "sum"}, {"name": "sum", "source": "sign"}],
    }
    return {
        "schema": "quweit.program/2",
        "name": "around",
        "input": {**row, "outer": [3, tokens]},
        "steps": [{"op": "program", "name": "p", "source": "x", "program": within}],
        "outputs": [{"name": "x", "source": "p"}, {"name": "p", "source": "x"}],
    }


@pytest.mark.parametrize(("tokens", "features", "causal"), [(9, 50, False), (7, 11, True), (1, 3, False)])
def test_the_reader_agrees_on_uneven_shares_and_named_outputs(
    tokens: int, features: int, causal: bool
) -> None:
    document = document_of(tokens, features, causal)
    program = program_from_record(ProgramRecord.model_validate(document))
    x = np.random.default_rng(tokens).integers(-128, 128, (2, 3, tokens, features))
    evaluation = evaluate(document, x.tolist())
    traced = trace(program, x, nested=True)
    assert traced.keys() == evaluation.tensors.keys() - {"p/x"}
    assert {name: evaluation.tensors[name] for name in traced} == {
        name: tensor.tolist() for name, tensor in traced.items()
    }
    outputs = evaluate_outputs(program, x)
    assert evaluation.outputs == {name: tensor.tolist() for name, tensor in outputs.items()}


def test_the_reader_agrees_on_functions_in_pieces() -> None:
    pieces = {
        "op": "piecewise_linear",
        "name": "pieces",
        "source": "x",
        "breakpoints": [-3, 9],
        "slopes": [5, -2, 7],
        "intercepts": [1, 0, -4],
        "align": 2,
        "shift": 3,
        "low": -100,
        "high": 90,
    }
    scaled = {**pieces, "name": "scaled", "scaling": {"window": 4, "step": 3, "answer_step": 2}}
    raised = {**scaled, "name": "raised", "shift": -2}
    document = {
        "schema": "quweit.program/2",
        "name": "functions",
        "input": {"name": "x", "features": 300, "low": -100, "high": 5000},
        "steps": [pieces, scaled, raised],
        "outputs": [{"name": "y", "source": "raised"}],
    }
    program = program_from_record(ProgramRecord.model_validate(document))
    x = np.random.default_rng(3).integers(-100, 5001, (2, 300))
    x[0, :110] = np.arange(-100, 10)
    traced = trace(program, x)
    assert evaluate(document, x.tolist()).tensors == {name: one.tolist() for name, one in traced.items()}


def test_the_reader_agrees_on_normalisations_and_softmax_in_pieces() -> None:
    root = {
        "breakpoints": [8],
        "slopes": [-1, 0],
        "intercepts": [10, 2],
        "align": 1,
        "shift": 3,
        "low": -128,
        "high": 127,
        "scaling": {"window": 4, "step": 2, "answer_step": 1},
    }
    reciprocal = {**root, "low": 0, "shift": 1, "scaling": {"window": 4, "step": 2, "answer_step": 2}}
    exponential = {
        "breakpoints": [-90, -30],
        "slopes": [0, 3, 20],
        "intercepts": [-1, 9, 30],
        "align": 5,
        "shift": -5,
        "low": 0,
        "high": 65536,
    }
    softmax = {"op": "softmax", "source": "norm", "multiplier": 2, "causal": False}
    document = {
        "schema": "quweit.program/2",
        "name": "parts",
        "input": {"name": "x", "features": 5, "low": -32768, "high": 32767},
        "steps": [
            {"op": "layer_normalisation", "name": "norm", "source": "x", "root": root},
            {**softmax, "name": "first", "exponential": {**exponential, "intercepts": [-1, 9, 40]}},
            {**softmax, "name": "second", "reciprocal": reciprocal},
            {
                **softmax,
                "name": "y",
                "exponential": {**exponential, "intercepts": [-1, 9, 40]},
                "reciprocal": reciprocal,
            },
        ],
        "outputs": [{"name": "y", "source": "y"}],
    }
    program = program_from_record(ProgramRecord.model_validate(document))
    x = np.random.default_rng(3).integers(-300, 301, (200, 5))
    x[0] = 7
    traced = trace(program, x)
    assert evaluate(document, x.tolist()).tensors == {name: one.tolist() for name, one in traced.items()}
