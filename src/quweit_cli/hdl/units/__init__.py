"""The units between products in SystemVerilog: GELU, softmax, layer normalisation."""
