"""Weights of attention on the page are those of the program, bounded, and said in words where no script runs."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_looking_inside import data_of, unpacked

import readable
from quweit_cli.ir.nodes.embeddings import Embedding
from quweit_cli.ir.program import Program, Step, trace
from quweit_cli.report.explore import attention
from quweit_cli.report.explore.attention import attention_maps, attention_table, study_attention
from quweit_cli.report.explore.inside import ModelSamples
from quweit_cli.stages import report

CHOSEN = np.arange(3)


def of_images() -> ModelSamples:
    program = readable.image_model(*readable.blocks())
    inputs = np.random.default_rng(5).integers(-128, 128, (3, *program.input_type.shape))
    return ModelSamples(program, inputs, np.zeros((3, readable.CLASSES)))


def of_text(vocabulary: str | None = "a\nc") -> ModelSamples:
    program = readable.text_model(readable.blocks()[0])
    return ModelSamples(program, np.array([[0, 1, 2, 1], [2, 2, 0, 0]]), np.zeros((2, 4, 3)), vocabulary)


def test_weights_are_those_that_the_program_computes() -> None:
    model = of_images()
    found = study_attention(model, CHOSEN, readable.TOKENS)
    assert found is not None
    assert found.queries_Q.tolist() == [0, 1, 2, 3] and found.grid == (2, 2) and not found.causal
    for place, layer in enumerate(found.layers):
        for sample in CHOSEN:
            seen = trace(model.program, model.inputs[sample], nested=True)[f"layer{place}/weight"]
            assert layer.weights_GHQS[sample].tolist() == seen.tolist()
    assert found.layers[0].weights_GHQS.max() > found.layers[0].weights_GHQS.min()


def test_the_page_has_them_as_its_script_reads_them(tmp_path: Path) -> None:
    page = report.run(readable.write_project(tmp_path / "p")).read_text()
    record: Any = data_of(page)["model"]["attention"]
    model = of_images()
    assert [one["title"] for one in record["layers"]] == ["layer 0", "layer 1"]
    seen = trace(model.program, model.inputs[2], nested=True)["layer1/weight"]
    assert unpacked(record["layers"][1]["weights"])[2].tolist() == seen.tolist()
    assert record["names"][0] == ["row 0, column 0", "row 0, column 1", "row 1, column 0", "row 1, column 1"]
    assert "Where attention looks" in page and "in steps of 0.0078125" in page


def test_a_text_is_named_by_its_characters_and_by_numbers_where_they_are_not_known() -> None:
    found = study_attention(of_text(), CHOSEN[:2], 4)
    assert found is not None and found.causal and found.grid is None
    assert found.names[0] == ["a", "'\\n'", "c", "'\\n'"]
    unknown = study_attention(of_text(None), CHOSEN[:2], 4)
    assert unknown is not None and unknown.names[0][3] == "token 3"
    assert np.triu(found.layers[0].weights_GHQS[0, 0], 1).sum() == 0


def test_what_is_too_large_has_fewer_samples_and_then_fewer_tokens_with_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = 2 * readable.HEADS * 4 * 4 * 4 / 3
    monkeypatch.setattr(attention, "ATTENTION_BYTES", 2.5 * whole)
    found = study_attention(of_images(), CHOSEN, 4)
    assert found is not None and len(found.names) == 2 and len(found.queries_Q) == 4
    monkeypatch.setattr(attention, "ATTENTION_BYTES", 0.5 * whole)
    found = study_attention(of_images(), CHOSEN, 4)
    assert found is not None and len(found.names) == 1 and found.queries_Q.tolist() == [0, 3]
    assert found.layers[0].weights_GHQS.shape == (1, readable.HEADS, 2, 4)


def test_the_table_says_where_heads_look_and_how_far_they_spread() -> None:
    model = of_text()
    found = study_attention(model, CHOSEN[:2], 4)
    assert found is not None
    table = attention_table(found)
    last_HS = trace(model.program, model.inputs[0], nested=True)["layer0/weight"][:, -1]
    for row, looks_S in zip(table.rows, last_HS, strict=True):
        best = int(looks_S.argmax())
        assert row[2:4] == (f"{found.names[0][best]} (token {best})", looks_S[best])
        shares = [one / looks_S.sum() for one in looks_S if one]
        assert row[-1] == pytest.approx(2 ** -sum(one * math.log2(one) for one in shares))
    assert attention_maps(found) == []


def test_images_have_a_picture_of_each_head_without_a_script(tmp_path: Path) -> None:
    page = report.run(readable.write_project(tmp_path / "p")).read_text()
    assert re.findall(r'alt="Where (layer \d, head \d) looks, sample 0"', page) == [
        f"layer {layer}, head {head}" for layer in range(2) for head in range(2)
    ]


def test_a_model_without_attention_has_no_section(tmp_path: Path) -> None:
    def plain(program: Program) -> Program:
        """Its layers pass on what they read."""
        return replace(program, steps=tuple(map(without_inner, program.steps)), outputs={})

    def without_inner(step: Step) -> Step:
        if not isinstance(step.node, Program):
            return step
        first, *_, last = step.node.steps
        kept = (first, replace(last, sources=("x", first.name)))
        return replace(step, node=replace(step.node, steps=kept, outputs={}))

    model = of_text()
    without = model._replace(program=plain(model.program))
    assert isinstance(without.program.steps[0].node, Embedding)
    assert study_attention(model, CHOSEN[:2], 4) is not None
    assert study_attention(without, CHOSEN[:2], 4) is None
