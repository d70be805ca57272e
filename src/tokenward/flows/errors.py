"""The one way in which a flow fails."""


class FlowError(Exception):
    """The authorization server refused, or its answer cannot be trusted.

    Attributes:
        code: an `error` value of the server (RFC 6749 §4.1.2.1, §5.2), or one of ours: `malformed_response`,
            `state_mismatch`, `issuer_mismatch`.
        text: what it said, or what is wrong; holds no credential.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text
