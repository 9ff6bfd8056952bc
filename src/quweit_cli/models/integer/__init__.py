"""Transformers in integers: what they compute in evaluation is a program, integer for integer."""
