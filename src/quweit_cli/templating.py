"""Mako, strictly: an unknown name is an error with template and line, never empty text."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from mako import exceptions
from mako.lookup import TemplateLookup

from quweit_cli.errors import QuweitError

_HERE = Path(__file__).resolve().parent


@lru_cache
def packaged(name: str) -> Path:
    """Where `templates` or `examples` lie: in a wheel inside the package, in a checkout at its root.

    Raises:
        QuweitError: neither is there.
    """
    for place in (_HERE / f"_{name}", _HERE.parents[1] / name):
        if place.is_dir():
            return place
    raise QuweitError(f"the {name} are not installed", hint="reinstall quweit")


@lru_cache
def template_root() -> Path:
    """The folder of templates; raises QuweitError when it is not installed."""
    return packaged("templates")


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
def _lookup() -> TemplateLookup:
    return TemplateLookup(
        directories=[str(template_root())],
        strict_undefined=True,
        input_encoding="utf-8",
        imports=["from quweit_cli.hdl.words import tcl_word"],  # the filter of templates that render Tcl
    )
