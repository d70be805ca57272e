from typing import Any

import pytest

from tokens.minting import JWKS, NOW, mint
from tokenward import InvalidToken, JwtValidator
from tokenward.base.clock import ManualClock
from tokenward.tokens import ClientCertificate, VerifiedProof
from tokenward.tokens.binding import check_binding, token_hash

CLAIMS = {"iss": "https://i.example", "aud": "api", "sub": "u", "iat": NOW, "exp": NOW + 60}
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
CERTIFICATE = ClientCertificate("bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2")
STRICT = JwtValidator(
    issuer="https://i.example", audience="api", keys=JWKS, algorithms=["ES256"], clock=ManualClock(NOW)
)


def token(**claims: Any) -> str:
    return mint(CLAIMS | claims, typ="at+jwt")


def proof_for(text: str, thumbprint: str = JKT) -> VerifiedProof:
    return VerifiedProof(thumbprint, token_hash(text), "j", NOW)


def refusal(text: str, proof: Any) -> str:
    with pytest.raises(InvalidToken) as caught:
        STRICT.validate(text, proof=proof)
    return caught.value.code


def test_a_token_bound_to_a_dpop_key_needs_its_proof():
    bound = token(cnf={"jkt": JKT})
    assert STRICT.validate(bound, proof=proof_for(bound)).subject == "u"
    assert refusal(bound, None) == "binding_required"
    assert refusal(bound, proof_for(bound, "x" * 43)) == "wrong_binding"
    assert refusal(bound, proof_for(token(cnf={"jkt": JKT}, jti="another"))) == "wrong_token_hash"
    assert refusal(bound, VerifiedProof(JKT, None, "j", NOW)) == "wrong_token_hash"
    assert refusal(bound, CERTIFICATE) == "wrong_binding"


def test_a_token_bound_to_a_certificate_needs_it():
    bound = token(cnf={"x5t#S256": CERTIFICATE.thumbprint})
    assert STRICT.validate(bound, proof=CERTIFICATE).subject == "u"
    assert refusal(bound, None) == "binding_required"
    assert refusal(bound, ClientCertificate("x" * 43)) == "wrong_binding"
    assert refusal(bound, proof_for(bound, CERTIFICATE.thumbprint)) == "wrong_binding"


@pytest.mark.parametrize("proof", [CERTIFICATE, VerifiedProof(JKT, None, "j", NOW)])
def test_a_proof_with_a_token_that_is_not_bound_is_refused(proof: Any):
    assert refusal(token(), proof) == "proof_refused"
    assert STRICT.validate(token()).subject == "u"


@pytest.mark.parametrize("proof", ["proof", b"", 1, True, {}, [JKT], object(), {"jkt": JKT}])
def test_what_is_no_proof_proves_nothing(proof: object):
    for cnf in ({"jkt": JKT}, {"x5t#S256": JKT}):
        assert refusal(token(cnf=cnf), proof) == "proof_refused"


CONFIRMATIONS = {
    "null": None,
    "a text": JKT,
    "an array": [JKT],
    "empty": {},
    "thumbprint null": {"jkt": None},
    "thumbprint an array": {"jkt": [JKT]},
    "thumbprint empty": {"jkt": ""},
    "thumbprint shortened": {"jkt": JKT[:-1]},
    "thumbprint beyond ASCII": {"jkt": "é" * 43},
    "two conditions": {"jkt": JKT, "x5t#S256": CERTIFICATE.thumbprint},
    "one unknown": {"jkt": JKT, "jwk": {}},
    "only another": {"kid": JKT},
}


@pytest.mark.parametrize("cnf", CONFIRMATIONS.values(), ids=CONFIRMATIONS)
def test_a_binding_that_is_not_understood_is_not_met(cnf: object):
    bound = token(cnf=cnf)
    assert refusal(bound, proof_for(bound)) == "wrong_binding"
    assert refusal(bound, None) == "binding_required"


def test_no_text_of_a_caller_is_an_error():
    for odd in ("\ud800", "", "é"):
        with pytest.raises(InvalidToken) as caught:
            check_binding({"cnf": {"x5t#S256": "?"}}, ClientCertificate(odd), "t")
        assert caught.value.code == "wrong_binding"
    assert token_hash("\ud800") != token_hash("?")


def test_the_thumbprint_of_a_certificate_is_that_of_its_der():
    # FIPS 180-4: SHA-256 of "abc".
    assert ClientCertificate.from_der(b"abc").thumbprint == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"


def test_the_hash_of_a_token_is_that_of_rfc_9449():
    # RFC 9449 §7.1, figure 12: `ath` of the access token in figure 13.
    assert token_hash("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU") == (
        "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    )
