"""The host's Python and C make the same bytes of the same rows, those that the bench plays, and read the golden answers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import packages
from hosts import Loop, golden_of, printed_by, python_of
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.documents import DecodeStep, ModelDesign, PortedDesign
from quweit_cli.hdl.host import render_host
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.stages import rtl
from quweit_cli.templating import render
from quweit_cli.weightless.thermometer import quantize
from whole_models import model_design

REFUSED = (-(2**31)).to_bytes(4, "little", signed=True)


def block_package(folder: Path, bus: int | str = "auto") -> tuple[Path, PortedDesign]:
    project = project_with_dump(folder / "p", random_block(3, features=7, outputs=3), rows=12)
    options = {"bus_bytes": bus, "directed_rows": 0, "random_rows": 1}
    return project, rtl.run(project, config.Rtl.model_validate(options)).blocks[0]


def decoder() -> ModelDesign:
    """With words of two bytes."""
    design = model_design()
    step = DecodeStep(
        codes=300,
        latency_cycles=9,
        initiation_interval_cycles=10,
        schedule=[],
        requests=design.vectors,
        requests_of_sample=7,
    )
    axis = design.axis.model_copy(update={"bytes_in": 2})
    return design.model_copy(update={"input_bits": 16, "decode": step, "axis": axis})


def host_of(root: Path, design: PortedDesign) -> Path:
    """The host's side of a model alone, in a folder as in a package."""
    for name, text in render_host("tiny", packages.dump_manifest(), [design]).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def in_c(root: Path, package: str, arrays: dict[str, Sequence[int]], body: str) -> list[str]:
    """Lines that a program in C prints, compiled as strictly as can be with the header of a package.

    arrays: type and name -> what is in it. body: of `main`, with `show`, which prints bytes.
    """
    made = [f"static const {name}[] = {{{', '.join(map(str, given))}}};" for name, given in arrays.items()]
    text = "\n".join(
        [
            "#include <stdio.h>",
            f'#include "{package}_host.h"',
            f'#include "{package}_host.h"',
            *made,
            "static void show(const uint8_t *bytes, size_t count)",
            '{ for (size_t place = 0; place < count; place++) printf("%02x", bytes[place]); puts(""); }',
            f"int main(void) {{\n{body}\n  return 0;\n}}",
        ]
    )
    return printed_by(root, text)


def padded(rows: np.ndarray, kind: str, row_bytes: int) -> bytes:
    """Golden answers as the wrapper gives them."""
    made = np.zeros((len(rows), row_bytes), np.uint8)
    numbers = rows.astype(kind).view(np.uint8).reshape(len(rows), -1)
    made[:, : numbers.shape[1]] = numbers
    return made.tobytes()


