"""PyPI requests_oauth2client, and jwskate, on which it stands."""

import time
import uuid
from urllib.parse import urlsplit

import requests
from jwskate import Jwk, JwkSet, SignedJwt
from place import (
    ACCESS_TOKEN,
    ACCOUNTS,
    API_KEY,
    BANK,
    DIRECTORY,
    FORECAST,
    GATEWAY,
    INSIDE,
    ISSUER,
    JOB,
    JOB_SUBJECT,
    METADATA,
    PLACE,
    SCOPE,
    SECRETS,
    ends_within_a_second,
    held,
    none,
    pem,
    refused,
    row,
    sign_in,
    status,
)
from requests_oauth2client import (
    ApiClient,
    ClientSecretBasic,
    ClientSecretPost,
    DeviceAuthorizationPollingJob,
    DPoPKey,
    MismatchingIssuer,
    OAuth2Client,
    OAuth2ClientCredentialsAuth,
    PrivateKeyJwt,
    RequestParameterAuthorizationRequest,
)
from requests_oauth2client.discovery import oauth2_discovery_document_url, oidc_discovery_document_url

TRANSFERS = f"{BANK}/transfers"
TRANSFER = {"from": "current", "to": "savings", "amount": "1.00", "currency": "EUR"}


def client(client_id, method=ClientSecretBasic, **options):
    """A client of our issuer; without a secret, a public one."""
    secret = SECRETS.get(client_id)
    auth = method(client_id, secret) if secret is not None else client_id
    return OAuth2Client.from_discovery_endpoint(issuer=ISSUER, auth=auth, **options)


def key_of(name, algorithm="ES256"):
    kid = (DIRECTORY / f"{name}.kid").read_text()
    return Jwk(Jwk.from_pem(pem(name)).to_dict() | {"kid": kid, "alg": algorithm})


def keyed(name, algorithm="ES256", **options):
    """A client that proves itself by a key; the issuer is the audience of what it signs."""
    auth = PrivateKeyJwt(name, key_of(name, algorithm), alg=algorithm, aud=ISSUER)
    return OAuth2Client.from_discovery_endpoint(issuer=ISSUER, auth=auth, **options)


def client_token(client_id="report", **options):
    return client(client_id).client_credentials(scope="accounts:read", **options)


def keys(url):
    return JwkSet(requests.get(url, timeout=10).json())


def checked(token, key_set, issuer):
    read = SignedJwt(token)
    assert read.typ == "at+jwt"
    read.validate(key=key_set, alg="ES256", issuer=issuer, audience=BANK, check_exp=True)


def opened(token, url=ACCOUNTS):
    """What the gateway says to a token that adds itself, with its proof, to the request."""
    return requests.get(url, auth=token, timeout=10).status_code


@row("discovery (OpenID Connect)")
def _():
    url = oidc_discovery_document_url(ISSUER)
    OAuth2Client.from_discovery_endpoint(url, issuer=ISSUER, auth="desk-app")


@row("discovery (RFC 8414)")
def _():
    url = oauth2_discovery_document_url(ISSUER)
    OAuth2Client.from_discovery_endpoint(url, issuer=ISSUER, auth="desk-app")


def authorized(client_id, redirect, *, send=None, dpop=False, scope=SCOPE, resource=BANK):
    """The authorization code flow; the client, and the tokens with a validated ID token.

    `send` makes of the request what the browser is sent to: the request itself, unless it is said.
    """
    return authorized_by(
        client(client_id, redirect_uri=redirect, dpop_bound_access_tokens=dpop),
        send=send, dpop=dpop, scope=scope, resource=resource,
    )  # fmt: skip


def authorized_by(made, *, send=None, dpop=False, scope=SCOPE, resource=BANK):
    request = made.authorization_request(scope=scope, **({"resource": resource} if resource else {}))
    answer = request.validate_callback(sign_in(str(request if send is None else send(made, request))))
    # Of a DPoP token it cannot validate the ID token: it makes the token anew, and leaves its key out.
    tokens = made.authorization_code(answer, dpop=dpop, validate=not dpop)
    assert dpop or tokens.id_token.claims["email"]
    return made, tokens


