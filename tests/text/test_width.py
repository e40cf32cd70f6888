"""No sign that Japanese terminals draw two columns wide and others one: tables would break."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

import kaga_edge

PACKAGE = Path(kaga_edge.__file__).parent
SAID = sorted(file for file in PACKAGE.rglob("*.py") if file.name != "characters.py")  # which looks for them
WITH_DOCSTRING = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def strings(file: Path) -> Iterator[str]:
    """Yield every string of a module but its docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, WITH_DOCSTRING)]
    docstrings = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("file", SAID, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_an_ohm_sign_broke_the_columns_of_a_japanese_terminal(file: Path) -> None:
    signs = {sign for text in strings(file) for sign in text if unicodedata.east_asian_width(sign) == "A"}
    assert signs == set()
