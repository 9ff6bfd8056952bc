"""Two processes that torchrun starts train as one does: the same curve, and the first alone writes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments import DIGITS
from quweit_cli import config
from quweit_cli.artifacts import open_project
from quweit_cli.errors import ConfigError
from quweit_cli.stages import train
from quweit_cli.training.datasets import load
from quweit_cli.training.datasets.order import Share
from quweit_cli.training.distributed import Processes

# Everything that is exchanged: gradients, thresholds of the first batch, a mapping that freezes, scores.
SETTINGS: dict[str, Any] = {
    **DIGITS,
    "model": {
        **DIGITS["model"],
        "block": {
            "lut_layers": [24],
            "dropout": 0.0,
            "mapping": "learnable",
            "mapping_freeze": 0.5,
            "thermometer": {"bits": 4, "scheme": "distributive"},
        },
    },
    "training": {
        **DIGITS["training"],
        "steps": 12,
        "evaluate_every": 9,
        "evaluate_samples": 300,
        "average": 0.9,
    },
}
TAUGHT: dict[str, Any] = {  # a twin that teaches answers and states; momentum that is made orthogonal
    **DIGITS,
    "twin": True,
    "training": {
        **SETTINGS["training"],
        "optimizer": "muon",
        "learning_rate": 1e-3,
        "distill": {"weight": 0.5, "states": 3.0},
    },
}
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def run(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """What two processes say of the training that they did in `folder/p`."""
    (folder / "tiny.yaml").write_text(json.dumps(settings))
    arguments = ["-m", "quweit_cli", "train", str(folder / "tiny.yaml"), "--out", str(folder / "p"), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, *TORCHRUN, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)  # one document: the other process prints nothing
    return result


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of two processes that nobody interrupts, and what they say."""
    folder = tmp_path_factory.mktemp("together")
    return folder, run(folder, SETTINGS)


def test_two_processes_give_the_curve_of_one(
    together: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_curve_of_one(*together, SETTINGS, tmp_path, monkeypatch)


@pytest.mark.slow
def test_two_processes_are_taught_as_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_curve_of_one(tmp_path, run(tmp_path, TAUGHT), TAUGHT, tmp_path, monkeypatch)


def check_curve_of_one(
    folder: Path,
    together: dict[str, Any],
    settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # as the processes have none
    experiment = config.experiment_from_dict(settings, where="test")
    alone = train.run(experiment, open_project(tmp_path / "alone")).model_dump(mode="json")
    for model, same in zip(alone["models"], together["models"], strict=True):
        for one, two in zip(model["curve"], same["curve"], strict=True):
            assert one == pytest.approx(two, rel=1e-4)
    files = {path.name for path in (folder / "p").iterdir()}
    assert files == {"quweit.json", "train"}


LEAVES_NOTHING = """
import os, sys, torch
from pathlib import Path
from quweit_cli.training import distributed

def wrapped_step(processes):
    network = processes.wrap(torch.nn.Linear(3, 3), torch.device("cpu"))
    network.itself = [network]
    network(torch.ones(2, 3)).sum().backward()
    processes.wait()

def threads():
    return [name for task in Path("/proc/self/task").iterdir() if "gloo" in (name := (task / "comm").read_text())]

with distributed.joined(torch.device("cpu")) as processes:
    wrapped_step(processes)
    assert threads()
print(f"left: {threads()}")
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_no_thread_of_the_processes_outlives_their_work(tmp_path: Path) -> None:
    """One that is left may abort the process while the interpreter ends."""
    (tmp_path / "step.py").write_text(LEAVES_NOTHING)
    done = subprocess.run(
        [sys.executable, *TORCHRUN, str(tmp_path / "step.py")],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("left: []") == 2, done.stdout  # one for each process
    assert "FutureWarning" not in done.stderr


def test_shares_are_equal_and_cover_the_batch() -> None:
    parts = [Share(index, 4).of(24) for index in range(4)]
    assert [index for part in parts for index in range(24)[part]] == list(range(24))


def test_a_share_is_its_part_of_the_whole_batch() -> None:
    data = load(config.Data(source="digits"))
    whole, _ = data.batch(7, 32, 16, seed=1)
    part, _ = data.batch(7, 32, 16, seed=1, share=Share(1, 2))
    assert (whole[16:] == part).all()


def test_a_batch_that_cannot_be_shared_evenly_is_refused() -> None:
    with pytest.raises(ConfigError, match="32, which 3 processes cannot share"):
        Processes(0, 3).check_batch(32)


# Of two processes one alone gets a signal, in the middle of a step.
STRUCK = """
import os, signal
from quweit_cli.training.loop import _Run
step = _Run._step

def struck(run, number):
    if number == 6 and os.environ.get("STRIKE") == os.environ["RANK"]:
        signal.raise_signal(signal.SIGTERM)
    return step(run, number)

_Run._step = struck
from quweit_cli.__main__ import main
main()
"""


@pytest.mark.slow
def test_all_processes_stop_when_one_is_interrupted_and_the_same_command_goes_on(
    together: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "tiny.yaml").write_text(json.dumps(SETTINGS))
    (tmp_path / "struck.py").write_text(STRUCK)

    def struck(strike: str = "") -> subprocess.CompletedProcess[str]:
        words = [
            str(tmp_path / "struck.py"),
            "train",
            str(tmp_path / "tiny.yaml"),
            "--out",
            str(tmp_path / "p"),
        ]
        return subprocess.run(
            [sys.executable, *TORCHRUN, *words],
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "STRIKE": strike},
            capture_output=True,
            text=True,
            check=False,
        )

    stopped = struck(strike="1")
    assert stopped.returncode != 0
    assert "saved is: weightless after step 7 of 12; run the same command again" in stopped.stderr
    assert stopped.stderr.count("error: terminated") == 1  # the first process tells it
    assert "going on after step 7 of 12" in struck().stderr
    files = [folder / "p/train/ckpt.pt" for folder in (tmp_path, together[0])]
    assert files[0].read_bytes() == files[1].read_bytes()
    curves = [json.loads((file.parent / "train.json").read_text())["models"][0]["curve"] for file in files]
    assert curves[0] == curves[1]