pushed = OAuth2Client.pushed_authorization_request
UNREAD = "without a validation of the ID token, which it cannot do beside DPoP"
APPLICATIONS = (
    ("public", "desk-app", PLACE["redirect"]),
    ("confidential", "site", PLACE["web_redirect"]),
)

for name, client_id, redirect in APPLICATIONS:

    @row(f"code + PKCE, ID token, {name} client", client_id, redirect)
    def _(client_id, redirect):
        _, tokens = authorized(client_id, redirect)
        assert opened(tokens) == 200

    @row(f"refresh with rotation, reuse ends it, {name} client", client_id, redirect)
    def _(client_id, redirect):
        made, first = authorized(client_id, redirect)
        second = made.refresh_token(first)
        third = made.refresh_token(second)
        assert len({each.refresh_token for each in (first, second, third)}) == 3
        refused("invalid_grant", lambda: made.refresh_token(first.refresh_token))
        refused("invalid_grant", lambda: made.refresh_token(third.refresh_token))
        ends_within_a_second(third.access_token)


@row("PAR (RFC 9126): a public client, DPoP binds the code", note=UNREAD)
def _():
    _, tokens = authorized("desk-app", PLACE["redirect"], send=pushed, dpop=True)
    assert opened(tokens) == 200


@row("PAR (RFC 9126): a confidential client")
def _():
    _, tokens = authorized("site", PLACE["web_redirect"], send=pushed)
    assert opened(tokens) == 200


