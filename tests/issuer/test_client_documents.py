"""Clients that are described by a document at their name (draft-ietf-oauth-client-id-metadata-document)."""

import asyncio
import json
from dataclasses import replace

import pytest

from issuer.house import CALLBACK, SETTINGS, Caller, House, answer, lived
from issuer.test_private_key_jwt import KEY, claims, jwks, present
from tokens.minting import mint
from tokenward.app.strangers import documents_by
from tokenward.base.clock import ManualClock
from tokenward.base.outbound import Answer, OutboundClient, OutboundError
from tokenward.base.problems import Refusal
from tokenward.issuer.client_documents import DocumentClients
from tokenward.issuer.document_cache import STALE
from tokenward.issuer.strangers import DocumentPolicy, StrangerTerms, is_document_id

APP = "https://app.example/oauth/client.json"
LOOPBACK = "http://127.0.0.1/callback"
TERMS = StrangerTerms(frozenset({"native", "spa", "web"}), ("accounts:read", "offline_access"))
POLICY = DocumentPolicy(("app.example", "*.apps.example"), TERMS)
TYPE = (("content-type", "application/json"),)


def document(**changes):
    said = {
        "client_id": APP,
        "client_name": "Notes",
        "redirect_uris": [LOOPBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


class Web:
    """What is answered at URLs, and which were asked for."""

    def __init__(self, *documents, headers=TYPE, status=200):
        self.pages = {each["client_id"]: json.dumps(each).encode() for each in documents}
        self.headers, self.status, self.asked = headers, status, []

    async def fetch(self, url):
        self.asked.append(url)
        if url not in self.pages:
            raise OutboundError("unreachable", "nobody is there")
        return Answer(self.status, self.pages[url], self.headers)


def with_documents(house, web, policy=POLICY):
    """The house, at which documents count."""
    documents = DocumentClients(house.issuer.settings, policy, web.fetch, house.clock)
    object.__setattr__(house.issuer, "documents", documents)
    house.issuer.metadata.clear()  # as in a process that was started so
    return documents


def clients(web, policy=POLICY, clock=None):
    return DocumentClients(SETTINGS, policy, web.fetch, clock or ManualClock())


def read(web, url=APP, policy=POLICY):
    return asyncio.run(clients(web, policy).client(url))


def refused(web, url=APP, policy=POLICY):
    with pytest.raises(Refusal) as caught:
        read(web, url, policy)
    assert caught.value.problem.code == "client_document_refused"
    return caught.value.detail


@lived
async def test_a_native_client_signs_in_by_the_url_that_is_its_name(h: House):
    web = Web(document())
    with_documents(h, web)
    app = Caller(h, await h.issuer.client(APP), None)
    here = "http://127.0.0.1:49152/callback"
    code = await app.code(redirect_uri=here, scope="accounts:read offline_access")
    tokens = (await app.redeem(code, redirect_uri=here)).json()
    assert await app.live(tokens["access_token"])
    again = await app.refresh(tokens["refresh_token"])
    assert again.status_code == 200
    assert web.asked == [APP]


@lived
async def test_a_person_is_asked_each_time_and_sees_the_host(h: House):
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": json.loads(jwks(KEY))}
    web = Web(document(redirect_uris=[CALLBACK], **keys))
    with_documents(h, web)
    app = Caller(h, await h.issuer.client(APP), None)
    for _ in range(2):
        page = await h.authorize(**app.request(scope="accounts:read"))
        assert page.text == "consent"
        assert (h.pages.view.stranger.host, h.pages.view.stranger.odd) == ("app.example", None)
        code = answer(await app.decide("allow"))["code"]
    assert (await app.redeem(code)).status_code == 401
    form = {"code": code, "redirect_uri": CALLBACK, "code_verifier": app.verifier}
    proof = mint(claims(h, app), KEY)
    assert (await present(h, proof, grant_type="authorization_code", **form)).status_code == 200


@lived
async def test_without_the_setting_no_document_is_a_client_and_metadata_says_nothing(h: House):
    response = await h.authorize(client_id=APP, redirect_uri=LOOPBACK)
    assert (response.status_code, response.text) == (400, "unknown_client")
    metadata = "/.well-known/oauth-authorization-server"
    assert "client_id_metadata_document_supported" not in (await h.http.get(metadata)).json()
    with_documents(h, Web())
    assert (await h.http.get(metadata)).json()["client_id_metadata_document_supported"] is True


@lived
async def test_no_registered_client_can_have_a_url_for_its_name(h: House):
    with pytest.raises(Refusal, match="client_id has"):
        await h.client("spa", "accounts:read", client_id=APP)
    stored = await h.client("spa", "accounts:read", client_id="app.example")
    web = Web(document())
    with_documents(h, web)
    assert (await h.issuer.client("app.example")) == stored.client
    assert web.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/c",
        "https://app.example",
        "https://app.example/a/../c",
        "https://app.example/./c",
        "https://app.example/..",
        "https://app.example/c#f",
        "https://app.example/c?x=1",
        "https://me@app.example/c",
        "https://app.example:443/c",
        "https://app.example:99999/c",
        "https://APP.example/c",
        "https://app.example/%2e%2e/c",
        "https://app.example/" + "c" * 512,
        "https://elsewhere.example/c",
        "https://apps.example/c",
        "https://evilapps.example/c",
        "https://app.example.evil.example/c",
    ],
)
def test_what_can_name_no_client_is_never_fetched(url):
    web = Web(document(client_id=url))
    if url.startswith("https://"):
        refused(web, url)
    else:
        assert not is_document_id(url)
    assert web.asked == []


