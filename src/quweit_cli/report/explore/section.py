"""The sections that look inside, and the data behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quweit_cli.artifacts import listed
from quweit_cli.report.explore.attention import AttentionStudy, attention_maps, attention_table
from quweit_cli.report.explore.blocks import BLOCK_BYTES, BlockStudy, record, study
from quweit_cli.report.explore.images import misread
from quweit_cli.report.explore.inside import Inside
from quweit_cli.report.explore.packing import script_json
from quweit_cli.report.explore.pipeline import pipeline
from quweit_cli.report.explore.samples import SampleStudy, heat_maps, sample_record, study_samples
from quweit_cli.report.explore.tables import census_bars, census_table, first_luts, first_row, logits_table
from quweit_cli.report.explore.thresholds import MOST, thresholds
from quweit_cli.report.findings import Findings
from quweit_cli.report.numbers import counted
from quweit_cli.report.page import Section
from quweit_cli.report.paper_plots import stacked_bars
from quweit_cli.templating import render, static_text


class Looked(NamedTuple):
    """data: JSON for the page's script, empty where there is nothing to step through."""

    sections: Sequence[Section]
    data: str


def look_inside(findings: Findings) -> Looked:
    inside = findings.inside
    studies = [one for block in inside.blocks if (one := study(block)) is not None]
    samples = study_samples(inside.model) if inside.model else None
    absent = _absent(inside, studies)
    made = [_misread(findings)] if inside.readings else []
    if absent and not studies:
        made.append(Section("Inside the blocks", [absent]))
    if studies:
        made += [_explorer(studies, absent), *(_block(findings, one) for one in studies)]
    if samples is not None:
        made.append(_samples(findings, samples))
        made += [_attention(samples, samples.attention)] if samples.attention else []
    if not (studies or samples):
        return Looked(made, "")
    share = BLOCK_BYTES / max(1, len(studies))
    data = {
        "blocks": [record(one, share) for one in studies],
        "model": None if samples is None else sample_record(samples, inside.readings),
    }
    return Looked(made, script_json(data))


def _absent(inside: Inside, studies: Sequence[BlockStudy]) -> str:
    """Which blocks are not shown, in a sentence; empty where all are."""
    known = {one.name for one in studies}
    others = [block.program.name for block in inside.blocks if block.program.name not in known]
    why = dict(inside.absent) | dict.fromkeys(others, "no thermometer with LUT layers and one sum")
    return f"Not shown: {listed([f'{name} ({reason})' for name, reason in why.items()])}." if why else ""


def _misread(findings: Findings) -> Section:
    readings, images = findings.inside.readings, findings.inside.images_BXSS
    assert readings is not None
    compared = findings.dump.checks.samples if findings.dump else 0
    said = "The dump was made elsewhere; as it declares, " if findings.copied else ""
    said += f"{readings.wrong:,} of {counted(compared, 'test sample')} are read wrongly"
    few = len(readings.misread) < readings.wrong
    if not readings.misread:
        said += "."
    else:
        said += f"; the first {len(readings.misread)} of them:" if few else ":"
    return Section(
        "Read wrongly",
        [said],
        body=misread(readings, images) if len(images) else "",
        method="by the model in PyTorch, whose blocks, and in integers all of it, are what the hardware computes; images "
        "are stretched to full contrast.",
    )


def _explorer(studies: Sequence[BlockStudy], absent: str) -> Section:
    said = [
        "Each LUT reads bits of thresholds, or of the layer before, and adds its values where it answers 1. Choose a LUT to see "
        "what it reads and answers, and a golden row to follow it through the block."
    ]
    if absent:
        said.append(absent)
    return Section(
        "Inside the blocks",
        said,
        body=static_text("report/explore_block.html"),
        folded=[
            (
                "LUTs by layer: used, wires, duplicates, constant, pruned",
                stacked_bars("census", census_bars(studies), "LUTs", "block"),
            )
        ],
        tables=[census_table(studies)],
        method="rendered: something reads its answer; the others are pruned. Constant: its table answers the same whatever "
        "its bits are. Duplicate: a LUT before it computes the same of the same bits. Wire: it passes its first pin on. All "
        f"counted from the integer program, and on {counted(studies[0].rows, 'golden row')}, which are activations of real test "
        "samples.",
    )


def _block(findings: Findings, one: BlockStudy) -> Section:
    designs = {block.name: block for block in findings.rtl.blocks} if findings.rtl else {}
    made = {part.design: part for part in findings.synth.designs} if findings.synth else {}
    design, features = designs.get(one.name), len(one.histogram_DB)
    many = f", the first {MOST} of {features} features" if features > MOST else ""
    return Section(
        f"Stages and thresholds of {one.name}",
        plot=pipeline(design, made.get(one.name)) if design else "",
        folded=[(f"Thresholds of {one.name} over what golden rows hold{many}", thresholds(one))],
        details=[first_luts(one), first_row(one)],
        level=3,
        method=f"a small picture is a feature: how many of {counted(one.rows, 'golden row')} have each of its integers, from "
        f"{one.edges[0]} to {one.edges[-1] - 1}, as high as its fullest bin; marks below are thresholds, a longer one is several.",
    )


def _left(samples: SampleStudy) -> list[str]:
    """A sentence where samples may leave early."""
    if samples.layers_G is None:
        return []
    said = ", ".join(map(str, samples.layers_G))
    return [
        f"They leave after {said} layers, with the logits of that exit; what the layers after it would give is the program's alone."
    ]


def _samples(findings: Findings, samples: SampleStudy) -> Section:
    few = samples.tokens < samples.all_tokens
    tokens = f", the first {samples.tokens} of {samples.all_tokens} tokens" if few else ""
    return Section(
        "A sample's way through the model",
        [
            f"{counted(len(samples.chosen_G), 'golden sample')}: the residual stream before and after each layer{tokens}, and the "
            "logits at the end, as the integer program computes them and the hardware does.",
            *_left(samples),
        ],
        body=render(
            "report/explore_model.html.mako", number=int(samples.chosen_G[0]), maps=heat_maps(samples)
        ),
        tables=[logits_table(samples, findings.inside.readings)],
        method="an integer times the step of its tensor is a real value; the largest logit is what the model reads.",
    )


def _attention(samples: SampleStudy, one: AttentionStudy) -> Section:
    number = int(samples.chosen_G[0])
    said = [
        "A head weighs the tokens that it looks at; the weights of one token sum up to about one. "
        + ("A token sees itself and those before it." if one.causal else "Every token sees all of them.")
    ]
    if len(one.queries_Q) < one.tokens:
        said.append(
            f"On the page are the looks of {len(one.queries_Q)} of {one.tokens} tokens, of {counted(len(one.names), 'sample')}."
        )
    elif len(one.names) < len(samples.chosen_G):
        said.append(f"On the page are the looks of the first {counted(len(one.names), 'sample')}.")
    scale = one.layers[0].scale
    step = f", in steps of {scale:g}" if scale else ""
    what = "where its last token looks" if one.causal else "the mean of where its tokens look"
    return Section(
        "Where attention looks",
        said,
        body=render("report/explore_attention.html.mako", number=number, maps=attention_maps(one)),
        details=[attention_table(one)],
        method=f"weights are integers of the program, as the hardware computes them{step}. The table is of golden sample {number}: {what}. Spread: 2 to the entropy of the weights, "
        "over how many tokens they would be even.",
    )
