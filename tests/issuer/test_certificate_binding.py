"""RFC 8705 §3 and §4 at the issuer: tokens that are good with one certificate only, and who gets none."""

import base64
import functools
import hashlib
import json

import pytest

from certificates import certificate
from issuer.house import Caller, House, error, lived
from tokenward.base.clock import ManualClock
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.flows.dpop import DpopProver
from tokenward.issuer.client_auth.registration import Proving

NOW = ManualClock().time()
with_certificates = functools.partial(lived, takes_certificates=True)
OWN, OTHER = certificate(at=NOW), certificate(at=NOW)
THUMBPRINT = base64.urlsafe_b64encode(hashlib.sha256(OWN.der).digest()).decode().rstrip("=")
CNF = {"x5t#S256": THUMBPRINT}
REQUIRED = (400, "invalid_request")


async def _by_certificate(h: House, *scopes: str, **policy) -> Caller:
    proving = Proving("self_signed_tls_client_auth", certificates=(OWN.der, OTHER.der))
    return await h.client(
        "service", *(scopes or ("accounts:read",)), proving=proving, **{"bound_tokens": "mtls", **policy}
    )


async def _ask(client: Caller, shown):
    client.house.show(shown.der if shown is not None else None)
    return await client.token(grant_type="client_credentials")


@with_certificates
async def test_a_token_is_bound_to_the_certificate_that_it_was_asked_for_with(h: House):
    client = await _by_certificate(h)
    answer = (await _ask(client, OWN)).json()
    assert answer["token_type"] == "Bearer"
    assert (await client.introspect(answer["access_token"]))["cnf"] == CNF
    second = (await _ask(client, OTHER)).json()
    assert (await client.introspect(second["access_token"]))["cnf"] != CNF


@with_certificates
async def test_a_token_in_the_form_of_a_jwt_says_what_it_is_bound_to(h: House):
    client = await _by_certificate(h, access_token_format="jwt")
    token = (await _ask(client, OWN)).json()["access_token"]
    payload = token.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["cnf"] == CNF


@with_certificates
async def test_a_client_with_a_secret_can_have_bound_tokens_too(h: House):
    client = await h.client("service", "accounts:read", bound_tokens="mtls")
    answer = (await _ask(client, OWN)).json()
    assert (await client.introspect(answer["access_token"]))["cnf"] == CNF


@with_certificates
async def test_without_a_certificate_there_is_no_token(h: House):
    client = await h.client("service", "accounts:read", bound_tokens="mtls")
    assert error(await _ask(client, None)) == REQUIRED


@with_certificates
async def test_a_proof_of_another_key_is_no_certificate_and_does_not_stand_beside_one(h: House):
    client = await h.client("service", "accounts:read", bound_tokens="mtls")
    client.prover = DpopProver(clock=h.clock)
    for shown in (None, OWN):
        assert error(await _ask(client, shown)) == (400, "invalid_dpop_proof")


@with_certificates
async def test_a_certificate_that_is_shown_by_chance_binds_nothing(h: House):
    """Browsers and service meshes show one whenever somebody asks."""
    for client in (
        await h.client("service", "accounts:read"),
        await _by_certificate(h, bound_tokens=""),
    ):
        answer = (await _ask(client, OWN)).json()
        assert "cnf" not in await client.introspect(answer["access_token"])


async def _signed_in(h: House) -> tuple[Caller, dict[str, str]]:
    app = await h.client("native", "openid", "offline_access", "accounts:read", bound_tokens="mtls")
    h.show(OWN.der)
    return app, (await app.redeem(await app.code())).json()


@with_certificates
async def test_the_tokens_of_a_public_client_are_bound_as_well(h: House):
    app, tokens = await _signed_in(h)
    introspector = await h.client("service", "introspect:https://bank.example/")
    assert (await introspector.introspect(tokens["access_token"]))["cnf"] == CNF
    h.show(None)
    assert error(await app.refresh(tokens["refresh_token"])) == REQUIRED
    h.show(OTHER.der)
    assert error(await app.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    h.show(OWN.der)
    renewed = await app.refresh(tokens["refresh_token"])  # the thief spoilt nothing
    assert renewed.status_code == 200
    assert (await introspector.introspect(renewed.json()["access_token"]))["cnf"] == CNF


@with_certificates
async def test_a_lost_response_is_given_again_to_the_same_certificate_only(h: House):
    app, tokens = await _signed_in(h)
    first = await app.refresh(tokens["refresh_token"])
    h.show(OTHER.der)
    assert error(await app.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    h.show(OWN.der)
    assert (await app.refresh(tokens["refresh_token"])).json()["refresh_token"] == first.json()[
        "refresh_token"
    ]


@with_certificates
async def test_metadata_says_that_tokens_can_be_bound(h: House):
    told = (await h.http.get("/.well-known/oauth-authorization-server")).json()
    assert told["tls_client_certificate_bound_access_tokens"] is True


@lived
async def test_where_no_certificate_arrives_none_can_be_asked_for(h: House):
    told = (await h.http.get("/.well-known/oauth-authorization-server")).json()
    assert told["tls_client_certificate_bound_access_tokens"] is False
    with pytest.raises(Refusal) as refused:
        await h.client("service", "accounts:read", bound_tokens="mtls")
    assert refused.value.problem is INVALID_INPUT
