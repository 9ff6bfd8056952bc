"""Files to be written, as a value: render everything first, touch the disk after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FilePlan:
    """Relative path -> text."""

    files: dict[str, str]

    def digests(self) -> dict[str, str]:
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(self.files.items())}

    def write(self, folder: Path) -> None:
        for name, text in sorted(self.files.items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
