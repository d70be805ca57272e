"""An MCP client by the SDK of the protocol, at a server that guards itself and at one behind our gateway."""

import ssl
import time
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.to_thread
import httpx2
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, OAuthFlowError
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata
from place import ACCOUNTS, GATEWAY, ISSUER, PLACE, SECRETS, pem, row, sign_in, status

GUARDED, BEHIND = PLACE["tools"], f"{GATEWAY}/tools-behind/mcp"
REDIRECT = "http://127.0.0.1:8765/callback"  # a native client's port is free, and nothing needs to listen
TRUSTED = ssl.create_default_context(cafile=PLACE["ca"])


class Shelf:
    """Where a client keeps its tokens and what it is registered as."""

    def __init__(self, client_id=None):
        self.tokens = None
        self.client = client_id and OAuthClientInformationFull(
            client_id=client_id, redirect_uris=[REDIRECT], token_endpoint_auth_method="none", issuer=ISSUER
        )

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


class Browser:
    """Takes a person to the issuer, and brings back where it sends them; counts how often.

    `changes` are what somebody makes of the answer on its way.
    """

    def __init__(self, **changes):
        self.said = ""
        self.asked = []
        self.changes = changes

    async def open(self, url):
        self.asked.append(parse_qs(urlsplit(url).query))
        self.said = await anyio.to_thread.run_sync(sign_in, url)

    async def answer(self):
        said = {name: values[0] for name, values in parse_qs(urlsplit(self.said).query).items()}
        said |= self.changes
        return AuthorizationCodeResult(code=said["code"], state=said["state"], iss=said["iss"])


def of_a_person(url, shelf, browser, document=None):
    """What signs a person in: as who the shelf says, or else who the document says, or by registering."""
    metadata = OAuthClientMetadata(client_name="Helper", redirect_uris=[REDIRECT], scope="")
    return OAuthClientProvider(
        url, metadata, shelf, browser.open, browser.answer, client_metadata_url=document
    )


async def added(url, auth):
    """What the tool says of 2 and 3."""
    http = httpx2.AsyncClient(auth=auth, verify=TRUSTED, trust_env=False, timeout=30)
    async with http, Client(streamable_http_client(url, http_client=http)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["add"]
        result = await client.call_tool("add", {"first": 2, "second": 3})
        return result.structured_content["result"]


def first_of(found):
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def flow(name):
    """A row whose function is asynchronous; of a group of errors, the first is told."""

    def run(function):
        def once():
            try:
                anyio.run(function)
            except BaseExceptionGroup as group:
                raise first_of(group) from None

        return row(name)(once)

    return run


@flow("A registered client is led here by metadata (RFC 9728, RFC 8414), a person allows it, a tool answers")
async def _():
    shelf, browser = Shelf("assistant"), Browser()
    assert await added(GUARDED, of_a_person(GUARDED, shelf, browser)) == 5
    (asked,) = browser.asked
    assert asked["resource"] == [GUARDED]
    assert asked["code_challenge_method"] == ["S256"]
    assert "tools:use" in asked["scope"][0].split()


@flow(
    "Its token is for that server alone (RFC 8707): no API takes it, and the server takes no token of an API"
)
async def _():
    shelf = Shelf("assistant")
    assert await added(GUARDED, of_a_person(GUARDED, shelf, Browser())) == 5
    assert status(shelf.tokens.access_token) == 401
    assert status(shelf.tokens.access_token, BEHIND) == 401
    other = Shelf("assistant")
    assert await added(BEHIND, of_a_person(BEHIND, other, Browser())) == 5
    assert status(other.tokens.access_token, GUARDED) == 401
    assert status(other.tokens.access_token, ACCOUNTS) == 401


@flow("An answer with the `iss` of another issuer (RFC 9207), or a `state` of another request, is refused")
async def _():
    for changes in ({"iss": "https://other.example"}, {"iss": None}, {"state": "x" * 43}):
        shelf = Shelf("assistant")
        try:
            await added(GUARDED, of_a_person(GUARDED, shelf, Browser(**changes)))
        except BaseExceptionGroup as group:
            problem = first_of(group)
            if not isinstance(problem, OAuthFlowError):
                raise problem from None
        assert shelf.tokens is None, changes


@flow("It refreshes what has expired, and asks nobody")
async def _():
    shelf, browser = Shelf("assistant"), Browser()
    auth = of_a_person(GUARDED, shelf, browser)
    assert await added(GUARDED, auth) == 5
    first = shelf.tokens
    auth.context.token_expiry_time = time.time() - 1
    assert await added(GUARDED, auth) == 5
    assert shelf.tokens.access_token != first.access_token
    assert shelf.tokens.refresh_token != first.refresh_token
    assert len(browser.asked) == 1


@flow("A server behind our gateway, which itself knows nothing of tokens")
async def _():
    shelf, browser = Shelf("assistant"), Browser()
    assert await added(BEHIND, of_a_person(BEHIND, shelf, browser)) == 5
    assert browser.asked[0]["resource"] == [f"{GATEWAY}/tools-behind"]


@flow("A client without a person, by a secret")
async def _():
    auth = ClientCredentialsOAuthProvider(
        GUARDED, Shelf(), "tools-job", SECRETS["tools-job"], scope="tools:use", issuer=ISSUER
    )
    assert await added(GUARDED, auth) == 5


@flow("A client without a person, by `private_key_jwt`")
async def _():
    signed = SignedJWTParameters(
        issuer="payer-es256", subject="payer-es256", signing_algorithm="ES256", signing_key=pem("payer-es256")
    )
    auth = PrivateKeyJWTOAuthProvider(
        GUARDED,
        Shelf(),
        "payer-es256",
        assertion_provider=signed.create_assertion_provider(),
        scope="tools:use",
        issuer=ISSUER,
    )
    assert await added(GUARDED, auth) == 5


@flow("A client that nobody registered registers itself (RFC 7591), a person allows it, a tool answers")
async def _():
    shelf, browser = Shelf(), Browser()
    assert await added(GUARDED, of_a_person(GUARDED, shelf, browser)) == 5
    (asked,) = browser.asked
    assert asked["client_id"] == [shelf.client.client_id]
    assert shelf.client.client_id not in {"assistant", PLACE["document"]}


@flow("And a second one, by a document at the URL that is its name (client ID metadata document)")
async def _():
    shelf, browser = Shelf(), Browser()
    assert await added(GUARDED, of_a_person(GUARDED, shelf, browser, PLACE["document"])) == 5
    (asked,) = browser.asked
    assert asked["client_id"] == [shelf.client.client_id] == [PLACE["document"]]
