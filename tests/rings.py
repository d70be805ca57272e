"""Signing keys that are what they are, for tests that are not about their lives."""

from tokenward.base.problems import UNAVAILABLE, Refusal


class FixedRing:
    """What a `KeyRing` offers, over given keys; while `fresh` is False, nothing."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.fresh = True

    def signer(self, algorithm):
        for key in self.keys:
            if self.fresh and key.algorithm == algorithm:
                return key
        raise Refusal(UNAVAILABLE)

    def signs(self, kid, at):
        return any(key.kid == kid for key in self.keys)

    def publishes(self, kid):
        if not self.fresh:
            raise Refusal(UNAVAILABLE)
        return any(key.kid == kid for key in self.keys)

    def jwks(self):
        if not self.fresh:
            raise Refusal(UNAVAILABLE)
        return {"keys": [key.public_jwk() for key in self.keys]}
