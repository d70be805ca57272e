"""The generated reference pages are those that the code gives now."""

import generate_attacks
import generate_inspection_checks
import generate_openapi_checks
import generate_probe_checks
import generate_reference
import generate_server_checks
import pytest

PAGES = (
    generate_reference.generated()
    | generate_attacks.generated()
    | generate_server_checks.generated()
    | generate_openapi_checks.generated()
    | generate_probe_checks.generated()
    | generate_inspection_checks.generated()
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_what_the_code_gives(path):
    assert path.read_text(encoding="utf-8") == PAGES[path], "run make docs"


def test_every_command_has_its_section():
    text = PAGES[generate_reference.REFERENCE / "cli.md"]
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
    text = PAGES[generate_reference.REFERENCE / "configuration.md"]
    for key in ("store", "issuer.url", "tokens.access_token", "apis.NAME.operations.OPERATION.scopes"):
        assert f"| `{key}` |" in text


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="mark"):
        generate_reference.with_blocks("# Policy", generate_reference.BLOCKS["policy.md"])
