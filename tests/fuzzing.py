"""Commands on damaged files, each in a process of its own whose time and memory are bounded.

python tests/fuzzing.py MINUTES      as `make fuzz` does: chance without end; findings into build/fuzz
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image

os.environ["OMP_NUM_THREADS"] = "1"  # threads of this process would be missing in the forked ones

import cell_library
import own_images
import own_tables
import packages
from mutations import damage, odd_yaml
from quweit_cli import artifacts, config, documents
from quweit_cli.cli import app
from quweit_cli.errors import QuweitError
from quweit_cli.stages import dump, evaluate, front, pipeline, report, sample, search, train  # noqa: F401  (imported once, for all)

importlib.import_module("torch._dynamo")  # takes seconds: here, once for all
REPOSITORY = Path(__file__).resolve().parent.parent
SECONDS, BYTES = 20, 2 << 30  # of processor time; on a busy machine a clock on the wall says nothing
WAITING = 10  # times as long by the clock: who waits for what never comes takes no processor time
BUILD_SECONDS = 300  # each, on a busy machine that compiles kernels for the first time
TRAINING_SECONDS = 8  # of settings that are sound: a training may take as long as they say
EXPERIMENT = """\
name: tiny
data: {{source: {source}}}
model: {{family: {family}, dim: 8, depth: 1, heads: 1, context: 8, block: {{lut_layers: [8], fan_in: 2}}}}
training: {{steps: {steps}, batch_size: 4, evaluate_samples: 8}}
dump: {{rows: 16, samples: 16}}
"""
TOOLS = {"verilator": "Verilator 5.48 stand-in", "icarus": "Icarus Verilog version 12.0", "yosys": "Yosys 0.70",
         "opensta": "2.6.0", "vivado": "vivado v2024.2"}  # fmt: skip
CHOICES = "--budget 1 --set search.layers=[1] --set search.luts=[8] --set search.groups=[1] --set search.outputs_per_cycle=[1]"


class Case(NamedTuple):
    """A command, in words of which `{name}` is a file or folder of the sandbox, and what of these may be damaged."""

    words: str
    files: str  # a pattern, below the sandbox


CASES = (
    Case("report {project}", "project/**/*"),
    Case("energy {project}", "project/**/*.json"),
    Case("front {project}", "project/**/*"),
    Case("compare {project} {text}", "project/**/*.json"),
    Case("rtl {project} --out {project}", "project/**/*"),
    Case("rtl {project}/dump --out {out}", "project/dump/**/*"),
    Case("rtl {project}/dump --out {out} --estimate", "project/dump/**/*.json"),
    Case("rtl {project}/train/ckpt.pt --out {out}", "project/train/ckpt.pt"),
    Case("dump {project}/train/ckpt.pt --out {out}", "project/train/ckpt.pt"),
    Case("eval {project}/train/ckpt.pt --json", "project/train/ckpt.pt"),
    Case("sample {text}/train/ckpt.pt --tokens 3", "text/train/ckpt.pt"),
    Case("eval {text}/train/ckpt.pt --data {inputs}/text.txt", "text/train/ckpt.pt"),
    Case("sim {project} --simulator icarus", "project/**/*"),
    Case("sim {project} --netlist", "project/**/*"),
    Case("sim {project} --formal", "project/**/*"),
    Case("synth {project} --no-cache", "project/**/*"),
    Case("synth {project} --no-cache --liberty {inputs}/tiny.lib", "inputs/tiny.lib"),
    Case("baseline --out {out} --checkpoint {project}/train/dense.pt", "project/train/*.pt"),
    Case("energy --tables --checkpoint {project}/train/ckpt.pt", "project/train/ckpt.pt"),
    Case("run {inputs}/digits.yaml --out {project}", "project/**/*"),
    Case("train {inputs}/digits.yaml --out {out}", "inputs/digits.yaml"),
    Case("train {inputs}/text.yaml --out {out} --data {inputs}/text.txt", "inputs/text.*"),
    Case("train {inputs}/images.yaml --out {out} --data {inputs}/images.npz", "inputs/images.npz"),
    Case("train {inputs}/images.yaml --out {out} --data {inputs}/own.npz --set data.source=images_npz", "inputs/own.npz"),
    Case("train {inputs}/images.yaml --out {out} --data {inputs}/own --set data.source=image_folder --set data.side=8", "inputs/own/*/*"),
    Case("train {inputs}/images.yaml --out {out} --data {inputs}/own.csv --set data.source=csv --set data.table.label=kind --set model.patch=1", "inputs/own.csv"),
    Case("train {inputs}/digits.yaml --out {unfinished} --resume --set training.steps=20", "unfinished/**/*"),
    Case("train {inputs}/digits.yaml --out {out} --set training.start_from={project}/train/ckpt.pt", "project/train/ckpt.pt"),
    Case("train {inputs}/digits.yaml --out {out} --set {set}", ""),
    Case("run {inputs}/digits.yaml --out {project} --set {set}", ""),
    Case("synth {project} --no-cache --set {synth_set}", ""),
    Case(f"search {{inputs}}/digits.yaml --out {{search}} {CHOICES}", "search/search/*.*"),
    Case("report {search}", "search/search/search.json"),
    Case("search {inputs}/digits.yaml --out {out} --budget 1 --set {set}", ""),
    Case("approximate {inputs}/samples.csv --segments 2 --scale 0.25 --input-bits 4 --out {out}", "inputs/samples.csv"),
)  # fmt: skip


class Found(NamedTuple):
    """How a command ended, and what is wrong with it; nothing when `problem` is empty."""

    words: str
    code: int | None
    output: str
    problem: str


def build(sandbox: Path) -> None:
    """Files of every kind that commands read: projects of images and text, an unfinished training, a cell library."""
    inputs = sandbox / "inputs"
    for folder in ("inputs", "tools", "home", "work"):
        (sandbox / folder).mkdir(parents=True)
    for name, line in TOOLS.items():
        (sandbox / "tools" / name).write_text(f"#!/bin/sh\necho '{line}'\n")
        (sandbox / "tools" / name).chmod(0o755)
    for name, source, family in (
        ("digits", "digits", "vit"),
        ("text", "text_file", "gpt"),
        ("images", "cifar10", "vit"),
    ):
        (inputs / f"{name}.yaml").write_text(EXPERIMENT.format(source=source, family=family, steps=1))
    (inputs / "text.txt").write_text("It is a text that nobody has to read, and some do.\n" * 30)
    (inputs / "samples.csv").write_text("".join(f"{x / 4},{(x / 8) ** 2}\n" for x in range(-8, 8)))
    _write_images(inputs / "images.npz")
    own_images.write(inputs / "own.npz")
    own_images.write(inputs / "own")
    own_tables.write(inputs / "own.csv")
    cell_library.write(inputs)
    for words in (
        "train {inputs}/digits.yaml --out {project}",
        "rtl {project}/train/ckpt.pt --out {project}",
        "train {inputs}/text.yaml --out {text} --data {inputs}/text.txt",
        "train {inputs}/digits.yaml --out {unfinished} --set training.steps=20 --stop-after 0",
        "train {inputs}/digits.yaml --out {out} --set model.mlp=dense",
        f"search {{inputs}}/digits.yaml --out {{search}} {CHOICES}",
    ):
        found = in_process(sandbox, words.format(**_names(sandbox)).split(), seconds=BUILD_SECONDS)
        assert found.code == 0, found
    shutil.move(sandbox / "out" / "train" / "ckpt.pt", sandbox / "project" / "train" / "dense.pt")
    shutil.rmtree(sandbox / "out")
    project = sandbox / "project"
    reseal(project)
    _write_figures(project)
    for command in ("energy", "front", "report"):
        found = in_process(sandbox, [command, str(project)], seconds=BUILD_SECONDS)
        assert found.code == 0, found


def attempt(whole: Path, random: Random, case: Case | None = None) -> Found:
    """One command on a copy of the sandbox with one or two files damaged."""
    case = case or random.choice(CASES)
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Path(folder) / "sandbox"
        shutil.copytree(whole, sandbox, symlinks=True)
        words = case.words.format(
            **_names(sandbox), set=_setting(random), synth_set=_setting(random, config.Synth)
        )

        def damaged() -> None:
            files = sorted(path for path in sandbox.glob(case.files) if path.is_file()) if case.files else []
            for path in {random.choice(files) for _ in range(random.choice((1, 1, 2)))} if files else ():
                damage(path, random)
                print(f"damaged: {path.relative_to(sandbox)}", file=sys.stderr)
            if case.files.startswith("project") and random.random() < 0.7:
                reseal(sandbox / "project")

        before = _outside(sandbox)
        found = in_process(sandbox, words.split(" "), damaged)
        if not found.problem and _outside(sandbox) != before:
            found = found._replace(problem="something was written outside of the project")
        return found


def in_process(
    sandbox: Path, words: list[str], prepare: Callable[[], None] = lambda: None, *, seconds: int = SECONDS
) -> Found:
    """Run a command in a child of this process, bounded in time and memory."""
    log = sandbox / "log"
    child = os.fork()
    if not child:
        _child(sandbox, words, log, prepare, seconds)
    _, status, usage = os.wait4(child, 0)
    output = log.read_text(errors="replace") if log.exists() else ""
    code = os.waitstatus_to_exitcode(status)
    problem = ""
    if code in (-signal.SIGPROF, -signal.SIGALRM):
        problem = "" if "training has begun" in output else f"it takes more than {SECONDS} s"
    elif code not in (0, 1, 2, 3):
        problem = f"exit code {code}"
    elif usage.ru_maxrss * 1024 > _memory() + BYTES:
        problem = f"it takes {usage.ru_maxrss // 1024} MB"
    elif code == 1 and not output:
        problem = "exit code 1 without a word"
    return Found(" ".join(words), code, output[-3000:], problem)


def reseal(project: Path) -> None:
    """Make records fit what lies there, as whoever forges an artefact would; what cannot be read stays as it is."""
    digests: dict[str, str] = {}
    checkpoint = project / "train" / "ckpt.pt"
    try:
        _seal_dump(project / "dump")
        digests["checkpoint"] = artifacts.digest_of_file(checkpoint)
        for stage in artifacts.STAGES:
            path = project / stage / artifacts.RECORD
            if not path.is_file():
                continue
            record = json.loads(path.read_text())
            record["outputs"] = artifacts.file_digests(project / stage)
            record["inputs"] |= {name: digests[name] for name in record["inputs"] if name in digests}
            path.write_text(json.dumps(record))
            digests[stage] = artifacts.digest_of(record["outputs"])
    except (QuweitError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return


def _child(sandbox: Path, words: list[str], log: Path, prepare: Callable[[], None], seconds: int) -> None:
    """Never returns: ends with the exit code of the command."""
    code = 70
    with log.open("w", errors="replace") as output:
        try:
            _limit(seconds)
            os.chdir(sandbox / "work")
            os.environ |= {f"QUWEIT_{name.upper()}": str(sandbox / "tools" / name) for name in TOOLS}
            os.environ |= {
                "HOME": str(sandbox / "home"),
                "QUWEIT_CACHE": str(sandbox / "home" / "cache"),
                "QUWEIT_TRACEBACK": "1",
            }
            with redirect_stdout(io.StringIO()), redirect_stderr(output):
                prepare()
                output.flush()
                resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + 2 * BYTES,) * 2)
                if seconds == SECONDS:
                    train.fit = _bounded(train.fit, output)
                app(words, prog_name="quweit", standalone_mode=True)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            traceback.print_exc(file=output)
    os._exit(code)


def _limit(seconds: int) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(WAITING * seconds)


def _bounded(fit: Callable[..., object], output: io.TextIOBase) -> Callable[..., object]:
    def begun(*arguments: object, **options: object) -> object:
        print("training has begun", file=output, flush=True)
        _limit(TRAINING_SECONDS)
        trained = fit(*arguments, **options)
        _limit(SECONDS)
        return trained

    return begun


def _memory(name: str = "VmRSS") -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


def _names(sandbox: Path) -> dict[str, Path]:
    return {name: sandbox / name for name in ("project", "text", "unfinished", "search", "inputs", "out")}


def _setting(random: Random, section: type[config.Settings] = config.Experiment) -> str:
    """`a.b.c=value` of a key that exists, most often."""
    names: list[str] = []
    while True:
        names.append(random.choice([*section.model_fields, *(["x"] if random.random() < 0.02 else [])]))
        field = section.model_fields.get(names[-1])
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, config.Settings)):
            return f"{'.'.join(names)}={odd_yaml(random)}"
        section = inner


def _outside(sandbox: Path) -> str:
    """Identifies all that no command may change."""
    digest = hashlib.sha256()
    for top in ("work", "tools"):
        for path in sorted((sandbox / top).rglob("*")):
            digest.update(f"{path} {path.lstat().st_size}".encode())
    names = sorted(path.name for path in [*sandbox.iterdir(), *sandbox.parent.iterdir()])
    digest.update(" ".join(name for name in names if name not in ("out", "log")).encode())
    return digest.hexdigest()


def _seal_dump(folder: Path) -> None:
    path = folder / "dump.json"
    manifest = artifacts.read_json(path)  # which opens no pipe
    names = [block[key] for block in manifest["blocks"] for key in ("program", "inputs", "outputs")]
    manifest["digest"] = artifacts.digest_of(
        {name: artifacts.digest_of_file(folder / name) for name in names}
    )
    path.write_text(json.dumps(manifest))


def _write_figures(project: Path) -> None:
    """What simulators and synthesizers would find of its blocks."""
    block = artifacts.load(documents.RtlManifest, project / "rtl" / "manifest.json").blocks[0]
    sim, made = (
        packages.sim_result(),
        packages.synthesized_block(design=block.name, netlist="netlist.v", estimate=block.estimate),
    )
    runs = [run.model_copy(update={"design": block.name}) for one in sim.simulators for run in one.runs]
    sim = sim.model_copy(update={"simulators": [sim.simulators[0].model_copy(update={"runs": runs})]})
    packages.write_document(project, "sim", sim, made_from=("rtl",))
    packages.write_document(project, "synth", packages.synthesis_report(made), made_from=("rtl",))


def _write_images(path: Path) -> None:
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", 12), ("test", 10)):
        encoded = []
        for number in range(count):
            file = io.BytesIO()
            Image.new("RGB", (32, 32), (20 * number, 10, 5)).save(file, "JPEG")
            encoded.append(file.getvalue())
        arrays[f"{part}_jpeg"] = np.frombuffer(b"".join(encoded), np.uint8)
        arrays[f"{part}_offsets"] = np.cumsum([0, *map(len, encoded)])
        arrays[f"{part}_labels"] = np.arange(count) % 10
    np.savez(path, **arrays)
