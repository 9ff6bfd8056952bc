"""Integers of a design as bytes of its AXI-Stream wrapper, and back; and a driver that moves them through a DMA of PYNQ.

The same in every package, and needs NumPy alone. Sizes are in the module beside it, `<package>_host.py`:

    from quweit_stream import Driver
    from digits_host import digits_block0

    rows = digits_block0.quantised(activations)               # real numbers as integers
    stream = digits_block0.pack(rows)                         # what s_axis takes, a row of bytes each
    rows = digits_block0.unpack(answers)                      # what m_axis gave
    rows = Driver(digits_block0, overlay.axi_dma_0).run(rows)  # the two, through an overlay
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REFUSED = -(2**31)  # the one word that answers a request which does not fit
EPSILON = 1e-5  # of the normalisation


@dataclass(frozen=True)
class Layout:
    """Sizes of a wrapper. Integers are two's complement, low byte first, one after the other; zeros fill the last beat.

    inputs, outputs: integers of a row. input_bytes, output_bytes: of one of them.
    row_bytes, answer_bytes: of a row in and out, in whole beats.
    """

    name: str
    inputs: int
    input_bytes: int
    row_bytes: int
    outputs: int
    output_bytes: int
    answer_bytes: int

    def unpack(self, answers):
        """Integers [rows, outputs] of bytes from m_axis: [rows, answer_bytes], or all in a line.

        Raises:
            ValueError: they are not whole rows.
        """
        given = np.frombuffer(bytes(answers), np.uint8)
        if len(given) % self.answer_bytes:
            raise ValueError(f"{len(given)} bytes are no whole rows of {self.answer_bytes} from {self.name}")
        used = given.reshape(-1, self.answer_bytes)[:, : self.outputs * self.output_bytes]
        return np.ascontiguousarray(used).view(f"<i{self.output_bytes}")


@dataclass(frozen=True)
class Rows(Layout):
    """Rows that are all of one length. rows_of_sample: that are sent together, where a block reads the tokens around."""

    rows_of_sample: int = 1

    def pack(self, rows):
        """Integers [rows, inputs] as bytes [rows, row_bytes] for s_axis. TLAST marks the last beat of a row, or of many.

        Raises:
            ValueError: another shape, integers that the wrapper cannot take, or rows of a sample that is not whole.
        """
        rows = np.asarray(rows)
        if rows.ndim != 2 or rows.shape[1] != self.inputs or not np.issubdtype(rows.dtype, np.integer):
            raise ValueError(
                f"{self.name} takes integers [rows, {self.inputs}], not {rows.dtype} {[*rows.shape]}"
            )
        if len(rows) % self.rows_of_sample:
            raise ValueError(
                f"{self.name} takes whole samples of {self.rows_of_sample} rows, not {len(rows)}"
            )
        numbers = rows.astype(f"<i{self.input_bytes}")
        if not np.array_equal(numbers, rows):
            raise ValueError(
                f"{self.name} takes integers of {8 * self.input_bytes} bits, not up to {abs(rows).max()}"
            )
        stream = np.zeros((len(rows), self.row_bytes), np.uint8)
        stream[:, : self.inputs * self.input_bytes] = numbers.view(np.uint8).reshape(len(rows), -1)
        return stream

    def transfers(self, rows, most_bytes):
        """Rows as what a DMA sends at once: bytes, and how many answers follow.

        Raises:
            ValueError: a row or sample is longer than `most_bytes`; or as `pack`.
        """
        stream = self.pack(rows)
        together = self.rows_of_sample * self.row_bytes
        if together > most_bytes:
            raise ValueError(
                f"{self.name} takes {together} bytes together, and a transfer has {most_bytes} at most"
            )
        step = most_bytes // together * self.rows_of_sample
        for first in range(0, len(stream), step):
            part = stream[first : first + step]
            yield part.ravel(), len(part)

    def answers(self, received):
        """Integers [rows, outputs] of what came for each row."""
        return self.unpack(b"".join(received))


@dataclass(frozen=True)
class Block(Rows):
    """A weightless block. input_step, output_step: real values of a step. normalised: whether a row is, before it is rounded."""

    input_step: float = 1.0
    output_step: float = 1.0
    normalised: bool = True

    def quantised(self, values):
        """Real numbers [rows, inputs] as the integers that the block reads: normalised, divided by the step, rounded, clamped."""
        values = np.asarray(values)
        if self.normalised:
            centred = values - values.mean(axis=1, keepdims=True)
            values = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON)
        half = 2 ** (8 * self.input_bytes - 1)
        return np.clip(np.rint(values / self.input_step), -half, half - 1).astype(f"i{self.input_bytes}")

    def real(self, rows):
        """What integers [rows, outputs] of the block stand for."""
        return rows * self.output_step


@dataclass(frozen=True)
class Images(Rows):
    """A whole model: a row is an image, and its answer the logits."""

    def codes(self, pixels):
        """Pixels of eight bits [images, channels, rows, columns] as the integers that the model reads."""
        return (np.asarray(pixels, np.uint8).astype(np.int16) - 128).astype(np.int8).reshape(len(pixels), -1)


@dataclass(frozen=True)
class Requests(Layout):
    """A decoder: a request has 1 ... `inputs` tokens, a word each, and its answer are the logits of the last one.

    codes: of tokens.
    """

    codes: int = 0

    def pack(self, tokens, goes_on=False):
        """A request as bytes for s_axis. TLAST marks its last word, as a DMA does at the end of a transfer.

        goes_on: from the tokens that are cached; else it is a new prompt.

        Raises:
            ValueError: no tokens, or codes that there are not. One too long is for the decoder to refuse.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 1 or not len(tokens) or not np.issubdtype(tokens.dtype, np.integer):
            raise ValueError(f"{self.name} takes one token or more, not {tokens.dtype} {[*tokens.shape]}")
        if tokens.min() < 0 or tokens.max() >= self.codes:
            raise ValueError(
                f"{self.name} has the codes 0 ... {self.codes - 1}, not {tokens.min()} ... {tokens.max()}"
            )
        words = tokens.astype("<u4")
        words[0] |= int(goes_on) << 8 * self.input_bytes - 1
        return np.ascontiguousarray(words.view(np.uint8).reshape(-1, 4)[:, : self.input_bytes]).ravel()

    def transfers(self, requests, most_bytes):
        """Requests, each (tokens, goes_on), as what a DMA sends at once: bytes, and that one answer follows.

        Raises:
            ValueError: as `pack`, or a request is longer than `most_bytes`.
        """
        for tokens, goes_on in requests:
            stream = self.pack(tokens, goes_on)
            if len(stream) > most_bytes:
                raise ValueError(f"a request of {len(stream)} bytes, and a transfer has {most_bytes} at most")
            yield stream, 1

    def answers(self, received):
        """Logits of each request, and None where one was refused."""
        return [self.answer(one) for one in received]

    def answer(self, stream):
        """Logits [outputs] of bytes from m_axis; None where the request was refused, by its first word."""
        if int.from_bytes(bytes(stream[: self.output_bytes]), "little", signed=True) == REFUSED:
            return None
        return self.unpack(stream)[0]


