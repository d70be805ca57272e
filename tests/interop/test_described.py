"""Each API is as its document says: schemathesis asks what it allows, and what it does not."""

import shutil

import pytest

from interop import installed
from interop.described import APIS, held_against_document, running
from interop.test_clients_of_others import there
from tokenward.app.admin import OPERATIONS as ADMIN
from tokenward.app.protocol_document import LEFT_OUT
from tokenward.issuer.asgi import ROUTES

OPERATIONS = {
    "admin": len(ADMIN) - 1,
    "registration": len(ROUTES["/register"].methods),
    "oauth": sum(len(route.methods) for path, route in ROUTES.items() if path not in LEFT_OUT),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    directory = tmp_path_factory.mktemp("described")
    with running(directory / "house") as made:
        yield made
        shutil.copy(made.directory / "log", directory / "servers.log")  # where secrets are looked for


@pytest.mark.parametrize("api", APIS)
def test_an_api_does_what_its_document_says(api, request):
    program = there(installed.python())
    done = held_against_document(program, request.getfixturevalue("house"), api, examples=2)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    # Of the admin API all but the document itself, which it has read.
    assert f"{OPERATIONS[api]} selected" in done.stdout
