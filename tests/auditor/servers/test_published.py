"""A server that is good has no finding; each thing that may be wrong with one has exactly its own."""

import base64
import datetime as dt
import json
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from auditor.servers.good import API, ISSUER, JWK, NOW, document, published
from tokenward.auditor.servers.asking import ORIGIN, Asker, Reply
from tokenward.auditor.servers.audit import PUBLISHED, audit_server, judged
from tokenward.auditor.servers.published import OAUTH, OPENID, NothingPublished, places, read
from tokenward.base.outbound import Answer, OutboundError
from tokenward.tokens import base64url
from tokenward.tokens.keys import SigningKey


def rsa_jwk(n, e=65537, **more):
    octets = [base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (n, e)]
    return (
        {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": f"rsa-{n % 1000}"}
        | dict(zip("ne", octets, strict=True))
        | more
    )


def prime_pair(bits):
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=bits).private_numbers()
    return numbers.p, numbers.q


P, Q = prime_pair(2048)
R, _ = prime_pair(2048)
SECP = SigningKey.generate("ES256")


def certified(days, key=SECP.private):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "as.example")])
    end = dt.datetime.fromtimestamp(NOW, dt.UTC) + dt.timedelta(days=days)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(end - dt.timedelta(days=400)).not_valid_after(end)
    der = made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    return SECP.public_jwk() | {
        "use": "sig",
        "alg": "ES256",
        "kid": "c",
        "x5c": [base64.b64encode(der).decode()],
    }


