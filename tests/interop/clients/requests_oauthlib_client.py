"""PyPI requests-oauthlib, and PyJWT for the tokens that somebody must read or sign."""

import os
import time
import uuid

import jwt
import requests
from oauthlib.oauth2 import BackendApplicationClient
from place import (
    ACCESS_TOKEN,
    ACCOUNTS,
    API_KEY,
    BANK,
    DIRECTORY,
    EXCHANGE,
    FORECAST,
    GATEWAY,
    INSIDE,
    ISSUER,
    JOB,
    JOB_SUBJECT,
    PLACE,
    SCOPE,
    SECRETS,
    ends_within_a_second,
    held,
    no_dpop,
    none,
    pem,
    refused,
    row,
    sign_in,
    status,
)
from requests_oauthlib import OAuth2Session

TOKEN, ASSERTION = f"{ISSUER}/token", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

none("discovery (OpenID Connect)", "not in the library")
none("discovery (RFC 8414)", "not in the library")


def key_for(token, url):
    key_set = jwt.PyJWKSet.from_dict(requests.get(url, timeout=10).json())
    return key_set[jwt.get_unverified_header(token)["kid"]]


def checked(token, url, issuer):
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    jwt.decode(token, key_for(token, url), algorithms=["ES256"], audience=BANK, issuer=issuer)


class Grant(BackendApplicationClient):
    """The library's client for a grant that is only parameters."""

    def __init__(self, client_id, grant_type="client_credentials", **options):
        super().__init__(client_id, **options)
        self.grant_type = grant_type


def session(client_id, grant_type="client_credentials", scope=None):
    return OAuth2Session(client=Grant(client_id, grant_type, scope=scope))


def client_token(client_id="report"):
    made = session(client_id, scope=["accounts:read"])
    return made.fetch_token(TOKEN, client_secret=SECRETS[client_id])["access_token"]


def authorized(client_id, redirect):
    """The authorization code flow; what refreshes, and the tokens. PyJWT validates the ID token."""
    made = OAuth2Session(client_id, redirect_uri=redirect, scope=SCOPE, pkce="S256")
    nonce = uuid.uuid4().hex
    url, _ = made.authorization_url(f"{ISSUER}/authorize", nonce=nonce)
    secret = SECRETS.get(client_id)
    # Without include_client_id the library sends a public client's empty password by Basic.
    tokens = made.fetch_token(
        TOKEN,
        authorization_response=sign_in(url),
        client_secret=secret,
        include_client_id=True if secret is None else None,
    )
    key = key_for(tokens["id_token"], f"{ISSUER}/jwks.json")
    claims = jwt.decode(tokens["id_token"], key, algorithms=["RS256"], audience=client_id, issuer=ISSUER)
    assert claims["nonce"] == nonce
    named = {"client_id": client_id} if secret is None else {}
    auth = None if secret is None else requests.auth.HTTPBasicAuth(client_id, secret)

    def refresh(token):
        return made.refresh_token(TOKEN, refresh_token=token, auth=auth, **named)

    return refresh, tokens


# Otherwise it refuses the loopback redirect of a native application (RFC 8252 §7.3), which is http.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
for name, client_id, redirect, note in (
    (
        "public",
        "desk-app",
        PLACE["redirect"],
        "with `OAUTHLIB_INSECURE_TRANSPORT` (it refuses loopback redirects) and `include_client_id`",
    ),
    ("confidential", "site", PLACE["web_redirect"], ""),
):

    @row(f"code + PKCE, ID token, {name} client", client_id, redirect, note=note)
    def _(client_id, redirect):
        _, tokens = authorized(client_id, redirect)
        assert status(tokens["access_token"]) == 200

    @row(f"refresh with rotation, reuse ends it, {name} client", client_id, redirect)
    def _(client_id, redirect):
        refresh, first = authorized(client_id, redirect)
        first = first["refresh_token"]
        second = refresh(first)["refresh_token"]
        third = dict(refresh(second))
        assert len({first, second, third["refresh_token"]}) == 3
        refused("invalid_grant", lambda: refresh(first))
        refused("invalid_grant", lambda: refresh(third["refresh_token"]))
        ends_within_a_second(third["access_token"])


none("iss of another issuer is refused (RFC 9207)", "it does not look at `iss`")


@row("client credentials, client_secret_basic")
def _():
    assert status(client_token()) == 200


@row("client credentials, client_secret_post")
def _():
    made = session("report", scope=["accounts:read"])
    token = made.fetch_token(TOKEN, client_secret=SECRETS["report"], include_client_id=True)
    assert status(token["access_token"]) == 200


