"""A whole model in SystemVerilog: memories, an array, units, blocks, and a schedule that runs them."""
