"""Searching settings: what can be proposed, the study that remembers, and which trials of a front come first."""
