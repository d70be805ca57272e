"""Tokens of another issuer that only it can read: it is asked what they stand for (RFC 7662, RFC 9701).

An answer is believed for some seconds, so a token that its issuer revokes is good here for that long. What is
unknown there is remembered for a moment, too, and no question is asked twice at a time: a flood of invented
tokens becomes a few questions. While the server gives no answer, nobody who needs one gets in.
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundError
from tokenward.base.problems import INVALID_TOKEN, UNAVAILABLE, Refusal
from tokenward.gateway.access import TokenFacts
from tokenward.gateway.foreign import Terms, scope_names
from tokenward.gateway.single_flight import SingleFlight
from tokenward.tokens import base64url, strict_json
from tokenward.tokens import claims as c
from tokenward.tokens.claims import Expected, Rule
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jws import MAX_TOKEN
from tokenward.tokens.opaque import fingerprint
from tokenward.tokens.validator import Engine

LONGEST_BELIEVED = 30
"""Seconds for which an answer may be believed at the most."""

AT_ONCE, WAITING = 16, 128  # questions under way, and more that wait
UNKNOWN_SECONDS, UNKNOWN_KEPT = 5.0, 1_000  # for which, and how many, tokens are remembered as unknown
SIGNED = "application/token-introspection+jwt"  # RFC 9701 §5
_INNER = "token_introspection"
_BAD_REQUEST = 400  # a server's way to say that it knows no such kind of token; a caller can bring that about
_LEEWAY = 30
_ENDLESS = 10 * 365 * 86_400  # seconds: the life of a token whose end or beginning nobody tells

_log = logging.getLogger(__name__)

Proof = tuple[str | None, Mapping[str, str]]
"""What proves that we may ask: the value of `Authorization`, if it goes there, and parameters of the form."""


class Post(Protocol):
    """Sends a form (`base.outbound`)."""

    def __call__(
        self, url: str, form: Mapping[str, str], *, accept: str, authorization: str | None
    ) -> Awaitable[bytes]:
        """The body of the answer.

        Raises:
            OutboundError: there is none.
        """
        ...


def _bearer(value: object, _expected: Expected, _now: float) -> str | None:
    # RFC 7662 §2.2, RFC 6749 §5.1: case-insensitive. A refresh token has none of these.
    return None if isinstance(value, str) and value.lower() in {"bearer", "dpop"} else "wrong_kind"


# RFC 7662 §2.2. `token_use` and `typ` are those of servers that answer about other tokens, too.
_RULES: Final[tuple[Rule, ...]] = (
    Rule("token_type", True, _bearer),
    Rule("token_use", False, c.one_of("access", "access_token")),
    Rule("typ", False, c.one_of("Bearer", "DPoP")),
    Rule("iss", False, c.iss),
    Rule("aud", True, c.aud),
    Rule("exp", False, c.exp),
    Rule("iat", False, c.iat),
    Rule("nbf", False, c.nbf),
    Rule("sub", False, c.text),
    Rule("client_id", False, c.text),
    Rule("amr", False, c.texts),
    Rule("acr", False, c.text),
    Rule("auth_time", False, c.iat),
)

MAY_LACK = ("aud", "token_type")
"""What an answer must have unless its issuer is known to leave it out."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers.

    Attributes:
        url: of its introspection endpoint.
        authenticate: proves that we may ask, anew for each question.
        post: sends the question; within limits of time and size, and to no address that is not meant.
        may_lack: which of `MAY_LACK` its answers leave out.
        signed: verifies its answers, where they are JWTs; None where they are JSON.
    """

    url: str
    authenticate: Callable[[], Proof] = field(repr=False)
    post: Post
    may_lack: frozenset[str] = frozenset()
    signed: Engine | None = None


class Introspected:
    """Judges the opaque tokens of one issuer for one API."""

    __slots__ = (
        "_believed",
        "_clock",
        "_expected",
        "_flights",
        "_rules",
        "_scope_claim",
        "_server",
        "_terms",
        "_unknown",
    )

    def __init__(
        self,
        server: Server,
        terms: Terms,
        *,
        audience: str,
        believed: float,
        scope_claim: str = "scope",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Nothing is asked yet.

        Args:
            server: which is asked.
            terms: on which its tokens are taken.
            audience: what they must be for, as their issuer names the API.
            believed: seconds for which an answer may be believed, `LONGEST_BELIEVED` at the most.
            scope_claim: the member with the scopes.
            clock: what time it is.
        """
        self._server = server
        self._terms = terms
        self._expected = Expected(terms.issuer, audience, _LEEWAY, _ENDLESS)
        self._believed = min(believed, LONGEST_BELIEVED)
        self._scope_claim = scope_claim
        self._rules = tuple(
            Rule(rule.claim, required=False, check=rule.check) if rule.claim in server.may_lack else rule
            for rule in _RULES
        )
        self._clock = clock
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._flights: SingleFlight[TokenFacts | None] = SingleFlight(at_once=AT_ONCE, waiting=WAITING)

    async def judge(self, text: str, peer: str) -> TokenFacts | None:
        """What a token stands for that its issuer calls active; None if it does not.

        Raises:
            Refusal: INVALID_TOKEN, the answer is about no access token for this API; UNAVAILABLE, there is
                none that could be believed; TOO_MANY_REQUESTS, this peer waits for too many.
        """
        key = fingerprint(text)
        if len(text) > MAX_TOKEN or self._unknown.get(key, 0.0) > self._clock.time():
            return None
        return await self._flights.ask(key, lambda: self._ask(text, key), peer)

    async def _ask(self, text: str, key: bytes) -> TokenFacts | None:
        asked_at = self._clock.time()
        answer = await self._answer(text)
        active = answer.get("active")
        if not isinstance(active, bool):  # RFC 7662 §2.2: 1 and "true" are no booleans
            raise self._unusable("`active` is no boolean")
        if not active:
            self._remember_unknown(key, asked_at)
            return None
        try:
            return self._facts(text, answer, asked_at + self._believed)
        except InvalidToken as error:
            self._remember_unknown(key, asked_at)
            detail = f"a token of {self._terms.issuer} is not accepted: {error.code}"
            raise Refusal(INVALID_TOKEN, detail) from None
        except Refusal:
            self._remember_unknown(key, asked_at)
            raise

    def _facts(self, text: str, answer: Mapping[str, Any], believed_until: float) -> TokenFacts:
        c.check(answer, self._rules, (), self._expected, self._clock.time())
        client = answer.get("client_id", answer.get("sub"))
        if client is None:
            raise InvalidToken("claim_missing")
        try:
            scope = scope_names(answer.get(self._scope_claim, ""))
        except ValueError:
            raise InvalidToken("claim_type") from None
        if str(answer.get("token_type")).lower() == "dpop" and "cnf" not in answer:  # RFC 9449 §6.2
            raise InvalidToken("binding_required")
        # Of a token whose times are not told nobody can say that it lives short enough for a higher tier.
        issued_at = answer.get("iat", 0.0)
        expires_at = answer.get("exp", self._clock.time() + _ENDLESS)
        if expires_at <= self._clock.time():  # without the leeway
            raise InvalidToken("expired")
        return self._terms.facts(
            text,
            answer,
            client=client,
            scope=scope,
            issued_at=issued_at,
            expires_at=expires_at,
            believed_until=believed_until,
        )

    async def _answer(self, text: str) -> Mapping[str, Any]:
        server = self._server
        authorization, parameters = server.authenticate()
        form = {"token": text, "token_type_hint": "access_token", **parameters}
        accept = SIGNED if server.signed is not None else "application/json"
        try:
            body = await server.post(server.url, form, accept=accept, authorization=authorization)
        except OutboundError as error:
            if error.status == _BAD_REQUEST:
                return {"active": False}
            _log.warning("introspection at %s failed: %s", self._terms.issuer, error.code)
            raise self._unusable(error.code) from None
        try:
            if server.signed is None:
                return strict_json.read_object(body)
            signed = body.decode("ascii")
            await server.signed.validate_async(signed, None)
        except (ValueError, InvalidToken) as error:
            why = error.code if isinstance(error, InvalidToken) else "no JSON object"
            _log.warning("introspection at %s failed: %s", self._terms.issuer, why)
            raise self._unusable(why) from None
        # Read once more, as plain JSON: what the rules are held against.
        inner: Mapping[str, Any] = strict_json.read_object(base64url.decode(signed.split(".")[1]))[_INNER]
        return inner

    def _unusable(self, why: str) -> Refusal:
        return Refusal(UNAVAILABLE, f"{self._terms.issuer} gave no answer: {why}", retry_after=1)

    def _remember_unknown(self, key: bytes, now: float) -> None:
        self._unknown[key] = now + UNKNOWN_SECONDS
        self._unknown.move_to_end(key)
        if len(self._unknown) > UNKNOWN_KEPT:
            self._unknown.popitem(last=False)
