"""What the page holds of blocks and samples: equal to the program's own integers, bounded, and inert whatever it says."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_report import Words

import packages
import readable
from integer_networks import made
from programs import project_with_dump, random_block, random_rows
from quweit_cli import artifacts
from quweit_cli.documents import DUMP, DumpedExits, RtlNeighbours
from quweit_cli.errors import ArtifactError, StaleArtifact
from quweit_cli.ir.census import census
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.program import Program, trace
from quweit_cli.report.explore import blocks, samples, section
from quweit_cli.report.explore.images import png
from quweit_cli.report.explore.inside import BlockRows, ModelSamples
from quweit_cli.report.explore.names import feature_names
from quweit_cli.report.explore.packing import packed, packed_bits, script_json
from quweit_cli.report.explore.pipeline import pipeline
from quweit_cli.report.explore.tables import census_bars, census_table, first_luts, first_row
from quweit_cli.report.numbers import significant
from quweit_cli.stages import keys, report

ROOMY = 10.0**6


def unpacked(one: dict[str, Any]) -> np.ndarray:
    """As the page's script reads it."""
    content, shape = base64.b64decode(one["data"]), tuple(one["shape"])
    if one["kind"] != "bits":
        return np.frombuffer(content, np.dtype(one["kind"]).newbyteorder("<")).reshape(shape)
    rows = np.frombuffer(content, np.uint8).reshape(*shape[:-1], -1)
    return np.unpackbits(rows, axis=-1, bitorder="little")[..., : shape[-1]]


def studied(program: Program, rows: int = 40, around: Neighbourhood | None = None) -> blocks.BlockStudy:
    inputs = random_rows(program, rows).astype(np.int64)
    one = blocks.study(BlockRows(program, inputs, 1 / 32, 0.01, around))
    assert one is not None
    return one


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = readable.write_project(tmp_path_factory.mktemp("inside") / "project")
    report.run(path)
    return path


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "report" / "index.html").read_text()


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="explore-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize(
    "values",
    [[[-128, 127]], [[0, 255]], [[-1, 255]], [[0, 65535]], [[-(2**31), 5]], [[2**40, -(2**63)]], [[]]],
)
def test_integers_are_packed_without_loss(values: list[list[int]]) -> None:
    array = np.array(values, dtype=np.int64)
    assert unpacked(packed(array)).tolist() == values


def test_bits_are_packed_a_row_a_byte() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (3, 13))
    assert unpacked(packed_bits(bits)).tolist() == bits.tolist()
    assert len(base64.b64decode(packed_bits(bits)["data"])) == 6


@pytest.mark.parametrize(
    "shape", [{"layers": (10,)}, {"layers": (12, 9), "fan_in": 4}, {"layers": (40,), "fan_in": 1}]
)
def test_a_block_on_the_page_is_that_of_its_program(shape: dict[str, Any]) -> None:
    program = random_block(7, outputs=5, **shape)
    one = studied(program)
    found, chain = blocks.record(one, ROOMY), one.chain
    tensors = trace(program, one.block.rows_RD[unpacked(found["rows"]["number"])])
    assert unpacked(found["thresholds"]).tolist() == chain.thermometer.thresholds_DT.tolist()
    assert unpacked(found["values"]).tolist() == chain.summation.values_KE.tolist()
    assert unpacked(found["bias"]).tolist() == chain.summation.bias_E.tolist()
    for key, name in (("inputs", "x"), ("bits", "thermometer"), ("sums", "summation"), ("outputs", "y")):
        assert unpacked(found["rows"][key]).tolist() == tensors[name].tolist()
    for place, (layer, told) in enumerate(zip(chain.layers, found["layers"], strict=True)):
        assert unpacked(told["pins"]).tolist() == layer.pins_JL.tolist()
        tables_JA = unpacked(told["tables"])
        assert [
            sum(int(bit) << a for a, bit in enumerate(row)) for row in tables_JA
        ] == layer.tables_J.tolist()
        assert unpacked(told["answers"]).tolist() == tensors[f"lut_layer{place}"].tolist()
        every = trace(program, one.block.rows_RD)[f"lut_layer{place}"]
        assert unpacked(told["ones"]).tolist() == every.sum(axis=0).tolist()
        assert unpacked(told["rendered"]).tolist() == census(program)[place].rendered_J.tolist()
        assert told["shown"] == told["luts"] == len(layer.pins_JL)


