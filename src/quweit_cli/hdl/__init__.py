"""From the integer program to SystemVerilog text: structure first, then rendering, then the disk."""
