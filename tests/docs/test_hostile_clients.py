"""Every act of the page of hostile clients has a test that exists."""

import ast
import re

from docs.test_specs import ROOT

PAGE = ROOT / "docs" / "reference" / "hostile-clients.md"
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_act_names_a_test_that_exists():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines()[8:] if "| **" not in line]
    assert len(NAMED) == len(rows) > 30
    for path, name in NAMED:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {getattr(node, "name", "") for node in tree.body}, f"{path}::{name}"


def test_every_test_of_hostile_clients_is_on_the_page():
    tree = ast.parse((ROOT / "tests/issuer/test_hostile_clients.py").read_text(encoding="utf-8"))
    tests = {name for node in tree.body if (name := getattr(node, "name", "")).startswith("test_")}
    assert tests <= {name for _, name in NAMED}
