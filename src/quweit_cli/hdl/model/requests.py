"""Requests by which a decoder is proven: whole prompts, short ones, decode steps, and what does not fit.

A request is a row of the bench. After a reset the first one goes on from nothing; then each golden sample is a conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from quweit_cli.hdl.vectors import packed
from quweit_cli.ir import Program
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.program import after_prompt, decides, trace

STEPS = 4  # of a golden sample, at most: tokens that follow its short prompt one by one
TOGETHER = 2  # tokens of the request that follows them
REFUSED = "refused"


class Request(NamedTuple):
    sample: int  # golden, that it is a part of
    first: int  # position of its first token
    codes: list[int]
    goes_on: bool  # from what is cached
    logits: list[int] | None  # of its last token; None where it is refused
    prompt: int = 0  # tokens that came as one, before those that went on

    def words(self, word_bits: int) -> Iterator[int]:
        """A code whose word says in its highest bit whether it goes on; above the word the mark of the last one."""
        for place, code in enumerate(self.codes):
            last = place == len(self.codes) - 1
            yield code | self.goes_on << word_bits - 1 | last << word_bits


class Plan(NamedTuple):
    """How the tokens of a golden sample become requests."""

    context: int
    steps: int
    together: int
    unknown: int | None  # a code of no token

    @property
    def rows(self) -> int:
        """Requests of a golden sample."""
        return 4 + (self.unknown is not None) + self.steps + (self.together > 0)

    def prompt(self, sample: int, side: int) -> int:
        """Tokens of the short prompt: what follows fills the cache, begins it, goes from one tile of tokens to the next."""
        longest = self.context - self.steps - self.together
        return max(1, min((longest, 1, side - 2)[sample % 3], longest))


def plan_of(context: int, unknown: int | None = None) -> Plan:
    steps = max(0, min(STEPS, context - 1))
    return Plan(context, steps, TOGETHER if context > steps + TOGETHER else 0, unknown)


class Spoken:
    """Every tensor of a program on golden samples, whose first tokens come as a prompt: with exits others may leave early."""

    def __init__(self, program: Program, tokens_NT: Integers) -> None:
        self.program, self.tokens_NT = program, tokens_NT
        self.known: dict[int, Mapping[str, Integers]] = {}

    def tensors(self, prompt: int) -> Mapping[str, Integers]:
        """Samples first. prompt: tokens of it."""
        prompt = prompt if decides(self.program) else 0
        if prompt not in self.known:
            self.known[prompt] = trace(after_prompt(self.program, prompt), self.tokens_NT, nested=True)
        return self.known[prompt]

    def logits(self, prompt: int) -> Integers:
        """Samples x tokens x vocabulary."""
        return self.tensors(prompt)[self.program.answer]


def requests_of(
    tokens_NT: Integers, logits: Callable[[int], Integers], side: int, unknown: int | None = None
) -> list[Request]:
    """Those of all golden samples, after one that finds nothing cached.

    logits: samples x tokens x vocabulary, where so many tokens came as a prompt.
    unknown: a code of no token, where words have room for one.
    """
    plan = plan_of(tokens_NT.shape[1], unknown)
    made = [Request(0, 0, tokens_NT[0, :1].tolist(), True, logits(0)[0, 0].tolist())]
    for sample, tokens_T in enumerate(tokens_NT.tolist()):
        whole = logits(plan.context)[sample, -1].tolist()
        made.append(Request(sample, 0, tokens_T, False, whole, plan.context))
        beyond = Request(sample, plan.context, tokens_T[:1], True, None)
        made.append(beyond)
        if unknown is not None:
            made.append(Request(sample, 0, [tokens_T[0], unknown, tokens_T[0]], False, None))
        made.append(beyond)  # what was refused has given up the cache
        given = prompt = plan.prompt(sample, side)
        logits_TV = logits(prompt)[sample].tolist()
        made.append(Request(sample, 0, tokens_T[:given], False, logits_TV[given - 1], prompt))
        for count in (*[1] * plan.steps, plan.together):
            if count:
                first, given = given, given + count
                made.append(Request(sample, first, tokens_T[first:given], True, logits_TV[given - 1], prompt))
    return made


def render_requests(requests: Sequence[Request], word_bits: int, logit_bits: int) -> tuple[str, str]:
    """A word a line, and an answer a line."""
    digits = word_bits // 4 + 1
    words = [f"{word:0{digits}x}\n" for one in requests for word in one.words(word_bits)]
    answers = [REFUSED if one.logits is None else packed(one.logits, logit_bits) for one in requests]
    return "".join(words), "".join(f"{one}\n" for one in answers)
