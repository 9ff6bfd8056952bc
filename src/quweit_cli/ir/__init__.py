"""The integer program: the specification that PyTorch, the RTL and the netlist must equal exactly.

Index 0 is least significant everywhere: table bit `a` answers address `a`, pin 0 is address bit 0,
lane `k` of a bus is `[k*W +: W]`.
"""

from quweit_cli.ir.nodes.base import Node
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation, Requantize, RequantizeFeatures
from quweit_cli.ir.program import Program, Step, evaluate, tensor_types
from quweit_cli.ir.types import TensorType

__all__ = [
    "ConditionalSummation",
    "LutLayer",
    "Node",
    "Program",
    "Requantize",
    "RequantizeFeatures",
    "Step",
    "TensorType",
    "Thermometer",
    "evaluate",
    "tensor_types",
]
