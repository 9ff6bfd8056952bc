"""quweit: quasi-weightless transformers, from PyTorch to lookup-table hardware, with proof."""

__version__ = "0.1.0"
