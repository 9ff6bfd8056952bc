"""A decoder on a simulator that answers requests one after the other: whoever asks chooses the next by the answers before."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from quweit_cli import toolbox
from quweit_cli.documents import ModelDesign
from quweit_cli.errors import CheckFailed, ToolFailed
from quweit_cli.hdl.benches import render_requests_bench, requests_bench
from quweit_cli.simulators.base import RUN_SECONDS, Bench, Simulator
from quweit_cli.simulators.cocotb_library import environment
from quweit_cli.simulators.row_designs import SINK, package_files
from quweit_cli.simulators.runner import LOG, RESULTS, laid_out
from quweit_cli.templating import static_text
from quweit_cli.toolbox import Found

TESTS = ("test_conversation", "test_requests", "test_block")


class Conversation:
    """What is cached is what was asked last, and what was taken from its answer."""

    def __init__(self, design: ModelDesign, line: socket.socket, answers: TextIO) -> None:
        self.line, self.answers = line, answers
        self.goes_on = 1 << design.input_bits - 1
        self.cached: list[int] = []

    def logits(self, tokens: Sequence[int]) -> list[int]:
        """Of the token that follows these, as many as the context holds or fewer.

        What goes on from the tokens cached takes decode steps, anything else is a new prompt.

        Raises:
            CheckFailed: they do not fit, or unknown bits were answered.
            ToolFailed: the simulator ended, or gives no answer any more.
        """
        known = len(self.cached)
        goes_on = 0 < known < len(tokens) and list(tokens[:known]) == self.cached
        words = [token | self.goes_on for token in tokens[known:]] if goes_on else list(tokens)
        answer = self._ask(words)
        try:
            logits = [int(logit) for logit in answer.split()]
        except ValueError:
            raise CheckFailed(
                f"the hardware gives no logits for {len(tokens)} tokens: {answer}",
                hint="`quweit sim` shows where it differs from its program",
            ) from None
        self.cached = list(tokens)
        return logits

    def _ask(self, words: Sequence[int]) -> str:
        try:
            self.line.sendall(f"{' '.join(map(str, words))}\n".encode())
            answer = self.answers.readline()
        except TimeoutError:
            raise ToolFailed(f"the simulator gives no answer within {RUN_SECONDS:.0f} s") from None
        except OSError:
            answer = ""
        if not answer:
            raise ToolFailed("the simulator ended while it was asked")
        return answer.strip()


@contextlib.contextmanager
def conversation(
    package: Path, design: ModelDesign, tool: Simulator, found: Found, kept: Path
) -> Iterator[Conversation]:
    """Build the bench, run it, and speak with it; logs are kept in `kept`.

    Raises:
        ToolError: the simulator is incomplete or rejects the bench, or it ended by itself.
        ArtifactError: a source is outside of the package, or missing.
    """
    sources, top = package_files(package, design.sources), requests_bench(design)
    benches = {SINK: static_text(SINK), f"tb/{top}.sv": render_requests_bench(design, "")}
    tests = {f"tb/{name}.py": static_text(f"tb/{name}.py") for name in TESTS}
    bench = Bench(top, (*sources, *benches), long=True)
    files: dict[str, Path | str] = {**sources, **benches, **tests, **package_files(package, design.memories)}
    with laid_out(files, kept) as scratch:
        tool.build(found, bench, scratch)
        with (
            toolbox.talking(
                tool.command(found, bench),
                cwd=scratch,
                log=scratch / LOG,
                name=f"{tool.name} ({design.name})",
                environment={
                    **environment(top=bench.top, module=TESTS[0], module_folder="tb", results=RESULTS),
                    "QUWEIT_PATIENCE": str(2 * design.latency_cycles + 1000),
                },
                timeout=RUN_SECONDS,
            ) as line,
            line.makefile() as answers,
        ):
            yield Conversation(design, line, answers)