def test_rows_in_parts_count_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    program = random_block(layers=(12, 9), fan_in=4)
    whole = studied(program)
    monkeypatch.setattr(blocks, "ELEMENTS_AT_ONCE", 100)
    parts = studied(program)
    for one, other in zip(whole.responses, parts.responses, strict=True):
        assert one.reads_JA.tolist() == other.reads_JA.tolist()


def test_a_histogram_counts_every_row_once() -> None:
    one = studied(random_block())
    assert one.histogram_DB.sum(axis=1).tolist() == [40] * 6
    assert (one.edges[0], one.edges[-1]) == (-128, 128)
    values = one.block.rows_RD[:, 2]
    first, last = one.edges[5], one.edges[6]
    assert one.histogram_DB[2, 5] == ((values >= first) & (values < last)).sum()


def test_what_a_block_takes_is_bounded_and_what_is_left_out_is_counted() -> None:
    one = studied(random_block(features=8, layers=(600, 700), outputs=30), rows=60)
    sizes = []
    for most in (20_000, 60_000, 200_000):
        found = blocks.record(one, most)
        assert len(script_json(found)) <= most
        shown = [layer["shown"] for layer in found["layers"]]
        assert 0 < shown[0] < 600 and [layer["luts"] for layer in found["layers"]] == [600, 700]
        assert found["values"]["shape"][0] == shown[1]
        sizes.append(shown[0])
    assert sizes == sorted(sizes) and len(set(sizes)) == 3


def test_all_blocks_share_the_room_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [random_block(seed, name=f"block{seed}", features=20, layers=(300,)) for seed in range(4)]
    project = project_with_dump(tmp_path / "p", *made)
    sizes = []
    for most in (80_000, 10**6):
        monkeypatch.setattr(section, "BLOCK_BYTES", most)
        found = data_of(report.run(project).read_text())
        assert [one["name"] for one in found["blocks"]] == [one.name for one in made]
        sizes.append(len(script_json(found)))
        assert sizes[-1] <= most + 100
    assert sizes[1] > 80_000
    assert [one["layers"][0]["shown"] for one in found["blocks"]] == [300] * 4


def test_little_room_still_shows_a_lut_and_a_row() -> None:
    found = blocks.record(studied(random_block()), 10)
    assert (found["layers"][0]["shown"], found["rows"]["number"]["shape"]) == (1, [1])


def test_features_of_neighbours_say_whose_they_are() -> None:
    names = feature_names(32, Neighbourhood(16, causal=False))
    assert (
        names[3] == "feature 3"
        and names[16] == "feature 0 from above"
        and names[31] == "feature 15 from below right"
    )
    assert feature_names(8, Neighbourhood(4, causal=True))[4:] == [
        "feature 0 from 1 before", "feature 1 from 1 before", "feature 2 from 2 before", "feature 3 from 3 before",
    ]  # fmt: skip
    found = blocks.record(studied(random_block(features=32), around=Neighbourhood(16, causal=False)), ROOMY)
    assert found["around"]["parts"][0] == [16, 18, -1, 0] and found["around"]["own"] == 16


def test_tables_without_a_script_say_the_same() -> None:
    program = random_block(7)
    one = studied(program)
    (row,) = census_table([one]).rows
    assert row[:4] == ("block0", 0, 10, int(census(program)[0].rendered_J.sum()))
    first = first_luts(one).rows[0]
    pin = int(one.chain.layers[0].pins_JL[0, 0])
    limit = one.chain.thermometer.thresholds_DT.reshape(-1)[pin] / 32
    limits_L = one.chain.thermometer.thresholds_DT.reshape(-1)[one.chain.layers[0].pins_JL[0]]
    beyond = (limits_L < -128) | (limits_L > 126)
    assert str(first[1]).startswith(f"{pin // 3} > {significant(limit, 4)}")
    assert ("never" in str(first[1]) or "always" in str(first[1])) == bool(beyond.any())
    assert first[2] == f"64'h{int(one.chain.layers[0].tables_J[0]):016x}"
    assert [list(row[2:5]) for row in first_row(one).rows] == [
        trace(program, one.block.rows_RD)[name][0, :3].tolist() for name in one.steps
    ]


