"""The generated reference pages are those that the code gives now."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "generate_reference.py"


def _script():
    spec = importlib.util.spec_from_file_location("generate_reference", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = _script()
PAGES = GENERATE.generated()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_what_the_code_gives(path):
    assert path.read_text(encoding="utf-8") == PAGES[path], "run scripts/generate_reference.py"


def test_every_command_has_its_section():
    text = PAGES[GENERATE.REFERENCE / "cli.md"]
    for command in (
        "init",
        "up",
        "demo",
        "check",
        "decide",
        "protect",
        "clients rotate-secret",
        "tokens revoke",
    ):
        assert f"## `tokenward {command}`" in text


def test_every_key_of_the_configuration_is_there():
    text = PAGES[GENERATE.REFERENCE / "configuration.md"]
    for key in ("store", "issuer.url", "tokens.access_token", "apis.NAME.operations.OPERATION.scopes"):
        assert f"| `{key}` |" in text


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="mark"):
        GENERATE.with_blocks("# Policy", GENERATE.BLOCKS["policy.md"])
