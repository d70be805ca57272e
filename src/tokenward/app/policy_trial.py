"""Trying policy tests: an engine for each decides, by the real policy, on callers that are invented."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from tokenward.app.config import Configuration
from tokenward.app.policy_tests import ApiKeyInTest, PolicyTest, Suite, TokenInTest
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.flows.dpop import DpopProver
from tokenward.gateway.access import AccessRequest, Allow, HeldBody, KeyTerms, Step, TokenFacts
from tokenward.gateway.engine import Engine
from tokenward.gateway.inside import InsideMinter
from tokenward.gateway.proofs import Proofs
from tokenward.tokens import opaque
from tokenward.tokens.binding import ClientCertificate, Confirmation
from tokenward.tokens.dpop import DpopVerifier
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.opaque import OpaqueToken, fingerprint
from tokenward.tokens.replays import MemoryReplays


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test.

    Attributes:
        decided: `allow`, or the reason of the refusal.
        api: the API's name; "" if none was matched.
        operation: `METHOD /template` of the matched operation; "" if none was.
        steps: how it came to that.
        passed: whether it is what was expected.
    """

    decided: str
    api: str
    operation: str
    steps: Sequence[Step]
    passed: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """One test of a suite, and what became of it."""

    suite: Suite
    number: int
    outcome: Outcome

    @property
    def test(self) -> PolicyTest:
        """The test itself."""
        return self.suite.tests[self.number]

    @property
    def line(self) -> int:
        """Where it stands in its file."""
        return self.suite.line(self.number)


async def try_suites(configuration: Configuration, suites: Iterable[Suite]) -> list[Tried]:
    """Every test, tried."""
    trial = Trial(configuration)
    return [
        Tried(suite, number, await trial.run(test))
        for suite in suites
        for number, test in enumerate(suite.tests)
    ]


def untested(configuration: Configuration, tried: Iterable[Tried]) -> list[str]:
    """The operations that no test asked for, as `api: METHOD /template`."""
    asked = {(each.outcome.api, each.outcome.operation) for each in tried}
    return [
        f"{api.name}: {operation.label}"
        for policy in (configuration.policy, *configuration.in_process.values())
        for api in policy.apis
        for operation in api.operations
        if (api.name, operation.label) not in asked
    ]


