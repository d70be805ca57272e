"""How a command that needs a token fails: what is said, what to do, and the exit code."""

from tokenward.client.errors import SignInRequired, TokenError

REFUSED = 1
COULD_NOT_RUN = 2

# What an authorization server says no with (RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2, OpenID Connect Core
# §3.1.2.6), and our own no to a call that would show the token to somebody else.
_NO = frozenset(
    {
        "access_denied",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "login_required",
        "unauthorized_client",
        "unsupported_grant_type",
        "wrong_destination",
    }
)


def told(error: TokenError, profile: str) -> tuple[str, int]:
    """What to say of it, and the exit code."""
    if isinstance(error, SignInRequired) and error.code == "sign_in_required":
        return f"nobody is signed in as {profile}, or no longer: tokenward login --profile {profile}", REFUSED
    refused = isinstance(error, SignInRequired) or error.code in _NO
    return f"{profile}: {error.text or error.code}", REFUSED if refused else COULD_NOT_RUN
