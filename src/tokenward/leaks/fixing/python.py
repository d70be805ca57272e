"""Python: an expression in the place of the string, and the import that it needs."""

import ast
import json
import warnings
from collections.abc import Iterator

from tokenward.base.references import Reference, keyring_entry
from tokenward.leaks.fixing.literals import around, in_place, literal
from tokenward.leaks.fixing.rewriting import Rewritten
from tokenward.leaks.fixing.spot import ByHand, Spot, ascii_only

_PREFIXES = "bBrRfFuU"


def rewrite(spot: Spot, kept: Reference, name: str) -> Rewritten:
    """See `Rewrite`."""
    expression, needs = _expression(kept, name)
    context = around(spot, quotes="\"'", comments=("#",), prefixes=_PREFIXES)
    if context.kind == "comment":
        return Rewritten(spot.replaced(spot.start, spot.end, f"{kept.scheme}:{kept.place}"))
    tree = _parsed(spot.text, expression)
    if _in_long_string(tree, spot):
        raise ByHand("It stands in a string of several lines.", expression)
    context = literal(spot, context, expression)
    if spot.text[context.begin - 2 : context.begin] in {'""', "''"}:
        raise ByHand("It stands in a string with three quotes.", expression)
    if "b" in context.prefix.lower():
        expression += ".encode()"
    module = needs.split()[1].partition(".")[0]
    bound = needs.split()[-1]
    if bound in set(_bound(tree)) and not _imports(tree, needs):
        raise ByHand(f"The name {bound} means something else in this file.", expression)
    text = in_place(spot, context, expression)
    if not _imports(tree, needs):
        text = _with_import(text, tree, needs, spot.ending)
    _parsed(text, expression)
    notes = ("The package `keyring` must be installed where it runs.",) if module == "keyring" else ()
    return Rewritten(text, name if kept.scheme == "env" else "", notes)


def _expression(kept: Reference, name: str) -> tuple[str, str]:
    """What to write, and the import that it needs."""
    if kept.scheme == "keyring":
        words = ", ".join(map(json.dumps, keyring_entry(kept.place)))
        return f"keyring.get_password({words})", "import keyring"
    if kept.scheme == "file":
        return (
            f'Path({json.dumps(kept.place)}).read_text(encoding="utf-8").strip()',
            "from pathlib import Path",
        )
    if kept.scheme == "cmd":
        run = f"shlex.split({json.dumps(kept.place)}), capture_output=True, check=True, text=True"
        return f"subprocess.run({run}).stdout.strip()", "import shlex, subprocess"
    return f"os.environ[{json.dumps(name)}]", "import os"


def _parsed(text: str, write: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes, which are theirs
            return ast.parse(text.encode("latin-1"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ByHand("Python cannot read the file, or could not with the line rewritten.", write) from None


def _in_long_string(tree: ast.Module, spot: Spot) -> bool:
    line = spot.text.count("\n", 0, spot.start) + 1
    strings = (each for each in ast.walk(tree) if isinstance(each, ast.Constant | ast.JoinedStr))
    return any(
        isinstance(getattr(each, "value", ""), str | bytes)
        and each.lineno != (each.end_lineno or each.lineno)
        and each.lineno <= line <= (each.end_lineno or each.lineno)
        and _one_token(spot, each.lineno, each.col_offset)
        for each in strings
    )


def _one_token(spot: Spot, line: int, column: int) -> bool:
    """Whether the string that begins there has three quotes; others go over lines as several literals."""
    begin = 0
    for _ in range(line - 1):
        begin = spot.text.find("\n", begin) + 1
    opening = spot.text[begin + column : begin + column + 6].lstrip(_PREFIXES)
    return opening[:3] in {'"""', "'''"}


def _bound(tree: ast.Module) -> Iterator[str]:
    """Names that mean something in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def _imports(tree: ast.Module, needs: str) -> bool:
    """Whether the file's top imports that."""
    wanted = ast.parse(needs).body[0]
    have = {_imported(node, each) for node in tree.body for each in getattr(node, "names", ())}
    return {_imported(wanted, each) for each in wanted.names} <= have  # type: ignore[attr-defined]


def _imported(node: ast.stmt, alias: ast.alias) -> tuple[str, str, str]:
    return (
        (getattr(node, "module", None) or "", alias.name, alias.asname or "")
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0)
        else ("", "", "")
    )


def _with_import(text: str, tree: ast.Module, needs: str, ending: str) -> str:
    """The text with an import among its first ones; without any, behind the docstring and `__future__`."""
    plain = needs.startswith("import ")
    put = [f"import {each}" for each in needs.removeprefix("import ").split(", ")] if plain else [needs]
    block = "".join(ascii_only(each) + ending for each in put)
    lines = text.split("\n")
    at, gap = _lines_at_top(lines), ending
    for number, node in enumerate(tree.body):
        docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if docstring or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            at, block = node.end_lineno or node.lineno, block if block.startswith(ending) else ending + block
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            at, gap, block = node.lineno - 1, "", block.removeprefix(ending)
            for each in tree.body[number:]:  # of those without `from`, the first that comes behind it
                if not isinstance(each, ast.Import) or (plain and each.names[0].name > put[0][7:]):
                    break
                at = each.end_lineno or each.lineno
        break
    head, rest = "\n".join(lines[:at]) + "\n" if at else "", "\n".join(lines[at:])
    return head + block + ("" if rest.startswith(("\n", "\r\n")) else gap) + rest


def _lines_at_top(lines: list[str]) -> int:
    """Lines at the top that must stay there: `#!`, the coding, a licence."""
    at = 0
    while at < len(lines) and lines[at].startswith(("#", "\xef\xbb\xbf#")):
        at += 1
    return at
