"""What others wrote is read within bounds: a message and exit code 2, never a bug, a hang or a file out of place."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from typer.testing import CliRunner

import packages
from conftest import REPOSITORY, Outcome
from programs import project_with_dump, random_block, seal
from quweit_cli import artifacts, config, documents
from quweit_cli.boundary import readers
from quweit_cli.boundary.arrays import Archive, read_array
from quweit_cli.cli import app
from quweit_cli.energy import power
from quweit_cli.errors import ArtifactError, ConfigError, DataUnavailable
from quweit_cli.synthesizers import cache
from quweit_cli.training import checkpoint, datasets

Quweit = Callable[..., Outcome]
EXAMPLE_DUMP = REPOSITORY / "docs" / "example" / "dump"
ALIASES = "\n".join(f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}" if n else "x"] * 10) + "]" for n in range(8))


# ---------------------------------------------------------------- JSON and YAML


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 5000, "nested more than 32 deep"),
        ('{"a": 1, "a": 2}', "has the key 'a' twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1e999}', "1e999"),
        ('{"a": ' + "1" * 5000 + "}", "digits"),
        (r'{"a": "\ud800"}', "surrogates"),
        ('{"a": ', "not JSON"),
        ("", "not JSON"),
    ],
)
def test_json_has_bounds(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ArtifactError, match=words) as caught:
        artifacts.read_json(tmp_path / "a.json")
    assert len(caught.value.message) < 400


def test_brackets_within_strings_nest_nothing() -> None:
    assert readers.parse_json(json.dumps({"a": "[" * 100, "b": '\\"' + "{" * 100})) is not None


def test_a_document_that_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ArtifactError, match="not UTF-8"):
        artifacts.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('"' + "x" * 100 + '"')
    with pytest.raises(ArtifactError, match="more than 50 bytes"):
        artifacts.read_json(tmp_path / "a.json", most=50)


YAMLS = [
    (ALIASES, "more than 10,000 values"),
    ("a: &a [*a]", "more than 10,000 values"),
    ("a: " + "[" * 500, "nested more than 32 deep"),
    ("a: !!int 'x'", "'x' is not int"),
    ("a: " + "1" * 5000, "is not int"),
    ("a: !!timestamp 2001-01-01", "tag"),
    ("a: !!python/object/apply:os.system [x]", "tag"),
    ("a: !!binary x", "tag"),
    ("a: 1\na: 2", "the key 'a' stands twice"),
    ("? [a]\n: b", "unhashable"),
    ("a: {b: [", "not YAML"),
    ("a: !!float " + "1:" * 300 + "5", "is not float"),
]


@pytest.mark.parametrize(("text", "words"), YAMLS)
def test_yaml_has_bounds_in_files_and_in_settings(
    quweit: Quweit, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "e.yaml").write_text(text)
    outcome = quweit("train", tmp_path / "e.yaml", "--out", tmp_path / "out")
    assert outcome.code == 2 and words in outcome.stderr and len(outcome.stderr) < 800
    with pytest.raises(ConfigError, match=words):
        config.assignments([f"x={text}"])


def test_a_date_that_is_none_is_text(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("name: 2001-99-99\n")
    with pytest.raises(ConfigError, match="`name`.*got '2001-99-99'"):
        config.load_experiment(tmp_path / "e.yaml")


def test_a_value_in_a_message_is_cut(tmp_path: Path) -> None:
    for value in ("x" * 100_000, ["y"] * 9000, {"z": ["y"] * 9000}):
        (tmp_path / "e.yaml").write_text(yaml.safe_dump({"name": value}))
        with pytest.raises(ConfigError) as caught:
            config.load_experiment(tmp_path / "e.yaml")
        assert len(caught.value.message) < 2000


def test_what_moves_a_cursor_is_not_printed(quweit: Quweit, tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text('"a\\e[2J": 1\nname: "\\e[2J"\n')
    assert "\x1b" not in quweit("train", tmp_path / "e.yaml", "--out", tmp_path / "out").stderr


@pytest.mark.parametrize("key", ["device", "tool", "clock_mhz", "liberty", "cache", "allow_negative_slack"])
def test_a_setting_that_is_an_option_too_is_refused(quweit: Quweit, tmp_path: Path, key: str) -> None:
    artifacts.open_project(tmp_path / "p")
    outcome = quweit("synth", tmp_path / "p", "--set", f"{key}=1")
    assert outcome.code == 2 and f"`--set {key}=...` says what an option" in outcome.stderr


@pytest.mark.parametrize("key", ["kind", "overrides", "self"])
def test_a_setting_named_as_a_parameter_is_an_unknown_key(quweit: Quweit, tmp_path: Path, key: str) -> None:
    artifacts.open_project(tmp_path / "p")
    assert f"unknown key `{key}`" in quweit("synth", tmp_path / "p", "--set", f"{key}=1").stderr


# ---------------------------------------------------------------- settings


def numbers(kind: Any, prefix: str = "") -> list[str]:
    """Dotted names of the settings that take numbers."""
    found = []
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, config.Settings):
            found += numbers(field.annotation, f"{prefix}{name}.")
        elif name == "options":  # free names and plain values, for a package's own settings
            continue
        elif any(word in str(field.annotation) for word in ("int", "float")):
            found.append(prefix + name)
    return found


@pytest.mark.parametrize("name", numbers(config.Experiment))
def test_every_number_has_bounds(name: str) -> None:
    experiment = config.load_experiment(REPOSITORY / "examples" / "digits.yaml")
    odd = (".nan", ".inf", "-.inf", "-1.5", str(10**30), "1e300", "-1", "[-1]", "[0]", "{icarus: 0}")
    for value in odd:
        with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
            config.with_overrides(experiment, [f"{name}={value}"])


def test_sentences_of_ours_have_no_prefix_of_pydantic() -> None:
    experiment = config.load_experiment(REPOSITORY / "examples" / "digits.yaml")
    with pytest.raises(ConfigError) as caught:
        config.with_overrides(experiment, ["model.heads=5"])
    assert "Value error" not in caught.value.message


@pytest.mark.parametrize(
    "change", ["model.dim=65536", "model.depth=1024", "model.block.lut_layers=[1000000, 1000000]"]
)
def test_a_model_that_no_memory_holds_is_refused_before_it_is_built(
    quweit: Quweit, tmp_path: Path, change: str
) -> None:
    large = [
        "--set",
        "model.mlp=dense",
        "--set",
        "model.heads=1",
        "--set",
        "model.dim=16384",
        "--set",
        "model.depth=24",
    ]
    arguments = [*(large if "lut" not in change else ["--set", "model.depth=64"]), "--set", change]
    outcome = quweit("train", REPOSITORY / "examples" / "digits.yaml", "--out", tmp_path / "out", *arguments)
    assert outcome.code == 2 and "can be built" in outcome.stderr


@pytest.mark.parametrize(
    "arguments", [["--outputs-per-cycle", "9" * 5000], ["--cycles-per-row", "9" * 30], ["--array", "9" * 30]]
)
def test_options_have_the_bounds_of_settings(quweit: Quweit, tmp_path: Path, arguments: list[str]) -> None:
    assert quweit("rtl", EXAMPLE_DUMP, "--out", tmp_path / "p", *arguments).code == 2


@pytest.mark.parametrize(
    "words", ["x=1,2,3,4," + "9" * 5000, "x=1,2,3,4,9999999999", "x=1,2,3,4,5", "y" * 5000]
)
def test_a_shape_of_a_model_has_bounds(quweit: Quweit, words: str) -> None:
    assert quweit("energy", "--tables", "--shape", words).code == 2


# ---------------------------------------------------------------- arrays and data


def written(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


ROWS = written(np.zeros((4, 2), np.int8))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"junk", ROWS[:-1], ROWS + b"x", ROWS[:20], ROWS.replace(b"(4, 2)", b"(4, 9)"), ROWS.replace(b"(4, 2)", b"(-4,-2"),
        ROWS.replace(b"(4, 2)", b"(10**9"), ROWS.replace(b"|i1", b"|O1"), ROWS.replace(b"'descr'", b"'desc\xf2'"),
        ROWS.replace(b"False", b"[[[[["), ROWS.replace(b"\x01\x00v", b"\x09\x00v"), written(np.zeros((4, 2), np.int16)),
        written(np.zeros(8, np.int8)), written(np.zeros((4, 2), np.dtype("V1"))),
    ],
)  # fmt: skip
def test_an_array_is_what_was_asked_for_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(readers.Unreadable):
        read_array(tmp_path / "a.npy", "int8", 2)


def test_every_damaged_byte_of_a_header_is_refused_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for place in range(128):
        path.write_bytes(ROWS[:place] + bytes([ROWS[place] ^ 0x55]) + ROWS[place + 1 :])
        with contextlib.suppress(readers.Unreadable):
            assert read_array(path, "int8", 2).nbytes == 8


def test_an_archive_in_place_of_an_array_and_a_bomb_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(1 << 22, np.int8), b=np.zeros(1, np.int8))
    shutil.copy(tmp_path / "a.npz", tmp_path / "a.npy")
    with pytest.raises(readers.Unreadable, match="archive"):
        read_array(tmp_path / "a.npy", "int8", 1)
    monkeypatch.setattr("quweit_cli.boundary.arrays.ARRAY_BYTES", 1 << 20)
    with pytest.raises(readers.Unreadable, match="more than"):
        Archive(tmp_path / "a.npz").read("a", "int8", 1)


def images(path: Path, **changes: Any) -> config.Data:
    arrays: dict[str, Any] = {}
    for part in ("train", "test"):
        encoded = []
        for number in range(20):
            file = io.BytesIO()
            Image.new("RGB", (32, 32), (number, 0, 0)).save(file, "PNG")
            encoded.append(file.getvalue())
        arrays[f"{part}_jpeg"] = np.frombuffer(b"".join(encoded), np.uint8)
        arrays[f"{part}_offsets"] = np.cumsum([0, *map(len, encoded)])
        arrays[f"{part}_labels"] = np.arange(20) % 10
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return config.Data(source="cifar10", path=path)


def test_encoded_images_are_read(tmp_path: Path) -> None:
    assert len(datasets.load(images(tmp_path / "a.npz")).test(1)[1]) == 20


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_labels": None}, "no array `train_labels`"),
        ({"train_labels": np.arange(15) % 10}, "20 images and 15 labels"),
        ({"test_labels": np.full(20, -1)}, "label -1"),
        ({"test_labels": np.full(20, 10)}, "label 10"),
        ({"test_labels": np.full(20, 1.0)}, "float64"),
        ({"train_offsets": np.arange(21)[::-1].copy()}, "offsets"),
        ({"train_offsets": np.arange(21) * 10**6}, "offsets"),
        ({"train_offsets": np.array([0])}, "0 images"),
        ({"train_jpeg": np.zeros(10_000, np.uint8)}, "cannot be decoded"),
        ({"train_jpeg": np.array([object()])}, "cannot be read"),
    ],
)
def test_images_that_do_not_fit_their_labels_are_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataUnavailable, match=words):
        datasets.load(images(tmp_path / "a.npz", **changes))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_an_archive_cut_short_is_no_data(quweit: Quweit, tmp_path: Path, share: float) -> None:
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            content = np.random.default_rng(0).integers(0, 10, 3073 * 4, dtype=np.uint8).tobytes()
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert len(datasets.load(config.Data(source="cifar10", path=path)).test(1)[1]) == 4
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DataUnavailable, match="cannot read CIFAR-10"):
        datasets.load(config.Data(source="cifar10", path=path))


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_a_part_too_small_for_every_class_is_a_setting_to_change(fraction: float) -> None:
    with pytest.raises(ConfigError, match="test_fraction"):
        datasets.load(config.Data(source="digits", test_fraction=fraction))


# ---------------------------------------------------------------- places


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return project_with_dump(tmp_path / "project", random_block())


@pytest.mark.parametrize("kind", ["itself", "elsewhere", "pipe", "folder", "device"])
@pytest.mark.parametrize(
    "place", ["dump", "dump/stage.json", "dump/dump.json", "dump/blocks/block0.json", "quweit.json"]
)
def test_a_link_a_pipe_or_a_folder_in_place_of_a_file_is_refused(
    quweit: Quweit, project: Path, kind: str, place: str
) -> None:
    path = project / place
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    match kind:
        case "itself":
            path.symlink_to(path.name)
        case "elsewhere":
            path.symlink_to("/etc/hostname")
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
    for command in (
        ["front", project],
        ["rtl", project, "--out", project],
        ["report", project],
        ["sim", project],
    ):
        outcome = quweit(*command)
        reads = "blocks" not in place or command[0] in ("front", "rtl")
        assert outcome.code == 2 if reads else outcome.code in (0, 2)


def test_a_link_anywhere_in_a_stage_is_not_what_was_written(quweit: Quweit, project: Path) -> None:
    (project / "dump" / "more").symlink_to("/etc")
    outcome = quweit("front", project)
    assert outcome.code == 2 and "is a link" in outcome.stderr


@pytest.mark.parametrize(
    "command", [["train", "{}", "--out", "o"], ["eval", "{}"], ["dump", "{}", "--out", "o"], ["sample", "{}"]]
)
def test_a_pipe_keeps_no_command_waiting(
    quweit: Quweit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    outcome = quweit(*(word.format(tmp_path / "pipe") for word in command))
    assert outcome.code == 2 and "not a regular file" in outcome.stderr


def test_without_a_home_nothing_is_cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("QUWEIT_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert cache.folder() is None and cache.fetch("0" * 64, tmp_path) is None
    cache.store("0" * 64, [], 1.0)


# ---------------------------------------------------------------- dumps by other writers


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE_DUMP, tmp_path / "foreign" / "dump"))


def change(foreign: Path, **changes: Any) -> None:
    """Of `dump.json`, by dotted names of what lies in it."""
    content = json.loads((foreign / "dump.json").read_text())
    for name, value in changes.items():
        *parents, last = name.split("__")
        target = content
        for parent in parents:
            target = target[int(parent) if parent.isdecimal() else parent]
        target[last] = value
    (foreign / "dump.json").write_text(json.dumps(content))


def change_program(foreign: Path, step: int | None = None, **changes: Any) -> None:
    path = foreign / "blocks" / "block0.json"
    content = json.loads(path.read_text())
    target = content if step is None else content["steps"][step]
    target |= changes
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def refused(quweit: Quweit, foreign: Path, words: str) -> None:
    outcome = quweit("rtl", foreign, "--out", foreign.parent / "out")
    assert outcome.code == 2 and words in outcome.stderr, outcome
    assert len(outcome.stderr) < 1000


def test_the_digest_is_made_as_the_documentation_says(foreign: Path) -> None:
    """By a reader that knows nothing but docs/formats.md."""
    names = ["blocks/block0.json", "blocks/block0.x.npy", "blocks/block0.y.npy"]
    sums = [hashlib.sha256((foreign / name).read_bytes()).hexdigest() for name in names]
    text = "{" + ", ".join(f'"{name}": "{digest}"' for name, digest in zip(names, sums, strict=True)) + "}"
    assert (
        json.loads((foreign / "dump.json").read_text())["digest"] == hashlib.sha256(text.encode()).hexdigest()
    )


def test_a_digest_of_other_files_is_refused(quweit: Quweit, foreign: Path) -> None:
    change(foreign, digest="0" * 64)
    refused(quweit, foreign, "has the digest 0000000000000000")
    assert not (foreign.parent / "out").exists()


def test_what_a_copied_dump_claims_is_said_to_be_its_claim(quweit: Quweit, foreign: Path) -> None:
    out = foreign.parent / "out"
    assert quweit("rtl", foreign, "--out", out).code == 0
    assert artifacts.read_stage(out, "dump").copied
    assert quweit("report", out).code == 0
    assert "as it declares, PyTorch" in (out / "report" / "index.html").read_text()
    assert json.loads((out / "summary.json").read_text())["dump"]["declared"] is True


def test_a_dump_of_this_project_is_more_than_a_claim(quweit: Quweit, project: Path) -> None:
    assert quweit("report", project).code == 0
    assert "as it declares" not in (project / "report" / "index.html").read_text()
    assert json.loads((project / "summary.json").read_text())["dump"]["declared"] is False


@pytest.mark.parametrize(
    "name",
    [
        "x/../../../nice/dump/evil.sh",
        "../evil.sh",
        "/etc/hostname",
        "./a",
        ".hidden",
        "a/./b",
        "a//b",
        "",
        "a\nb",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_written(
    quweit: Quweit, foreign: Path, name: str
) -> None:
    (foreign / "x").mkdir()
    (foreign / "evil.sh").write_text("echo")
    change(foreign, blocks__0__program=name)
    before = sorted(foreign.parent.rglob("*"))
    refused(quweit, foreign, "`blocks.0.program`")
    assert sorted(foreign.parent.rglob("*")) == before


@pytest.mark.parametrize("place", ["blocks", "blocks/block0.json", "blocks/block0.x.npy", "dump.json"])
def test_a_link_in_a_dump_is_refused(quweit: Quweit, foreign: Path, place: str) -> None:
    shutil.move(foreign / place, foreign.parent / "moved")
    (foreign / place).symlink_to(foreign.parent / "moved")
    refused(quweit, foreign, "is a link")
    assert not (foreign.parent / "out").exists()


@pytest.mark.parametrize("length", [24, 41])
def test_the_longest_names_render(quweit: Quweit, foreign: Path, length: int) -> None:
    change(foreign, name="n" * length, blocks__0__name="b" * length)
    change_program(foreign, name="b" * length)
    seal(foreign)
    assert quweit("rtl", foreign, "--out", foreign.parent / "out").code == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model__tokens": 0}, "`model.tokens`"),
        ({"model__heads": 3}, "3 heads share 2 features"),
        ({"model__dim": 3}, "rows of 3"),
        ({"blocks__0__rows": 5}, "4 rows of 2"),
        ({"blocks__0__rows": "4"}, "`blocks.0.rows`"),
        ({"blocks__0__output_scale": 0}, "`blocks.0.output_scale`"),
        ({"blocks__0__name": "other"}, "is the program `block0`"),
        ({"blocks": []}, "`blocks`"),
        ({"schema": None}, "schema"),
        ({"name": "n" * 42}, "`name`"),
        ({"checks__logits_equal": 1}, "`checks.logits_equal`"),
    ],
)
def test_a_dump_that_contradicts_itself_is_refused(
    quweit: Quweit, foreign: Path, changes: dict[str, Any], words: str
) -> None:
    seal(foreign)
    change(foreign, **changes)
    refused(quweit, foreign, words)


@pytest.mark.parametrize(
    ("step", "changes", "words"),
    [
        (None, {"schema": None}, "is not of schema quweit.program/1"),
        (None, {"schema": "quweit.program/2"}, "is written as quweit.program/1"),
        (
            None,
            {"schema": "quweit.program/2", "outputs": [{"name": "a", "source": "y"}]},
            "is a graph of schema",
        ),
        (None, {"schema": "quweit.program/3"}, "is not of schema quweit.program/1 or quweit.program/2"),
        (None, {"name": "other"}, "is the program `other`"),
        (None, {"steps": []}, "`steps`"),
        (None, {"input": {"name": "x", "features": 2, "low": 5, "high": -5}}, "empty range"),
        (0, {"thresholds": [["1", 2], [0, 5]]}, "`steps.0.thermometer.thresholds.0.0`"),
        (0, {"thresholds": [[True, 2], [0, 5]]}, "`steps.0.thermometer.thresholds.0.0`"),
        (0, {"thresholds": [[1.0, 2], [0, 5]]}, "`steps.0.thermometer.thresholds.0.0`"),
        (0, {"thresholds": [[2**63, 2], [0, 5]]}, "less than 9223372036854775808"),
        (0, {"thresholds": [[1], [0, 5]]}, "all rows must be of one length"),
        (0, {"thresholds": [[], []]}, "thresholds"),
        (1, {"pins": [[0, 2], [1]]}, "all rows must be of one length"),
        (1, {"pins": [[0] * 7, [1] * 7]}, "fan-in 7"),
        (2, {"bias": [2**62, 0]}, "biases must lie within"),
        (3, {"low": 5, "high": 5}, "every output is constant"),
        (3, {"low": 6, "high": 5}, "empty range"),
        (3, {"multiplier": 2**31}, "multiplier"),
    ],
)
def test_a_program_out_of_its_ranges_is_refused_in_words(
    quweit: Quweit, foreign: Path, step: int | None, changes: dict[str, Any], words: str
) -> None:
    change_program(foreign, step, **changes)
    seal(foreign)
    refused(quweit, foreign, words)


# ---------------------------------------------------------------- documents of stages


def test_a_document_holds_no_number_that_its_reader_cannot_take(tmp_path: Path) -> None:
    packages.write_project(tmp_path / "p")
    for kind, name in ((documents.DumpManifest, "dump/dump.json"), (documents.SimResult, "sim/sim.json"),
                       (documents.SynthesisReport, "synth/synth.json"), (documents.RtlManifest, "rtl/manifest.json")):  # fmt: skip
        path = tmp_path / "p" / name
        whole = path.read_text()
        for key, value in _numbers_in(json.loads(whole)):
            for odd in (-1 - abs(value), 10**30, "1", True, None, [value]):
                content = json.loads(whole)
                _put(content, key, odd)
                path.write_text(json.dumps(content))
                if odd is None or (key[-1] == "slack_ns" and odd == -1 - abs(value)):
                    continue
                if key[-1] in ("expected", "got") or "vectors" in key:
                    continue
                with pytest.raises(ArtifactError):
                    artifacts.load(kind, path)  # type: ignore[type-var]


def test_an_energy_table_is_checked_where_it_is_read(tmp_path: Path) -> None:
    table = documents.EnergyTable(
        name="x", synth="0" * 64, sim="0" * 64, rows=[], ratios=[], multiplications_replaced=0.5, weights_replaced=0.5,
        power_model=power.calibrated(),
    )  # fmt: skip
    artifacts.save(table, tmp_path / "energy.json")
    assert artifacts.load(documents.EnergyTable, tmp_path / "energy.json") == table
    content = json.loads((tmp_path / "energy.json").read_text())
    content["power_model"]["points"][0]["residual_percent"] = [-1]
    (tmp_path / "energy.json").write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="residual_percent"):
        artifacts.load(documents.EnergyTable, tmp_path / "energy.json")


def test_the_largest_shape_has_an_energy(quweit: Quweit, tmp_path: Path) -> None:
    largest = dict.fromkeys(("layers", "dim", "heads", "tokens", "mlp_hidden"), 10**6) | {"layers": 1}
    packages.write_project(tmp_path / "p", documents.ModelShape(family="vit", **largest))
    outcome = quweit("energy", tmp_path / "p")
    assert outcome.code == 0, outcome.stderr


def test_a_training_of_no_model_is_refused(tmp_path: Path) -> None:
    content = packages.train_result().model_dump(mode="json", by_alias=True) | {"models": []}
    (tmp_path / "train.json").write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="`models`"):
        artifacts.load(documents.TrainResult, tmp_path / "train.json")


def _numbers_in(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], float]]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int | float):
        return [(where, value)]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for key, inner in pairs for one in _numbers_in(inner, (*where, key))]


def _put(content: Any, where: tuple[Any, ...], value: Any) -> None:
    for key in where[:-1]:
        content = content[key]
    content[where[-1]] = value


# ---------------------------------------------------------------- checkpoints


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "e.yaml").write_text(
        "name: tiny\ndata: {source: digits}\ntraining: {steps: 1, batch_size: 4}\n"
        "model: {family: vit, dim: 8, depth: 1, heads: 1, block: {lut_layers: [8], fan_in: 2}}\n"
    )
    assert (
        CliRunner().invoke(app, ["train", str(folder / "e.yaml"), "--out", str(folder / "p")]).exit_code == 0
    )
    return folder / "p" / "train" / "ckpt.pt"


def nested(levels: int) -> Any:
    value: Any = [0]
    for _ in range(levels):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("model", {1: torch.zeros(1)}, "not tensors by name"),
        ("model", [], "not tensors by name"),
        ("model.head.bias", torch.full((10,), float("nan")), "not finite"),
        ("model.head.bias", torch.zeros(10, dtype=torch.float64), "float64"),
        ("model.head.bias", torch.zeros(9), "do not fit its settings"),
        ("model.head.bias", torch.zeros(1).expand(10**12), "larger than what the file holds"),
        ("model.head.bias", torch.zeros(10).to_sparse(), "no tensor of numbers"),
        ("model.head.bias", "x", "no tensor of numbers"),
        ("model.more", torch.zeros(1), "do not fit its settings"),
        ("model.layers.0.mlp.lut_layers.0.mapping.bit_JL", torch.full((8, 2), 10**6), "reads bits beyond"),
        ("meta.side", -1e308, "`images.side`"),
        ("meta.side", 10**9, "`images.side`"),
        ("meta.kind", "sound", "kind"),
        ("meta.classes", [], "classes"),
        ("meta", nested(40), "nested without end"),
        ("experiment.model.dim", 65536, "do not fit its settings"),
        ("experiment.model.family", "cnn", "one of: vit, encoder, gpt, resnet"),
        ("experiment.training.betas", [0.9, 1.0], "betas"),
        ("samples.inputs", torch.zeros(4, 1, 9, 9), "test samples"),
        ("samples.targets", torch.full((128,), 99), "test samples"),
        ("metrics", {"x": "y"}, "damaged"),
    ],
)
def test_a_checkpoint_that_does_not_hold_together_is_refused(
    quweit: Quweit, trained: Path, tmp_path: Path, place: str, value: Any, words: str
) -> None:
    content = torch.load(trained, weights_only=True)
    first, _, rest = place.partition(".")
    keys = [rest] if first == "model" else rest.split(".")
    target = content if not rest else content[first]
    for key in keys[:-1]:
        target = target[key]
    target[keys[-1] if rest else first] = value
    torch.save(content, tmp_path / "ckpt.pt")
    for command in ("eval", "dump"):
        outcome = quweit(
            command, tmp_path / "ckpt.pt", *([] if command == "eval" else ["--out", tmp_path / "out"])
        )
        assert outcome.code == 2 and words in outcome.stderr, outcome
        assert len(outcome.stderr) < 1500


def test_an_unknown_family_is_not_to_be_trained_again(quweit: Quweit, trained: Path, tmp_path: Path) -> None:
    content = torch.load(trained, weights_only=True)
    content["experiment"]["model"]["family"] = "cnn"
    torch.save(content, tmp_path / "ckpt.pt")
    outcome = quweit("eval", tmp_path / "ckpt.pt")
    assert "vit, encoder, gpt, resnet" in outcome.stderr and "train it again" not in outcome.stderr


def test_a_checkpoint_that_unpacks_to_more_than_it_is_is_refused(trained: Path, tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(trained) as whole,
        zipfile.ZipFile(tmp_path / "c.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    with pytest.raises(ArtifactError, match="unpacks to more"):
        checkpoint.load(tmp_path / "c.pt")


@pytest.mark.parametrize(
    ("place", "value"),
    [("step", -1), ("step", 10**6), ("weights", {}), ("averages", [torch.zeros(1)]), ("curve", [1]), ("optimizer", {}),
     ("optimizer", {"adamw": {"state": {}, "param_groups": []}}), ("loss_sum", torch.zeros(3)), ("best_weights", {"a": 1})],
)  # fmt: skip
def test_a_state_that_is_not_of_this_training_is_refused(
    quweit: Quweit, trained: Path, tmp_path: Path, place: str, value: Any
) -> None:
    experiment, out = trained.parents[2] / "e.yaml", tmp_path / "out"
    arguments = ["train", experiment, "--out", out, "--set", "training.steps=20"]
    assert quweit(*arguments, "--stop-after", "0").code == 0
    path = out / "train.unfinished" / "weightless.pt"
    content = torch.load(path, weights_only=True)
    content[place] = value
    torch.save(content, path)
    outcome = quweit(*arguments, "--resume")
    assert outcome.code == 2 and "state" in outcome.stderr, outcome
