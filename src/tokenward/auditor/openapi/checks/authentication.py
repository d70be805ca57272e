"""Who is let in, and by what."""

from collections.abc import Callable, Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.rule import ApiRule, Hit, OperationRule, Rule, Subject, plural
from tokenward.auditor.openapi.servers import host_of, is_local
from tokenward.auditor.openapi.view import READS, Operation, Scheme
from tokenward.auditor.openapi.words import is_credential, words
from tokenward.base.severity import Severity

# What has to be open, because it is what one calls first. By the last words of the path.
_SIGN_IN = frozenset({
    "login", "signin", "logon", "signup", "register", "registration", "token", "tokens", "oauth",
    "authorize", "authenticate", "auth", "session", "sessions", "forgot", "reset", "callback",
    "refresh", "introspect", "revoke", "otp", "verify", "webhook", "webhooks",
})  # fmt: skip
_ALWAYS_OPEN = frozenset({
    "health", "healthz", "healthcheck", "ready", "readyz", "readiness", "live", "livez", "liveness",
    "ping", "status", "version", "openapi", "swagger", "docs", "jwks", "robots", "favicon", "known",
})  # fmt: skip
# https://www.iana.org/assignments/http-authschemes
_KNOWN_HTTP = frozenset({
    "basic", "bearer", "concealed", "digest", "dpop", "gnap", "hoba", "mutual", "negotiate",
    "oauth", "privatetoken", "scram-sha-1", "scram-sha-256", "vapid",
})  # fmt: skip
_KINDS = frozenset({"apiKey", "http", "oauth2", "openIdConnect", "mutualTLS"})
_Find = Callable[[Subject], Iterator[Hit]]
_LONG = 24 * 3600  # seconds


