"""What `import quweit_cli` offers: every name, none of the weight before it is asked for."""

import ast
import subprocess
import sys

import pytest

import quweit_cli
from conftest import REPOSITORY


def test_the_import_brings_neither_torch_nor_a_module_of_ours() -> None:
    program = "import sys, quweit_cli; print([one for one in sys.modules if one.startswith(('torch', 'numpy', 'quweit_cli.'))])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", quweit_cli.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(quweit_cli, name)
    assert found.__name__ == name
    assert found.__doc__ and found.__doc__[0].isupper()
    assert name in dir(quweit_cli)


def test_types_are_told_of_the_same_names_from_the_same_homes() -> None:
    tree = ast.parse((REPOSITORY / "src/quweit_cli/__init__.py").read_text())
    (only_for_types,) = (one for one in tree.body if isinstance(one, ast.If))
    told = {
        alias.name: one.module
        for one in only_for_types.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    }
    assert told == {name: f"quweit_cli.{home}" for name, home in quweit_cli._HOMES.items()}
    assert sorted(told) == sorted(quweit_cli.__all__)


def test_a_name_that_there_is_not_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'replace_mlp'"):
        _ = quweit_cli.replace_mlp
    with pytest.raises(ImportError, match="cannot import name 'replace_mlp'"):
        exec("from quweit_cli import replace_mlp")