def test_a_document_of_this_issuer_is_none_even_where_any_host_counts():
    policy = DocumentPolicy(("*",), TERMS)
    here = "https://id.example/c"
    settings = replace(SETTINGS, url="https://id.example")
    web = Web(document(client_id=here))
    with pytest.raises(Refusal, match="at this issuer"):
        asyncio.run(DocumentClients(settings, policy, web.fetch, ManualClock()).client(here))
    assert web.asked == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"client_id": "https://app.example/other.json"}, "another client's"),
        ({"client_id": APP + "/"}, "another client's"),
        ({"client_secret": "x"}, "a secret"),
        ({"client_secret_expires_at": 0}, "a secret"),
        ({"token_endpoint_auth_method": "client_secret_basic", "redirect_uris": [CALLBACK]}, "no secret"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "token_endpoint_auth_method"),
        ({"redirect_uris": ["https://evil.example/cb"]}, "evil.example"),
        ({"redirect_uris": ["https://app.example:8443/cb"]}, "elsewhere"),
        ({"redirect_uris": ["com.example.app:/cb"]}, "elsewhere"),
        ({"redirect_uris": ["http://app.example/cb"]}, "redirect_uris"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"grant_types": ["client_credentials"]}, "grant_types"),
        ({"client_name": "Notes\u202e"}, "client_name"),
        ({"logo_uri": "http://10.0.0.1/logo"}, "logo_uri"),
        ({"policy_uri": "javascript:alert(1)"}, "policy_uri"),
        ({"sector_identifier_uri": "https://app.example/s"}, "sector_identifier_uri"),
        ({"software_statement": "x.y.z"}, "software_statement"),
        (
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "redirect_uris": [CALLBACK],
                "jwks_uri": "https://evil.example/jwks",
            },
            "keys are elsewhere",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_document_that_is_not_acceptable_is_refused_with_the_reason(changes, why):
    web = Web(document())
    web.pages[APP] = json.dumps(document(**changes)).encode()
    assert why in refused(web)


@pytest.mark.parametrize(
    ("status", "headers", "body", "why"),
    [
        (404, TYPE, None, "404"),
        (200, (("content-type", "text/html"),), None, "media type"),
        (200, (), None, "media type"),
        (200, TYPE, b"[]", "no JSON object"),
        (200, TYPE, b'{"client_id": "a", "client_id": "b"}', "no JSON object"),
        (200, TYPE, b"{" + b" " * 6000 + b"}", "more than"),
    ],
    ids=["status", "html", "untyped", "list", "twice", "large"],
)
def test_what_is_no_document_is_refused_and_not_kept(status, headers, body, why):
    web = Web(document(), headers=headers, status=status)
    if body is not None:
        web.pages[APP] = body
    assert why in refused(web)

    async def twice():
        known = clients(web)
        for _ in range(2):
            with pytest.raises(Refusal):
                await known.client(APP)

    web.asked.clear()
    asyncio.run(twice())
    assert web.asked == [APP, APP]


@pytest.mark.parametrize(
    ("said", "kept"),
    [("", 300), ("max-age=1", 60), ("no-store", 60), ("max-age=3600", 3600), ("max-age=999999999", 86_400)],
)
def test_a_document_is_kept_as_its_answer_says_within_bounds(said, kept):
    clock, web = ManualClock(), Web(document(), headers=(*TYPE, ("cache-control", said)))
    known = clients(web, clock=clock)

    async def main():
        await known.client(APP)
        clock.advance(kept - 1)
        await known.client(APP)
        assert len(web.asked) == 1
        clock.advance(2)
        await known.client(APP)
        assert len(web.asked) == 2

    asyncio.run(main())


def test_a_document_counts_for_a_day_while_its_host_is_away():
    clock, web = ManualClock(), Web(document())
    known = clients(web, clock=clock)

    async def main():
        await known.client(APP)
        del web.pages[APP]
        clock.advance(STALE)
        assert (await known.client(APP)).name == "Notes"
        clock.advance(400)
        with pytest.raises(Refusal, match="client_document_refused"):
            await known.client(APP)

    asyncio.run(main())


def test_a_hundred_readers_fetch_it_once_and_a_flood_of_names_is_slowed():
    web = Web(document(), *(document(client_id=f"https://app.example/{n}") for n in range(60)))

    async def main():
        known = clients(web)
        await asyncio.gather(*(known.client(APP) for _ in range(100)))
        assert web.asked == [APP]
        for number in range(19):
            await known.client(f"https://app.example/{number}")
        for number in range(19, 60):
            with pytest.raises(Refusal, match="too_many_requests"):
                await known.client(f"https://app.example/{number}")
        assert len(web.asked) == 20

    asyncio.run(main())


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "::1", "192.168.1.1"])
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(address):
    outside = OutboundClient(resolver=lambda _host, _port: ["93.184.216.34", address])
    web = Web()
    web.fetch = documents_by(outside)
    assert "address_refused" in refused(web)
