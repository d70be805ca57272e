"""Where a client that was refused learns which tokens it needs (RFC 9728)."""

import json
import re

import pytest

from gateway.wire import through
from gateway.world import BANK, ISSUER, apis
from tokenward.gateway.policy import Api, Policy
from tokenward.gateway.resource_metadata import ResourceMetadata
from tokenward.gateway.upstreams import Pool

PLACE = "/.well-known/oauth-protected-resource"
ORIGIN = "https://api.example"


def said(audience, path, origin=ORIGIN):
    metadata = ResourceMetadata(origin, ISSUER, ("ES256", "EdDSA"), certificates=False)
    api = Api("shop", "/shop", Pool(("http://127.0.0.1:9",)), audience, apis()[1].operations)
    document = metadata.document(Policy([api]), path)
    return metadata.url(api), json.loads(document) if document else None


def test_it_stands_at_the_address_that_follows_from_the_resource():
    url, document = said(f"{ORIGIN}/shop", f"{PLACE}/shop")
    assert url == f"{ORIGIN}{PLACE}/shop"
    assert document == {
        "resource": f"{ORIGIN}/shop",
        "authorization_servers": [ISSUER],
        "scopes_supported": ["accounts:read", "admin", "profile", "transfers:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "shop",
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
        "tls_client_certificate_bound_access_tokens": False,
        "authorization_details_types_supported": ["payment"],
    }


@pytest.mark.parametrize("audience", [ORIGIN, f"{ORIGIN}/"])
def test_a_resource_without_a_path_stands_at_the_well_known_address_itself(audience):
    url, document = said(audience, PLACE)
    assert url == f"{ORIGIN}{PLACE}"
    assert document["resource"] == audience, "the identifier is told as it is"


@pytest.mark.parametrize(
    "path", [PLACE, f"{PLACE}/", f"{PLACE}/sho", f"{PLACE}/shop/", f"{PLACE}/shop/x", "/shop", f"{PLACE}shop"]
)
def test_nothing_is_told_at_another_address(path):
    assert said(f"{ORIGIN}/shop", path)[1] is None


@pytest.mark.parametrize(
    "audience",
    [
        "https://other.example/shop",
        "urn:shop",
        f"{ORIGIN}.evil/shop",
        f"{ORIGIN}:444/shop",
        f"{ORIGIN}/shop?a=b",
    ],
)
def test_of_a_resource_at_another_host_only_that_host_can_tell(audience):
    url, document = said(audience, f"{PLACE}/shop")
    assert url is None
    assert document is None


def told(headers):
    found = re.search(r'resource_metadata="([^"]*)"', dict(headers).get("www-authenticate", ""))
    return found and found[1]


def test_a_refused_client_finds_it_through_the_challenge():
    async def scenario(gateway):
        status, headers, _ = await gateway.ask("/bank/accounts/7", token=None)
        assert status == 401
        assert told(headers) == f"{BANK}{PLACE}"
        status, headers, _ = await gateway.ask("/bank/admin")
        assert status == 403
        assert told(headers) == f"{BANK}{PLACE}"
        _, headers, _ = await gateway.ask("/weather/forecast/oslo", token=None)
        assert told(headers) is None, "its audience is not one of this gateway"
        status, headers, body = await gateway.ask(PLACE, headers=())
        assert status == 200
        assert json.loads(body)["resource"] == BANK
        assert json.loads(body)["authorization_servers"] == [ISSUER]
        assert dict(headers)["content-type"] == "application/json"
        assert dict(headers)["access-control-allow-origin"] == "*"
        assert gateway.backend.requests == 0

    through(scenario)


def test_what_is_reserved_for_it_reaches_no_api():
    async def scenario(gateway):
        for path, method, expected in (
            (PLACE, "POST", 405),
            (f"{PLACE}/weather", "GET", 404),
            (f"{PLACE}/", "GET", 404),
            (f"{PLACE}/%2e%2e/bank/accounts/7", "GET", 404),
            ("/.well-known/oauth-protected-%72esource", "GET", 404),
        ):
            assert (path, (await gateway.ask(path, method))[0]) == (path, expected)
        assert gateway.backend.requests == 0

    through(scenario)


@pytest.mark.parametrize("template", [PLACE, f"{PLACE}/x", "/.well-known/tokenward/x"])
def test_no_operation_lies_there(template):
    operation = apis()[0].operations[0]
    taken = type(operation)("GET", template, "taken", operation.tier, frozenset())
    with pytest.raises(ValueError, match="where the gateway answers itself"):
        Policy([Api("shop", "", Pool(("http://127.0.0.1:9",)), "https://shop.example", (taken,))])
