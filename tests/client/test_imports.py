"""Importing the library costs next to nothing: what it needs is loaded when it is needed."""

import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp", "alembic", "cryptography", "fastapi", "httpcore", "httpx", "jinja2", "joserfc", "keyring",
    "pydantic", "requests", "sqlalchemy", "starlette", "typer", "uvicorn", "yaml",
}  # fmt: skip
FLOORS = {
    f"tokenward.{name}" for name in ("app", "issuer", "identity", "gateway", "leaks", "store", "auditor")
}


def loaded(program):
    shown = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return set(shown)


@pytest.mark.parametrize(
    "program",
    [
        "import tokenward.client",
        "from tokenward.client import Server, TokenError",
        """
from tokenward.client import ClientCredentials, ClientSecret, Server
ClientCredentials(Server('https://a.example'), client_id='a', authentication=ClientSecret('env:A'))
""",
        "import tokenward.client.web\nfrom tokenward.client.web import Person",
    ],
    ids=["package", "names", "source", "web"],
)
def test_nothing_heavy_is_loaded_before_a_token_is_asked_for(program):
    assert not loaded(program) & (HEAVY | FLOORS)


def test_no_server_part_is_loaded_at_all():
    program = "import tokenward.client as client\nfor name in client.__all__: getattr(client, name)"
    assert not loaded(program) & FLOORS


@pytest.mark.parametrize("framework", ["fastapi", "flask", "django"])
def test_an_application_loads_the_door_of_its_own_framework(framework):
    door = "import tokenward.client.web as web\nfor name in web.__all__: getattr(web, name)\n"
    found = loaded(door + f"import tokenward.client.web.{framework}")
    assert not found & FLOORS
    assert found & {"fastapi", "flask", "django"} == {framework}
