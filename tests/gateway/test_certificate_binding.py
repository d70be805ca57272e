"""RFC 8705 §3 at the gateway: a token that is bound to a certificate is good with it and nothing else."""

import asyncio

import pytest

from certificates import certificate
from gateway.world import World, code
from tokenward.base.asgi import tls_extension
from tokenward.gateway.access import HeldBody
from tokenward.gateway.doors.proxy import read
from tokenward.tokens.binding import ClientCertificate, Confirmation

PATH = "/bank/accounts/7"
OWN, OTHER = (ClientCertificate.from_der(certificate().der) for _ in range(2))


def ask(world, shown, token="bound", headers=None):
    request = world.request(PATH, token, headers=headers)._replace(certificate=shown)
    return asyncio.run(world.engine.decide(request))


@pytest.fixture
def world():
    made = World()
    made.add("bound", cnf=Confirmation.of(OWN))
    made.add("keyed", cnf=Confirmation("jkt", OWN.thumbprint))
    return made


def test_a_bound_token_opens_with_its_certificate(world):
    assert code(ask(world, OWN)) == "allow"


@pytest.mark.parametrize("shown", [None, OTHER], ids=["no certificate", "another certificate"])
def test_a_bound_token_opens_with_nothing_else_however_well_it_is_remembered(world, shown):
    for _ in range(2):
        refused = ask(world, shown)
        assert code(refused) == "invalid_token"
        assert refused.challenge.startswith("Bearer ")
        assert code(ask(world, OWN)) == "allow"
    assert world.lookups == 1


def test_a_certificate_is_no_proof_of_a_key_of_the_same_thumbprint(world):
    assert code(ask(world, OWN, "keyed")) != "allow"


def test_a_token_of_a_certificate_is_a_bearer_token_and_has_no_proof(world):
    headers = [("authorization", "DPoP {bound}"), ("dpop", "e30.e30.x")]
    assert code(ask(world, OWN, headers=headers)) == "invalid_token"


def test_a_token_that_is_not_bound_opens_over_any_connection(world):
    for shown in (None, OWN):
        assert code(ask(world, shown, "reader")) == "allow"


@pytest.mark.parametrize("name", ["client-cert", "x-ssl-cert", "ssl_client_cert", "x-forwarded-client-cert"])
def test_a_header_of_the_request_is_no_certificate(world, name):
    headers = [("authorization", "Bearer {bound}"), (name, OWN.thumbprint)]
    assert code(ask(world, None, headers=headers)) == "invalid_token"


def test_the_door_reads_the_certificate_of_the_connection():
    held = certificate()
    scope = {"method": "GET", "raw_path": b"/", "query_string": b"", "headers": [], "client": None}
    assert read(scope, HeldBody()).certificate is None
    shown = read({**scope, "extensions": tls_extension(held.der)}, HeldBody()).certificate
    assert shown == ClientCertificate.from_der(held.der)
