"""Where a browser may go on after a form of ours: nowhere but to pages of this issuer."""

import re

LANDING = "/"
ACCOUNT = "/account"
MAX_CONTINUE = 4096
UNSENT = "unsent"
"""In the query of the sign-in page: a form was not taken, since its person must sign in first."""

# Path and query of our pages, in the characters that browsers leave in a query (WHATWG URL §1.3), and no
# backslash. With the path fixed there is no host, no scheme and no line break to smuggle in.
_QUERY = r"\?[!$-;=?-\[\]-~]*"
_CONTINUE = re.compile(
    rf"/(?:authorize{_QUERY}|device(?:{_QUERY})?|account(?:/[a-z-]{{1,32}}){{0,2}}(?:{_QUERY})?)"
)


def safe_continue(text: str) -> str:
    """`text` if it leads to the authorization endpoint, the device page or an account; else `LANDING`."""
    return text if len(text) <= MAX_CONTINUE and _CONTINUE.fullmatch(text) else LANDING
