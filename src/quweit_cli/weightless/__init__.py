"""The weightless block in PyTorch: trained with straight-through gradients, evaluated as integers.

    x_RD ── quantise, compare ──▶ LUT layers ──▶ conditional summation ──▶ y_RE
            thermometer.py       lut_layer.py    summation.py
            (fused into the      mapping.py
            first gather)        rules.py

Shape suffixes, here and in models/: R rows (tokens), D features, T thresholds a feature, I inputs of a
layer, J LUTs, L pins (fan-in), A table entries (2^L), C candidates a pin, K bits summed, E outputs.
Inside a block tensors are node-major, [node][row]: the reads of a pin and the writes of a LUT are contiguous.
"""

from quweit_cli.weightless.block import WeightlessBlock

__all__ = ["WeightlessBlock"]
