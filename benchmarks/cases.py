"""What is asked of an authorization server: one row for each kind of request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx
from load import Request, Target
from material import CALLBACK, SCOPE, VERIFIER
from servers import CHALLENGE, Issuer

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.entropy import identifier
from tokenward.flows.dpop import DpopProver
from tokenward.issuer.client_auth.private_key_jwt import ASSERTION_TYPE
from tokenward.tokens.jws import sign_jwt

FEW = 500  # live ones in turn; the peer's own adapter keeps 1000
MORE_THAN_REMEMBERED = 120_000  # our memory of introspection keeps 100,000, the oldest goes first
PREPARED = 4000  # requests that can be sent once; a round ends with the last of them
DISCOVERY = "/.well-known/openid-configuration"
OWN = {"grant_type": "client_credentials", "scope": SCOPE}


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request.

    Attributes:
        title: in the table.
        path: at our issuer; the peer's is looked up in `PEER_PATHS`.
        requests: makes them.
        ours: how many are made for us.
        peers: how many for the peer; 0 where it has no such thing.
        once: whether each can be sent once only. Then they are made anew for each round, on a server that
            was started for that.
        state: whether the answer needs something that is kept, or keeps something.
        answer: members of its JSON, `...` for one that only has to be there; none where there is no body.
    """

    title: str
    path: str
    requests: Callable[[Issuer, int], Sequence[Request]]
    ours: int = 1
    peers: int = 1
    once: bool = False
    state: bool = True
    answer: Mapping[str, object] = field(default_factory=lambda: {"access_token": ...})

    def target(self, issuer: Issuer, *, ours: bool) -> Target:
        """The endpoint and its requests."""
        url = issuer.url + (self.path if ours else PEER_PATHS[self.path])
        count = self.ours if ours else self.peers
        if self.once:
            return Target(url, lambda: self.requests(issuer, count), once=True)
        requests = self.requests(issuer, count)
        return Target(url, lambda: requests)

    def prove(self, issuer: Issuer, target: Target) -> None:
        """See that what is measured is answered as it should be: `wrk` looks at the status only.

        Raises:
            RuntimeError: it was not.
        """
        requests = self.requests(issuer, 1) if self.once else target.requests()
        for request in (requests[0], requests[-1])[: len(requests)]:
            answer = _sent(target.url, request)
            told = answer.json() if self.answer else {}
            if answer.is_error or not all(
                told.get(name) if expected is ... else told.get(name) == expected
                for name, expected in self.answer.items()
            ):
                raise RuntimeError(f"{self.title}: {target.url} answered {answer.status_code}, {list(told)}")


PEER_PATHS = {
    "/token": "/token",
    "/introspect": "/token/introspection",
    "/revoke": "/token/revocation",
    "/par": "/request",
    "/userinfo": "/me",
    "/device_authorization": "/device/auth",
    "/authorize": "/auth",
    DISCOVERY: DISCOVERY,
}


def _sent(url: str, request: Request) -> httpx.Response:
    headers = {"Authorization": request.authorization, "DPoP": request.dpop}
    if request.body:
        headers["Content-Type"] = request.content_type
    return httpx.request(
        "POST" if request.body else "GET",
        url,
        content=request.body,
        headers={name: value for name, value in headers.items() if value},
        trust_env=False,
    )


def _form(issuer: Issuer, **parameters: str) -> Request:
    return Request(urlencode(parameters), issuer.basic)


def _client_credentials(issuer: Issuer, _count: int) -> list[Request]:
    return [_form(issuer, **OWN)]


def _codes(issuer: Issuer, count: int) -> list[Request]:
    same = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return [_form(issuer, **same, code=code) for code in issuer.mint("codes", count)]


def _refreshes(issuer: Issuer, count: int) -> list[Request]:
    tokens = issuer.mint("refresh_tokens", count)
    return [_form(issuer, grant_type="refresh_token", refresh_token=token) for token in tokens]


