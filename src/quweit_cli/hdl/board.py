"""The top of a device on a board: a block's shell behind a serial line of the host."""

from __future__ import annotations

from quweit_cli.documents import PortedDesign
from quweit_cli.errors import ConfigError
from quweit_cli.hdl.axis import PLACED, shell_of
from quweit_cli.technologies import Board
from quweit_cli.templating import render

MODULES = ("board/quweit_uart_receiver.v", "board/quweit_uart_sender.v")  # static, beside the top
HOST = "board/check_rows.py"


def board_top(design: PortedDesign) -> str:
    """Name of the module."""
    return f"{design.top}_board"


def render_board(design: PortedDesign, board: Board) -> str:
    """
    Raises:
        ConfigError: the wrapper's bus is wider than a byte.
    """
    axis = design.axis
    if (axis.bytes_in, axis.bytes_out) != (1, 1):
        raise ConfigError(
            f"a serial line brings bytes, and the bus of `{design.name}` has {axis.bytes_in} in, {axis.bytes_out} out",
            hint="render the package with `quweit rtl --bus-bytes 1`",
        )
    return render(
        "board/board.v.mako",
        name=board_top(design),
        shell=shell_of(design),
        axis=axis,
        cycles_per_bit=board.cycles_per_bit,
        board=board.title,
        header=PLACED,
    )
