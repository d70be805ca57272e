"""Trials about how a good token is presented: where no API should look for one, or in a form that is none."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

from tokenward.auditor.probing.firing import Trial
from tokenward.auditor.probing.likeness import Verdict
from tokenward.auditor.probing.wire import Shot, carried

_NAMES = ("access_token", "token", "jwt")
_BAD = b"tokenward-probe"


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
        join, good = "&" if "?" in base.url else "?", token()
        url = f"{base.url}{join}{name}={quote(good, safe='')}"
        return replace(base, url=url).proving(carried(good))

    def cookie(name: str) -> Shot:
        octets = carried(token())
        return base.plus(("Cookie", name.encode() + b"=" + octets)).proving(octets)

    def form() -> Shot:
        good = token()
        body = f"access_token={quote(good, safe='')}".encode()
        # Servers that do not read the body of a GET take it for the next request on the same connection.
        form = ("Content-Type", b"application/x-www-form-urlencoded")
        shot = replace(base.plus(form, ("Connection", b"close")), body=body)
        return shot.proving(carried(good))

    for name in _NAMES:
        yield Trial("probe.token-in-query", f"as `{name}`", lambda name=name: query(name), malformed=True)  # type: ignore[misc]
    for name in _NAMES:
        yield Trial("probe.token-in-cookie", f"as `{name}`", lambda name=name: cookie(name), malformed=True)  # type: ignore[misc]
    yield Trial("probe.token-in-form", "as `access_token`", form, malformed=True)


def _header(base: Shot, token: Callable[[], str]) -> Iterator[Trial]:
    def fields(*make: Callable[[bytes], bytes]) -> Callable[[], Shot]:
        def shot() -> Shot:
            octets = carried(token())
            return base.plus(*(("Authorization", each(octets)) for each in make)).proving(octets)

        return shot

    scheme = base.scheme

    def good(octets: bytes) -> bytes:
        return scheme + b" " + octets

    def bad(_: bytes) -> bytes:
        return scheme + b" " + _BAD

    several = {
        "two fields, the good one first": fields(good, bad),
        "two fields, the good one last": fields(bad, good),
        "two in one field, the good one first": fields(lambda it: good(it) + b", " + scheme + b" " + _BAD),
        "two in one field, the good one last": fields(lambda it: scheme + b" " + _BAD + b", " + good(it)),
        "Basic before it": fields(lambda it: b"Basic eDp5, " + good(it)),
        "Basic in a field before it": fields(lambda _: b"Basic eDp5", good),
    }
    for name, shot in several.items():
        yield Trial("probe.several-credentials", name, shot, malformed=True)
    named = scheme.decode()
    lenient = {
        "no scheme": fields(lambda it: it),
        "scheme Token": fields(lambda it: b"Token " + it),
        "scheme JWT": fields(lambda it: b"JWT " + it),
        "scheme Basic": fields(lambda it: b"Basic " + it),
        f"a scheme that ends in {named}": fields(lambda it: b"x" + scheme + b" " + it),
        f"a scheme that begins with {named}": fields(lambda it: scheme + b"x " + it),
        "no space after the scheme": fields(lambda it: scheme + it),
        "a tab after the scheme": fields(lambda it: scheme + b"\t" + it),
        "a colon after the scheme": fields(lambda it: scheme + b": " + it),
        "a word after the token": fields(lambda it: scheme + b" " + it + b" x"),
        "a comma and a word after the token": fields(lambda it: scheme + b" " + it + b",x"),
    }
    if base.holder is None:  # of bound tokens it is a check of its own
        lenient["scheme DPoP, without a proof"] = fields(lambda it: b"DPoP " + it)
    for name, shot in lenient.items():
        yield Trial("probe.lenient-header", name, shot, malformed=True)
    for spelling in (scheme.lower(), scheme.upper()):
        spelled = fields(lambda it, spelling=spelling: spelling + b" " + it)  # type: ignore[misc]
        yield Trial("probe.scheme-case", spelling.decode(), spelled, right=Verdict.ACCEPTED)
