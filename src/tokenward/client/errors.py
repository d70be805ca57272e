"""How getting a token fails: three kinds, by what the application can do about it."""


class TokenError(Exception):
    """No token, and asking again will not change that: a setting is wrong, or the server refuses.

    Attributes:
        code: an `error` value of the server (RFC 6749 §5.2), or one of ours, such as `malformed_response`,
            `secret_unavailable`, `wrong_destination`.
        text: what is wrong, and where we know it, what mends it; holds no credential.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text

    def again(self) -> "TokenError":
        """The same for another who waits: an exception gathers the traces of all who raise it."""
        return type(self)(self.code, self.text)


class ServerUnavailable(TokenError):  # noqa: N818 - a state of the world
    """No token now: the server cannot be reached, or is in trouble. Later there may be one."""


class SignInRequired(TokenError):  # noqa: N818 - what to do
    """No token without the person: somebody has to sign in."""
