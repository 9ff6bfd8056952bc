"""Mako, strictly: an unknown name is an error with template and line, never empty text."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from mako import exceptions
from mako.lookup import TemplateLookup

from quweit_cli import packaged
from quweit_cli.artifacts import digest_of, digest_of_file
from quweit_cli.errors import QuweitError


@lru_cache
def template_root() -> Path:
    """The folder of templates: inside the installed package, else at the root of the repository.

    Raises:
        QuweitError: neither is there.
    """
    return packaged.folder("templates")


def render(template: str, **names: object) -> str:
    """Text of `templates/<template>` with exactly these names.

    Raises:
        QuweitError: the template is missing or fails; the message says template and line.
    """
    try:
        return str(_lookup().get_template(template).render(**names))
    except exceptions.TopLevelLookupException:
        raise QuweitError(f"there is no template `{template}`") from None
    except Exception as error:
        traceback = exceptions.RichTraceback()
        raise QuweitError(f"template `{template}`, line {traceback.lineno}: {error}") from error


def static_text(name: str) -> str:
    """A hand-written file that is copied as it is."""
    return (template_root() / name).read_text()


@lru_cache
def renderer_digest() -> str:
    """Identifies what a package is made by: templates, generator and specification; not the report's page."""
    package = Path(__file__).parent.parent
    sources = [path for folder in ("hdl", "ir") for path in (package / folder).rglob("*.py")]
    root = template_root()  # of the installation, whose files may be links
    templates = [path for path in root.rglob("*") if path.is_file() and root / "report" not in path.parents]
    return digest_of(
        [
            {path.relative_to(top).as_posix(): digest_of_file(path) for path in sorted(paths)}
            for top, paths in ((package, sources), (root, templates))
        ]
    )


@lru_cache
def _lookup() -> TemplateLookup:
    return TemplateLookup(
        directories=[str(template_root())],
        strict_undefined=True,
        input_encoding="utf-8",
        imports=["from quweit_cli.hdl.words import tcl_word"],  # the filter of templates that render Tcl
    )
