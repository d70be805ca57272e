"""Every act of the pages of hostile clients and hostile calls, and every line of FAPI 2.0, has its test."""

import ast
import re

import pytest

from docs.test_specs import ROOT

PAGES = ROOT / "docs" / "reference"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)` \|$", re.MULTILINE)


def _named(page):
    return _TEST.findall((PAGES / page).read_text(encoding="utf-8"))


def _tests(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {name for node in tree.body if (name := getattr(node, "name", "")).startswith("test_")}


@pytest.mark.parametrize("page", ["hostile-clients.md", "hostile-calls.md", "fapi2.md"])
def test_every_act_names_a_test_that_exists(page):
    text = (PAGES / page).read_text(encoding="utf-8").partition("|---|")[2]
    rows = [line for line in text.splitlines()[1:] if line.startswith("|") and "| **" not in line]
    named = _named(page)
    assert len(named) == len(rows) > 30
    missing = [f"{path}::{name}" for path, name in named if name not in _tests(path)]
    assert not missing


@pytest.mark.parametrize(
    ("page", "path"),
    [
        ("hostile-clients.md", "tests/issuer/test_hostile_clients.py"),
        ("hostile-calls.md", "tests/gateway/test_trust_attacks.py"),
    ],
)
def test_every_test_of_what_is_hostile_is_on_the_page(page, path):
    assert _tests(path) <= {name for _, name in _named(page)}