@pytest.mark.parametrize("bus", ["auto", 1, 3, 8])
def test_python_and_c_pack_the_golden_beats_and_unpack_the_golden_rows(
    tmp_path: Path, bus: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, block = block_package(tmp_path, bus)
    root, golden, axis = project / "rtl", golden_of(project, block, 12), block.axis
    layout = python_of(root, monkeypatch)[0].toy_block0
    packed = layout.pack(np.array(golden["rows"])).tobytes()
    answers = padded(np.array(golden["answers"]), "<i2", axis.output_beats * axis.bytes_out)
    beats = [packed[at : at + axis.bytes_in] for at in range(0, len(packed), axis.bytes_in)]
    lines = (root / axis.inputs).read_text().split()[-len(beats) :]
    assert [int.from_bytes(beat, "little") for beat in beats] == [int(line, 16) for line in lines]
    assert layout.unpack(answers).tolist() == golden["answers"]
    flat = [one for row in golden["rows"] for one in row]
    shown, *numbers = in_c(
        root,
        "toy",
        {"int8_t rows": flat, "uint8_t answers": list(answers)},
        "  static uint8_t stream[12 * TOY_BLOCK0_ROW_BYTES];\n"
        "  static int16_t got[12 * TOY_BLOCK0_OUTPUTS];\n"
        "  toy_block0_pack(stream, rows, 12);\n"
        "  toy_block0_unpack(got, answers, 12);\n"
        "  show(stream, sizeof stream);\n"
        '  for (size_t place = 0; place < 12 * TOY_BLOCK0_OUTPUTS; place++) printf("%d\\n", got[place]);',
    )
    assert bytes.fromhex(shown) == packed
    assert [int(one) for one in numbers] == [one for row in golden["answers"] for one in row]


def test_a_header_with_another_size_makes_other_bytes(tmp_path: Path) -> None:
    project, block = block_package(tmp_path, 8)
    root, rows = project / "rtl", golden_of(project, block, 2)["rows"]
    body = "  static uint8_t stream[16];\n  toy_block0_pack(stream, rows, 2);\n  show(stream, 16);"
    arrays = {"int8_t rows": [one for row in rows for one in row]}
    before = in_c(root, "toy", arrays, body)
    header = root / "host/toy_host.h"
    assert "TOY_BLOCK0_INPUTS 7" in header.read_text()
    header.write_text(header.read_text().replace("TOY_BLOCK0_INPUTS 7", "TOY_BLOCK0_INPUTS 6"))
    assert in_c(root, "toy", arrays, body) != before


def test_images_are_packed_from_pixels_and_logits_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, design = host_of(tmp_path, model_design()), model_design()
    layout = python_of(root, monkeypatch)[0].tiny_model
    pixels = np.random.default_rng(0).integers(0, 256, (2, 1, 10, 10), np.uint8)
    codes = layout.codes(pixels)
    assert np.array_equal(codes.astype(int).ravel(), pixels.astype(int).ravel() - 128)
    logits = np.array([[-(2**31), 2**31 - 1, *range(-4, 4)], [*range(10)]])
    answers = padded(logits, "<i4", design.outputs * 4)
    assert np.array_equal(layout.unpack(answers), logits)
    shown, *numbers = in_c(
        root,
        "tiny",
        {"uint8_t pixels": pixels.ravel().tolist(), "uint8_t answers": list(answers)},
        "  static int8_t codes[2 * TINY_MODEL_INPUTS];\n"
        "  static uint8_t stream[2 * TINY_MODEL_ROW_BYTES];\n"
        "  static int32_t logits[2 * TINY_MODEL_OUTPUTS];\n"
        "  quweit_codes(codes, pixels, sizeof codes);\n"
        "  tiny_model_pack(stream, codes, 2);\n"
        "  tiny_model_unpack(logits, answers, 2);\n"
        "  show(stream, sizeof stream);\n"
        '  for (size_t place = 0; place < 20; place++) printf("%ld\\n", (long)logits[place]);',
    )
    assert bytes.fromhex(shown) == layout.pack(codes).tobytes()
    assert [int(one) for one in numbers] == logits.ravel().tolist()


def test_requests_say_whether_they_go_on_and_an_answer_whether_it_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = host_of(tmp_path, decoder())
    layout = python_of(root, monkeypatch)[0].tiny_model
    assert layout.pack([299, 1], goes_on=False).tobytes() == bytes([0x2B, 0x01, 0x01, 0x00])
    assert layout.pack([299, 1], goes_on=True).tobytes() == bytes([0x2B, 0x81, 0x01, 0x00])
    logits = padded(np.arange(-5, 5)[None], "<i4", 40)
    assert layout.answer(logits).tolist() == list(range(-5, 5))
    assert layout.answer(REFUSED + bytes(36)) is None
    printed = in_c(
        root,
        "tiny",
        {"uint32_t tokens": [299, 1], "uint8_t answer": list(logits), "uint8_t refused": list(REFUSED)},
        "  uint8_t stream[2 * TINY_MODEL_INPUT_BYTES];\n"
        "  int32_t logits[TINY_MODEL_OUTPUTS];\n"
        "  tiny_model_pack(stream, tokens, 2, 0); show(stream, sizeof stream);\n"
        "  tiny_model_pack(stream, tokens, 2, 1); show(stream, sizeof stream);\n"
        '  printf("%d\\n", tiny_model_unpack(logits, answer));\n'
        '  printf("%ld %ld\\n", (long)logits[0], (long)logits[9]);\n'
        '  printf("%d\\n", tiny_model_unpack(logits, refused));',
    )
    assert printed == ["2b010100", "2b810100", "1", "-5 4", "0"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, 6), int), r"integers \[rows, 7\], not int64 \[2, 6\]"),
        (np.zeros((2, 7)), r"integers \[rows, 7\], not float64"),
        (np.full((2, 7), 128), "integers of 8 bits, not up to 128"),
        (np.zeros(7, int), r"integers \[rows, 7\]"),
    ],
)
def test_rows_that_the_wrapper_cannot_take_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: np.ndarray, message: str
) -> None:
    project, _ = block_package(tmp_path, 1)
    layout = python_of(project / "rtl", monkeypatch)[0].toy_block0
    with pytest.raises(ValueError, match=message):
        layout.pack(rows)
    with pytest.raises(ValueError, match="no whole rows of 6"):
        layout.unpack(bytes(7))
    with pytest.raises(ValueError, match="takes 7 bytes together, and a transfer has 6 at most"):
        next(layout.transfers(np.zeros((1, 7), int), 6))


