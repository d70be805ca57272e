"""How an access token has to be presented (RFC 6749 §7.1)."""

from tokenward.tokens.binding import Confirmation


def token_type(cnf: Confirmation | None) -> str:
    """`DPoP` for one that is bound to a DPoP key (RFC 9449 §5); one bound to a certificate stays `Bearer`."""
    return "DPoP" if cnf is not None and cnf.member == "jkt" else "Bearer"
