"""The addresses that are published, and which are missing."""

from tokenward.auditor.findings import Check
from tokenward.auditor.servers.published import Published
from tokenward.auditor.servers.rules import Found, Rule, host_of, is_loopback, listed, parts_of
from tokenward.base.severity import Severity


def _over_http(seen: Published) -> Found:
    for member, url in seen.endpoints():
        if not url.startswith("https://") and not is_loopback(url):
            yield seen.place(member.partition("/")[0]), f"`{member}` is {url}."


def _elsewhere(seen: Published) -> Found:
    own = host_of(seen.issuer)
    others = [(member, host_of(url)) for member, url in seen.endpoints() if host_of(url) not in {own, ""}]
    if others and not (
        is_loopback(seen.issuer) and all(is_loopback(f"http://{host}/") for _, host in others)
    ):
        hosts = sorted({host for _, host in others})
        yield (
            seen.place(others[0][0].partition("/")[0]),
            f"Beside {own} there is {', '.join(hosts)}, for {listed([member for member, _ in others])}.",
        )


def _form(seen: Published) -> Found:
    for member, url in seen.endpoints():
        parts = parts_of(url)
        if parts.fragment or url.endswith("#") or "@" in parts.netloc:
            yield seen.place(member.partition("/")[0]), f"`{member}` has a fragment or a user name."


def _no_revocation(seen: Published) -> Found:
    if "revocation_endpoint" not in seen.metadata:
        yield seen.place(), ""


def _introspected_by_anybody(seen: Published) -> Found:
    if "none" in seen.names("introspection_endpoint_auth_methods_supported"):
        yield seen.place("introspection_endpoint_auth_methods_supported"), "Its methods hold `none`."


def _no_par(seen: Published) -> Found:
    if (
        "authorization_endpoint" in seen.metadata
        and "pushed_authorization_request_endpoint" not in seen.metadata
    ):
        yield seen.place(), ""


def _registration(seen: Published) -> Found:
    if "registration_endpoint" in seen.metadata:
        yield seen.place("registration_endpoint"), f"It is {seen.url('registration_endpoint')}."


def _no_logout(seen: Published) -> Found:
    if seen.openid and seen.metadata.get("backchannel_logout_supported") is not True:
        yield seen.place("backchannel_logout_supported"), ""


ENDPOINTS: tuple[Rule, ...] = (
    Rule(
        Check(
            "server.endpoint-http",
            "An endpoint is reached without TLS",
            Severity.HIGH,
            why="Passwords, codes, secrets and tokens go to the endpoints; only TLS keeps them from being"
            " read.",
            attack="Whoever reads along takes the code or the token, and whoever can answer gives his own.",
            fix="Publish https addresses only.",
            references=("RFC 6749 §3.1", "RFC 6749 §3.2", "RFC 9700 §2.6"),
            recommendation="trust-no-one",
        ),
        _over_http,
    ),
    Rule(
        Check(
            "server.endpoint-elsewhere",
            "Endpoints are on hosts other than the issuer's",
            Severity.INFO,
            why="Large providers do it on purpose; elsewhere it is a test system or a name that somebody"
            " else may hold by now.",
            attack="Whoever registers a name that was given up receives codes and client secrets.",
            fix="See that every one of these hosts is yours and meant.",
            references=("RFC 8414 §6.2", "RFC 9700 §4.4"),
            recommendation="trust-no-one",
        ),
        _elsewhere,
    ),
    Rule(
        Check(
            "server.endpoint-form",
            "An endpoint has a fragment or a user name",
            Severity.MEDIUM,
            why="Neither may be part of an endpoint, and programs differ in what they do with it.",
            attack="A user name before @ makes one host look like another in whatever shows the address.",
            fix="Publish it without.",
            references=("RFC 6749 §3.1", "RFC 6749 §3.2", "RFC 3986 §7.5"),
            recommendation="trust-no-one",
        ),
        _form,
    ),
    Rule(
        Check(
            "server.no-revocation",
            "Tokens cannot be revoked",
            Severity.LOW,
            why="An application that is done with a token, or has lost it, has no way to say so.",
            attack="A refresh token that leaked is good until it expires by itself.",
            fix="Offer an endpoint as RFC 7009 has it, and publish it as `revocation_endpoint`.",
            references=("RFC 7009 §2", "RFC 9700 §4.14.2"),
            recommendation="secrets-leak",
        ),
        _no_revocation,
    ),
    Rule(
        Check(
            "server.introspection-by-anybody",
            "Tokens may be asked about without authentication",
            Severity.HIGH,
            why="What is known of a token, its user and its scopes, is told to whoever has found one or"
            " guesses.",
            attack="Tokens are tried out until one is good, and nobody sees which API was meant.",
            fix="Demand authentication of everybody who asks, and take `none` out of the methods.",
            references=("RFC 7662 §2.1", "RFC 7662 §4"),
            recommendation="mind-the-claims",
        ),
        _introspected_by_anybody,
    ),
    Rule(
        Check(
            "server.no-par",
            "Authorization requests cannot be pushed",
            Severity.INFO,
            why="A request that goes through the browser can be read and changed there before the server"
            " sees it.",
            attack="Whoever sits in the browser asks for more than the application did.",
            fix="Offer pushed authorization requests; for APIs of high risk, require them.",
            references=("RFC 9126 §5", "RFC 9700 §2.6"),
            recommendation="oauth",
        ),
        _no_par,
    ),
    Rule(
        Check(
            "server.registration",
            "Clients can register themselves",
            Severity.INFO,
            why="That is meant for ecosystems in which applications are not known beforehand. Who may do"
            " it is to be decided; `--active` tells whether anybody may.",
            attack="A client with the name and the picture of another asks people for their consent.",
            fix="Demand an initial access token or a software statement, or take the endpoint away.",
            references=("RFC 7591 §5", "RFC 9700 §4.11.2"),
            recommendation="oauth",
        ),
        _registration,
    ),
    Rule(
        Check(
            "server.no-backchannel-logout",
            "Applications are not told when somebody signs out",
            Severity.INFO,
            why="A sign-out, or an account that is blocked, ends no session that an application keeps by"
            " itself.",
            attack="Whoever holds such a session goes on with it.",
            fix="Offer back-channel logout, or see that applications' sessions are short.",
            references=("OpenID Connect Back-Channel Logout §2.1",),
            recommendation="oauth-is-not-login",
        ),
        _no_logout,
    ),
)
