"""Systolic arrays in SystemVerilog."""
