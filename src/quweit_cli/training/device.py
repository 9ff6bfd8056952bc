"""Where training runs: the device, the precision of its products, its threads, and what runs out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

from quweit_cli import config
from quweit_cli.errors import ConfigError, OutOfMemory, QuweitError

COMPILER_ERRORS = ("InvalidCxxCompiler", "CppCompileError", "CUDACompileError", "BackendCompilerFailed")


def pick_device(wanted: str, local_rank: int = 0) -> torch.device:
    """Raises ConfigError when CUDA is asked for and this machine has none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "the device is to be cuda, and torch finds no CUDA device here",
            hint="`auto` takes what there is: `training.device: auto` or `--device auto`",
        )
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted, local_rank) if wanted == "cuda" else torch.device(wanted)


def describe(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def memory_mb(device: torch.device) -> float | None:
    """The most that tensors took at once so far, MB; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None


class Precision:
    """bfloat16 for the products of the dense parts, by autocast; weights stay float32, blocks opt out."""

    def __init__(self, wanted: str, device: torch.device) -> None:
        self.device = device
        self.bfloat16 = wanted == "bfloat16" or (wanted == "auto" and device.type == "cuda")

    def __call__(self) -> contextlib.AbstractContextManager[object]:
        if self.bfloat16:
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()


@contextlib.contextmanager
def prepared(settings: config.Training, device: torch.device) -> Iterator[None]:
    """Within: the threads, float32 products and kernels that the settings ask for; afterwards what was before."""
    threads, products = torch.get_num_threads(), torch.get_float32_matmul_precision()
    exact = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(settings.threads or threads)
    if settings.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA is first used
        torch.use_deterministic_algorithms(True)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.cuda.reset_peak_memory_stats(device)
        if Precision(settings.precision, device).bfloat16:
            torch.set_float32_matmul_precision("high")  # what autocast leaves float32 is TF32 then
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(products)
        torch.use_deterministic_algorithms(exact)


def _is_lack_of_memory(error: Exception) -> bool:
    """Also on a CPU, where torch has no type for it."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and ("allocate" in str(error) or "size calculation" in str(error))


@contextlib.contextmanager
def explained(settings: config.Training, device: torch.device) -> Iterator[None]:
    """Turn what torch raises when something runs out or is missing into a message with a way out.

    Raises:
        OutOfMemory: of the GPU or of the machine.
        QuweitError: the model could not be compiled, or not run deterministically.
    """
    try:
        yield
    except Exception as error:
        first_line = str(error).strip().partition("\n")[0]
        if _is_lack_of_memory(error):
            where = f"the GPU ({describe(device)})" if device.type == "cuda" else "this machine"
            hint = f"a smaller `training.batch_size` than {settings.batch_size} needs less of it"
            if not Precision(settings.precision, device).bfloat16:
                hint += ", and so does `training.precision: bfloat16`"
            raise OutOfMemory(f"training needs more memory than {where} has", hint=hint) from error
        if settings.deterministic and "deterministic" in first_line:
            raise QuweitError(
                f"a kernel of this device is not deterministic: {first_line}",
                hint="set `training.deterministic: false`, or train on a CPU",
            ) from error
        if not settings.compile or type(error).__name__ not in COMPILER_ERRORS:
            raise
        raise QuweitError(
            f"the model could not be compiled: {first_line}",
            hint="install a C++ compiler (`apt-get install g++`), or set `training.compile: false`",
        ) from error
