"""PyPI Authlib with requests, and joserfc for what it leaves to it."""

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc8414 import get_well_known_url as oauth_url
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from authlib.oidc.discovery import get_well_known_url as openid_url
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
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


def fetched(url):
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return answer.json()


@row("discovery (OpenID Connect)")
def _():
    OpenIDProviderMetadata(fetched(openid_url(ISSUER, external=True))).validate()


@row("discovery (RFC 8414)")
def _():
    AuthorizationServerMetadata(fetched(oauth_url(ISSUER, external=True))).validate()


METADATA = fetched(openid_url(ISSUER, external=True))
TOKEN, KEYS = METADATA["token_endpoint"], KeySet.import_key_set(fetched(METADATA["jwks_uri"]))


def session(client_id=None, secret=None, **options):
    return OAuth2Session(client_id, secret, code_challenge_method="S256", **options)


def client_token(client_id, **options):
    made = session(client_id, SECRETS[client_id], **options)
    return made.fetch_token(TOKEN, grant_type="client_credentials", scope="accounts:read")


def checked(token, keys, issuer, algorithms):
    read = jwt.decode(token, keys, algorithms=algorithms)
    assert read.header["typ"] == "at+jwt"
    named = {name: {"essential": True, "value": value} for name, value in (("iss", issuer), ("aud", BANK))}
    jwt.JWTClaimsRegistry(leeway=5, exp={"essential": True}, **named).validate(read.claims)