def test_every_lut_of_a_layer_is_in_one_part_of_its_bar() -> None:
    studies = [
        studied(random_block(3, name="block0", layers=(40,), fan_in=1)),
        studied(random_block(4, name="block1", layers=(12, 9))),
    ]
    bars = census_bars(studies)
    assert list(bars.parts) == ["block0", "block1, 0", "block1, 1"]
    assert [sum(count for _, count in parts) for parts in bars.parts.values()] == [40, 12, 9]
    for name, rows in zip(bars.parts, census_table(studies).rows, strict=True):
        parts = dict(bars.parts[name])
        assert parts.get("pruned", 0) == rows[4]
        assert set(parts) <= set(bars.labels)
    assert len(dict(bars.parts["block0"])) > 2, "of LUTs with one input some are wires, some constant"


def test_samples_are_those_of_the_program(project: Path, page: str) -> None:
    found, model = data_of(page)["model"], readable.image_model(*readable.blocks())
    inputs = np.load(project / "dump" / "model" / "samples.x.npy")
    tensors = trace(model, inputs)
    assert [one["title"] for one in found["streams"]] == [
        "before the first layer",
        "after layer 0",
        "after layer 1",
    ]
    for one in found["streams"]:
        assert unpacked(one["values"]).tolist() == tensors[one["name"]].tolist()
    assert [one["scale"] for one in found["streams"]] == [0.5, 0.25, 0.25]
    assert unpacked(found["logits"]).tolist() == tensors["logits"].tolist()
    assert unpacked(found["pixels"]).tolist() == (inputs.astype(int) + 128).tolist()
    assert (found["names"], found["true"]) == (readable.NAMES, DUMP.load(project).readings.golden)  # type: ignore[union-attr]


def test_a_text_is_written_out_with_the_logits_of_its_last_token() -> None:
    model = readable.text_model(readable.blocks()[0])
    inputs = np.array([[0, 1, 2, 1], [2, 2, 0, 0]])
    logits = trace(model, inputs)["logits"]
    one = samples.study_samples(ModelSamples(model, inputs, logits, "a\nc"))
    assert one is not None and one.logits_GO.tolist() == logits[:, -1].tolist()
    found = samples.sample_record(one, None)
    assert found["text"] == ["a\nc\n", "ccaa"] and found["pixels"] is None
    assert found["names"] == ["a", r"'\n'", "c"] and found["true"] is None


def test_large_samples_are_fewer_and_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    model = readable.image_model(*readable.blocks())
    inputs = np.random.default_rng(0).integers(-128, 128, (6, *model.input_type.shape))
    given = ModelSamples(model, inputs, trace(model, inputs)["logits"])
    all_of_them = samples.study_samples(given)
    monkeypatch.setattr(samples, "MODEL_BYTES", 400)
    fewer = samples.study_samples(given)
    monkeypatch.setattr(samples, "MODEL_BYTES", 90)
    shorter = samples.study_samples(given)
    assert all_of_them is not None and fewer is not None and shorter is not None
    assert (len(all_of_them.chosen_G), all_of_them.tokens) == (6, 4)
    assert 1 <= len(fewer.chosen_G) < 6 and fewer.tokens == 4
    packed_fewer = samples.sample_record(fewer, None)
    arrays = [packed_fewer["pixels"], *(one["values"] for one in packed_fewer["streams"])]
    assert sum(len(one["data"]) for one in arrays) <= 400
    assert len(shorter.chosen_G) == 1 and shorter.tokens < shorter.all_tokens == 4


