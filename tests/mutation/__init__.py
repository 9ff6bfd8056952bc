"""Mutants: single random changes of rendered RTL, each of which the bench must find or a proof must excuse."""
