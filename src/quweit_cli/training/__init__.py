"""Datasets, schedules, the loop and checkpoints."""
