"""What a caller sees whose token is revoked while the answer is on its way: the gateway cuts it off."""

import httpx

CUT = "cut off"
"""In place of a status: the head of an answer came, and never its body."""


def status_of(http, url, token):
    """The status of a call with `token`, or CUT."""
    try:
        return http.get(url, headers={"authorization": f"Bearer {token}"}).status_code
    except httpx.RemoteProtocolError as error:
        if "without sending complete message body" not in str(error):
            raise
        return CUT
