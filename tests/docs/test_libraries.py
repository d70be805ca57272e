"""The comparison of libraries was made with the table of attacks as it is now."""

import re
from pathlib import Path

from tokenward.auditor.attacks import KEY_SETS, ON_ACCESS_TOKENS, digest

PAGE = (Path(__file__).parents[2] / "docs" / "libraries.md").read_text(encoding="utf-8")


def test_the_page_is_of_this_table():
    assert f"Table: {digest()} " in PAGE, "run make libraries"


def test_the_page_counts_the_rows_of_this_table():
    counted = [row for row in (*ON_ACCESS_TOKENS, *KEY_SETS) if row.verdict == "reject"]
    assert f"{len(counted)} rows in {len({row.entry for row in counted})} entries" in PAGE


def test_ours_lets_nothing_through():
    assert re.search(r"^\| tokenward \| this one \| \*\*0\*\* \| 0 \| 0 \|$", PAGE, re.MULTILINE)
