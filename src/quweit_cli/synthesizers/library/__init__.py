"""Cells of a library: mapping, timing, activity and power."""