def _bound(issuer: Issuer, count: int) -> list[Request]:
    """Proofs of one key, each good once; with the server's nonce, if it asks for one."""
    prover, url = DpopProver(), f"{issuer.url}/token"
    asked = _form(issuer, **OWN)
    answer = _sent(url, asked._replace(dpop=prover.proof("POST", url)))
    prover.must_repeat(url, answer.status_code, answer.headers, answer.content)
    return [asked._replace(dpop=prover.proof("POST", url)) for _ in range(count)]


def _assertions(issuer: Issuer, count: int) -> list[Request]:
    now = int(SYSTEM_CLOCK.time())
    same = {
        "iss": issuer.jwt_client,
        "sub": issuer.jwt_client,
        "aud": issuer.url,
        "iat": now,
        "exp": now + 120,
    }
    signed = (sign_jwt(issuer.key, {**same, "jti": identifier()}, typ="JWT") for _ in range(count))
    return [
        Request(urlencode({**OWN, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}))
        for assertion in signed
    ]


def _exchanges(issuer: Issuer, count: int) -> list[Request]:
    same = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    return [_form(issuer, **same, subject_token=token) for token in issuer.mint("tokens", count)]


def _of_tokens(issuer: Issuer, count: int) -> list[Request]:
    """Introspection, or revocation."""
    return [_form(issuer, token=token) for token in issuer.mint("tokens", count)]


def authorization(client: str) -> dict[str, str]:
    """The parameters of an authorization request."""
    return {
        "client_id": client,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": SCOPE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "a-state-of-the-benchmark",
    }


def _pushes(issuer: Issuer, _count: int) -> list[Request]:
    """Of many clients in turn: what one of them may do in a second is not what is measured."""
    return [Request(urlencode(authorization(name)), basic) for name, basic in issuer.pushing.items()]


def _about_people(issuer: Issuer, count: int) -> list[Request]:
    return [Request(authorization=f"Bearer {token}") for token in issuer.mint("personal_tokens", count)]


def _nothing(_issuer: Issuer, _count: int) -> list[Request]:
    return [Request()]


_ACTIVE = {"active": True}
_ROTATING = {"access_token": ..., "refresh_token": ...}
CASES = (
    Case("client credentials", "/token", _client_credentials),
    Case("introspection, known tokens", "/introspect", _of_tokens, ours=FEW, peers=FEW, answer=_ACTIVE),
    Case(
        "introspection, uncached",
        "/introspect",
        _of_tokens,
        ours=MORE_THAN_REMEMBERED,
        peers=FEW,
        answer=_ACTIVE,
    ),
    Case(
        "authorization code",
        "/token",
        _codes,
        ours=PREPARED,
        peers=PREPARED,
        once=True,
        answer=_ROTATING,
    ),
    Case(
        "refresh with rotation",
        "/token",
        _refreshes,
        ours=PREPARED,
        peers=PREPARED,
        once=True,
        answer=_ROTATING,
    ),
    Case(
        "DPoP-bound",
        "/token",
        _bound,
        ours=PREPARED,
        peers=PREPARED,
        once=True,
        answer={"access_token": ..., "token_type": "DPoP"},
    ),
    Case("private_key_jwt", "/token", _assertions, ours=PREPARED, peers=PREPARED, once=True),
    Case("revocation", "/revoke", _of_tokens, ours=PREPARED, peers=PREPARED, once=True, answer={}),
    Case("pushed authorization request", "/par", _pushes, answer={"request_uri": ...}),
    Case("userinfo", "/userinfo", _about_people, ours=FEW, peers=FEW // 2, answer={"sub": ...}),
    Case("discovery", DISCOVERY, _nothing, state=False, answer={"issuer": ...}),
    Case("token exchange", "/token", _exchanges, ours=FEW, peers=0),
)
ON_POSTGRES = tuple(case for case in CASES if case.title in {"client credentials", "introspection, uncached"})
