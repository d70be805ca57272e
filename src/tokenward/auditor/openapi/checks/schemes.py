"""The ways to show who calls."""

from collections.abc import Callable, Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.rule import ApiRule, Hit, Rule, Subject, plural
from tokenward.base.severity import Severity

# https://www.iana.org/assignments/http-authschemes
_KNOWN_HTTP = frozenset({
    "basic", "bearer", "concealed", "digest", "dpop", "gnap", "hoba", "mutual", "negotiate",
    "oauth", "privatetoken", "scram-sha-1", "scram-sha-256", "vapid",
})  # fmt: skip
_KINDS = frozenset({"apiKey", "http", "oauth2", "openIdConnect", "mutualTLS"})
_Find = Callable[[Subject], Iterator[Hit]]


def _of_kind(*schemes: str) -> _Find:
    def find(subject: Subject) -> Iterator[Hit]:
        for scheme in subject.api.schemes.values():
            if scheme.kind == "http" and scheme.http in schemes:
                yield Hit(scheme.node, f"The scheme {scheme.name!r}{_plain_line(subject)}.")

    return find


def _plain_line(subject: Subject) -> str:
    plain = any(each.url.lower().startswith("http://") for each in subject.api.servers)
    return ", and a server is reached by http" if plain else ""


def _unknown_http(subject: Subject) -> Iterator[Hit]:
    for scheme in subject.api.schemes.values():
        if scheme.kind == "http" and scheme.http not in _KNOWN_HTTP:
            yield Hit(scheme.node, f"The scheme {scheme.name!r} takes {scheme.http or 'nothing'!r}.")
        elif scheme.kind not in _KINDS:
            yield Hit(scheme.node, f"The scheme {scheme.name!r} is of the type {scheme.kind or 'nothing'!r}.")


def _key_in(where: str) -> _Find:
    def find(subject: Subject) -> Iterator[Hit]:
        for scheme in subject.api.schemes.values():
            if scheme.kind == "apiKey" and scheme.where == where:
                yield Hit(scheme.node, f"The scheme {scheme.name!r} takes it from {scheme.parameter!r}.")

    return find


def _key_writes(subject: Subject) -> Iterator[Hit]:
    """One finding a scheme: it is the scheme that is wrong, not each operation."""
    api = subject.api
    for scheme in api.schemes.values():
        if scheme.kind != "apiKey":
            continue
        writing = [
            each
            for each in api.calls
            if each.writes and any(set(it.wanted) == {scheme.name} for it in each.security or ())
        ]
        if writing:
            told = f"{scheme.name!r} alone is enough for {plural(len(writing), 'operation')} that write,"
            yield Hit(scheme.node, f"{told} such as {writing[0].label}.")


def _flow(name: str) -> _Find:
    def find(subject: Subject) -> Iterator[Hit]:
        for scheme in subject.api.schemes.values():
            for flow in scheme.flows:
                if flow.name == name:
                    yield Hit(flow.node, f"The scheme {scheme.name!r} offers it.")

    return find