REDIRECT = Reply(f"{ISSUER}/.well-known/x", 302, (("location", "https://elsewhere.example/"),))
COOKIES = {"access-control-allow-origin": ORIGIN, "access-control-allow-credentials": "true"}
ID_TOKEN = "id_token_signing_alg_values_supported"
WRONG = {
    "server.issuer-mismatch": [
        {"asked": f"{ISSUER}/"},
        {"openid": {"issuer": "https://evil.example"}, "also": {"server.metadata-differs"}},
    ],
    "server.issuer-http": [
        {"asked": "http://as.example", "also": {"server.issuer-mismatch"}},
    ],
    "server.issuer-form": [{"asked": f"{ISSUER}/?tenant=1", "also": {"server.issuer-mismatch"}}],
    "server.metadata-differs": [{"openid": {"scopes_supported": ["openid"]}}],
    "server.metadata-redirected": [{"redirected": (REDIRECT,)}],
    "server.metadata-type": [{"headers": {"content-type": "text/html"}}],
    "server.metadata-incomplete": [
        {"without": ["jwks_uri"]},
        {"without": ["token_endpoint"]},
        {"without": ["response_types_supported"]},
    ],
    "server.metadata-malformed": [
        {"claims_supported": []},
        {"op_policy_uri": 1},
        {"ui_locales_supported": "en"},
    ],
    "server.metadata-cors-credentials": [{"headers": COOKIES}, {"key_headers": COOKIES}],
    "server.kept-too-long": [{"key_headers": {"cache-control": "public, max-age=604800"}}],
    "server.no-hsts": [
        {"headers": {"strict-transport-security": ""}},
        {"headers": {"strict-transport-security": "max-age=0"}},
    ],
    "server.endpoint-http": [
        {"token_endpoint": "http://as.example/token"},
        {"mtls_endpoint_aliases": {"token_endpoint": "http://as.example/token"}},
    ],
    "server.endpoint-elsewhere": [{"token_endpoint": "https://old-name.example/token"}],
    "server.endpoint-form": [
        {"authorization_endpoint": f"{ISSUER}/authorize#start"},
        {"token_endpoint": "https://good.example@as.example/token"},
    ],
    "server.no-revocation": [{"without": ["revocation_endpoint"]}],
    "server.introspection-by-anybody": [{"introspection_endpoint_auth_methods_supported": ["none"]}],
    "server.no-par": [{"without": ["pushed_authorization_request_endpoint"]}],
    "server.registration": [{"registration_endpoint": f"{ISSUER}/register"}],
    "server.no-backchannel-logout": [{"backchannel_logout_supported": False}],
    "server.implicit": [
        {"response_types_supported": ["code", "token"]},
        {"response_types_supported": ["code", "code id_token token"]},
        {"grant_types_supported": ["authorization_code", "implicit"]},
    ],
    "server.password-grant": [{"grant_types_supported": ["authorization_code", "password"]}],
    "server.grants-unsaid": [{"without": ["grant_types_supported"]}],
    "server.no-pkce": [
        {"without": ["code_challenge_methods_supported"]},
        {"code_challenge_methods_supported": ["plain"], "also": {"server.plain-pkce"}},
    ],
    "server.plain-pkce": [{"code_challenge_methods_supported": ["S256", "plain"]}],
    "server.no-iss": [
        {"authorization_response_iss_parameter_supported": False},
        {"without": ["authorization_response_iss_parameter_supported"]},
    ],
    "server.fragment-answers": [{"response_modes_supported": ["query", "fragment"]}],
    "server.clients-unproved": [{"token_endpoint_auth_methods_supported": ["none"]}],
    "server.secrets-only": [
        {"token_endpoint_auth_methods_supported": ["client_secret_basic", "none"]},
        {"without": ["token_endpoint_auth_methods_supported"]},
    ],
    "server.assertion-none": [
        {f"{name}_endpoint_auth_signing_alg_values_supported": ["ES256", "none"]}
        for name in ("token", "revocation", "introspection")
    ],
    "server.assertion-by-secret": [{"token_endpoint_auth_signing_alg_values_supported": ["ES256", "HS256"]}],
    "server.assertion-algorithms-unsaid": [{"without": ["token_endpoint_auth_signing_alg_values_supported"]}],
    "server.request-none": [{"request_object_signing_alg_values_supported": ["none", "ES256"]}],
    "server.request-uri": [
        {"without": ["request_uri_parameter_supported"]},
        {"request_uri_parameter_supported": True},
    ],
    "server.rsa1-5": [{"id_token_encryption_alg_values_supported": ["RSA1_5", "RSA-OAEP-256"]}],
    "server.unsigned-tokens": [{ID_TOKEN: ["ES256", "RS256", "none"]}],
    "server.id-token-by-secret": [{ID_TOKEN: ["ES256", "RS256", "HS256"]}],
    "server.rs256-only": [{ID_TOKEN: ["RS256"]}],
    "server.unknown-algorithm": [{ID_TOKEN: ["ES256", "RS256", "RS1"]}],
    "server.unbound-tokens": [{"without": ["dpop_signing_alg_values_supported"]}],
    "server.dpop-weak": [
        {"dpop_signing_alg_values_supported": ["ES256", "none"]},
        {"dpop_signing_alg_values_supported": ["ES256", "HS256"]},
    ],
    "server.no-pairwise": [{"subject_types_supported": ["public"]}],
    "server.scope-for-everything": [{"scopes_supported": ["openid", "full_access"]}],
    "server.no-levels": [{"without": ["acr_values_supported"]}],
    "server.keys-private": [
        {"keys": [JWK | {"d": "AA"}]},
        {"keys": [JWK, {"kty": "oct", "kid": "s", "k": "AA", "alg": "HS256", "use": "sig"}]},
    ],
    "server.keys-none": [{"keys": []}],
    "server.keys-small": [{"keys": [rsa_jwk(prime_pair(1024)[0] * prime_pair(1024)[0])]}],
    "server.keys-exponent": [
        {"keys": [rsa_jwk(P * Q, 3)]},
        {"keys": [rsa_jwk(P * Q, 1)], "also": {"server.keys-malformed"}},
    ],
    "server.keys-breakable": [
        {"keys": [rsa_jwk(P * Q), rsa_jwk(P * R)]},
        {"keys": [rsa_jwk(P * P)]},
        {"keys": [rsa_jwk(3 * P * Q)]},
    ],
    "server.keys-malformed": [
        {"keys": [JWK | {"y": JWK["x"]}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "use": "sig", "alg": "EdDSA", "kid": "z"}]},
        {"keys": [rsa_jwk(P * Q) | {"n": "===="}], "also": {"server.keys-small"}},
    ],
    "server.keys-wrong-alg": [{"keys": [JWK | {"alg": "HS256"}]}, {"keys": [JWK | {"alg": "none"}]}],
    "server.keys-same-kid": [
        {"keys": [JWK, SigningKey.generate("ES256").public_jwk() | JWK | rsa_jwk(P * Q, kid=JWK["kid"])]}
    ],
    "server.keys-nameless": [
        {"keys": [JWK, {name: value for name, value in rsa_jwk(P * Q).items() if name != "kid"}]},
    ],
    "server.keys-unsaid": [{"keys": [{name: value for name, value in JWK.items() if name != "alg"}]}],
    "server.keys-two-uses": [
        {"keys": [JWK, JWK | {"kid": "e", "use": "enc", "alg": "ECDH-ES"}]},
        {"keys": [JWK | {"key_ops": ["verify", "deriveKey"]}]},
    ],
    "server.keys-certificate": [
        {"keys": [certified(-1)]},
        {"keys": [certified(10, ec.generate_private_key(ec.SECP256R1()))]},
        {"keys": [JWK | {"x5c": ["AA"]}]},
    ],
    "server.resource-mismatch": [{"about": {"resource": f"{API}/"}}],
    "server.resource-elsewhere": [{"about": {"authorization_servers": ["https://evil.example"]}}],
    "server.resource-query": [{"about": {"bearer_methods_supported": ["header", "query"]}}],
}
CASES = [
    pytest.param(check, changes, id=f"{check}-{number}")
    for check, several in WRONG.items()
    for number, changes in enumerate(several)
]


