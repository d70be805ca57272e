"""A token goes to its API and nowhere else; what an API minds is mended once where that can be."""

import asyncio
import json
import time

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from tokenward.client import HttpxAuth, PrivateKeyJwt, Server, TokenError
from tokenward.client.presenting import Presenter
from tokenward.tokens import base64url, strict_json
from tokenward.tokens.keys import SigningKey

INVALID = (401, {"www-authenticate": 'Bearer error="invalid_token"'})


def claims(jwt):
    return strict_json.read_object(base64url.decode(jwt.split(".")[1]))


@pytest.fixture(params=["sync", "async"])
def get(request):
    """Fetches once with the auth that is given."""

    def once(auth, url, **options):
        method = options.pop("method", "GET")
        if request.param == "sync":
            with httpx.Client(auth=auth, trust_env=False, follow_redirects=True) as client:
                return client.request(method, url, **options)

        async def fetch():
            async with httpx.AsyncClient(auth=auth, trust_env=False, follow_redirects=True) as client:
                return await client.request(method, url, **options)

        return asyncio.run(fetch())

    return once


def test_the_token_is_shown(fake, source, get):
    assert get(HttpxAuth(source()), f"{fake.api}/api/x").status_code == 200
    assert fake.calls == [("Bearer access-1", None)]


@pytest.mark.parametrize("url", ["https://other.example/api", "http://127.0.0.2/api", "http://127.0.0.1/api"])
def test_it_is_not_shown_to_another_api(fake, source, get, url):
    with pytest.raises(TokenError, match=r"wrong_destination: this token is for http://127"):
        get(HttpxAuth(source()), url)
    assert fake.forms == []


def test_it_is_not_sent_where_anybody_can_read_it(source, get):
    with pytest.raises(TokenError, match="plain http"):
        get(HttpxAuth(source(), to=["http://api.example.com"]), "http://api.example.com/x")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com.evil.example/",
        "https://api.example.com@evil.example/",
        "https://api.example.com:444/x",
        "http://api.example.com/x",
        "https://evil.example/https://api.example.com/",
        "https://api.example.com\\@evil.example/",
    ],
    ids=["longer", "user", "port", "scheme", "path", "backslash"],
)
def test_what_only_begins_like_the_api_is_another(source, url):
    presenter = Presenter(source(), ["https://api.example.com/v1"])
    with pytest.raises(TokenError, match="wrong_destination"):
        presenter.call("GET", url)
    for same in ("https://api.example.com/", "https://API.example.com:443/x", "https://api.example.com?q=1"):
        assert presenter.call("GET", same)


def test_it_must_be_said_where_it_may_go(source):
    with pytest.raises(ValueError, match="which API may see the tokens"):
        Presenter(source(resource=""))


def test_a_token_that_was_ended_early_is_renewed_once(fake, source, get):
    auth = HttpxAuth(source())
    fake.refusals = [INVALID]
    assert get(auth, f"{fake.api}/api", method="POST", content=b"x").status_code == 200
    assert [call for call, _ in fake.calls] == ["Bearer access-1", "Bearer access-2"]


def test_an_api_that_refuses_everything_does_not_get_many_tokens(fake, source, get):
    auth = HttpxAuth(source())
    fake.refusals = [INVALID] * 20
    for _ in range(5):
        assert get(auth, f"{fake.api}/api").status_code == 401
    assert fake.issued == 2


def test_one_call_gets_one_new_token(fake, source, get, monkeypatch):
    monkeypatch.setattr("tokenward.client.source.REJECTED_AGAIN", 0)
    fake.refusals = [INVALID] * 20
    assert get(HttpxAuth(source()), f"{fake.api}/api").status_code == 401
    assert len(fake.calls) == fake.issued == 2


def test_other_refusals_are_not_about_the_token(fake, source, get):
    fake.refusals = [(403, {"www-authenticate": 'Bearer error="insufficient_scope"'})]
    assert get(HttpxAuth(source()), f"{fake.api}/api").status_code == 403
    assert fake.issued == 1


def test_a_body_that_is_gone_is_not_sent_again(fake, source):
    fake.refusals = [INVALID]
    with httpx.Client(auth=HttpxAuth(source()), trust_env=False) as client:
        # Chunked bodies are none that this server reads; an empty one will do.
        assert client.post(f"{fake.api}/api", content=iter([])).status_code == 401
    assert fake.issued == 1


def test_who_answers_after_a_redirect_elsewhere_has_no_say(fake, source, get):
    fake.refusals = [(302, {"location": fake.api.replace("127.0.0.1", "localhost") + "/api"}), INVALID]
    assert get(HttpxAuth(source()), f"{fake.api}/api").status_code == 401
    assert fake.calls == [("Bearer access-1", None), (None, None)]
    assert fake.issued == 1


