"""Directed rows: a search for rows that show what random and golden rows do not."""
