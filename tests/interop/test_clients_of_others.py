"""Of the visits that make interop lets everybody pay, a few for every run of the tests."""

import os
import shutil
from collections.abc import Iterator

import pytest

from interop import agents, installed
from interop.house import House, running_house
from interop.visiting import VISITORS, Visitor, visited

CODE = "code + PKCE, ID token, public client"
SECRET, KEY = "client credentials, client_secret_basic", "client credentials, private_key_jwt ES256"
DPOP, PUSHED = "DPoP: issuance with nonce, and a call", "PAR (RFC 9126): a public client, DPoP binds the code"
INTROSPECTION, REVOCATION = "introspection, JSON (RFC 7662)", "revocation (RFC 7009), refused within a second"
ROTATION = "refresh with rotation, reuse ends it, public client"
API_KEY = "API key exchanged for a token (RFC 8693)"

FLOWS = {
    "openid-client": (CODE, KEY, DPOP, REVOCATION),
    "oauth4webapi": (CODE, PUSHED, KEY, INTROSPECTION),
    "Authlib": (CODE, ROTATION, KEY, INTROSPECTION, REVOCATION, API_KEY),
    "requests-oauthlib": (CODE, SECRET, API_KEY),
    "requests_oauth2client": (CODE, PUSHED, DPOP, INTROSPECTION),
}
AGENTS = (
    "A client that nobody registered registers itself (RFC 7591), a person allows it, a tool answers",
    "A client without a person, by a secret",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("interop")
    with running_house(directory / "house") as running:
        yield running
        shutil.copy(running.directory / "log", directory / "servers.log")  # where secrets are looked for


def there(command: str | None) -> str:
    """The program, or a test that is skipped; with CI=true one that fails."""
    if command is None:
        if os.environ.get("CI") == "true":
            pytest.fail("client libraries are missing: scripts/client-libraries.sh installs them")
        pytest.skip("the pinned client libraries are missing: scripts/client-libraries.sh installs them")
    return command


@pytest.mark.parametrize("visitor", VISITORS, ids=[each.library for each in VISITORS])
def test_a_client_library_gets_tokens_and_calls_apis(visitor: Visitor, request: pytest.FixtureRequest):
    there(visitor.command)
    wanted = FLOWS[visitor.library]
    rows = visited(visitor, request.getfixturevalue("house"), wanted)
    assert {row.flow: row.note for row in rows if not row.works} == {}
    assert {row.flow for row in rows} == set(wanted)


def test_an_agent_and_its_tools_by_the_sdk_of_the_protocol(request: pytest.FixtureRequest):
    command = there(installed.python())
    rows = agents.visited(request.getfixturevalue("house"), command, AGENTS)
    assert {row.flow: row.note for row in rows if not row.works} == {}
    assert {row.flow for row in rows} == set(AGENTS)
