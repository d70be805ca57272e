import json

import pytest

from tokenward.base.clock import ManualClock
from tokenward.base.secret import Secret
from tokenward.flows.dpop import DpopProver
from tokenward.flows.errors import FlowError
from tokenward.flows.token import TokenResponse
from tokenward.tokens import DpopVerifier
from tokenward.tokens.dpop_nonces import DpopNonces
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.replays import MemoryReplays

URL = "https://api.example/accounts"
CLOCK = ManualClock()
NONCES = DpopNonces(bytes(32), clock=CLOCK)
WANTED = b'{"error": "use_dpop_nonce"}'
CHALLENGE = 'DPoP realm="bank", error="use_dpop_nonce"'


def verify(proof, *, nonces=None, url=URL, token=None):
    verifier = DpopVerifier(replays=MemoryReplays(clock=CLOCK), nonces=nonces, clock=CLOCK)
    return verifier.verify([proof], method="GET", url=url, access_token=token)


def test_a_proof_is_what_a_server_accepts():
    prover = DpopProver(clock=CLOCK)
    found = verify(prover.proof("GET", f"{URL}?page=2#x"))
    assert found.thumbprint == prover.thumbprint
    token = Secret("the-token")
    (scheme, proof) = prover.headers("GET", URL, token)
    assert scheme == ("authorization", "DPoP the-token")
    verify(proof[1], token="the-token")
    with pytest.raises(InvalidToken):
        verify(proof[1], token="another")


def test_no_proof_is_made_twice():
    prover = DpopProver(clock=CLOCK)
    assert len({prover.proof("GET", URL) for _ in range(10)}) == 10


def test_the_nonce_of_one_server_is_not_told_to_another():
    prover = DpopProver(clock=CLOCK)
    assert not prover.must_repeat(URL, 200, {"dpop-nonce": NONCES.current()}, b"")
    verify(prover.proof("GET", URL), nonces=NONCES)
    other = "https://other.example/"
    with pytest.raises(InvalidToken):
        verify(prover.proof("GET", other), nonces=NONCES, url=other)


@pytest.mark.parametrize(
    ("status", "headers", "body", "repeat"),
    [
        (400, {"dpop-nonce": "n"}, WANTED, True),
        (401, {"dpop-nonce": "n", "www-authenticate": CHALLENGE}, b"", True),
        (400, {}, WANTED, False),  # no nonce, no use
        (400, {"dpop-nonce": "n"}, b'{"error": "invalid_grant"}', False),
        (400, {"dpop-nonce": "n"}, b"<html>", False),
        (401, {"dpop-nonce": "n", "www-authenticate": 'DPoP error="invalid_token"'}, WANTED, False),
        (401, {"dpop-nonce": "n"}, b"", False),
        (200, {"dpop-nonce": "n"}, WANTED, False),
        (503, {"dpop-nonce": "n"}, WANTED, False),
    ],
)
def test_a_request_is_sent_again_only_where_the_nonce_was_all_that_was_missing(status, headers, body, repeat):
    assert DpopProver(clock=CLOCK).must_repeat(URL, status, headers, body) is repeat


def test_a_bearer_token_in_answer_to_a_proof_is_not_used():
    """RFC 9449 §5: the server does not know proofs, and whoever copies this token could use it."""
    body = json.dumps({"access_token": "a", "token_type": "Bearer", "expires_in": 600}).encode()
    with pytest.raises(FlowError):
        TokenResponse.parse(200, body, token_type="DPoP")
