"""Vivado: its project, its run and its reports."""
