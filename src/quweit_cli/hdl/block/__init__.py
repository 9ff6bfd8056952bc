"""Weightless blocks in SystemVerilog."""