def found(**changes):
    return {finding.check.id for finding in judged(published(**changes))}


def test_a_good_server_has_no_finding():
    assert found() == set()


def test_an_id_token_in_front_is_no_access_token():
    types = {"response_types_supported": ["code", "id_token", "code id_token"]}
    assert found(**types, grant_types_supported=["authorization_code", "implicit"]) == set()


def test_a_certificate_that_is_good_is_no_finding():
    assert found(keys=[certified(10)]) == set()


@pytest.mark.parametrize(("check", "changes"), CASES)
def test_what_is_wrong_is_found_and_nothing_else(check, changes):
    changes = dict(changes)
    also = changes.pop("also", set())
    assert found(**changes) == {check} | also


def test_every_check_has_a_case():
    assert {rule.check.id for rules in PUBLISHED.values() for rule in rules} == set(WRONG)


def test_every_finding_has_its_place():
    (finding,) = judged(published(token_endpoint="http://as.example/token"))[:1]
    assert (finding.place.source, finding.place.pointer) == (
        f"{ISSUER}/.well-known/{OAUTH}",
        "/token_endpoint",
    )


def test_loopback_needs_no_tls():
    here = "http://127.0.0.1:8080"
    texts = {name: value for name, value in published().metadata.items() if isinstance(value, str)}
    moved = {name: value.replace(ISSUER, here) for name, value in texts.items()}
    assert found(asked=here, about={"authorization_servers": [here]}, **moved) == set()


def test_a_set_of_hostile_keys_breaks_nothing():
    keys = [
        None,
        1,
        {"kty": 1, "n": [1]},
        {"kty": "RSA", "n": "AQ" * 9000, "e": "AQAB", "kid": 7},
        {"kid": "x" * 900},
        {"kty": "RSA", "n": "AQ" * 200, "e": "A" + "AQ" * 9000 + "A"},
    ]
    judged(published(keys=keys))


def test_numbers_of_thousands_of_digits_break_nothing():
    said = {"content-type": "application/json", "cache-control": f"max-age={'9' * 5000}"}
    assert "server.kept-too-long" in {finding.check.id for finding in judged(published(headers=said))}


def test_an_address_that_is_none_is_told():
    assert "server.metadata-malformed" in found(token_endpoint="http://[")


def test_of_a_huge_set_the_first_keys_are_compared_and_the_rest_is_unseen():
    even = [
        {"kty": "RSA", "n": base64url.encode((2 * n).to_bytes(4, "big")), "e": "AQAB"}
        for n in range(3, 2_003)
    ]
    answers = {
        f"{ISSUER}/.well-known/{OAUTH}": (200, published().metadata),
        published().metadata["jwks_uri"]: (200, {"keys": even}),
    }
    seen = read(asker(answers), ISSUER, resource="", at=NOW)
    assert "2,000 keys, of which the first 100 were looked at" in [each.why for each in seen.unseen]
    places = {
        finding.place.pointer for finding in judged(seen) if finding.check.id == "server.keys-breakable"
    }
    assert places <= {f"/keys/{number}" for number in range(100)}


@pytest.mark.parametrize("member", sorted(published().metadata))
def test_members_of_any_type_break_nothing(member):
    for value in (None, 1, "x", [1], {"a": 1}, True):
        judged(published(**{member: value}))


