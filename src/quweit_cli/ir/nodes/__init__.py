"""The operations of a program, one class each."""
