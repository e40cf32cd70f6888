"""No sign that Japanese terminals draw two columns wide and others one: tables would break."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

import kaga_edge
from kaga_edge.text.lines import fold, width

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


@pytest.mark.parametrize("within", range(8, 60))
def test_a_bracket_ended_a_line_or_a_comma_began_one(within):
    """Kinsoku, as JIS X 4051 has it: the demo's lines at 40 columns broke both."""
    text = "ゲートウェイを kill -9 で止め、すぐ起動する  (記録 120、未確認 6、到着 114)。「戻る」まで待つ"
    lines = fold(text, within)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not [line for line in lines if line[-1] in "(「"]
    assert not [line for line in lines if line[0] in "、。)」"]
    assert all(width(line) <= within for line in lines)