def test_what_files_say_ends_no_script(page: str) -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028&"
    text = script_json({"a": hostile})
    assert not set("<>&") & set(text) and json.loads(text) == {"a": hostile}
    assert text.isascii()
    assert page.count("<script") == 2 and "alert(1)" in page
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page


def test_the_policy_allows_the_one_script_and_nothing_from_elsewhere(page: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert html.unescape(policy) == (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.findall(r"<(?:link|iframe|object|embed)\b|<[^>]*\son\w+=", page.replace(script, ""))
    assert not re.findall(r'(?:src|href)="(?!#|data:image/png;base64,)', page)


def test_wrong_images_are_shown_with_both_classes(page: str) -> None:
    assert "2 of 20 test samples are read wrongly: read" in str(Words(page))
    assert 'alt="Test image 4, read as &lt;script&gt;alert(1)&lt;/script&gt;, is cat"' in page
    assert len(re.findall(r'alt="Test image \d+, read as', page)) == 2


def test_without_a_script_the_residual_stream_is_a_picture(page: str) -> None:
    addresses = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="Residual stream of sample 0', page)
    assert len(addresses) == 3
    inputs = np.random.default_rng(5).integers(-128, 128, (3, 1, 4, 4))
    tensors = trace(readable.image_model(*readable.blocks()), inputs)
    for address, name in zip(addresses, ("embedded", "layer0", "layer1"), strict=True):
        seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(address)))).astype(int).sum(axis=-1)
        order = np.argsort(tensors[name][0], axis=None, kind="stable")
        assert seen.shape == (4, 4) and (np.diff(seen.reshape(-1)[order]) >= 0).all()


def test_a_closer_look_at_waveforms_makes_the_report_anew(tmp_path: Path) -> None:
    packages.write_document(tmp_path, "sim", packages.sim_result())
    report.run(tmp_path)
    before = keys.report(tmp_path)
    packages.write_document(tmp_path, "sim_partial", packages.sim_result(), name="sim.json")
    assert keys.report(tmp_path) != before


def test_an_image_is_a_png_of_its_pixels() -> None:
    for channels in (1, 3, 4):
        pixels = np.random.default_rng(channels).integers(0, 17, (channels, 5, 7)).astype(np.uint8)
        content = base64.b64decode(png(pixels, 16).partition(",")[2])
        seen = np.asarray(Image.open(io.BytesIO(content)))
        wanted = pixels.astype(int) * 255 // 16
        assert seen.tolist() == (np.moveaxis(wanted, 0, -1) if channels == 3 else wanted[0]).tolist()


def test_every_section_is_in_the_table_of_contents(page: str) -> None:
    headings = re.findall(r'<h2 id="([^"]+)">', page)
    linked = re.findall(r'<li><a href="#([^"]+)">', page)
    assert headings == linked and {"inside-the-blocks", "read-wrongly"} < set(headings)
    assert len(ids := re.findall(r'\bid="([^"]+)"', page)) == len(set(ids))


def test_waveforms_that_simulation_left_are_linked(tmp_path: Path) -> None:
    with artifacts.writing_stage(artifacts.open_project(tmp_path), "sim", inputs={}, options={}) as folder:
        (folder / "icarus" / "block_0").mkdir(parents=True)
        (folder / "icarus" / "block_0" / "waves.fst").write_bytes(b"waves")
        (folder / "icarus" / "block_0" / "run.log").write_text("log")
        artifacts.save(packages.sim_result(), folder / "sim.json")
    page = report.run(tmp_path).read_text()
    assert '<li><a href="../sim/icarus/block_0/waves.fst">sim/icarus/block_0/waves.fst</a></li>' in page
    assert "run.log" not in page
    (tmp_path / "sim" / "icarus" / "block_0" / "waves.fst").unlink()
    assert "Waveforms" not in report.run(tmp_path).read_text()


