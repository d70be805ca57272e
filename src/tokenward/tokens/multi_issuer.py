"""Tokens of several issuers at one place: each judged by its own issuer's validator and no other's keys."""

from collections.abc import Sequence

from tokenward.tokens.binding import Proof
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.key_source import FixedKeys
from tokenward.tokens.presented import claimed_issuer
from tokenward.tokens.validator import JwtValidator


class MultiIssuerValidator:
    """Chooses among validators by the token's exact `iss`, which the chosen one then verifies.

    Keys are never looked for across issuers: one key, one algorithm, one issuer (RFC 8725 §3.8). Equal `kid`s
    of two issuers do not matter.
    """

    def __init__(self, validators: Sequence[JwtValidator]) -> None:
        """Check that the issuers are apart.

        Raises:
            ValueError: there is no validator, two are for one issuer, or two issuers have a key in common.
        """
        self._validators = {validator.issuer: validator for validator in validators}
        if not validators or len(self._validators) != len(validators):
            raise ValueError("one validator for each issuer is needed")
        materials = [
            key.material
            for validator in validators
            if isinstance(validator.keys, FixedKeys)
            for key in validator.keys.keys
        ]
        if any(material == other for at, material in enumerate(materials) for other in materials[:at]):
            raise ValueError("two issuers have a key in common: either could speak for the other")

    def validate(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """The claims of a good token of one of the issuers.

        Raises:
            InvalidToken: `code` says which check failed; nothing else is ever raised.
        """
        return self._choose(token).validate(token, proof=proof)

    async def validate_async(self, token: object, *, proof: Proof | None = None) -> VerifiedClaims:
        """As `validate`, fetching keys without blocking.

        Raises:
            InvalidToken: as `validate`.
        """
        return await self._choose(token).validate_async(token, proof=proof)

    def _choose(self, token: object) -> JwtValidator:
        issuer = claimed_issuer(token)
        chosen = self._validators.get(issuer) if issuer is not None else None
        if chosen is None:
            raise InvalidToken("wrong_issuer")
        return chosen
