"""Verilator's runtime, compiled once a process: it is the same in every bench, and takes as long as a small design."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

from quweit_cli import toolbox

# A compiler before which this stands gives again what it made of the same file with the same options.
KEEPER = """#!/bin/sh
for word; do
  [ "$before" = -o ] && object=$word
  before=$word
done
case $word in */include/verilated*.cpp) ;; *) exec "$@" ;; esac
kept=$(dirname "$0")/$(echo "$@" | cksum | tr ' ' -).o
[ -f "$kept" ] || { "$@" && cp "$object" "$kept.$$" && mv "$kept.$$" "$kept"; } || exit
cp "$kept" "$object"
"""


@functools.cache
def keeper() -> Path:
    """A program that stands before the compiler; what it keeps is gone when this process ends.

    Raises:
        ConfigError: there is no place for temporary files.
    """
    folder = Path(tempfile.mkdtemp(prefix="quweit-runtime-", dir=toolbox.plain_temporary()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return keeper_in(folder)


def keeper_in(folder: Path) -> Path:
    """The same with a folder of its own."""
    script, new = folder / "keeper", folder / f"keeper.{os.getpid()}"
    new.write_text(KEEPER)
    new.chmod(0o700)
    return new.rename(script)  # others may be reading it
