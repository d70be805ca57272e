"""Access tokens of another issuer that are JWTs, judged by the strict validator with that issuer's keys.

Nothing is looked up, so nothing tells of a revocation: such a token is good until it ends. It is verified
anew every minute, so that a key that its issuer withdrew is believed a minute longer than the key set is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import INVALID_TOKEN, UNAVAILABLE, Refusal
from tokenward.gateway.access import TokenFacts
from tokenward.gateway.foreign import Terms, scope_names
from tokenward.tokens import claims as c
from tokenward.tokens.claims import Rule
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.key_source import KeySource
from tokenward.tokens.kinds import Kind
from tokenward.tokens.validator import Engine

BELIEVED = 60.0
"""Seconds for which a verified token is remembered."""

_LEEWAY = 30  # seconds
_STRICT = "at+jwt"


class ForeignJwts:
    """Judges the JWTs of one issuer for one API."""

    __slots__ = ("_clock", "_engine", "_scope_claim", "_terms")

    def __init__(
        self,
        kind: Kind,
        terms: Terms,
        *,
        audience: str,
        keys: Mapping[str, Any] | KeySource,
        algorithms: Sequence[str],
        scope_claim: str | None = None,
        max_lifetime: int | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Nothing is fetched yet.

        Args:
            kind: what its tokens are, one of `KINDS` and `PROFILES`.
            terms: on which they are taken.
            audience: what they must be for, as their issuer names the API.
            keys: its keys, or where to get them.
            algorithms: what it signs with.
            scope_claim: the claim with the scopes, where it is not the kind's.
            max_lifetime: seconds that its tokens may live; those of the kind by default.
            clock: what time it is.

        Raises:
            ValueError: a key or a setting is bad.
        """
        self._terms = terms
        self._scope_claim = scope_claim
        self._clock = clock
        self._engine = Engine(
            _as_trusted(kind, terms),
            issuer=terms.issuer,
            audience=audience,
            keys=keys,
            algorithms=algorithms,
            leeway=_LEEWAY,
            max_lifetime=max_lifetime,
            clock=clock,
        )

    async def judge(self, text: str, _peer: str) -> TokenFacts:
        """What a good token stands for.

        Raises:
            Refusal: INVALID_TOKEN, with the check that failed as detail; UNAVAILABLE, the issuer's keys
                cannot be had.
        """
        issuer = self._terms.issuer
        try:
            claims = await self._engine.claims_async(text)  # the binding is checked by the step of that name
        except InvalidToken as error:
            if error.code == "keys_unavailable":
                raise Refusal(UNAVAILABLE, f"the keys of {issuer} cannot be had", retry_after=1) from None
            raise Refusal(INVALID_TOKEN, f"a JWT of {issuer} is not accepted: {error.code}") from None
        try:
            scope = scope_names(
                claims.scope if self._scope_claim is None else claims.get(self._scope_claim, "")
            )
        except ValueError:
            raise Refusal(INVALID_TOKEN, f"a JWT of {issuer} is not accepted: claim_type") from None
        return self._terms.facts(
            text,
            claims,
            client=claims.client_id or claims.subject,
            scope=scope,
            issued_at=claims.issued_at,
            expires_at=claims.expires_at,
            believed_until=self._clock.time() + BELIEVED,
        )


def _as_trusted(kind: Kind, terms: Terms) -> Kind:
    """The kind, with rules for what is read here beyond it."""
    rules = {rule.claim: rule for rule in kind.claims}
    if kind.name == _STRICT:  # RFC 9068 §2.2 requires both
        rules |= {name: Rule(name, True, c.text) for name in ("client_id", "jti")}
    if terms.sign_in:
        rules |= {
            "amr": Rule("amr", False, c.texts),
            "acr": Rule("acr", False, c.text),
            "auth_time": Rule("auth_time", False, c.iat),
        }
    return replace(kind, claims=tuple(rules.values()))