def test_a_proof_goes_with_each_sending_and_a_nonce_that_is_asked_for(fake, source, get):
    fake.token_type = "DPoP"
    fake.scripts = [(400, {"error": "use_dpop_nonce"}, {"dpop-nonce": "of the server"})]
    fake.refusals = [(401, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "of the api"})]
    assert get(HttpxAuth(source(dpop=True)), f"{fake.api}/api?q=1").status_code == 200
    first, second = (claims(headers["dpop"]) for _, headers in fake.forms)
    assert "nonce" not in first
    assert second["nonce"] == "of the server"
    (shown, before), (_, after) = fake.calls
    assert shown == "DPoP access-1"
    assert "nonce" not in claims(before)
    assert claims(after)["nonce"] == "of the api"
    assert claims(before)["jti"] != claims(after)["jti"]
    assert claims(after)["htu"] == f"{fake.api}/api"
    assert claims(after)["ath"]


def test_nonces_without_end_are_an_end(fake, source, get):
    fake.token_type = "DPoP"
    fake.refusals = [(401, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "n"})] * 9
    assert get(HttpxAuth(source(dpop=True)), f"{fake.api}/api").status_code == 401
    assert len(fake.calls) == 2
    fake.scripts = [(400, {"error": "use_dpop_nonce"}, {"dpop-nonce": "n"})] * 9
    with pytest.raises(TokenError, match="use_dpop_nonce"):
        source(dpop=True).token()


def test_a_server_that_binds_nothing_though_asked_to_is_refused(source):
    with pytest.raises(TokenError, match="token type is not DPoP"):
        source(dpop=True).token()


@pytest.mark.parametrize("off", [-600, 600])
def test_a_clock_that_is_off_is_made_up_for_at_the_server(fake, source, tmp_path, off):
    pem = tmp_path / "key.pem"
    pem.write_text(pem_of(SigningKey.generate()))
    pem.chmod(0o600)

    def strict(form, _headers):
        dated = claims(form["client_assertion"])["iat"]
        return (401, {"error": "invalid_client"}) if abs(dated - time.time() - off) > 60 else None

    fake.date = off
    fake.scripts = [strict] * 3
    reports = source(authentication=PrivateKeyJwt(f"file:{pem}"))
    reports.token()
    assert fake.issued == 2
    reports._kept = None
    reports.token()
    assert fake.issued == 3


def pem_of(key):
    return key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_a_private_jwk_proves_a_client_as_well(fake, source, tmp_path):
    key = SigningKey.generate("ES384")
    d = key.private.private_numbers().private_value.to_bytes(48, "big")
    jwk = tmp_path / "key.jwk"
    jwk.write_text(json.dumps({**key.public_jwk(), "kid": "mine", "d": base64url.encode(d)}))
    jwk.chmod(0o600)
    source(authentication=PrivateKeyJwt(f"file:{jwk}")).token()
    header = fake.forms[0][0]["client_assertion"].split(".")[0]
    said = strict_json.read_object(base64url.decode(header))
    assert (said["kid"], said["alg"]) == ("mine", "ES384")
    jwk.write_text(json.dumps(key.public_jwk()))
    with pytest.raises(TokenError, match="secret_unavailable: not a private JWK"):
        source(server=Server(fake.issuer), authentication=PrivateKeyJwt(f"file:{jwk}")).token()


def test_a_date_that_lies_changes_nothing_that_works(fake, source, tmp_path):
    pem = tmp_path / "key.pem"
    pem.write_text(pem_of(SigningKey.generate()))
    pem.chmod(0o600)
    fake.date = 600
    reports = source(authentication=PrivateKeyJwt(f"file:{pem}"))
    fake.scripts = [(401, {"error": "invalid_client"})] * 2
    with pytest.raises(TokenError, match="invalid_client"):
        reports.token()
    reports._not_before = 0
    reports.token()
    assert [abs(claims(form["client_assertion"])["iat"] - time.time()) > 60 for form, _ in fake.forms] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("off", [-600, 600])
def test_a_clock_that_is_off_is_made_up_for_at_the_api(fake, source, get, off):
    fake.token_type = "DPoP"
    fake.date = off
    fake.refusals = [(401, {"www-authenticate": 'DPoP error="invalid_dpop_proof"'})]
    assert get(HttpxAuth(source(dpop=True)), f"{fake.api}/api").status_code == 200
    dated = [round((claims(proof)["iat"] - time.time()) / 600) for _, proof in fake.calls]
    assert dated == [0, off // 600]


def test_a_key_that_others_can_read_is_refused(fake, source, tmp_path):
    pem = tmp_path / "key.pem"
    pem.write_text(pem_of(SigningKey.generate()))
    pem.chmod(0o644)
    with pytest.raises(TokenError, match="chmod 600"):
        source(authentication=PrivateKeyJwt(f"file:{pem}")).token()
    pem.chmod(0o600)
    pem.write_text("-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----\n")
    server = Server(fake.issuer)
    with pytest.raises(TokenError, match="not a PEM private key"):
        source(server=server, authentication=PrivateKeyJwt(f"file:{pem}")).token()
