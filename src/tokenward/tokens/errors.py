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

    @property
    def reason(self) -> str:
        """What the check found, in words; for who runs the program, and not for who sent the token."""
        return CODES[self.code]

    def __reduce__(self) -> tuple[type["InvalidToken"], tuple[str]]:
        """Pickled by its code: the text is no argument of the constructor."""
        return type(self), (self.code,)


CODES: dict[str, str] = {
    # The form.
    "malformed": "not three base64url parts of a compact JWS, or no text at all",
    "too_large": "longer than any token that we accept",
    "bad_base64": "a part is not canonical base64url",
    "bad_json": "header or claims are not one strict JSON object",
    # The header.
    "header_refused": "a header parameter that is never accepted, or is not on the allow-list",
    "header_type": "a header parameter is missing or has the wrong JSON type",
    "algorithm_refused": "`alg` is not on the validator's allow-list",
    "typ_mismatch": "`typ` is missing or names another kind of token",
    # The key and the signature.
    "no_kid": "`kid` is missing and more or less than one key is eligible",
    "unknown_key": "no key has that `kid`",
    "wrong_algorithm_for_key": "the key with that `kid` is for another algorithm",
    "bad_signature": "the signature is not this key's over this token",
    "keys_unavailable": "the issuer's keys cannot be had right now; the token may be good",
    # The claims.
    "claim_missing": "a required claim is missing",
    "claim_type": "a claim has the wrong JSON type or syntax",
    "claim_forbidden": "a claim that only another kind of token has",
    "wrong_issuer": "`iss` is not the configured issuer",
    "wrong_audience": "`aud` does not name the configured audience",
    "wrong_subject": "`sub` or `client_id` is not whom this kind of token must be about",
    "wrong_kind": "a claim says that this is another kind of token",
    "expired": "`exp` has passed, or the token is older than its kind may be",
    "not_yet_valid": "`nbf` lies ahead",
    "issued_in_future": "`iat` or `auth_time` lies ahead",
    "lifetime_too_long": "`exp` lies further from `iat` than allowed, or before it",
    # The sign-in that an ID token tells about.
    "nonce_mismatch": "`nonce` is not the one of the request, or there is one and none was sent",
    "wrong_party": "`azp` is not the client, or is missing beside several audiences",
    "hash_mismatch": "`at_hash` or `c_hash` does not fit what came with the ID token, or is missing",
    "sign_in_too_old": "`auth_time` is missing or lies further back than `max_age`",
    "sign_in_too_weak": "`acr` is none of those asked for",
    # The proof of possession.
    "binding_required": "the token is bound to a key (`cnf`), and no proof was verified",
    "wrong_binding": "the token is bound to another key than the one proved, or in an unknown way",
    "proof_refused": "a proof was presented with a token that is not bound to any key",
    "proof_count": "not exactly one DPoP proof",
    "wrong_method": "`htm` is not the request's method",
    "wrong_target": "`htu` is not the request's URL",
    "wrong_token_hash": "`ath` is not the hash of the access token that came with the proof",
    "nonce_required": "`nonce` is missing, unknown or too old: the server gives a new one",
    "replayed": "this proof was used before",
    "replays_unavailable": "whether the proof was used before cannot be known right now",
    # Encryption.
    "not_encrypted": "not five parts of a compact JWE, where only an encrypted token is accepted",
    "encryption_refused": "`enc` is not on the list of acceptable encryptions",
    "decryption_failed": "the key does not open this JWE, or it was changed; which of the two is not told",
    "not_nested": "the JWE holds no signed JWT where one is expected, or a JWT where none is",
}
