"""A package of somebody else's, as `pip install` leaves it: modules, and a folder of metadata beside them."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    folder: Path,
    patch: pytest.MonkeyPatch,
    project: str,
    modules: Mapping[str, str] = {},
) -> None:
    """Onto the path of this process until the patch is undone. project: the text of its pyproject.toml."""
    found = tomllib.loads(project)["project"]
    name, version = found["name"], found["version"]
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = found["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{one} = {of}\n" for one, of in named.items()) for group, named in groups
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
        patch.delitem(sys.modules, module, raising=False)
    patch.syspath_prepend(folder)
    importlib.invalidate_caches()
