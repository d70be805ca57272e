"""What a browser says of the page that a form was sent from (RFC 6454, Fetch Metadata)."""

from urllib.parse import urlsplit

from tokenward.base.asgi import Scope, header_values
from tokenward.base.problems import EXPIRED_FORM, FOREIGN_PAGE, Refusal

CSRF_HEADER = b"tokenward-csrf"
"""What a script of ours sets, to `1`. One of another origin would need a preflight, and gets none."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1; nobody sends TRACE from a page

_DEFAULT_PORTS = {"https": 443, "http": 80}


def origin_of(url: str) -> str:
    """The origin of an http(s) URL as browsers write it in `Origin` (RFC 6454 §6.1).

    Raises:
        ValueError: it has no host, or its port is malformed.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("not an http or https URL with a host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def refuse_other_sites(scope: Scope, origin: str) -> None:
    """Refuse a form that the browser says came from elsewhere. If it says nothing, other defences decide.

    `Origin: null` is elsewhere: our pages' referrer policy is same-origin, so their forms say more
    (Fetch §3.2), and what a sandboxed frame sends is null.

    Args:
        scope: the request.
        origin: ours, as `origin_of` gives it.

    Raises:
        Refusal: EXPIRED_FORM.
    """
    if any(value != origin.encode() for value in header_values(scope, b"origin")):
        raise Refusal(EXPIRED_FORM, "Origin is not this issuer's")
    # Fetch Metadata §2.3; "none" is the person's own doing, such as sending the form once more.
    if any(value not in {b"same-origin", b"none"} for value in header_values(scope, b"sec-fetch-site")):
        raise Refusal(EXPIRED_FORM, "Sec-Fetch-Site is not this origin")


def require_own_page(scope: Scope, origin: str) -> None:
    """Refuse what no page of this origin is known to have sent: for whatever a cookie alone would allow.

    Browsers say one of the two with every unsafe request (Fetch §3.2, Fetch Metadata §2.1); one that says
    neither is old enough to be turned against its person.

    Args:
        scope: the request.
        origin: ours, as `origin_of` gives it.

    Raises:
        Refusal: EXPIRED_FORM.
    """
    refuse_other_sites(scope, origin)
    if not header_values(scope, b"origin") and b"same-origin" not in header_values(scope, b"sec-fetch-site"):
        raise Refusal(EXPIRED_FORM, "neither Origin nor Sec-Fetch-Site says where it comes from")


def require_own_script(scope: Scope, origin: str) -> None:
    """Refuse what no script of a page of this origin is known to have sent.

    A form, a link or an image sets no header, and a script of another origin only after a preflight (Fetch
    §3.2.2). What the browser says of the page counts as well, and for unsafe methods it has to say it.

    Args:
        scope: the request; `method` and `headers` are read.
        origin: ours, as `origin_of` gives it.

    Raises:
        Refusal: FOREIGN_PAGE.
    """
    if header_values(scope, CSRF_HEADER) != [b"1"]:
        raise Refusal(FOREIGN_PAGE, "without the header that our pages set")
    try:
        (refuse_other_sites if scope["method"] in SAFE else require_own_page)(scope, origin)
    except Refusal as refusal:
        raise Refusal(FOREIGN_PAGE, refusal.detail) from None
