"""The one way in which a token fails."""


class InvalidToken(Exception):  # noqa: N818 - an outcome, and the public name
    """A token was refused.

    The text is the same for every reason, so that it can be shown to anybody; `code` is for logs and metrics.

    Attributes:
        code: stable name of the check that refused it, a key of `CODES`.
    """

    def __init__(self, code: str) -> None:
        super().__init__("the token is not valid")
        self.code = code

    def __reduce__(self) -> tuple[type["InvalidToken"], tuple[str]]:
        """Pickled by its code: the text is no argument of the constructor."""
        return type(self), (self.code,)


CODES: dict[str, str] = {
    "malformed": "not three base64url parts of a compact JWS, or no text at all",
    "too_large": "longer than any token that we accept",
    "bad_base64": "a part is not canonical base64url",
    "bad_json": "header or claims are not one strict JSON object",
    "header_refused": "a header parameter that is never accepted, or is not on the allow-list",
    "header_type": "a header parameter is missing or has the wrong JSON type",
    "algorithm_refused": "`alg` is not on the validator's allow-list",
    "typ_mismatch": "`typ` is missing or names another kind of token",
    "no_kid": "`kid` is missing and more or less than one key is eligible",
    "unknown_key": "no key has that `kid`",
    "wrong_algorithm_for_key": "the key with that `kid` is for another algorithm",
    "bad_signature": "the signature is not this key's over this token",
    "keys_unavailable": "the issuer's keys cannot be had right now; the token may be good",
    "claim_missing": "a required claim is missing",
    "claim_type": "a claim has the wrong JSON type or syntax",
    "wrong_issuer": "`iss` is not the configured issuer",
    "wrong_audience": "`aud` does not name the configured audience",
    "expired": "`exp` has passed",
    "not_yet_valid": "`nbf` lies ahead",
    "issued_in_future": "`iat` lies ahead",
    "lifetime_too_long": "`exp` lies further from `iat` than allowed, or before it",
    "proof_refused": "a proof was presented, and this validator verifies none",
    "binding_required": "the token is bound to a key (`cnf`), and no proof was verified",
    "not_encrypted": "not five parts of a compact JWE, where only an encrypted token is accepted",
    "encryption_refused": "`enc` is not on the list of acceptable encryptions",
    "decryption_failed": "the key does not open this JWE, or it was changed; which of the two is not told",
    "not_nested": "the JWE holds no signed JWT where one is expected, or a JWT where none is",
}
