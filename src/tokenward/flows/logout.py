"""Signing out at the provider as well (OpenID Connect RP-Initiated Logout)."""

from urllib.parse import urlencode

from tokenward.flows.metadata import ServerMetadata

MAX_HINT = 4096
"""Characters of an ID token that still goes into an address."""


def sign_out_url(server: ServerMetadata, *, client_id: str, back: str, id_token: str = "") -> str:
    """Where a browser is sent to sign out there, and then to `back` (§2); "" where there is no such place.

    Args:
        server: what the provider says of itself.
        client_id: our name there.
        back: where it sends people afterwards; exactly as registered.
        id_token: the one of the session, so that it knows which is meant and need not ask; "" for none.
    """
    if not server.end_session_endpoint:
        return ""
    parameters = {
        "id_token_hint": id_token if len(id_token) <= MAX_HINT else "",
        "client_id": client_id,
        "post_logout_redirect_uri": back,
    }
    separator = "&" if "?" in server.end_session_endpoint else "?"
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{server.end_session_endpoint}{separator}{query}"
