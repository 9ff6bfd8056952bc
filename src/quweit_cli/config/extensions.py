"""Model families and datasets of other packages, which say by entry points that they have them.

A package is imported when what it offers is asked for by its name, and never before: listing reads metadata alone. So
nothing here waits for torch, and settings hold such a name as text.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any, NamedTuple

from quweit_cli.boundary.readers import cut
from quweit_cli.errors import ConfigError, ToolNotFound

FAMILIES, DATASETS = "quweit.families", "quweit.datasets"
NOUNS = {FAMILIES: "model family", DATASETS: "dataset"}
KEYS = {FAMILIES: "model.family", DATASETS: "data.source"}
OWN = {  # the registries' keys, where nothing waits for torch
    FAMILIES: ("vit", "encoder", "gpt", "resnet"),
    DATASETS: (
        "digits", "pydoc_text", "library_source", "text_file", "shakespeare_char", "cifar10", "cifar100", "images_npz", "image_folder",
        "csv",
    ),
}  # fmt: skip


class Extension(NamedTuple):
    group: str
    name: str
    value: str  # where it is, such as `package.module:name`
    package: str
    version: str

    @property
    def noun(self) -> str:
        return f"{NOUNS[self.group]} `{cut(self.name, 60)}`"

    def load(self) -> Any:
        """Raises ConfigError when its package cannot be imported, or has it not."""
        entry = importlib.metadata.EntryPoint(self.name, self.value, self.group)
        try:
            return entry.load()
        except Exception as error:  # whatever a package raises while it is imported
            raise self.fails("cannot be imported", error) from error

    def fails(self, what: str, error: Exception) -> ConfigError:
        """That something of the package went wrong, as an error to raise."""
        return ConfigError(
            f"the {self.noun} of the package {self.package} {self.version} {what}: {type(error).__name__}: {cut(error)}",
            hint="QUWEIT_TRACEBACK=1 shows where; tell those who make the package",
        )


def found(group: str) -> list[Extension]:
    """All that installed packages offer, by name and package."""
    entries = importlib.metadata.entry_points(group=group)
    made = {
        Extension(group, entry.name, entry.value, entry.dist.metadata["Name"], entry.dist.version)
        for entry in entries
        if entry.dist is not None
    }
    return sorted(made)


def named(group: str, name: str) -> Extension | None:
    """What a package offers by that name; None where quweit has it itself, which no package can take, or nobody has.

    Raises:
        ConfigError: several packages offer it.
    """
    offered = [] if name in OWN[group] else [one for one in found(group) if one.name == name]
    if len(offered) > 1:
        raise ConfigError(
            f"several packages offer the {offered[0].noun}: {', '.join(one.package for one in offered)}",
            hint="uninstall all but one of them",
        )
    return offered[0] if offered else None


def packages(family: str, source: str) -> dict[str, tuple[str, str]]:
    """Setting -> name and version of the package that gives it its meaning; quweit itself is left out."""
    both = {FAMILIES: named(FAMILIES, family), DATASETS: named(DATASETS, source)}
    return {KEYS[group]: (one.package, one.version) for group, one in both.items() if one is not None}


def unknown(group: str, name: str) -> ConfigError:
    """That nobody has it, as an error to raise."""
    others = [f"{one.name} (of {one.package})" for one in found(group)]
    return ConfigError(
        f"there is no {NOUNS[group]} `{cut(name, 60)}`",
        hint=f"`{KEYS[group]}` is one of: {', '.join([*OWN[group], *others])}; other packages may bring more",
    )


def missing(group: str, name: str, package: str, version: str) -> ToolNotFound:
    """That the package which had it is not here, as an error to raise."""
    by = f"{cut(package, 60)} {cut(version, 40)}"
    return ToolNotFound(
        f"the {NOUNS[group]} `{cut(name, 60)}` is of the package {by}, which is not installed",
        hint=f"install {by}; `quweit doctor` lists what is found",
    )
