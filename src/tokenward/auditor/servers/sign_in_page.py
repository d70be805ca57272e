"""The page on which people sign in: who may show it inside another, who keeps it, what its cookies are."""

from http.cookies import CookieError, SimpleCookie

from tokenward.auditor.findings import Check
from tokenward.auditor.servers.rules import Found
from tokenward.auditor.servers.visit import Act, Visit
from tokenward.base.severity import Severity

_SAFE_REFERRERS = frozenset(
    {"no-referrer", "same-origin", "strict-origin", "origin", "strict-origin-when-cross-origin"}
)


def _framed(visit: Visit) -> Found:
    page = visit.sign_in
    if "frame-ancestors" not in page.header("content-security-policy") and not page.header("x-frame-options"):
        yield visit.place("authorization_endpoint"), "It has neither `frame-ancestors` nor `X-Frame-Options`."


def _stored(visit: Visit) -> Found:
    page = visit.sign_in
    if "no-store" not in page.header("cache-control"):
        yield (
            visit.place("authorization_endpoint"),
            f"Its `Cache-Control` is {page.header('cache-control') or 'missing'!r}.",
        )


def _referrer(visit: Visit) -> Found:
    page = visit.sign_in
    policies = {each.strip().lower() for each in page.header("referrer-policy").split(",")}
    if not policies & _SAFE_REFERRERS:
        yield (
            visit.place("authorization_endpoint"),
            f"Its `Referrer-Policy` is {page.header('referrer-policy') or 'missing'!r}.",
        )


def _cookies(visit: Visit) -> Found:
    page = visit.sign_in
    for reply in visit.replies:
        for line in reply.each("set-cookie"):
            try:
                cookies = SimpleCookie(line)
            except CookieError:
                continue
            for name, morsel in cookies.items():
                secure = page.url.startswith("https:")
                missing = [
                    flag for flag in ("HttpOnly", *(["Secure"] if secure else [])) if not morsel[flag.lower()]
                ]
                if missing and morsel.value:
                    yield (
                        visit.place("authorization_endpoint"),
                        f"{name[:60]!r} lacks `{'` and `'.join(missing)}`.",
                    )
                    return


def _readable_by_scripts(visit: Visit) -> Found:
    visit.authorize({})
    url = visit.seen.url("authorization_endpoint")
    for reply in visit.replies:
        if reply.url.startswith(url) and reply.header("access-control-allow-origin"):
            allowed = reply.header("access-control-allow-origin")
            yield (
                visit.place("authorization_endpoint"),
                f"It answers `Access-Control-Allow-Origin: {allowed}`.",
            )
            return


SIGN_IN_PAGE: tuple[Act, ...] = (
    Act(
        Check(
            "server.page-framed",
            "The sign-in page can be shown inside another page",
            Severity.MEDIUM,
            why="Nothing keeps a stranger's page from laying the real one, invisible, under its own buttons.",
            attack="People who click on a game consent to an application (clickjacking).",
            fix="Send `Content-Security-Policy: frame-ancestors 'none'`, and `X-Frame-Options: DENY` for"
            " old browsers.",
            references=("RFC 9700 §4.16", "RFC 6749 §10.13"),
            recommendation="oauth-is-not-login",
        ),
        _framed,
    ),
    Act(
        Check(
            "server.page-stored",
            "The sign-in page may be kept",
            Severity.LOW,
            why="A copy in a cache holds what belongs to one sign-in, and is shown to whoever comes after.",
            attack="Who uses the same browser or proxy later goes back to the page of another.",
            fix="Send `Cache-Control: no-store`.",
            references=("RFC 9700 §4.3", "RFC 9111 §5.2.2.5"),
            recommendation="like-passwords",
        ),
        _stored,
    ),
    Act(
        Check(
            "server.page-referrer",
            "The sign-in page does not say what its links tell others",
            Severity.LOW,
            why="The address of the page holds the request; with every picture and link it goes to others,"
            " by the browser's leave.",
            attack="A third party on the page learns `state` and whatever else the address holds.",
            fix="Send `Referrer-Policy: no-referrer` or `same-origin`.",
            references=("RFC 9700 §4.2.4",),
            recommendation="like-passwords",
        ),
        _referrer,
    ),
    Act(
        Check(
            "server.cookie-flags",
            "A cookie of the sign-in lacks what protects it",
            Severity.LOW,
            why="Without `HttpOnly` scripts read it, without `Secure` it goes over plain HTTP.",
            attack="One injected script, or one unencrypted request, gives the session away.",
            fix="Set `HttpOnly`, `Secure` and `SameSite`, and a name that begins with `__Host-`.",
            references=("RFC 6265 §4.1.2", "OWASP API2:2023"),
            recommendation="oauth-is-not-login",
        ),
        _cookies,
    ),
    Act(
        Check(
            "server.authorize-cors",
            "Scripts of others may read answers of the authorization endpoint",
            Severity.MEDIUM,
            why="Clients send people there by a redirect; no script ever has a reason to read the answer.",
            attack="A page that a signed-in person visits asks for a code by script, and reads it.",
            fix="Send no `Access-Control-Allow-Origin` there.",
            references=("RFC 9700 §2.6",),
            recommendation="trust-no-one",
        ),
        _readable_by_scripts,
    ),
)