class Trial:
    """Tries tests on one configuration. Nothing of a trial outlives it.

    Args:
        configuration: without errors.
        clock: time.
    """

    def __init__(self, configuration: Configuration, clock: Clock = SYSTEM_CLOCK) -> None:
        self._configuration = configuration
        self._clock = clock
        self._signing = _Keys()

    async def run(self, test: PolicyTest) -> Outcome:
        """Decide on the test's request, and hold it against what the test expects."""
        caller = self._caller(test)
        there, origin, _ = self._configuration.at(_target(test))
        engine = Engine(
            there.policy,
            caller,
            InsideMinter(
                self._signing, "urn:tokenward:trial", self._clock, protections=self._configuration.protections
            ),
            fresh=lambda: True,
            proofs=Proofs(
                DpopVerifier(replays=MemoryReplays(clock=self._clock), nonces=None, clock=self._clock),
                origin,
            ),
            clock=self._clock,
        )
        decision, steps = await engine.explain(self._request(test, caller))
        decided = decision.reason
        if isinstance(decision, Allow) and decision.would_deny is not None:
            decided = decision.would_deny.code  # a test is of the policy, enforced or not yet
        passed = decided == test.expect and test.operation in {None, decision.operation}
        return Outcome(decided, decision.api, decision.operation, steps, passed)

    def _caller(self, test: PolicyTest) -> "_Caller":
        if test.token is not None:
            return _Caller(self._of_token(test, test.token))
        if test.api_key is not None:
            return _Caller(self._of_key(test, test.api_key))
        return _Caller(None)

    def _of_token(self, test: PolicyTest, said: TokenInTest) -> "_Credential":
        token, now = opaque.new("at", clock=self._clock), self._clock.time()
        prover = DpopProver(clock=self._clock) if said.bound == "dpop" else None
        certificate = ClientCertificate.from_der(fingerprint(test.name)) if said.bound == "mtls" else None
        lifetime = said.lifetime or self._configuration.settings.tokens.access_token
        facts = TokenFacts(
            token_id=token.token_id,
            grant_id=None,
            client_id=said.client,
            user_id=said.user,
            scope=frozenset(said.scopes),
            audience=self._audience(test, said.api),
            credential=said.credential,
            issued_at=now,
            expires_at=now + lifetime,
            cnf=Confirmation("jkt", prover.thumbprint)
            if prover
            else Confirmation.of(certificate)
            if certificate
            else None,
            amr=said.amr,
            auth_time=None if said.signed_in is None else now - said.signed_in,
            authorization_details=said.authorization_details,
        )
        return _Credential(
            token, facts, prover if said.proved else None, certificate if said.proved else None
        )

    def _of_key(self, test: PolicyTest, said: ApiKeyInTest) -> "_Credential":
        key, now = opaque.new("ak", clock=self._clock), self._clock.time()
        terms = KeyTerms(
            key.token_id,
            addresses=tuple(ip_network(each) for each in said.addresses),
            origins=frozenset(each.encode() for each in said.origins),
        )
        facts = TokenFacts(
            token_id=key.token_id,
            grant_id=None,
            client_id="api_key",
            user_id=None,
            scope=frozenset(said.scopes),
            audience=self._audience(test, said.api),
            credential="api_key",
            issued_at=now,
            expires_at=now + self._configuration.settings.api_keys.lifetime,
            key=terms,
        )
        return _Credential(key, facts)

    def _audience(self, test: PolicyTest, api: str | None) -> str:
        """Of the API that is named, else of the one that is asked."""
        if api is not None:
            return self._configuration.settings.audience(api)
        there, _, target = self._configuration.at(_target(test))
        path = f"{target.partition('?')[0]}/"
        asked = (each for each in there.policy.apis if path.startswith(f"{each.mount}/"))
        return next((each.audience for each in asked), "")

    def _request(self, test: PolicyTest, caller: "_Caller") -> AccessRequest:
        method = test.request.partition(" ")[0]
        _, origin, target = self._configuration.at(_target(test))
        path, _, query = target.partition("?")
        headers = [(name.lower().encode(), value.encode()) for name, value in test.headers.items()]
        body = _body(test)
        if body and b"content-type" not in dict(headers):
            headers.append((b"content-type", b"application/json"))
        credential = caller.credential
        if credential is not None:
            headers += credential.headers(method, origin + path)
        return AccessRequest(
            method=method,
            raw_path=path.encode(),
            query=query.encode(),
            headers=tuple(headers),
            peer=test.peer,
            certificate=credential.certificate if credential is not None else None,
            body=HeldBody(body),
        )


def _target(test: PolicyTest) -> str:
    return test.request.partition(" ")[2]


def _body(test: PolicyTest) -> bytes:
    if test.body is None:
        return b""
    return (test.body if isinstance(test.body, str) else json.dumps(test.body)).encode()


@dataclass(frozen=True, slots=True)
class _Credential:
    """An invented credential, what it stands for, and what proves its key, if the request does."""

    token: OpaqueToken
    facts: TokenFacts
    prover: DpopProver | None = None
    certificate: ClientCertificate | None = None

    def headers(self, method: str, url: str) -> list[tuple[bytes, bytes]]:
        secret = self.token.secret
        if self.token.kind == "ak":
            return [(b"x-api-key", secret.reveal().encode())]
        if self.prover is None:
            return [(b"authorization", f"Bearer {secret.reveal()}".encode())]
        return [(name.encode(), value.encode()) for name, value in self.prover.headers(method, url, secret)]


@dataclass(frozen=True, slots=True)
class _Caller:
    """The resolver of a trial: it knows one credential, which is live."""

    credential: _Credential | None

    async def resolve(self, token: str, _token_id: str) -> TokenFacts | None:
        return self._facts(token)

    async def resolve_api_key(self, key: str) -> TokenFacts | None:
        return self._facts(key)

    def _facts(self, text: str) -> TokenFacts | None:
        known = self.credential
        return known.facts if known is not None and text == known.token.secret.reveal() else None


class _Keys:
    """Inside keys that are made when they are needed and that nobody trusts."""

    def __init__(self) -> None:
        self._made: dict[str, SigningKey] = {}

    def signer(self, algorithm: str) -> SigningKey:
        if algorithm not in self._made:
            self._made[algorithm] = SigningKey.generate(algorithm)
        return self._made[algorithm]

    def signs(self, kid: str, _at: float) -> bool:
        return any(key.kid == kid for key in self._made.values())

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        return {"keys": []}