def signed(made, request):
    """The request with all that is in it signed by the client's key, as RFC 9101 §4 wants it."""
    now, name = int(time.time()), made.client_id
    claims = {**request.args, "iss": name, "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 60}
    said = SignedJwt.sign(claims, key=key_of(name), typ="oauth-authz-req+jwt")
    return RequestParameterAuthorizationRequest(request.authorization_endpoint, name, str(said))


def signed_and_pushed(made, request):
    said = {"client_id": made.client_id, "request": str(signed(made, request).request)}
    # What it pushes is what a request says its `args` are; one that is signed does not say it.
    return pushed(made, RequestParameterAuthorizationRequest(
        request.authorization_endpoint, **said, dpop_key=request.dpop_key, args=said))  # fmt: skip


SIGNED = "signed by jwskate: what its `sign` makes has `typ` JWT and neither `iss`, `aud` nor `nbf`"
for how, send, note in (
    ("in the address", signed, SIGNED),
    ("that is pushed", signed_and_pushed, f"{SIGNED}; and told what is in it, which it needs to push it"),
):

    @row(f"JAR (RFC 9101): a signed request {how}", send, note=note)
    def _(send):
        _, tokens = authorized_by(keyed("signer", redirect_uri=PLACE["web_redirect"]), send=send)
        assert opened(tokens) == 200


@row("FAPI 2.0: private_key_jwt, JAR in PAR, DPoP, refresh without rotation", note=f"as those two; {UNREAD}")
def _():
    made = keyed("bank-app", redirect_uri=PLACE["web_redirect"], dpop_bound_access_tokens=True)
    _, tokens = authorized_by(made, send=signed_and_pushed, dpop=True)
    for _ in range(2):
        again = made.refresh_token(tokens)
        assert again.refresh_token is None
        assert opened(again) == 200


@row("FAPI 2.0: unsigned or not pushed is refused")
def _():
    made = keyed("bank-app", redirect_uri=PLACE["web_redirect"], dpop_bound_access_tokens=True)
    request = made.authorization_request(scope=SCOPE)
    refused("invalid_request", lambda: pushed(made, request))
    answer = requests.get(str(signed(made, request)), allow_redirects=False, timeout=10)
    assert answer.status_code == 400 or "error=" in answer.headers["location"]


none("userinfo, signed JWT; claims parameter, ID token by ES256, pairwise subject", "it reads JSON alone")
none("RP-initiated logout, and back", "not in the library")


@row("userinfo, JSON")
def _():
    # A token for userinfo is for no API, so no scope of one is asked for.
    made, tokens = authorized("site", PLACE["web_redirect"], scope=["openid", "email"], resource=None)
    told = made.userinfo(tokens)
    assert told["sub"] == tokens.id_token.claims["sub"]
    assert told["email"]


@row("userinfo: not by a token for an API, but by one beside it")
def _():
    made, tokens = authorized("site", PLACE["web_redirect"], resource=None)
    refused("401", lambda: made.userinfo(tokens))
    assert made.userinfo(made.refresh_token(tokens, resource=ISSUER))["email"]


@row("iss of another issuer is refused (RFC 9207)")
def _():
    request = client("desk-app", redirect_uri=PLACE["redirect"]).authorization_request(scope=SCOPE)
    said = sign_in(str(request))
    assert "iss=" in said
    answer = said.partition("iss=")[0] + "iss=https%3A%2F%2Fother.example"
    try:
        request.validate_callback(answer)
    except MismatchingIssuer:
        return
    raise AssertionError("expected MismatchingIssuer")


for method, auth in (("client_secret_basic", ClientSecretBasic), ("client_secret_post", ClientSecretPost)):

    @row(f"client credentials, {method}", auth)
    def _(auth):
        # The way that its users go: the token is fetched by the first call of the API.
        made = OAuth2ClientCredentialsAuth(client("report", auth), scope="accounts:read")
        assert ApiClient(BANK, auth=made).get("accounts").status_code == 200


AUDIENCE = "told the issuer as the audience, by default it is the endpoint"
for algorithm in ("ES256", "RS256"):

    @row(f"client credentials, private_key_jwt {algorithm}", algorithm, note=AUDIENCE)
    def _(algorithm):
        made = keyed(f"payer-{algorithm.lower()}", algorithm)
        assert opened(made.client_credentials(scope="accounts:read")) == 200


for method, name in (("tls_client_auth", "billing"), ("self_signed_tls_client_auth", "colleague")):

    @row(f"client credentials, {method}", name)
    def _(name):
        session = requests.Session()
        session.cert = held(name)
        made = OAuth2Client.from_discovery_endpoint(issuer=ISSUER, auth=name, session=session)
        token = made.client_credentials(scope="accounts:read")
        assert session.get(ACCOUNTS, auth=token, timeout=10).status_code == 200
        assert opened(token) == 401


@row("DPoP: issuance with nonce, and a call")
def _():
    token = client_token(dpop=True)
    assert token.token_type == "DPoP"
    assert opened(token) == 200
    assert status(token.access_token) == 401


@row("DPoP: dpop_jkt, refresh of a public client, a call of tier high", note=UNREAD)
def _():
    made, first = authorized("desk-app", PLACE["redirect"], dpop=True)
    other = DPoPKey.generate()
    form = {"grant_type": "refresh_token", "refresh_token": first.refresh_token}
    refused("invalid_grant", lambda: made.token_request(form, dpop=True, dpop_key=other))
    second = made.refresh_token(first)
    assert requests.post(TRANSFERS, json=TRANSFER, auth=second, timeout=10).ok


@row("DPoP: a code is bound by dpop_jkt")
def _():
    made = client("desk-app", redirect_uri=PLACE["redirect"])
    request = made.authorization_request(scope=SCOPE, dpop=True)
    answer = request.validate_callback(sign_in(str(request)))
    other = DPoPKey.generate()
    refused("invalid_grant", lambda: made.authorization_code(answer.code, validate=False, dpop_key=other,
            dpop=True, redirect_uri=PLACE["redirect"], code_verifier=answer.code_verifier))  # fmt: skip


@row("DPoP: a proof that was used is refused")
def _():
    token = client_token(dpop=True)
    with requests.Session() as session:
        answer = session.get(ACCOUNTS, auth=token, timeout=10)
        assert answer.status_code == 200
        answer.request.hooks["response"] = []  # its own answer to a refusal is a new proof
        again = session.send(answer.request, timeout=10, verify=PLACE["ca"])
    assert again.status_code == 401
    assert "invalid_dpop_proof" in again.headers["www-authenticate"]


@row("access token as JWT (RFC 9068), validated", note="by jwskate")
def _():
    token = client_token("reader")
    checked(token.access_token, keys(f"{ISSUER}/jwks.json"), ISSUER)
    assert opened(token) == 200


@row("inside JWT, as a backend receives it, validated", note="by jwskate")
def _():
    inside = requests.get(ACCOUNTS, auth=client_token(), timeout=10).json()["authorization"].split()[1]
    checked(inside, keys(f"{INSIDE}/jwks.json"), INSIDE)


@row("token exchange (RFC 8693)")
def _():
    made = client("backend")
    token = made.token_exchange(subject_token=client_token(), audience=f"{GATEWAY}/weather")
    assert token.kwargs["issued_token_type"] == ACCESS_TOKEN
    assert opened(token, FORECAST) == 200


@row("JWT bearer grant of a workload (RFC 7523)")
def _():
    now = int(time.time())
    named = {"iss": PLACE["platform"], "sub": JOB_SUBJECT, "aud": ISSUER, "jti": uuid.uuid4().hex}
    key = Jwk(Jwk.from_pem((DIRECTORY / "job.pem").read_text()).to_dict() | {"kid": PLACE["platform_kid"]})
    assertion = SignedJwt.sign({**JOB, **named, "iat": now, "exp": now + 300}, key=key, alg="RS256")
    assert opened(client("deploy-bot").jwt_bearer(str(assertion))) == 200


def device_token(*, dpop=False):
    binding = {"dpop": True, "dpop_key": DPoPKey.generate()} if dpop else {}
    endpoint = METADATA["device_authorization_endpoint"]
    made = client("tv", device_authorization_endpoint=endpoint, dpop_bound_access_tokens=dpop)
    asked = made.authorize_device(scope=" ".join(SCOPE), resource=BANK)
    pending = DeviceAuthorizationPollingJob(made, asked, **binding)
    assert pending() is None  # nobody has said yes
    sign_in(asked.verification_uri_complete)
    return made, pending()


TOLD = "told `device_authorization_endpoint`, which it does not take from the metadata"


@row("device authorization, ID token (RFC 8628)", note=TOLD)
def _():
    made, tokens = device_token()
    claims = SignedJwt(str(tokens.id_token))
    claims.validate(key=keys(made.jwks_uri), alg="RS256", issuer=ISSUER, audience="tv", check_exp=True)
    assert opened(tokens) == 200


@row("DPoP: device authorization, refresh of a device", note=TOLD)
def _():
    made, first = device_token(dpop=True)
    second = made.refresh_token(first)
    assert opened(second) == 200


class Nobody(requests.auth.AuthBase):
    """No client authentication."""

    def __call__(self, request):
        return request


@row("API key exchanged for a token (RFC 8693)")
def _():
    # The key is the credential: no client is named.
    made = OAuth2Client.from_discovery_endpoint(issuer=ISSUER, auth=Nobody())
    key = PLACE["api_keys"]["requests_oauth2client"]
    assert opened(made.token_exchange(subject_token=key, subject_token_type=API_KEY), FORECAST) == 200


@row("API key at the gateway")
def _():
    with requests.Session() as session:
        session.headers["x-api-key"] = PLACE["api_keys"]["requests_oauth2client"]
        assert ApiClient(GATEWAY, session=session).get(urlsplit(FORECAST).path).status_code == 200


@row("introspection, JSON (RFC 7662)")
def _():
    told = client("backend").introspect_token(client_token())
    assert told["active"]
    assert told["client_id"] == "report"


none("introspection, signed JWT (RFC 9701), signature checked", "it asks for JSON alone")


@row("revocation (RFC 7009), refused within a second")
def _():
    token = client_token()
    assert opened(token) == 200
    assert client("report").revoke_access_token(token)
    ends_within_a_second(token.access_token)
