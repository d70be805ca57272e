"""Trials about how a good token is presented: where no API should look for one, or in a form that is none."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

from tokenward.auditor.probing.firing import Trial
from tokenward.auditor.probing.likeness import Verdict
from tokenward.auditor.probing.wire import Shot, carried

_NAMES = ("access_token", "token", "jwt")
_BAD = b"Bearer tokenward-probe"


def presented(base: Shot, token: Callable[[], str]) -> Iterator[Trial]:
    """The good token in wrong places and forms.

    Args:
        base: the request without any credential.
        token: a good token, afresh each time.
    """
    yield from _elsewhere(base, token)
    yield from _header(base, token)


def _elsewhere(base: Shot, token: Callable[[], str]) -> Iterator[Trial]:
    def query(name: str) -> Shot:
        join = "&" if "?" in base.url else "?"
        return replace(base, url=f"{base.url}{join}{name}={quote(token(), safe='')}")

    def cookie(name: str) -> Shot:
        return base.plus(("Cookie", name.encode() + b"=" + carried(token())))

    def form() -> Shot:
        body = f"access_token={quote(token(), safe='')}".encode()
        # Servers that do not read the body of a GET take it for the next request on the same connection.
        form = ("Content-Type", b"application/x-www-form-urlencoded")
        return replace(base.plus(form, ("Connection", b"close")), body=body)

    for name in _NAMES:
        yield Trial("probe.token-in-query", f"as `{name}`", lambda name=name: query(name), malformed=True)  # type: ignore[misc]
    for name in _NAMES:
        yield Trial("probe.token-in-cookie", f"as `{name}`", lambda name=name: cookie(name), malformed=True)  # type: ignore[misc]
    yield Trial("probe.token-in-form", "as `access_token`", form, malformed=True)


def _header(base: Shot, token: Callable[[], str]) -> Iterator[Trial]:
    def fields(*make: Callable[[bytes], bytes]) -> Callable[[], Shot]:
        def shot() -> Shot:
            octets = carried(token())
            return base.plus(*(("Authorization", each(octets)) for each in make))

        return shot

    def good(octets: bytes) -> bytes:
        return b"Bearer " + octets

    def bad(_: bytes) -> bytes:
        return _BAD

    several = {
        "two fields, the good one first": fields(good, bad),
        "two fields, the good one last": fields(bad, good),
        "two in one field, the good one first": fields(lambda it: good(it) + b", " + _BAD),
        "two in one field, the good one last": fields(lambda it: _BAD + b", " + good(it)),
        "Basic before it": fields(lambda it: b"Basic eDp5, " + good(it)),
        "Basic in a field before it": fields(lambda _: b"Basic eDp5", good),
    }
    for name, shot in several.items():
        yield Trial("probe.several-credentials", name, shot, malformed=True)
    lenient = {
        "no scheme": fields(lambda it: it),
        "scheme Token": fields(lambda it: b"Token " + it),
        "scheme JWT": fields(lambda it: b"JWT " + it),
        "scheme Basic": fields(lambda it: b"Basic " + it),
        "scheme DPoP, without a proof": fields(lambda it: b"DPoP " + it),
        "a scheme that ends in Bearer": fields(lambda it: b"xBearer " + it),
        "a scheme that begins with Bearer": fields(lambda it: b"Bearerx " + it),
        "no space after the scheme": fields(lambda it: b"Bearer" + it),
        "a tab after the scheme": fields(lambda it: b"Bearer\t" + it),
        "a colon after the scheme": fields(lambda it: b"Bearer: " + it),
        "a word after the token": fields(lambda it: b"Bearer " + it + b" x"),
        "a comma and a word after the token": fields(lambda it: b"Bearer " + it + b",x"),
    }
    for name, shot in lenient.items():
        yield Trial("probe.lenient-header", name, shot, malformed=True)
    for scheme in ("bearer", "BEARER"):
        spelled = fields(lambda it, scheme=scheme: scheme.encode() + b" " + it)  # type: ignore[misc]
        yield Trial("probe.scheme-case", scheme, spelled, right=Verdict.ACCEPTED)