RULES: tuple[Rule, ...] = (
    ApiRule(
        Check(
            "openapi.http-basic",
            "HTTP Basic authentication",
            Severity.HIGH,
            why="The password itself travels with every call, does not expire and is good for everything.",
            attack="Whoever reads one request, in a log or a proxy, signs in as its user until the "
            "password changes.",
            fix="Take OAuth 2 with short-lived access tokens, or an API key where no person is concerned.",
            references=("RFC 7617 §4", "OWASP API2:2023"),
            recommendation="no-basic",
        ),
        "authentication",
        _of_kind("basic"),
    ),
    ApiRule(
        Check(
            "openapi.http-digest",
            "HTTP Digest authentication",
            Severity.MEDIUM,
            why="The server must keep what is as good as the password, mostly as MD5, and no second "
            "factor fits in.",
            attack="One recorded exchange is enough to guess the password offline; a stolen table "
            "needs no guessing.",
            fix="Take OAuth 2 with short-lived access tokens.",
            references=("RFC 7616 §5", "OWASP API2:2023"),
            recommendation="no-basic",
        ),
        "authentication",
        _of_kind("digest"),
    ),
    ApiRule(
        Check(
            "openapi.http-negotiate",
            "Negotiate or NTLM authentication",
            Severity.MEDIUM,
            why="NTLM can be relayed, and it authenticates a connection where HTTP knows only requests.",
            attack="A machine that is made to call elsewhere is signed in here by whoever stands between.",
            fix="Take OAuth 2 at the API, and Kerberos, if at all, where people sign in.",
            references=("RFC 4559 §6", "OWASP API2:2023"),
            recommendation="oauth",
        ),
        "authentication",
        _of_kind("negotiate", "ntlm"),
    ),
    ApiRule(
        Check(
            "openapi.oauth1",
            "OAuth 1.0",
            Severity.MEDIUM,
            why="It has no expiry, no scopes and HMAC-SHA1 or plain text signatures, and nobody "
            "maintains it.",
            attack="A token and a secret from an old application open everything, for years.",
            fix="Take OAuth 2.1 with short-lived tokens, bound to a key (DPoP) where signatures were "
            "the point.",
            references=("RFC 5849 §4", "OWASP API2:2023"),
            recommendation="oauth",
        ),
        "authentication",
        _of_kind("oauth"),
    ),
    ApiRule(
        Check(
            "openapi.unknown-scheme",
            "A way to authenticate that nobody else knows",
            Severity.LOW,
            why="Neither tools nor reviewers know what it promises, and home-made schemes rarely hold.",
            attack="What is signed, what expires and what can be replayed has to be guessed, and is "
            "worth guessing.",
            fix="Take a registered scheme, and describe what remains of your own.",
            references=("IANA HTTP Authentication Schemes", "OWASP API2:2023"),
            recommendation="oauth",
        ),
        "authentication",
        _unknown_http,
    ),
    ApiRule(
        Check(
            "openapi.api-key-in-query",
            "API key in the URL",
            Severity.HIGH,
            why="URLs stay in logs of servers and proxies, in histories of browsers and in `Referer` "
            "headers.",
            attack="Whoever can read a log of any machine on the way has the key.",
            fix="Take it from a header, and replace every key that has been in a URL.",
            references=("RFC 9700 §4.3.2", "OWASP API2:2023"),
            recommendation="like-passwords",
        ),
        "authentication",
        _key_in("query"),
    ),
    ApiRule(
        Check(
            "openapi.api-key-in-cookie",
            "API key in a cookie",
            Severity.LOW,
            why="Browsers send cookies by themselves, to whatever page made them call.",
            attack="A page of somebody else makes the browser call the API in its user's name (CSRF).",
            fix="Take it from a header, or demand `SameSite` and a CSRF token and write that into "
            "the description.",
            references=("RFC 6265 §8.2", "OWASP API2:2023"),
            recommendation="as-code",
        ),
        "authentication",
        _key_in("cookie"),
    ),
    ApiRule(
        Check(
            "openapi.api-key-writes",
            "An API key alone lets somebody write",
            Severity.LOW,
            why="API keys carry no person and do not expire by themselves: good for the weather, not "
            "for changes.",
            attack="A key from a repository or an application changes data, and the trail names no person.",
            fix="Ask for an OAuth 2 token with a scope where something is changed; exchange keys for "
            "such tokens.",
            references=("OWASP API2:2023", "RFC 8693"),
            recommendation="api-keys",
        ),
        "authentication",
        _key_writes,
    ),
    ApiRule(
        Check(
            "openapi.oauth-implicit",
            "OAuth 2 implicit flow",
            Severity.HIGH,
            why="Access tokens come in the address of a page, and nothing binds them to who asked for them.",
            attack="The token is read from the history, a `Referer` header or an open redirect, or "
            "swapped for another.",
            fix="Take the authorization code flow with PKCE, in browsers as well.",
            references=("RFC 9700 §2.1.2", "OWASP API2:2023"),
            recommendation="oauth",
        ),
        "authentication",
        _flow("implicit"),
    ),
    ApiRule(
        Check(
            "openapi.oauth-password",
            "OAuth 2 password flow",
            Severity.HIGH,
            why="Applications get people's passwords in their hands, and a second factor has no place in it.",
            attack="One bad application, or one log of a good one, has the passwords of all who used it.",
            fix="Take the authorization code flow with PKCE, or the device flow where there is no browser.",
            references=("RFC 9700 §2.4", "OWASP API2:2023"),
            recommendation="oauth",
        ),
        "authentication",
        _flow("password"),
    ),
)