@pytest.mark.parametrize("tokens", [[], [300], [-1], [0.5], [[1, 2]]])
def test_codes_that_there_are_not_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: list[Any]
) -> None:
    layout = python_of(host_of(tmp_path, decoder()), monkeypatch)[0].tiny_model
    with pytest.raises(ValueError, match="tiny_model_axis"):
        layout.pack(tokens)


def test_a_sample_that_is_not_whole_is_refused_before_the_block_waits_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = random_block(2, features=4, thresholds=1, layers=(6,), outputs=2)
    project = project_with_dump(tmp_path / "p", program, rows=8, around=Neighbourhood(4, causal=False))
    rtl.run(project, config.Rtl(directed_rows=0, random_rows=1))
    layout = python_of(project / "rtl", monkeypatch)[0].toy_block0
    with pytest.raises(ValueError, match="whole samples of 4 rows, not 6"):
        layout.pack(np.zeros((6, 2), int))
    assert [count for _, count in layout.transfers(np.zeros((12, 2), int), 23)] == [8, 4]


def test_real_numbers_are_normalised_and_rounded_as_in_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = block_package(tmp_path)
    layout = python_of(project / "rtl", monkeypatch)[0].toy_block0
    rows = torch.from_numpy(np.random.default_rng(0).normal(0.3, 2.0, (500, 7)))
    rows[0], rows[1] = 0.7, torch.tensor([30.0, 0, 0, 0, 0, 0, 0])  # constant, and far out
    expected = quantize(torch.nn.LayerNorm(7, elementwise_affine=False, dtype=torch.float64)(rows))
    assert np.array_equal(layout.quantised(rows.numpy()), expected.numpy())
    halves = torch.from_numpy((np.arange(-300, 300) + 0.5) / 32).reshape(-1, 6)
    as_they_are = type(layout)("x", 6, 1, 6, 1, 2, 2, 1, layout.input_step, 1.0, False)
    assert np.array_equal(as_they_are.quantised(halves.numpy()), quantize(halves).numpy())
    assert layout.real(np.array([3])) == 3 * 0.01


def code_of(page: str, function: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the Python of a README defines, with a stand-in for PYNQ."""
    python_of(root, monkeypatch)
    (root / "pynq.py").write_text("from numpy import zeros as allocate\n")
    monkeypatch.syspath_prepend(root)
    monkeypatch.delitem(sys.modules, "pynq", raising=False)
    (code,) = (part.split("```")[0] for part in page.split("```python\n")[1:])
    names: dict[str, Any] = {}
    exec(code, names)
    return names[function]


def test_the_readme_of_a_block_says_how_it_is_spoken_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = block_package(tmp_path, 8)
    page = (project / "rtl/README.md").read_text()
    answers = code_of(page, "answers", project / "rtl", monkeypatch)
    values, golden = np.random.default_rng(0).normal(size=(2, 7)), np.array([[1, -2, 3], [4, 5, 6]])
    dma = Loop([padded(row[None], "<i2", 8) for row in golden])
    assert np.array_equal(answers(values, dma), golden * 0.01)
    assert len(dma.sent) == 16 and dma.sent[7::8] == bytes(2) and dma.sent[:7] != bytes(7)


@pytest.mark.parametrize("kind", ["images", "text"])
def test_the_readme_of_a_model_says_how_it_is_spoken_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    design = model_design() if kind == "images" else decoder()
    page = render(
        "package/readme_model.md.mako", name="tiny", dump=packages.dump_manifest(), design=design, version="0"
    )
    logits = padded(np.array([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3]]), "<i4", 40)
    root = host_of(tmp_path, design)
    if kind == "images":
        classes = code_of(page, "classes", root, monkeypatch)
        assert classes(np.zeros((1, 1, 10, 10), np.uint8), Loop([logits])).tolist() == [5]
    else:
        next_token = code_of(page, "next_token", root, monkeypatch)
        dma = Loop([logits])
        assert next_token([7, 8], dma) == 5 and dma.sent == bytes([7, 0, 8, 0])


def test_without_pynq_the_driver_wants_buffers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, _ = block_package(tmp_path)
    rendered, stream = python_of(project / "rtl", monkeypatch)
    monkeypatch.delitem(sys.modules, "pynq", raising=False)
    with pytest.raises(ModuleNotFoundError, match="pynq"):
        stream.Driver(rendered.toy_block0, dma=None)
