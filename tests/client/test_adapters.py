"""The same rules through httpx, requests and aiohttp, and for who sends in some other way."""

import asyncio
import contextlib

import pytest
import requests

from client.test_presenting import INVALID, claims
from tokenward.client import HeaderProvider, RequestsAuth, TokenError


def test_the_token_is_shown_and_to_nobody_else(fake, source, send):
    assert send(source(), "GET", f"{fake.api}/api") == 200
    assert fake.calls == [("Bearer access-1", None)]
    with pytest.raises(TokenError, match="wrong_destination"):
        send(source(), "GET", "http://127.0.0.2/api")


@pytest.mark.parametrize("body", [None, b"a body", "a text"], ids=["none", "bytes", "text"])
def test_a_token_that_was_ended_early_is_renewed_once(fake, source, send, body):
    fake.refusals = [INVALID, INVALID]
    assert send(source(), "POST", f"{fake.api}/api", body) == 401
    assert [call for call, _ in fake.calls] == ["Bearer access-1", "Bearer access-2"]
    assert fake.issued == 2


def test_a_nonce_that_is_asked_for_is_sent_once(fake, source, send):
    fake.token_type = "DPoP"
    wants = (401, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "of the api"})
    fake.refusals = [wants]
    assert send(source(dpop=True), "GET", f"{fake.api}/api") == 200
    assert claims(fake.calls[1][1])["nonce"] == "of the api"
    fake.refusals = [wants] * 5
    assert send(source(dpop=True), "GET", f"{fake.api}/api") == 401
    assert len(fake.calls) == 4


@pytest.mark.parametrize("dpop", [False, True], ids=["bearer", "bound"])
@pytest.mark.parametrize("before", [[], [INVALID]], ids=["at-once", "after-another-token"])
def test_a_redirect_elsewhere_gets_no_token_and_no_proof(fake, source, send, dpop, before):
    fake.token_type = "DPoP" if dpop else "Bearer"
    elsewhere = fake.api.replace("127.0.0.1", "localhost") + "/api"
    fake.refusals = [*before, (302, {"location": elsewhere}), INVALID]
    with contextlib.suppress(TokenError):  # of the middleware, which is asked about each step
        assert send(source(dpop=dpop), "GET", f"{fake.api}/api") == 401
    told, led = fake.calls[: len(before) + 1], fake.calls[len(before) + 1 :]
    assert all(call and bool(proof) is dpop for call, proof in told)
    assert set(led) <= {(None, None)}
    assert fake.issued == len(told)


def test_a_new_nonce_each_time_and_an_endless_challenge_end_after_two_calls(fake, source, send):
    fake.token_type = "DPoP"
    long = 'DPoP error="use_dpop_nonce", ' + "x=1, " * 1000
    fake.refusals = [
        (401, {"www-authenticate": long, "dpop-nonce": f"nonce-{number}"}) for number in range(20)
    ]
    assert send(source(dpop=True), "GET", f"{fake.api}/api") == 401
    assert len(fake.calls) == 2


def test_a_body_that_is_gone_is_not_sent_again(fake, source):
    fake.refusals = [INVALID]
    with requests.Session() as session:
        session.trust_env = False
        # Chunks are none that this server reads; the end of them alone will do.
        answer = session.post(f"{fake.api}/api", data=iter([]), auth=RequestsAuth(source()))
    assert answer.status_code == 401
    assert fake.issued == 1


def test_headers_for_who_sends_otherwise(fake, source):
    provider = HeaderProvider(source())
    assert provider.headers("GET", f"{fake.api}/api") == {"authorization": "Bearer access-1"}
    shown = asyncio.run(provider.headers_async("GET", f"{fake.api}/api"))
    assert shown == {"authorization": "Bearer access-1"}
    with pytest.raises(TokenError, match="wrong_destination"):
        provider.headers("GET", "https://elsewhere.example")
    fake.token_type = "DPoP"
    bound = HeaderProvider(source(dpop=True)).headers("GET", f"{fake.api}/api")
    assert set(bound) == {"authorization", "dpop"}