for algorithm in ("ES256", "RS256"):

    @row(f"client credentials, private_key_jwt {algorithm}", algorithm)
    def _(algorithm):
        name, now = f"payer-{algorithm.lower()}", int(time.time())
        claims = {
            "iss": name,
            "sub": name,
            "aud": ISSUER,
            "iat": now,
            "exp": now + 60,
            "jti": uuid.uuid4().hex,
        }
        kid = (DIRECTORY / f"{name}.kid").read_text()
        assertion = jwt.encode(claims, pem(name), algorithm, headers={"kid": kid})
        made = session(name, scope=["accounts:read"])
        token = made.fetch_token(
            TOKEN, include_client_id=True, client_assertion=assertion, client_assertion_type=ASSERTION
        )
        assert status(token["access_token"]) == 200


for method, name in (("tls_client_auth", "billing"), ("self_signed_tls_client_auth", "colleague")):

    @row(f"client credentials, {method}", name)
    def _(name):
        made = session(name, scope=["accounts:read"])
        made.cert = held(name)
        token = made.fetch_token(TOKEN, include_client_id=True)
        assert made.get(ACCOUNTS).status_code == 200
        assert status(token["access_token"]) == 401


no_dpop()


@row("access token as JWT (RFC 9068), validated", note="by PyJWT")
def _():
    token = client_token("reader")
    checked(token, f"{ISSUER}/jwks.json", ISSUER)
    assert status(token) == 200


@row("inside JWT, as a backend receives it, validated", note="by PyJWT")
def _():
    answer = requests.get(ACCOUNTS, headers={"authorization": f"Bearer {client_token()}"}, timeout=10)
    checked(answer.json()["authorization"].split()[1], f"{INSIDE}/jwks.json", INSIDE)


@row("token exchange (RFC 8693)")
def _():
    made = session("backend", EXCHANGE)
    form = {"subject_token_type": ACCESS_TOKEN, "audience": f"{GATEWAY}/weather"}
    form["subject_token"] = client_token()
    token = made.fetch_token(TOKEN, client_secret=SECRETS["backend"], **form)
    assert status(token["access_token"], FORECAST) == 200


@row("JWT bearer grant of a workload (RFC 7523)")
def _():
    now = int(time.time())
    claims = JOB | {
        "iss": PLACE["platform"], "sub": JOB_SUBJECT, "aud": ISSUER, "iat": now, "exp": now + 300,
        "jti": uuid.uuid4().hex,
    }  # fmt: skip
    key = (DIRECTORY / "job.pem").read_text()
    assertion = jwt.encode(claims, key, "RS256", headers={"kid": PLACE["platform_kid"]})
    made = session("deploy-bot", "urn:ietf:params:oauth:grant-type:jwt-bearer")
    token = made.fetch_token(TOKEN, include_client_id=True, assertion=assertion)
    assert status(token["access_token"]) == 200


none("device authorization, ID token (RFC 8628)", "no device flow")
none("DPoP: device authorization, refresh of a device", "no device flow")
for flow in (
    "PAR (RFC 9126): a public client, DPoP binds the code",
    "PAR (RFC 9126): a confidential client",
    "JAR (RFC 9101): a signed request in the address",
    "JAR (RFC 9101): a signed request that is pushed",
    "FAPI 2.0: private_key_jwt, JAR in PAR, DPoP, refresh without rotation",
    "FAPI 2.0: unsigned or not pushed is refused",
):
    none(flow, "not in the library")


@row("API key exchanged for a token (RFC 8693)")
def _():
    made = session(None, EXCHANGE)
    key = PLACE["api_keys"]["requests-oauthlib"]
    token = made.fetch_token(TOKEN, subject_token=key, subject_token_type=API_KEY)
    assert status(token["access_token"], FORECAST) == 200


@row("API key at the gateway")
def _():
    headers = {"x-api-key": PLACE["api_keys"]["requests-oauthlib"]}
    assert requests.get(FORECAST, headers=headers, timeout=10).status_code == 200


none("introspection, JSON (RFC 7662)", "not in the library")
none("introspection, signed JWT (RFC 9701), signature checked", "not in the library")
none("revocation (RFC 7009), refused within a second", "not in the library")
for flow in (
    "userinfo, JSON",
    "userinfo, signed JWT; claims parameter, ID token by ES256, pairwise subject",
    "userinfo: not by a token for an API, but by one beside it",
    "RP-initiated logout, and back",
):
    none(flow, "its clients for web frameworks only")
