"""Whoever passes an access token where an ID token belongs is told why that is no login."""

import asyncio
import pickle

import pytest

from tokens.minting import ABSENT, NOW, changed, mint
from tokens.test_id_token import CLIENT, ISSUER, SIGN_IN, validator
from tokenward import InvalidToken, JwtValidator
from tokenward.tokens import SignIn
from tokenward.tokens.errors import CODES
from tokenward.tokens.mistaken import WHY, AccessTokenGiven

BASIC = {"iss": ISSUER, "aud": CLIENT, "sub": "1", "iat": NOW, "exp": NOW + 60}
ACCESS_TOKENS = {
    "RFC 9068": ({"client_id": "game", "scope": "openid"}, "at+jwt", "typ_mismatch"),
    "with the whole media type": ({"client_id": "game"}, "application/at+jwt", "typ_mismatch"),
    "for an API": ({"aud": "https://api.example", "scope": "a"}, "JWT", "wrong_audience"),
    "Entra": ({"scp": "User.Read"}, "JWT", "claim_forbidden"),
    "Okta": ({"cid": "game", "scp": ["openid"]}, ABSENT, "claim_forbidden"),
    "Cognito": ({"token_use": "access"}, ABSENT, "wrong_kind"),
    "Keycloak": ({"typ": "Bearer", "azp": "game"}, "JWT", "wrong_kind"),
}


def refusal(token):
    errors = []
    for call in (validator().validate, lambda *each: asyncio.run(validator().validate_async(*each))):
        with pytest.raises(InvalidToken) as refused:
            call(token, SignIn(**SIGN_IN))
        errors.append(refused.value)
    assert str(errors[0]) == str(errors[1])
    return errors[0]


@pytest.mark.parametrize("kind", ACCESS_TOKENS)
def test_an_access_token_is_refused_as_before_and_told_apart(kind):
    claims, typ, code = ACCESS_TOKENS[kind]
    error = refusal(mint(BASIC | claims, **({} if typ is ABSENT else {"typ": typ})))
    assert (type(error), error.code) == (AccessTokenGiven, code)
    assert str(error) == error.reason == WHY
    assert "could sign in here as them" in WHY
    assert "`id_token`" in WHY


@pytest.mark.parametrize("token", ["2YotnFZFEjr1zCsicMWpAA", "tkw_at_" + "a" * 60, "ya29." + "a" * 80])
def test_so_is_an_opaque_one(token):
    expected = AccessTokenGiven if "." not in token else InvalidToken
    assert (type(refusal(token)), refusal(token).code) == (expected, "malformed")


@pytest.mark.parametrize(
    ("claims", "typ"),
    [
        ({}, "logout+jwt"),
        ({"events": {}, "scope": "a"}, "JWT"),
        ({"aud": "another"}, "JWT"),
        ({"exp": 1}, "JWT"),
    ],
    ids=["logout", "event", "audience", "expired"],
)
def test_what_is_refused_for_other_reasons_says_no_more_than_before(claims, typ):
    error = refusal(mint(changed(BASIC, claims), typ=typ))
    assert (type(error), str(error)) == (InvalidToken, "the token is not valid")
    assert error.reason == CODES[error.code]


@pytest.mark.parametrize(
    "token",
    [None, b"bytes", "", "a.b", "a.b.c", "é.é.é", "." * 40, "a" * 20_000],
    ids=lambda token: ascii(token)[:16],
)
def test_nonsense_is_nonsense(token):
    assert type(refusal(token)) is InvalidToken


def test_it_survives_pickling_and_another_process():
    error = pickle.loads(pickle.dumps(AccessTokenGiven("typ_mismatch")))
    assert (error.code, str(error)) == ("typ_mismatch", WHY)


def test_the_other_validator_does_not_take_id_tokens_and_says_who_does():
    with pytest.raises(ValueError, match="validated by IdTokenValidator, which asks for the nonce of each"):
        JwtValidator(issuer=ISSUER, audience=CLIENT, keys={"keys": []}, algorithms=["ES256"], kind="id_token")
