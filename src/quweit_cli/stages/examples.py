"""The experiments that come with quweit, as files to start from."""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path

from quweit_cli import config
from quweit_cli.artifacts import write_text
from quweit_cli.documents.examples import Example, Examples
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.templating import packaged


def run(name: str | None, out: Path | None, *, force: bool = False) -> Examples:
    """List the examples, or write one to `out`, by default below `examples/`, where its own paths count from.

    force: write over a file that is there.

    Raises:
        ConfigError: there is no such example, or nothing is to be written to `out`.
        ArtifactError: the file is there already, or cannot be written.
    """
    sources = _sources()
    listed = [Example(name=one, summary=_summary(path)) for one, path in sources.items()]
    if name is None:
        if out is not None:
            raise ConfigError("no example is named for `--out`", hint=f"name one of: {', '.join(sources)}")
        return Examples(examples=listed)
    if name not in sources:
        near = difflib.get_close_matches(name, sources, n=1)
        raise ConfigError(
            f"there is no example `{name}`" + (f", did you mean `{near[0]}`?" if near else ""),
            hint=f"there are: {', '.join(sources)}",
        )
    target = out or Path("examples") / f"{name}.yaml"
    plain = target.is_file() and not target.is_symlink()
    if (target.exists() or target.is_symlink()) and not (force and plain):
        raise ArtifactError(
            f"`{target}` is there already, nothing was changed",
            hint="name another file with --out" + (", or write over it with --force" if plain else ""),
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, sources[name].read_text())
    except OSError as error:
        raise ArtifactError(f"cannot write `{target}`: {error.strerror}") from None
    project = Path("build") / config.load_experiment(sources[name]).name
    command = f"quweit run {shlex.quote(str(target))} --out {project}"
    return Examples(examples=listed, written=str(target), next=command)


def _sources() -> dict[str, Path]:
    """By name, such as `digits` and `teachers/cifar10`; those to start with first."""
    folder = packaged("examples")
    paths = sorted(folder.rglob("*.yaml"), key=lambda path: (len(path.parts), path))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}


def _summary(path: Path) -> str:
    lines = path.read_text().splitlines()
    comment = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    return comment.partition(". ")[0].partition(": ")[0].rstrip(".:")
