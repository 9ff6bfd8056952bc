"""Weightless blocks in other people's models: put in, trained in their loops, exported for the toolchain.

`quweit_cli` offers what these modules define; docs/library.md shows it.
"""
