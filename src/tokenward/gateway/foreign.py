"""What a token of another issuer stands for here: its claims, translated into facts of ours.

Names of that issuer stay apart from ours and from everybody else's. `sub` and `client_id` become
`ISSUER|NAME`: no URL has a `|` in it, and no id of ours either. So no subject that another issuer has chosen
is ever taken for a person of ours. Nothing else of a token reaches a backend but what the terms let through.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tokenward.base.problems import INVALID_TOKEN, Refusal
from tokenward.gateway.access import TokenFacts
from tokenward.tokens import base64url
from tokenward.tokens.binding import Confirmation
from tokenward.tokens.credential_guard import CredentialInClaim, check_claims
from tokenward.tokens.opaque import fingerprint

Claims = Mapping[str, Any]

ACTORS = 4
"""How many may act for one another in a chain (`act` in `act`)."""

_LONGEST_NAME = 255  # characters; OpenID Connect Core §2 has it for `sub`
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms one API takes the tokens of another issuer.

    Attributes:
        issuer: its identifier, exactly.
        audience: of the API, as we name it.
        scopes: those of the API's operations; nothing else is passed on.
        credential: how strong the client authentication behind its tokens is taken to be
            (`store.records.Credential`). A token says nothing of that which could be verified.
        scope_prefix: what stands before each of the API's scopes in its tokens.
        scope_map: its scope → ours; empty where they have the same names.
        actor: whether its word is taken for who acts for whom (`act`).
        sign_in: whether its word is taken for how and when a person signed in (`amr`, `auth_time`).
        two_factors_acr: the values of `acr` that stand for two factors, if it is.
    """

    issuer: str
    audience: str
    scopes: frozenset[str]
    credential: str = "none"
    scope_prefix: str = ""
    scope_map: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    actor: bool = False
    sign_in: bool = False
    two_factors_acr: frozenset[str] = frozenset()

    def facts(
        self,
        text: str,
        claims: Claims,
        *,
        client: str,
        scope: Sequence[str],
        issued_at: float,
        expires_at: float,
        believed_until: float,
    ) -> TokenFacts:
        """The facts of a token whose claims are verified.

        Args:
            text: the token.
            claims: what its issuer says of it; `cnf`, `act` and what is said of the sign-in are judged here.
            client: the client, as the issuer names it.
            scope: the names of the scopes, likewise.
            issued_at: seconds since 1970.
            expires_at: the same.
            believed_until: the same.

        Raises:
            Refusal: INVALID_TOKEN, something in it cannot be taken as it is.
        """
        subject = self._named(claims.get("sub", client))
        client_id = self._named(client, quote(client, safe="!$&'()*+,-./:;=?@_~"))
        act = self._actors(claims["act"]) if "act" in claims else None
        try:
            check_claims({"sub": subject, "client_id": client_id, "act": act})
        except CredentialInClaim as found:
            raise Refusal(INVALID_TOKEN, f"a token of {self.issuer}, {found}") from None
        person = claims.get("sub", client) != client  # RFC 9068 §2.2: a client acts in its own name
        return TokenFacts(
            token_id=token_id(text),
            grant_id=None,
            client_id=client_id,
            user_id=subject if person else None,
            scope=self._ours(scope),
            audience=self.audience,
            credential=self.credential,
            issued_at=issued_at,
            expires_at=expires_at,
            subject=subject,
            cnf=_confirmation(claims["cnf"]) if "cnf" in claims else None,
            act=act,
            amr=self._amr(claims) if self.sign_in else (),
            auth_time=claims.get("auth_time") if self.sign_in else None,
            believed_until=believed_until,
        )

    def _named(self, name: object, written: str = "") -> str:
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            raise Refusal(INVALID_TOKEN, f"a token of {self.issuer} with a name that is none")
        return f"{self.issuer}|{written or name}"

    def _ours(self, scope: Sequence[str]) -> frozenset[str]:
        if self.scope_map:
            names = {ours for name in scope for ours in self.scope_map.get(name, ())}
        else:
            start = self.scope_prefix
            names = {name.removeprefix(start) for name in scope if name.startswith(start)}
        return self.scopes & names

    def _actors(self, said: object, left: int = ACTORS) -> Mapping[str, object]:
        """RFC 8693 §4.1, in our names. Whoever is not believed about it cannot leave it out either."""
        if not self.actor:
            raise Refusal(INVALID_TOKEN, f"{self.issuer} is not believed who acts for whom")
        fits = isinstance(said, Mapping) and said.get("iss", self.issuer) == self.issuer
        if not isinstance(said, Mapping) or not fits or not left:
            raise Refusal(INVALID_TOKEN, f"a token of {self.issuer} with an actor who cannot be told")
        actor: dict[str, object] = {"sub": self._named(said.get("sub"))}
        if "act" in said:
            actor["act"] = self._actors(said["act"], left - 1)
        return actor

    def _amr(self, claims: Claims) -> tuple[str, ...]:
        said = tuple(claims.get("amr", ()))
        if not all(map(str.isprintable, said)):  # refusals tell an operator's terminal what the person used
            raise Refusal(INVALID_TOKEN, f"a token of {self.issuer} with a way to sign in that is none")
        return (*said, "mfa") if claims.get("acr") in self.two_factors_acr else said


def token_id(text: str) -> str:
    """The name of a token in our log: of another form than ours, and nothing that its issuer chose."""
    return f"ext_{base64url.encode(fingerprint(text)[:12])}"


def scope_names(value: object) -> tuple[str, ...]:
    """The scopes in a claim, a text with spaces between (RFC 6749 §3.3) or a list of names.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str):
        return tuple(value.split(" ")) if value else ()
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValueError("no scope")


def _confirmation(said: object) -> Confirmation:
    """The one key that a token is bound to. What we cannot check must not be passed over (RFC 7800 §3.1)."""
    if isinstance(said, Mapping) and len(said) == 1:
        for member in ("jkt", "x5t#S256"):
            thumbprint = said.get(member)
            if isinstance(thumbprint, str) and _THUMBPRINT.fullmatch(thumbprint):
                return Confirmation(member, thumbprint)
    raise Refusal(INVALID_TOKEN, "a token that is bound to a key in a way that is not known here")
