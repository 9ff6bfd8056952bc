"""Other defaults for the parameters of a module, so that it can be a top."""

from __future__ import annotations

import re
from collections.abc import Mapping

from quweit_cli.errors import ToolFailed


def with_parameters(text: str, module: str, parameters: Mapping[str, object]) -> str:
    """The source of a module with these defaults.

    Raises:
        ToolFailed: the module has no such parameter.
    """
    for key, value in parameters.items():
        parts = re.split(rf"(\bparameter [^=\n]*\b{key} *= *)[^,\n]+", text)
        if len(parts) != 3:
            raise ToolFailed(f"`{module}` has no parameter `{key}`")
        text = parts[0] + parts[1] + str(value) + parts[2]
    return text