def _no_schemes(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    calls = [each for each in api.calls if not each.open_on_purpose]
    if calls and not api.schemes:
        writing = sum(each.writes for each in calls)
        severity = Severity.HIGH if writing else Severity.MEDIUM
        detail = (
            f"{plural(len(calls), 'operation')}, of which {writing:,} write, and no way to tell who calls."
        )
        yield Hit(api.root, detail, severity)


def _open(operation: Operation, subject: Subject) -> bool:
    return (
        operation.kind == "path"
        and bool(subject.api.schemes)
        and not any(each.wanted for each in operation.security or ())
        and not operation.open_on_purpose
    )


def _why_open(operation: Operation) -> str:
    if operation.security is None:
        return "neither it nor the document says `security`"
    return "`security` is empty" if not operation.security else "`security` is only `{}`"


def _said(operation: Operation) -> set[str]:
    return {word for part in operation.path.split("/")[-2:] for word in words(part)}


def _write_unprotected(operation: Operation, subject: Subject) -> Iterator[Hit]:
    if operation.writes and _open(operation, subject):
        first = bool(_said(operation) & _SIGN_IN)
        told = f"{operation.label}: {_why_open(operation)}."
        if first:
            told = f"{operation.label}, which looks like a part of signing in: {_why_open(operation)}."
        yield Hit(operation.node, told, Severity.INFO if first else None)


def _read_unprotected(operation: Operation, subject: Subject) -> Iterator[Hit]:
    if operation.method in READS and _open(operation, subject):
        said = _said(operation)
        if not said & _ALWAYS_OPEN:
            severity = Severity.INFO if said & _SIGN_IN else None
            yield Hit(operation.node, f"{operation.label}: {_why_open(operation)}.", severity)


def _optional(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    alternatives = operation.security or ()
    if operation.kind != "path" or operation.open_on_purpose:
        return
    if any(each.wanted for each in alternatives) and not all(each.wanted for each in alternatives):
        severity = Severity.HIGH if operation.writes else None
        yield Hit(
            operation.security_node or operation.node,
            f"{operation.label} has `{{}}` among the ways.",
            severity,
        )


def _undeclared(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    everywhere = [*api.requirements, *(it for each in api.operations for it in each.security or ())]
    for requirement in everywhere:
        for name in requirement.wanted:
            # OpenAPI 3.2 §4.30 lets a requirement name a scheme by its URI
            if name not in api.schemes and not name.startswith(("#/", "./", "http")):
                yield Hit(requirement.node, f"{name!r} is not among the schemes of the document.")


def _unused(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    used = {name for it in api.requirements for name in it.wanted}
    used |= {name for each in api.operations for it in each.security or () for name in it.wanted}
    if used:  # else the other checks have said so
        for name, scheme in api.schemes.items():
            if name not in used:
                yield Hit(scheme.node, f"Nothing asks for {name!r}.")


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


def _plain_endpoints(subject: Subject) -> Iterator[Hit]:
    for scheme in subject.api.schemes.values():
        places = [(key, node) for flow in scheme.flows for key, node in flow.urls.items()]
        discovery = scheme.node.child("openIdConnectUrl")
        if discovery is not None:
            places.append(("openIdConnectUrl", discovery))
        for key, node in places:
            url = node.value.lower() if isinstance(node.value, str) else ""
            if url.startswith("http://") and not is_local(host_of(url)):
                yield Hit(node, f"`{key}` of the scheme {scheme.name!r}.")


def _in_url(operation: Operation, subject: Subject) -> Iterator[Hit]:
    keys = {
        it.parameter for it in subject.api.schemes.values() if it.kind == "apiKey" and it.where == "query"
    }
    for each in operation.parameters:
        if (
            each.where in {"query", "path", "querystring"}
            and is_credential(each.name)
            and each.name not in keys
        ):
            yield Hit(each.node, f"The {each.where} parameter {each.name!r} of {operation.label}.")


def _header_parameter(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    for each in operation.parameters:
        if each.where == "header" and each.name.lower() == "authorization":
            yield Hit(each.node, f"A parameter of {operation.label}.")


def _bearer(subject: Subject) -> Iterator[Hit]:
    for scheme in subject.api.schemes.values():
        if (
            _is_bearer(scheme)
            and not scheme.node.text("bearerFormat")
            and not scheme.node.text("description")
        ):
            yield Hit(scheme.node, f"The scheme {scheme.name!r} tells neither format nor meaning.")


def _is_bearer(scheme: Scheme) -> bool:
    return scheme.kind == "http" and scheme.http == "bearer"


def _long_lived(operation: Operation, subject: Subject) -> Iterator[Hit]:
    for response in operation.responses:
        for media in response.media:
            examples = [media.node.child("example"), *_values(media.node, subject)]
            if media.schema is not None:
                examples.append(subject.library.resolve(media.schema).child("example"))
            for example in examples:
                lives = None if example is None else example.child("expires_in")
                if lives is not None and isinstance(lives.value, int) and lives.value > _LONG:
                    days = lives.value / 86_400
                    yield Hit(lives, f"{operation.label} shows a token that lives {days:,.0f} days.")


def _values(node: Node, subject: Subject) -> Iterator[Node | None]:
    for each in node.members("examples"):
        yield subject.library.resolve(each).child("value")


RULES: tuple[Rule, ...] = (
    ApiRule(
        Check(
            "openapi.no-security-schemes",
            "Nobody is asked who calls",
            Severity.HIGH,
            why="The document declares no security scheme, so as far as it tells the whole API is "
            "open to everybody.",
            attack="Anybody on the network calls every operation, in a loop, without leaving a name.",
            fix="Declare a scheme and ask for it in `security` at the top. What is meant to be open says "
            "`x-tokenward-risk: public`.",
            references=("OWASP API2:2023", "OpenAPI 3.1 §4.8.27"),
            recommendation="trust-no-one",
        ),
        "authentication",
        _no_schemes,
    ),
    OperationRule(
        Check(
            "openapi.write-unprotected",
            "Anybody may write",
            Severity.HIGH,
            why="An operation that changes something asks nobody who calls.",
            attack="A script creates, changes or deletes as much as it likes, and nothing tells who did it.",
            fix="Ask for a scheme in `security`, of the operation or of the document. If it is meant "
            "to be open, "
            "write `x-tokenward-risk: public` beside it.",
            references=("OWASP API2:2023", "OWASP API5:2023"),
            recommendation="trust-no-one",
        ),
        "authentication",
        _write_unprotected,
    ),
    OperationRule(
        Check(
            "openapi.read-unprotected",
            "Anybody may read",
            Severity.MEDIUM,
            why="An operation that answers data asks nobody who calls.",
            attack="Everything behind it is copied at leisure, address by address.",
            fix="Ask for a scheme in `security`. If it is meant to be open, write `x-tokenward-risk: "
            "public` beside it.",
            references=("OWASP API2:2023", "OWASP API9:2023"),
            recommendation="everything-is-public",
        ),
        "authentication",
        _read_unprotected,
    ),
    OperationRule(
        Check(
            "openapi.security-optional",
            "Credentials are optional",
            Severity.MEDIUM,
            why="`{}` among the alternatives of `security` means that none of them has to be met.",
            attack="Whoever has no credential leaves it out, and is let in all the same.",
            fix="Remove `{}`, or split what anybody may see into an operation of its own.",
            references=("OWASP API2:2023", "OpenAPI 3.1 §4.8.30"),
            recommendation="trust-no-one",
        ),
        "authentication",
        _optional,
    ),
    ApiRule(
        Check(
            "openapi.security-undeclared",
            "An unknown scheme is asked for",
            Severity.HIGH,
            why="What `security` names does not exist, and tools treat that as no protection at all.",
            attack="A gateway that is made from the document skips what it does not know, and the "
            "operation is open.",
            fix="Declare the scheme, or mend its name.",
            references=("OpenAPI 3.1 §4.8.30", "OWASP API8:2023"),
            recommendation="as-code",
        ),
        "authentication",
        _undeclared,
    ),
    ApiRule(
        Check(
            "openapi.security-unused",
            "A declared scheme protects nothing",
            Severity.LOW,
            why="Readers take it for protection that is not there, or it is a way in that nobody documents.",
            attack="An old way in that is still open is found by trying.",
            fix="Ask for it where it is taken, or remove it.",
            references=("OWASP API9:2023",),
            recommendation="as-code",
        ),
        "authentication",
        _unused,
    ),
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
    ApiRule(
        Check(
            "openapi.auth-endpoint-http",
            "Tokens are got without TLS",
            Severity.HIGH,
            why="Passwords, codes and tokens go over the line where anybody can read them.",
            attack="Whoever shares the network reads the token, or sends the person to a sign-in "
            "page of their own.",
            fix="Write `https://`, and have the server refuse anything else.",
            references=("RFC 6749 §3.1", "RFC 9700 §4.1", "OWASP API8:2023"),
            recommendation="trust-no-one",
        ),
        "authentication",
        _plain_endpoints,
    ),
    OperationRule(
        Check(
            "openapi.credential-in-url",
            "A credential in the URL",
            Severity.HIGH,
            why="URLs stay in logs of servers and proxies, in histories of browsers and in `Referer` "
            "headers.",
            attack="Whoever can read a log of any machine on the way has it.",
            fix="Take it from the `Authorization` header, or from the body of a POST.",
            references=("RFC 9700 §4.3.2", "RFC 6750 §5.3", "OWASP API2:2023"),
            recommendation="like-passwords",
        ),
        "authentication",
        _in_url,
    ),
    OperationRule(
        Check(
            "openapi.authorization-parameter",
            "`Authorization` written as a parameter",
            Severity.LOW,
            why="OpenAPI ignores such a parameter: to tools the operation asks for nothing.",
            attack="A gateway or a test that is made from the document does not know that anything "
            "is protected.",
            fix="Declare a security scheme and ask for it in `security`.",
            references=("OpenAPI 3.1 §4.8.12.1", "OWASP API8:2023"),
            recommendation="as-code",
        ),
        "authentication",
        _header_parameter,
    ),
    ApiRule(
        Check(
            "openapi.bearer-undescribed",
            "Nobody can tell what the bearer token is",
            Severity.INFO,
            why="Neither the format nor who issues and checks the token is said, so that nobody can "
            "check it right.",
            attack="A backend that has to guess takes tokens of another issuer, for another audience "
            "or expired ones.",
            fix="Write `bearerFormat`, and in `description` the issuer, the audience and what is checked.",
            references=("RFC 8725 §3", "OWASP API2:2023"),
            recommendation="validate-thoroughly",
        ),
        "authentication",
        _bearer,
    ),
    OperationRule(
        Check(
            "openapi.long-lived-token",
            "Tokens that live for days",
            Severity.MEDIUM,
            why="An access token cannot be taken back everywhere at once; its end is what limits the damage.",
            attack="A token out of an old log still opens the door.",
            fix="Let access tokens live minutes, and renew them with refresh tokens that rotate.",
            references=("RFC 9700 §2.2", "OWASP API2:2023"),
            recommendation="oauth",
        ),
        "authentication",
        _long_lived,
    ),
)
