"""The programs that no test runs, benchmarks above all, still fit what they import from Tokenward."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("benchmarks", "scripts", "tests/interop", "tests/fuzz")
    for path in (ROOT / folder).rglob("*.py")
    if ".cache" not in path.parts
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_name_that_is_imported_exists(program):
    tree = ast.parse((ROOT / program).read_text())
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("tokenward"):
            continue
        module = importlib.import_module(node.module)
        for alias in node.names:
            if not hasattr(module, alias.name):
                importlib.import_module(f"{node.module}.{alias.name}")
