"""Runs of tools whose results are kept: what one made of the same text before: the same sources, script and version give the same netlist.

The folder is $QUWEIT_CACHE, else quweit/ in the user's cache; without either nothing is kept. An entry is whole or absent, as it is
written aside and renamed; deleting the folder costs nothing but time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from quweit_cli.artifacts import digest_of, file_digests, read_json, write_json
from quweit_cli.errors import ArtifactError
from quweit_cli.toolbox import Found, Plan

CONTENTS = "contents.json"


class Run(NamedTuple):
    """What identifies a run, the seconds that it took, and whether that was before."""

    key: str
    seconds: float
    cached: bool


def run(plan: Plan, found: Found, folder: Path, left: Iterable[Path], *, use: bool, after: str = "") -> Run:
    """Run a tool, or take what it left before; what it leaves now is kept.

    left: files that it writes, in one folder; one that is missing is left out. after: key of the run whose
    results it reads. Raises as `Plan.run` does.
    """
    paths = list(left)
    key = digest_of([plan.digest(found), after]) if after else plan.digest(found)
    plan.write(folder)
    seconds = fetch(key, paths[0].parent) if use else None
    if seconds is not None:
        return Run(key, seconds, True)
    started = time.monotonic()
    plan.run(found, folder)
    seconds = round(time.monotonic() - started, 3)
    if use:
        store(key, [path for path in paths if path.is_file()], seconds)
    return Run(key, seconds, False)


def folder() -> Path | None:
    """None for a user without a home: nothing is kept where others could have put it."""
    if named := os.environ.get("QUWEIT_CACHE"):
        return Path(named)
    home = os.path.expanduser("~")  # noqa: PTH111  (itself, where there is none: pathlib raises)
    cache = os.environ.get("XDG_CACHE_HOME") or ("" if home == "~" else f"{home}/.cache")
    return Path(cache) / "quweit" if cache else None


def fetch(key: str, destination: Path) -> float | None:
    """Copy an entry's files into `destination`; the seconds that they took to make, or None without one.

    An entry that was damaged is none.
    """
    if (home := folder()) is None:
        return None
    entry = home / key
    try:
        contents = read_json(entry / CONTENTS)
        found = {name: digest for name, digest in file_digests(entry).items() if name != CONTENTS}
        if found != contents["files"]:
            return None
        for name in found:
            shutil.copyfile(entry / name, destination / name)
        return float(contents["seconds"])
    except (ArtifactError, OSError, KeyError, TypeError, ValueError):
        return None


def store(key: str, files: Iterable[Path], seconds: float) -> None:
    """Keep what was made; a cache that cannot be written is no error."""
    if (home := folder()) is None:
        return
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new.", dir=home))
        try:
            for file in files:
                shutil.copyfile(file, new / file.name)
            write_json(new / CONTENTS, {"seconds": seconds, "files": file_digests(new)})
            shutil.rmtree(home / key, ignore_errors=True)
            new.rename(home / key)
        finally:
            shutil.rmtree(new, ignore_errors=True)
