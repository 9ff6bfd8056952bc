"""quweit: quasi-weightless transformers, from PyTorch to lookup-table hardware, with proof.

The names of `__all__` are the library, for models of your own: docs/library.md shows it, docs/extensions.md what packages bring. Each is imported when it is
first asked for, so that no command waits for torch without need.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quweit_cli.documents.model import ModelShape
    from quweit_cli.errors import QuweitError
    from quweit_cli.ir.program import Program, evaluate
    from quweit_cli.library.exporting import export_blocks
    from quweit_cli.library.learning import after_step, parameter_groups
    from quweit_cli.library.reading import read
    from quweit_cli.library.replaced import ReplacedMlp
    from quweit_cli.library.replacement import replace_mlps
    from quweit_cli.models.layer import TransformerLayer
    from quweit_cli.training.datasets.images import Images
    from quweit_cli.training.datasets.text import Text
    from quweit_cli.weightless.block import WeightlessBlock
else:  # of which type checkers know nothing, so that they find a name that there is not

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


__version__ = "0.1.0"

__all__ = [
    "Images",
    "ModelShape",
    "Program",
    "QuweitError",
    "ReplacedMlp",
    "Text",
    "TransformerLayer",
    "WeightlessBlock",
    "after_step",
    "evaluate",
    "export_blocks",
    "parameter_groups",
    "read",
    "replace_mlps",
]

_HOMES = {
    "Images": "training.datasets.images",
    "ModelShape": "documents.model",
    "Program": "ir.program",
    "QuweitError": "errors",
    "ReplacedMlp": "library.replaced",
    "Text": "training.datasets.text",
    "TransformerLayer": "models.layer",
    "WeightlessBlock": "weightless.block",
    "after_step": "library.learning",
    "evaluate": "ir.program",
    "export_blocks": "library.exporting",
    "parameter_groups": "library.learning",
    "read": "library.reading",
    "replace_mlps": "library.replacement",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