class Driver:
    """Sends and receives through an AXI DMA without scatter-gather, which ends what it receives where TLAST is.

    dma: as an overlay of PYNQ has it, with `sendchannel` and `recvchannel`.
    allocate: makes buffers for it; that of PYNQ where none is given.
    most_bytes: of a transfer, 2**width - 1 for the DMA's length register; Vivado gives it 14 bits where nobody asks for more.
    """

    def __init__(self, layout, dma, allocate=None, most_bytes=2**14 - 1):
        if allocate is None:
            from pynq import allocate  # noqa: PLC0415  (of the board)
        self.layout, self.dma, self.allocate, self.most_bytes = layout, dma, allocate, most_bytes

    def run(self, given):
        """Answers in order, of integers [rows, inputs], or of requests, each (tokens, goes_on)."""
        received = []
        for stream, answers in self.layout.transfers(given, self.most_bytes):
            received += self._through(stream, answers)
        return self.layout.answers(received)

    def _through(self, stream, answers):
        """What comes for one transfer: a transfer an answer, of which the first is expected before anything is sent."""
        sent = self.allocate(shape=(len(stream),), dtype=np.uint8)
        taken = self.allocate(shape=(self.layout.answer_bytes,), dtype=np.uint8)
        sent[:] = stream
        send, receive, received = self.dma.sendchannel, self.dma.recvchannel, []
        receive.transfer(taken)
        send.transfer(sent)
        for place in range(answers):
            if place:
                receive.transfer(taken)
            receive.wait()
            received.append(bytes(taken))
        send.wait()
        return received