def test_stages_of_a_block_are_drawn_with_their_widths_and_cycles() -> None:
    block = packages.rtl_block().model_copy(
        update={"features": 48, "input_beats": 48, "output_beats": 40, "outputs_per_beat": 2, "latency_cycles": 95,
                "initiation_interval_cycles": 48, "luts_by_layer": [30, 20], "thresholds": 77}
    )  # fmt: skip
    drawn = pipeline(block, packages.synthesized_block())
    for words in ("LUT layer 0", "LUT layer 1", "77 comparators", "8 bits a beat", "16 bits a beat", "20 bits added",
                  "2 outputs a cycle", "23,984 LUTs, 6,654 flip-flops"):  # fmt: skip
        assert f"{words}" in drawn
    assert (
        "A row each 48 cycles, the last output 95 cycles after the first input: 48 to take it, 7 in registers between, 40 to give it."
        in drawn
    )
    near = RtlNeighbours(tokens=16, width=4, causal=False, row_beats=96, kept_tokens=16)
    assert "16 tokens kept" in pipeline(block.model_copy(update={"neighbours": near}))


def test_a_program_that_is_no_block_is_named_and_not_shown(tmp_path: Path) -> None:
    made, plain = random_block(), random_block(1, name="block1")
    first, *_, last = plain.steps
    other = Program("block1", "x", plain.input_type, (first, type(last)("y", ("thermometer",), last.node)))
    project = project_with_dump(tmp_path / "p", made, other)
    words = str(Words(report.run(project).read_text()))
    assert (
        "Not shown: block1 (no thermometer with LUT layers and one sum)." in words
        and "First LUTs of block0" in words
        and "First LUTs of block1" not in words
    )
    alone = project_with_dump(tmp_path / "alone", other)
    page = report.run(alone).read_text()
    assert "Not shown: block1" in page and "<script" not in page


def test_golden_rows_that_were_changed_are_refused(tmp_path: Path) -> None:
    project = readable.write_project(tmp_path / "p")
    rows = project / "dump" / "blocks" / "block0.x.npy"
    rows.write_bytes(rows.read_bytes()[:-1] + b"\7")
    with pytest.raises(StaleArtifact, match=r"block0\.x\.npy"):
        report.run(project)
    assert not (project / "report").exists()


def test_a_damaged_image_is_refused(tmp_path: Path) -> None:
    project = readable.write_project(tmp_path / "p")
    manifest = DUMP.load(project)
    files = {
        path.relative_to(project / "dump"): path.read_bytes() for path in (project / "dump").rglob("*.*")
    }
    with artifacts.writing_stage(project, "dump", inputs={}, options={}) as folder:
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        np.save(folder / "misread.npy", np.zeros((5, 1, 8, 8), dtype=np.uint8))
        artifacts.save(manifest, folder / "dump.json")
    with pytest.raises(ArtifactError, match=r"misread\.npy"):
        report.run(project)


def test_samples_that_leave_early_have_the_logits_of_their_exit_and_exits_are_no_streams() -> None:
    model, images = made("vit", "model.depth=3", "model.exits.after=[1, 2]")
    program, inputs = model.build().program, model.codes(images).numpy()
    tensors = trace(program, inputs, nested=True)
    steps = int(np.median(tensors["exit0/entropy"]))
    exits = DumpedExits(criterion="entropy", steps=steps, after=[1, 2], leaving=[1, 1, 1])
    one = samples.study_samples(ModelSamples(program, inputs, tensors["logits"], exits=exits))
    assert one is not None
    assert [title for _, title in one.streams[1:]] == ["after layer 0", "after layer 1", "after layer 2"]
    assert one.layers_G is not None and 1 in one.layers_G
    for layers, logits, sample in zip(one.layers_G, one.logits_GO, one.chosen_G, strict=True):
        head = {1: "exit0/logits", 2: "exit1/logits", 3: "logits"}[layers]
        np.testing.assert_array_equal(logits, tensors[head][sample])
    whole = samples.study_samples(ModelSamples(program, inputs, tensors["logits"]))
    assert whole is not None and whole.layers_G is None
    assert not np.array_equal(whole.logits_GO, one.logits_GO)