def authorized(client_id, redirect):
    """The authorization code flow; the session, and the tokens with a validated ID token."""
    made = session(client_id, SECRETS.get(client_id), redirect_uri=redirect, scope=SCOPE)
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = made.create_authorization_url(
        METADATA["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    callback = sign_in(url)
    tokens = made.fetch_token(TOKEN, authorization_response=callback, state=state, code_verifier=verifier)
    decoded = jwt.decode(tokens["id_token"], KEYS, algorithms=["RS256"])
    options = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": client_id}}
    claims = CodeIDToken(
        decoded.claims, decoded.header, options, {"nonce": nonce, "access_token": tokens["access_token"]}
    )
    claims.validate(leeway=5)
    assert claims["email"]
    return made, tokens


for name, client_id, redirect in (
    ("public", "desk-app", PLACE["redirect"]),
    ("confidential", "site", PLACE["web_redirect"]),
):

    @row(f"code + PKCE, ID token, {name} client", client_id, redirect)
    def _(client_id, redirect):
        made, tokens = authorized(client_id, redirect)
        assert made.get(ACCOUNTS).status_code == 200
        assert status(tokens["access_token"]) == 200

    @row(f"refresh with rotation, reuse ends it, {name} client", client_id, redirect)
    def _(client_id, redirect):
        made, first = authorized(client_id, redirect)
        first = first["refresh_token"]
        second = made.refresh_token(TOKEN, refresh_token=first)["refresh_token"]
        third = dict(made.refresh_token(TOKEN, refresh_token=second))
        assert len({first, second, third["refresh_token"]}) == 3
        refused("invalid_grant", lambda: made.refresh_token(TOKEN, refresh_token=first))
        refused("invalid_grant", lambda: made.refresh_token(TOKEN, refresh_token=third["refresh_token"]))
        ends_within_a_second(third["access_token"])


none("iss of another issuer is refused (RFC 9207)", "as a client it does not look at `iss`")

for method in ("client_secret_basic", "client_secret_post"):

    @row(f"client credentials, {method}", method)
    def _(method):
        assert status(client_token("report", token_endpoint_auth_method=method)["access_token"]) == 200


AUDIENCE = "told the issuer as the audience, by default it is the token endpoint"
for algorithm, kind in (("ES256", ECKey), ("RS256", RSAKey)):

    @row(f"client credentials, private_key_jwt {algorithm}", algorithm, kind, note=AUDIENCE)
    def _(algorithm, kind):
        name = f"payer-{algorithm.lower()}"
        key, kid = kind.import_key(pem(name)), (DIRECTORY / f"{name}.kid").read_text()
        made = session(name, key, token_endpoint_auth_method="private_key_jwt")
        made.register_client_auth_method(PrivateKeyJWT(ISSUER, headers={"kid": kid}, alg=algorithm))
        token = made.fetch_token(TOKEN, grant_type="client_credentials", scope="accounts:read")
        assert status(token["access_token"]) == 200


for method, name in (("tls_client_auth", "billing"), ("self_signed_tls_client_auth", "colleague")):

    @row(f"client credentials, {method}", name)
    def _(name):
        made = session(name, token_endpoint_auth_method="none")
        made.cert = held(name)
        token = made.fetch_token(TOKEN, grant_type="client_credentials", scope="accounts:read")
        assert made.get(ACCOUNTS).status_code == 200
        assert status(token["access_token"]) == 401


no_dpop()


@row("access token as JWT (RFC 9068), validated", note="by joserfc")
def _():
    token = client_token("reader")["access_token"]
    checked(token, KEYS, ISSUER, ["ES256"])
    assert status(token) == 200


@row("inside JWT, as a backend receives it, validated", note="by joserfc")
def _():
    made = session(token=client_token("report"))
    inside = made.get(ACCOUNTS).json()["authorization"].split()[1]
    checked(inside, KeySet.import_key_set(fetched(f"{INSIDE}/jwks.json")), INSIDE, ["ES256"])


@row("token exchange (RFC 8693)")
def _():
    subject = client_token("report")["access_token"]
    form = {
        "subject_token": subject,
        "subject_token_type": ACCESS_TOKEN,
        "audience": f"{GATEWAY}/weather",
    }
    made = session("backend", SECRETS["backend"])
    token = made.fetch_token(TOKEN, grant_type=EXCHANGE, **form)
    assert status(token["access_token"], FORECAST) == 200


@row("JWT bearer grant of a workload (RFC 7523)")
def _():
    header = {"alg": "RS256", "kid": PLACE["platform_kid"], "typ": "JWT"}
    made = AssertionSession(
        TOKEN, PLACE["platform"], JOB_SUBJECT, audience=ISSUER, claims=dict(JOB), client_id="deploy-bot",
        key=RSAKey.import_key((DIRECTORY / "job.pem").read_text()), header=header, expires_in=300,
    )  # fmt: skip
    assert made.get(ACCOUNTS).status_code == 200


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
    form = {"subject_token": PLACE["api_keys"]["Authlib"], "subject_token_type": API_KEY}
    made = session()
    # The key is the credential: no client is named.
    token = made.fetch_token(TOKEN, grant_type=EXCHANGE, auth=lambda request: request, **form)
    assert status(token["access_token"], FORECAST) == 200


@row("API key at the gateway")
def _():
    made = session(token={"access_token": PLACE["api_keys"]["Authlib"], "token_type": "Bearer"})
    assert made.get(FORECAST).status_code == 200


@row("introspection, JSON (RFC 7662)")
def _():
    token = client_token("report")["access_token"]
    made = session("backend", SECRETS["backend"])
    told = made.introspect_token(METADATA["introspection_endpoint"], token=token).json()
    assert told["active"]
    assert told["client_id"] == "report"


@row("introspection, signed JWT (RFC 9701), signature checked")
def _():
    token = client_token("report")["access_token"]
    made = session("backend", SECRETS["backend"])
    headers = {"accept": "application/token-introspection+jwt"}
    answer = made.introspect_token(METADATA["introspection_endpoint"], token=token, headers=headers)
    read = jwt.decode(answer.text, KEYS, algorithms=["RS256"])
    assert read.header["typ"] == "token-introspection+jwt"
    named = {
        name: {"essential": True, "value": value} for name, value in (("iss", ISSUER), ("aud", "backend"))
    }
    jwt.JWTClaimsRegistry(leeway=5, **named).validate(read.claims)
    assert read.claims["token_introspection"]["active"]


@row("revocation (RFC 7009), refused within a second")
def _():
    token = client_token("report")["access_token"]
    assert status(token) == 200
    session("report", SECRETS["report"]).revoke_token(METADATA["revocation_endpoint"], token=token)
    ends_within_a_second(token)


for flow in (
    "userinfo, JSON",
    "userinfo, signed JWT; claims parameter, ID token by ES256, pairwise subject",
    "userinfo: not by a token for an API, but by one beside it",
    "RP-initiated logout, and back",
):
    none(flow, "its clients for web frameworks only")