class Fake:
    """Answers by address."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def exchange(self, method, url, *, headers=None, body=None):
        self.asked.append((method, url))
        answer = self.answers.get(url, (404, b""))
        if isinstance(answer, Exception):
            raise answer
        status, data, *more = answer
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return Answer(status, body, tuple((more or [{"content-type": "application/json"}])[0].items()))


def asker(answers, pause=0.0):
    return Asker(Fake(answers), pause=pause)


def test_every_place_of_metadata_is_asked():
    assert places("https://as.example/tenant") == [
        (OAUTH, "https://as.example/.well-known/oauth-authorization-server/tenant"),
        (OPENID, "https://as.example/tenant/.well-known/openid-configuration"),
        (OPENID, "https://as.example/.well-known/openid-configuration/tenant"),
    ]
    assert [url for _, url in places("https://as.example/")] == [
        "https://as.example/.well-known/oauth-authorization-server",
        "https://as.example/.well-known/openid-configuration",
    ]


def test_without_metadata_there_is_nothing_to_audit_and_every_answer_is_told():
    broken = {f"{ISSUER}/.well-known/{OPENID}": OutboundError("unreachable", "refused")}
    with pytest.raises(NothingPublished, match=r"(?s)oauth-authorization-server: 404.*refused"):
        read(asker(broken), ISSUER, resource="", at=NOW)


def test_a_redirect_is_told_and_not_followed():
    answers = {
        f"{ISSUER}/.well-known/{OAUTH}": (302, b"", {"location": "https://evil.example/"}),
        f"{ISSUER}/.well-known/{OPENID}": (200, {"issuer": ISSUER}),
    }
    http = Fake(answers)
    seen = read(Asker(http, pause=0.0), ISSUER, resource="", at=NOW)
    assert [reply.header("location") for reply in seen.redirected] == ["https://evil.example/"]
    assert all("evil" not in url for _, url in http.asked)


def test_keys_that_cannot_be_had_are_unseen_and_the_rest_is_told():
    answers = {
        f"{ISSUER}/.well-known/{OPENID}": (200, {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}),
        f"{ISSUER}/keys": OutboundError("address_refused", "as.example has the address 10.0.0.1: private"),
    }
    result = audit_server(asker(answers), ISSUER, resource="", at=NOW)
    assert [(each.what, "10.0.0.1" in each.why) for each in result.unseen] == [(f"{ISSUER}/keys", True)]
    assert result.findings


def test_requests_to_another_machine_are_spread():
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now, time=lambda: clock.now)
    slept = []
    slow = Asker(Fake({}), pause=0.25, clock=clock, sleep=slept.append)
    slow.get("https://as.example/1")
    clock.now = 0.1
    slow.get("https://as.example/2")
    clock.now = 9.0
    slow.get("https://as.example/3")
    assert slept == pytest.approx([0.15])


def test_a_resource_is_read_from_its_own_place():
    assert document("x", "y", {}).reply.data == {}
    http = Fake({f"{ISSUER}/.well-known/{OPENID}": (200, {"issuer": ISSUER})})
    read(Asker(http, pause=0.0), ISSUER, resource="https://api.example/bank", at=NOW)
    assert ("GET", "https://api.example/.well-known/oauth-protected-resource/bank") in http.asked


def test_no_password_in_an_address_comes_into_the_result():
    inside = "https://ann:s3cr3t@as.example"
    said = {"issuer": inside, "jwks_uri": f"{inside}/keys", "token_endpoint": "http://ann:s3cr3t@as.example/"}
    answers = {
        f"{inside}/.well-known/{OAUTH}": (200, published().metadata | said),
        f"{inside}/.well-known/{OPENID}": (302, b"", {"location": f"{inside}/elsewhere"}),
        f"{inside}/keys": OutboundError("unreachable", f"{inside}/keys: refused"),
    }
    result = audit_server(asker(answers), f"{inside}/", resource="", at=NOW)
    found = {finding.check.id: finding for finding in result.findings}
    assert found.keys() >= {"server.issuer-mismatch", "server.metadata-redirected", "server.endpoint-http"}
    assert "'https://[…]@as.example'" in found["server.issuer-mismatch"].detail
    assert result.unseen
    assert "s3cr3t" not in repr(result)
