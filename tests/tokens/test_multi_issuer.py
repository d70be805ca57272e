import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.minting import NOW, mint
from tokenward import InvalidToken, JwksSource, JwtValidator
from tokenward.base.clock import ManualClock
from tokenward.tokens import ClientCertificate, MultiIssuerValidator, base64url
from tokenward.tokens.keys import SigningKey

# Two issuers that name their keys alike.
KEYS = {
    issuer: SigningKey("k", "ES256", SigningKey.generate().private)
    for issuer in ("https://a.example", "https://b.example")
}
A, B = KEYS


def validator(issuer: str, **changes: Any) -> JwtValidator:
    settings = {
        "issuer": issuer,
        "audience": "api",
        "keys": {"keys": [KEYS[issuer].public_jwk()]} if issuer in KEYS else None,
        "algorithms": ["ES256"],
        "clock": ManualClock(NOW),
    }
    return JwtValidator(**(settings | changes))


def token(issuer: object, key: SigningKey, **claims: Any) -> str:
    good = {"iss": issuer, "aud": "api", "sub": "u", "iat": NOW, "exp": NOW + 60}
    return mint(good | claims, key, typ="at+jwt")


BOTH = MultiIssuerValidator([validator(A), validator(B)])


def refusal(text: object) -> str:
    with pytest.raises(InvalidToken) as caught:
        BOTH.validate(text)
    with pytest.raises(InvalidToken) as again:
        asyncio.run(BOTH.validate_async(text))
    assert caught.value.code == again.value.code
    return caught.value.code


def test_each_issuer_is_judged_by_its_own_keys():
    for issuer, key in KEYS.items():
        assert BOTH.validate(token(issuer, key)).issuer == issuer
        assert asyncio.run(BOTH.validate_async(token(issuer, key))).issuer == issuer


def test_a_key_of_one_issuer_says_nothing_for_another_whatever_its_kid():
    assert refusal(token(A, KEYS[B])) == "bad_signature"
    assert refusal(token(B, KEYS[A])) == "bad_signature"


ODD_ISSUERS = ["https://c.example", f"{A}/", A.upper(), "", 1, None, [A], {"a": A}, True]


@pytest.mark.parametrize("issuer", ODD_ISSUERS)
def test_an_issuer_that_is_not_configured_is_refused(issuer: object):
    assert refusal(token(issuer, KEYS[A])) == "wrong_issuer"


def test_what_is_no_token_is_refused():
    head, _, signature = token(A, KEYS[A]).split(".")
    assert refusal(None) == "malformed"
    assert refusal("a.b") == "malformed"
    assert refusal(f"{head}.*.{signature}") == "bad_base64"
    assert refusal(f"{head}.{base64url.encode(b'[]')}.{signature}") == "bad_json"
    twice = base64url.encode(json.dumps({"iss": A}).encode()[:-1] + f',"iss":"{B}"}}'.encode())
    assert refusal(f"{head}.{twice}.{signature}") == "bad_json"


def test_a_binding_is_checked_as_by_one():
    certificate = ClientCertificate("x" * 43)
    bound = token(A, KEYS[A], cnf={"x5t#S256": certificate.thumbprint})
    assert BOTH.validate(bound, proof=certificate).subject == "u"
    assert refusal(bound) == "binding_required"


def test_issuers_must_be_apart():
    with pytest.raises(ValueError, match="one validator for each"):
        MultiIssuerValidator([])
    with pytest.raises(ValueError, match="one validator for each"):
        MultiIssuerValidator([validator(A), validator(A)])
    shared = {"keys": [SigningKey("other", "ES256", KEYS[A].private).public_jwk()]}
    with pytest.raises(ValueError, match="in common"):
        MultiIssuerValidator([validator(A), validator(B, keys=shared)])


@dataclass
class Server:
    """Gives a JWK Set, and counts."""

    jwks: dict[str, Any]
    fetched: list[str] = field(default_factory=list)

    def get(self, url: str) -> bytes:
        self.fetched.append(url)
        return json.dumps(self.jwks).encode()


TENANTS = ("aaaabbbb-0000-cccc-1111-dddd2222eeee", "ffff0000-0000-cccc-1111-dddd2222eeee")
RSA = SigningKey.generate("RS256")
# As Entra publishes its keys: no `alg`, and more members than we read.
ENTRA_KEY = {name: value for name, value in RSA.public_jwk().items() if name != "alg"} | {
    "x5t": RSA.kid,
    "x5c": ["MIIC"],
    "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
}


def tenant_of(source: JwksSource, tenant: str, **changes: Any) -> JwtValidator:
    return validator(
        f"https://login.microsoftonline.com/{tenant}/v2.0",
        **{"keys": source, "algorithms": ["RS256"], "kind": "entra"} | changes,
    )


def test_tenants_share_one_source_and_no_token():
    server = Server({"keys": [ENTRA_KEY]})
    source = JwksSource("https://keys.example/", fetch=server.get, clock=ManualClock())
    both = MultiIssuerValidator([tenant_of(source, tenant) for tenant in TENANTS])

    def entra(of: str, tid: str) -> str:
        return mint(
            {
                "iss": f"https://login.microsoftonline.com/{of}/v2.0",
                "aud": "api",
                "sub": "u",
                "iat": NOW,
                "exp": NOW + 60,
                "tid": tid,
                "ver": "2.0",
                "azp": "c",
                "scp": "read",
            },
            RSA,
            typ="JWT",
        )

    for tenant in TENANTS:
        assert both.validate(entra(tenant, tenant))["tid"] == tenant
    assert len(server.fetched) == 1
    for of, tid in ((TENANTS[0], TENANTS[1]), ("11110000-0000-cccc-1111-dddd2222eeee", TENANTS[0])):
        with pytest.raises(InvalidToken) as caught:
            both.validate(entra(of, tid))
        assert caught.value.code == "wrong_issuer"


def test_a_source_serves_one_list_of_algorithms():
    source = JwksSource("https://keys.example/", fetch=Server({"keys": [ENTRA_KEY]}).get)
    tenant_of(source, TENANTS[0], algorithms=["RS256", "PS256"])
    tenant_of(source, TENANTS[0], algorithms=["PS256", "RS256"])
    for other in (["RS256"], ["PS256"], ["RS256", "PS256", "ES256"]):
        with pytest.raises(ValueError, match="same algorithms"):
            tenant_of(source, TENANTS[0], algorithms=other)


@given(st.none() | st.integers() | st.binary() | st.text() | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*"))
def test_nothing_but_invalid_token_is_raised(text: object):
    with pytest.raises(InvalidToken):
        BOTH.validate(text)
