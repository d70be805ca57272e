"""RFC 9449 §4.3, check by check."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.minting import ABSENT, NOW, Cases, changed, mint
from tokenward import InvalidToken
from tokenward.base.clock import ManualClock
from tokenward.tokens import DpopVerifier, VerifiedProof
from tokenward.tokens.binding import token_hash
from tokenward.tokens.dpop import ALGORITHMS_OF_PROOFS, ReplaysUnavailable
from tokenward.tokens.dpop_nonces import DpopNonces
from tokenward.tokens.keys import SigningKey, members
from tokenward.tokens.replays import MemoryReplays

URL = "https://api.example/accounts"
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"  # tokenward:allow reason=RFC 9449 §7.1
KEYS = {name: SigningKey.generate(name) for name in (*ALGORITHMS_OF_PROOFS, "RS256")}
KEY = KEYS["ES256"]
CLAIMS = {"jti": "j-1", "htm": "GET", "htu": URL, "iat": NOW, "ath": token_hash(TOKEN)}


def verifier(**settings: Any) -> DpopVerifier:
    clock = ManualClock(NOW)
    return DpopVerifier(**{"replays": MemoryReplays(clock=clock), "nonces": None, "clock": clock} | settings)


def proof(header: dict[str, Any] | None = None, key: SigningKey = KEY, **claims: Any) -> str:
    good = {"typ": "dpop+jwt", "kid": ABSENT, "jwk": members(key.private.public_key())}
    return mint(changed(CLAIMS, claims), key, **(good | (header or {})))


def verify(
    *proofs: object,
    by: DpopVerifier | None = None,
    method: str = "GET",
    url: str = URL,
    access_token: str | None = TOKEN,
) -> VerifiedProof:
    return (by or verifier()).verify(proofs, method=method, url=url, access_token=access_token)


def refusal(*proofs: object, **request: Any) -> str:
    with pytest.raises(InvalidToken) as caught:
        verify(*proofs, **request)
    assert str(caught.value) == "the token is not valid"
    return caught.value.code


def test_a_good_proof_tells_its_key():
    found = verify(proof())
    assert found == VerifiedProof(KEY.kid, token_hash(TOKEN), "j-1", NOW)
    assert len(verify(proof(jti="j" * 256)).jti) == 256


def test_without_blocking_it_is_the_same():
    by = verifier()

    async def twice() -> str:
        request = {"method": "GET", "url": URL, "access_token": TOKEN}
        assert (await by.verify_async([proof()], **request)).thumbprint == KEY.kid
        with pytest.raises(InvalidToken) as caught:
            await by.verify_async([proof()], **request)
        return caught.value.code

    assert asyncio.run(twice()) == "replayed"


@pytest.mark.parametrize("name", KEYS)
def test_proofs_of_each_algorithm(name: str):
    key = KEYS[name]
    text = proof(key=key)
    by = verifier(algorithms=["RS256"]) if name == "RS256" else verifier()
    assert verify(text, by=by).thumbprint == key.kid
    head, _, signature = text.rpartition(".")
    turned = signature[:8] + ("A" if signature[8] != "A" else "B") + signature[9:]
    assert refusal(f"{head}.{turned}", by=by) == "bad_signature"


# RFC 9449 §5, figure 4, and §7.1, figure 12.
OF_A_TOKEN_REQUEST = (
    # tokenward:allow reason=RFC 9449 prints it
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZ"
    "OXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs"
    "ImNydiI6IlAtMjU2In19"
    ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3"
    "Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ"
    ".2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
OF_A_RESOURCE_REQUEST = (
    # tokenward:allow reason=RFC 9449 prints it
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZ"
    "OXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs"
    "ImNydiI6IlAtMjU2In19"
    ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy"
    "9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OU"
    "lpS0NBcWtzbVFFbyJ9"
    ".2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)


@pytest.mark.parametrize(
    ("text", "method", "url", "access_token", "now"),
    [
        (
            OF_A_TOKEN_REQUEST,
            "POST",
            "https://server.example.com/token",
            None,
            1_562_262_616,
        ),
        (
            OF_A_RESOURCE_REQUEST,
            "GET",
            "https://resource.example.org/protectedresource",
            TOKEN,
            1_562_262_618,
        ),
    ],
    ids=["token request", "resource request"],
)
def test_the_examples_of_rfc_9449_verify(
    text: str, method: str, url: str, access_token: str | None, now: int
):
    by = verifier(clock=ManualClock(now))
    found = verify(text, by=by, method=method, url=url, access_token=access_token)
    assert found.thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"  # §6.1


def test_check_1_there_is_exactly_one_proof():
    assert refusal() == "proof_count"
    assert refusal(proof(), proof(jti="j-2")) == "proof_count"
    for odd in (None, proof(), 7, {proof()}):
        with pytest.raises(InvalidToken) as caught:
            verifier().verify(odd, method="GET", url=URL, access_token=None)  # type: ignore[arg-type]
        assert caught.value.code == "proof_count"


@pytest.mark.parametrize("odd", [None, 7, b"x", "", "a.b", "a.b.c", "..", "\ud800.a.b", f"{proof()}.x"])
def test_check_2_it_is_a_jwt(odd: object):
    assert refusal(odd) in {"malformed", "bad_base64"}


CHECK_3: Cases = {
    **{f"{name} missing": ({name: ABSENT}, "claim_missing") for name in ("jti", "htm", "htu", "iat")},
    **{f"{name} a number": ({name: 1}, "claim_type") for name in ("jti", "htm", "htu", "ath", "nonce")},
    "iat a text": ({"iat": "1"}, "claim_type"),
    "jti empty": ({"jti": ""}, "claim_type"),
    "jti long": ({"jti": "j" * 257}, "claim_type"),
    "exp passed": ({"exp": NOW - 10}, "expired"),
    "nbf ahead": ({"nbf": NOW + 11}, "not_yet_valid"),
}


@pytest.mark.parametrize(("changes", "code"), CHECK_3.values(), ids=CHECK_3)
def test_check_3_its_claims_are_there(changes: dict[str, Any], code: str):
    assert refusal(proof(**changes)) == code


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "dpop", "application/jwt", "text/dpop+jwt"])
def test_check_4_its_type_says_so(typ: str):
    assert refusal(proof({"typ": typ})) == "typ_mismatch"
    assert refusal(proof({"typ": ABSENT})) == "header_type"


def test_check_5_its_algorithm_is_asymmetric_and_allowed():
    for name in ("none", "HS256", "RS256", "ES256K", "nothing"):
        assert refusal(proof({"alg": name})) == "algorithm_refused"
    with pytest.raises(ValueError, match="symmetric"):
        verifier(algorithms=["HS256"])


def test_check_6_the_key_in_it_signed_it():
    assert (
        refusal(proof({"jwk": members(SigningKey.generate("ES256").private.public_key())})) == "bad_signature"
    )


JWK = members(KEY.private.public_key())
ODD_KEYS: dict[str, tuple[object, str]] = {
    "private": (JWK | {"d": "AAAA"}, "header_refused"),
    "an RSA prime": (JWK | {"p": "AAAA"}, "header_refused"),
    "a secret": ({"kty": "oct", "k": "AAAA"}, "header_refused"),
    "a text": ("jwk", "header_type"),
    "null": (None, "header_type"),
    "an array": ([JWK], "header_type"),
    "empty": ({}, "header_type"),
    "kty an array": (JWK | {"kty": ["EC"]}, "header_type"),
    "crv an array": (JWK | {"crv": ["P-256"]}, "header_type"),
    "crv of another algorithm": (JWK | {"crv": "P-384"}, "header_type"),
    "x an object": (JWK | {"x": {}}, "header_type"),
    "x too long": (JWK | {"x": "A" * 44}, "header_type"),
    "not on the curve": (JWK | {"y": JWK["x"]}, "header_type"),
    "another type": (members(KEYS["RS256"].private.public_key()), "header_type"),
    "for another algorithm": (JWK | {"alg": "ES384"}, "wrong_algorithm_for_key"),
    "alg an array": (JWK | {"alg": ["ES256"]}, "wrong_algorithm_for_key"),
    "for encryption": (JWK | {"use": "enc"}, "wrong_algorithm_for_key"),
    "use an object": (JWK | {"use": {}}, "wrong_algorithm_for_key"),
}


@pytest.mark.parametrize(("jwk", "code"), ODD_KEYS.values(), ids=ODD_KEYS)
def test_check_7_the_key_is_public_and_fits(jwk: object, code: str):
    assert refusal(proof({"jwk": jwk})) == code
    assert refusal(proof({"jwk": ABSENT})) == "header_type"


def test_and_nothing_else_names_a_key():
    for name, value in (("kid", "k"), ("jku", URL), ("x5c", ["AA"]), ("crit", ["exp"]), ("b64", False)):
        assert refusal(proof({name: value})) == "header_refused"


def test_check_8_the_method_is_the_requests():
    for method in ("POST", "get", "GET ", ""):
        assert refusal(proof(htm=method)) == ("claim_type" if method == "" else "wrong_method")


@pytest.mark.parametrize(
    "htu",
    [f"{URL}/", "http://api.example/accounts", "https://api.example:444/accounts", "/accounts", "x", "%"],
)
def test_check_9_the_target_is_the_requests(htu: str):
    assert refusal(proof(htu=htu)) == "wrong_target"


def test_check_9_query_fragment_and_spelling_do_not_matter():
    for htu in (f"{URL}?a=b", f"{URL}#a", "HTTPS://API.example:443/%61ccounts"):
        assert verify(proof(htu=htu), url=f"{URL}?c=d")


def test_check_9_what_is_no_target_equals_nothing():
    for url in (
        "",
        "nonsense",
        "https://api.example/a\\b",
        "https://api.example/é",
        "https://u@api.example/",
    ):
        assert refusal(proof(htu=url or "x"), url=url) == "wrong_target"


def test_check_10_the_nonce_is_the_servers():
    clock = ManualClock(NOW)
    nonces = DpopNonces(bytes(32), clock=clock)
    for nonce in (ABSENT, "mine", "\U0001f511"):
        assert refusal(proof(nonce=nonce), by=verifier(nonces=nonces)) == "nonce_required"
    assert verify(proof(nonce=nonces.current()), by=verifier(nonces=nonces))


def test_check_11_it_is_fresh():
    assert verify(proof(iat=NOW - 69.5))
    assert refusal(proof(iat=NOW - 70)) == "expired"
    assert verify(proof(iat=NOW + 10))
    assert refusal(proof(iat=NOW + 11)) == "issued_in_future"
    assert refusal(proof(iat=NOW - 20), by=verifier(max_age=10)) == "expired"


def test_check_12_it_was_made_for_the_token_that_came_with_it():
    assert refusal(proof(ath=ABSENT)) == "wrong_token_hash"
    assert refusal(proof(ath=token_hash("another"))) == "wrong_token_hash"
    assert refusal(proof(), access_token=None) == "wrong_token_hash"
    assert refusal(proof(), access_token="\ud800") == "wrong_token_hash"
    assert verify(proof(ath=ABSENT), access_token=None).token_hash is None


def test_a_proof_is_used_once_until_it_is_too_old():
    clock = ManualClock(NOW)
    by = verifier(replays=MemoryReplays(clock=clock), clock=clock)
    text = proof()
    verify(text, by=by)
    assert refusal(text, by=by) == "replayed"
    assert refusal(proof(iat=NOW - 1), by=by) == "replayed"  # the same jti of the same key
    assert verify(proof(jti="j-2"), by=by)
    assert verify(proof(key=KEYS["ES384"]), by=by)
    clock.advance(69.9)
    assert refusal(text, by=by) == "replayed"
    clock.advance(0.1)
    assert refusal(text, by=by) == "expired"


def test_what_was_refused_was_not_used():
    by = verifier()
    assert refusal(proof(), by=by, method="POST") == "wrong_method"
    assert verify(proof(), by=by)


def test_where_use_cannot_be_known_the_proof_is_refused():
    class Down:
        def first_use(self, _key: bytes, _until: float) -> bool:
            raise ReplaysUnavailable

        async def first_use_async(self, _key: bytes, _until: float) -> bool:
            raise ReplaysUnavailable

    by = verifier(replays=Down())
    assert refusal(proof(), by=by) == "replays_unavailable"
    with pytest.raises(InvalidToken) as caught:
        asyncio.run(by.verify_async([proof()], method="GET", url=URL, access_token=TOKEN))
    assert caught.value.code == "replays_unavailable"


@pytest.mark.parametrize(
    "settings", [{"max_age": 0}, {"max_age": 601}, {"leeway": -1}, {"leeway": 301}, {"algorithms": []}]
)
def test_bad_settings_do_not_construct(settings: dict[str, Any]):
    with pytest.raises(ValueError, match=r"max_age|algorithm"):
        verifier(**settings)
    assert verifier(max_age=600, leeway=300)
    assert verifier(max_age=1, leeway=0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(
    st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "kid", "crit"]), json_values, max_size=2),
    st.dictionaries(st.sampled_from([*CLAIMS, "nonce", "exp", "nbf"]), json_values, max_size=3),
    st.dictionaries(st.sampled_from([*JWK, "alg", "use", "key_ops", "kid"]), json_values, max_size=2),
    st.just(URL) | st.text(max_size=30),
)
def test_nothing_but_invalid_token_is_raised(
    header: dict[str, Any], claims: dict[str, Any], jwk: dict[str, Any], url: str
):
    try:
        found = verify(proof({"jwk": JWK | jwk} | header, **claims), url=url)
    except InvalidToken:
        return
    assert found.thumbprint == KEY.kid
    assert found.token_hash == token_hash(TOKEN)
