"""What the handshake of a WebSocket must be to be one, and from which pages (RFC 6455 §4.2).

Browsers send cookies along with a handshake to any server, and no CORS stands in their way: a page of anybody
could speak in its visitor's name (cross-site WebSocket hijacking). So who sends an Origin must be named.
"""

from collections.abc import Collection

from tokenward.base.problems import FOREIGN_ORIGIN, UPGRADE_REQUIRED, Refusal
from tokenward.gateway.cors import Cors
from tokenward.gateway.headers import RawHeaders


def check_handshake(headers: RawHeaders, cors: Cors | None, apps: Collection[str] = ()) -> None:
    """Whether a request to an operation that is a WebSocket may become one.

    Args:
        headers: screened.
        cors: the API's policy, whose origins are let in; `*` names none.
        apps: the origins of the browser apps whose sessions are good there.

    Raises:
        Refusal: UPGRADE_REQUIRED, it asks for no WebSocket; FOREIGN_ORIGIN.
    """
    if [value.strip().lower() for name, value in headers if name == b"upgrade"] != [b"websocket"]:
        raise Refusal(UPGRADE_REQUIRED, "no handshake of a WebSocket")
    origins = [value for name, value in headers if name == b"origin"]
    if not origins or (len(origins) == 1 and origins[0].decode("latin-1") in apps):
        return
    if len(origins) > 1 or cors is None or origins[0] not in cors.origins:
        raise Refusal(FOREIGN_ORIGIN, "a page of an origin that `cors` does not name")
