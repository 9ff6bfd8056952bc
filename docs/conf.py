"""How Sphinx makes a site of these pages: `make site`.

Sources count from the root of the repository, so that links are the same here as where the files are read as they lie.
Pages are plain Markdown. What the site alone has is added as they are read: contents, records of decisions, docstrings.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

import quweit_cli

project = "quweit"
author = "the quweit developers"
version = release = quweit_cli.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**.md",
    "examples/notebooks/*.ipynb",
]
exclude_patterns = [".*", "build", "dist", "data", "src", "templates", "tests", "benchmarks", "scripts"]

html_theme = "furo"  # light and dark; its fonts are those of the reader's machine
html_title = f"quweit {version}"
html_copy_source = html_show_sourcelink = html_show_copyright = False
html_show_search_summary = False  # it is fetched, which a browser refuses where the pages lie as files
html_extra_path = ["site"]  # index.html of the root, which leads to these pages

myst_heading_anchors = 4
default_role = "literal"  # docstrings write names as Markdown does
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_typehints_format = "short"
add_module_names = False

nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_show_tb = True  # a cell that fails is a warning, and `scripts/site` takes none
nb_execution_timeout = 600
nb_merge_streams = True

LISTED = re.compile(r"^- \[(.+?)\]\((.+?)\.(?:md|ipynb)\)", re.M)


def setup(app: Sphinx) -> None:
    app.connect("source-read", complete)
    app.connect("doctree-read", without_links_to_folders)


def complete(app: Sphinx, name: str, source: list[str]) -> None:
    """What a page has on the site alone, behind its text."""
    if name == root_doc:
        source[0] += contents(source[0])
    elif name == "docs/decisions/README":
        source[0] += "\n```{toctree}\n:glob:\n[0-9]*\n```\n"
    elif name == "docs/api":
        source[0] += "\n```{eval-rst}\n" + "\n".join(map(documented, quweit_cli.__all__)) + "\n```\n"


def contents(page: str) -> str:
    """A table of contents for each section of a page that lists pages."""
    trees = []
    for section in page.split("\n## ")[1:]:
        entries = [f"{title} </{docname(target)}>" for title, target in LISTED.findall(section)]
        trees += ["", "```{toctree}", ":hidden:", f":caption: {section.splitlines()[0]}", *entries, "```"]
    return "\n".join(trees) + "\n"


def docname(target: str) -> str:
    """Of a page as the contents link to it, without its ending."""
    return posixpath.normpath(f"docs/{target}")


def documented(name: str) -> str:
    """The directive for a name of the package's face."""
    if isinstance(getattr(quweit_cli, name), type):
        return f".. autoclass:: quweit_cli.{name}\n   :members:\n   :exclude-members: model_config\n"
    return f".. autofunction:: quweit_cli.{name}\n"


def without_links_to_folders(app: Sphinx, page: nodes.document) -> None:
    """Such a link becomes its text: a site has no listing of files."""
    here = Path(app.env.doc2path(app.env.docname)).parent
    for link in list(page.findall(pending_xref)):
        if (here / link["reftarget"]).is_dir():
            link.replace_self(link.children)
