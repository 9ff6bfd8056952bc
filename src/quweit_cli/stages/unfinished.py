"""The folder of a training that is not finished: states of its models, metrics so far, the key they belong to.

What other settings left there is set aside under the digest of its key, where the same settings find it again.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from quweit_cli import __version__, artifacts
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.progress import Progress
from quweit_cli.stages.keys import Key

FOLDER, KEY = "train.unfinished", "key.json"


class Unfinished:
    """`project/train.unfinished`; `saved` tells what is in it, steps of each model done and in all."""

    def __init__(self, project: Path, key: Key) -> None:
        self.folder = project / FOLDER
        self.made_from = {"quweit": __version__, **json.loads(json.dumps(key._asdict(), default=str))}
        self.saved: dict[str, tuple[int, int]] = {}

    def state_of(self, mlp: str) -> Path:
        return self.folder / f"{mlp}.pt"

    def open(self, progress: Progress, *, resume: bool) -> None:
        """Go on with what the same settings left, or begin.

        resume: refuse what other settings left, in place of setting it aside.

        Raises:
            ConfigError: it is of other settings, and is to be resumed.
            ArtifactError: the folder is a link.
        """
        if self.folder.is_symlink():
            raise ArtifactError(f"`{self.folder}` is a link, where quweit writes a folder", hint="remove it")
        found = artifacts.read_json(self.folder / KEY) if (self.folder / KEY).is_file() else None
        if found == self.made_from:
            return
        own = self._aside(self.made_from)
        if resume and found is not None and not own.is_dir():
            raise ConfigError(
                f"`{self.folder}` was made with other settings: {artifacts.listed(artifacts.differences(found, self.made_from))}",
                hint="resume with the same settings, or leave out `--resume`: what is there is then kept beside",
            )
        if self.folder.is_dir():
            self._set_aside(found, progress)
        if own.is_dir():
            own.rename(self.folder)
            return
        if resume:
            progress.note("nothing to resume: training starts at step 0")
        self.folder.mkdir()
        artifacts.write_json(self.folder / KEY, self.made_from)

    def close(self) -> None:
        """Training is finished."""
        shutil.rmtree(self.folder)

    def sentence(self) -> str:
        """What the same command will do after an interrupt."""
        if self.saved:
            done = ", ".join(f"{mlp} after step {at:,} of {all_:,}" for mlp, (at, all_) in self.saved.items())
            return f"saved is: {done}; run the same command again to go on from there"
        if any(self.folder.glob("*.pt")):
            return f"run the same command again to go on from what is saved in `{self.folder}`"
        return "no step was saved: the same command starts the training anew"

    def _set_aside(self, found: Any, progress: Progress) -> None:
        kept = self._aside(found)
        if kept.exists() or not any(self.folder.glob("*.pt")):
            shutil.rmtree(self.folder)
            return
        self.folder.rename(kept)
        named = (
            artifacts.listed(artifacts.differences(found, self.made_from))
            if found
            else "it does not say which"
        )
        progress.note(
            f"an unfinished training of other settings ({named}) is kept in `{kept}`, and goes on with those"
        )

    def _aside(self, key: Any) -> Path:
        return self.folder.with_name(f"{FOLDER}.{artifacts.digest_of(key)[:12]}")
