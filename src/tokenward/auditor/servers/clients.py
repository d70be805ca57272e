"""How clients prove what they are, and requests that they sign."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.servers.published import Published
from tokenward.auditor.servers.rules import Found, Rule, listed
from tokenward.base.severity import Severity

_ENDPOINTS = ("token", "revocation", "introspection")
_BY_KEY = frozenset({"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"})
_BY_ASSERTION = frozenset({"private_key_jwt", "client_secret_jwt"})
CONFIDENTIAL_GRANTS = frozenset({"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"})


def _methods(endpoint: str) -> str:
    return f"{endpoint}_endpoint_auth_methods_supported"


def _algorithms(endpoint: str) -> str:
    return f"{endpoint}_endpoint_auth_signing_alg_values_supported"


def _nobody_proves_anything(seen: Published) -> Found:
    if seen.names(_methods("token")) == ("none",):
        grants = [each for each in seen.names("grant_types_supported") if each in CONFIDENTIAL_GRANTS]
        more = f", and {listed(grants)} beside it" if grants else ""
        yield seen.place(_methods("token")), f"The only method is `none`{more}."


def _secrets_only(seen: Published) -> Found:
    methods = seen.names(_methods("token")) or ("client_secret_basic",)  # RFC 8414 §2: the default
    if not _BY_KEY & set(methods) and methods != ("none",):
        yield seen.place(_methods("token")), f"It offers {listed(methods)}."


def _unsigned_assertions(seen: Published) -> Found:
    for endpoint in _ENDPOINTS:
        if "none" in seen.names(_algorithms(endpoint)):
            yield seen.place(_algorithms(endpoint)), f"The {endpoint} endpoint takes `none`."


def _assertions_by_secret(seen: Published) -> Found:
    for endpoint in _ENDPOINTS:
        found = [each for each in seen.names(_algorithms(endpoint)) if each.startswith("HS")]
        if found:
            yield seen.place(_algorithms(endpoint)), f"The {endpoint} endpoint takes {listed(found)}."


def _algorithms_unsaid(seen: Published) -> Found:
    for endpoint in _ENDPOINTS:
        if _BY_ASSERTION & set(seen.names(_methods(endpoint))) and not seen.names(_algorithms(endpoint)):
            yield seen.place(_methods(endpoint)), f"`{_algorithms(endpoint)}` is missing."


def _unsigned_requests(seen: Published) -> Found:
    member = "request_object_signing_alg_values_supported"
    if "none" in seen.names(member):
        yield seen.place(member), "It takes `none`."


def _fetches_requests(seen: Published) -> Found:
    # OpenID Connect Discovery §3: true where it is missing, and only there.
    supported = seen.metadata.get("request_uri_parameter_supported", seen.openid)
    if supported is True and seen.metadata.get("require_request_uri_registration") is not True:
        missing = "request_uri_parameter_supported" not in seen.metadata
        why = "is missing, which stands for true" if missing else "is true"
        yield (
            seen.place("request_uri_parameter_supported"),
            f"`request_uri_parameter_supported` {why}, and the addresses need not be registered.",
        )


def _weak_encryption(seen: Published) -> Found:
    for member in _encryption_members(seen):
        if "RSA1_5" in seen.names(member):
            yield seen.place(member), "It offers `RSA1_5`."


def _encryption_members(seen: Published) -> Iterator[str]:
    return (name for name in seen.metadata if name.endswith("encryption_alg_values_supported"))


CLIENTS: tuple[Rule, ...] = (
    Rule(
        Check(
            "server.clients-unproved",
            "No client can prove what it is",
            Severity.HIGH,
            why="Where `none` is the only method, every client is whatever it says.",
            attack="Anybody asks for tokens in the name of any application.",
            fix="Offer `private_key_jwt` or mTLS to applications on servers; `none` is for those that are"
            " distributed.",
            references=("RFC 9700 §2.5", "RFC 6749 §3.2.1"),
            recommendation="oauth",
        ),
        _nobody_proves_anything,
    ),
    Rule(
        Check(
            "server.secrets-only",
            "Clients can prove what they are by a shared secret only",
            Severity.LOW,
            why="A secret is on both sides and in each request; a private key leaves its machine never.",
            attack="Whoever finds the secret in a repository, a log or a dump is the client.",
            fix="Offer `private_key_jwt` or mTLS.",
            references=("RFC 9700 §2.5", "RFC 7523 §2.2", "RFC 8705 §2"),
            recommendation="secrets-leak",
        ),
        _secrets_only,
    ),
    Rule(
        Check(
            "server.assertion-none",
            "Unsigned assertions pass for authentication",
            Severity.CRITICAL,
            why="An assertion with `alg: none` can be written by anybody.",
            attack="Anybody authenticates as any client, and takes its tokens.",
            fix="Take `none` out; the specification forbids it here.",
            references=("RFC 8414 §2", "RFC 7523 §3", "RFC 8725 §3.1"),
            recommendation="validate-thoroughly",
        ),
        _unsigned_assertions,
    ),
    Rule(
        Check(
            "server.assertion-by-secret",
            "Assertions are signed with a shared secret",
            Severity.LOW,
            why="The server has to keep the secret itself, not its hash, and a short one can be guessed"
            " from a single assertion.",
            attack="Whoever sees an assertion tries secrets on his own machine until one fits.",
            fix="Take `private_key_jwt` with ES256, EdDSA or PS256.",
            references=("RFC 9700 §2.5", "RFC 8725 §3.5"),
            recommendation="validate-thoroughly",
        ),
        _assertions_by_secret,
    ),
    Rule(
        Check(
            "server.assertion-algorithms-unsaid",
            "It is not said which algorithms assertions may have",
            Severity.LOW,
            why="The member is required where assertions are taken: without it nobody can see what the"
            " server refuses.",
            attack="A client falls back on whatever its library does, down to `none`.",
            fix="Publish the list.",
            references=("RFC 8414 §2",),
            recommendation="validate-thoroughly",
        ),
        _algorithms_unsaid,
    ),
    Rule(
        Check(
            "server.request-none",
            "Unsigned request objects are taken",
            Severity.MEDIUM,
            why="A request object replaces the parameters in the address; unsigned, it is written by"
            " anybody.",
            attack="A request that a client signed is exchanged for an unsigned one with other scopes or"
            " another address.",
            fix="Take `none` out, and set `require_signed_request_object` for clients that sign.",
            references=("RFC 9101 §10.5", "OpenID Connect Core §6.1"),
            recommendation="validate-thoroughly",
        ),
        _unsigned_requests,
    ),
    Rule(
        Check(
            "server.request-uri",
            "The server fetches requests from any address",
            Severity.MEDIUM,
            why="`request_uri` makes the server ask whatever address an unauthenticated request names.",
            attack="The server is made to ask inside addresses, such as those of cloud metadata (SSRF).",
            fix="Turn it off, or require that the addresses be registered; offer pushed requests in its"
            " place.",
            references=("RFC 9101 §10.4", "OpenID Connect Discovery §3", "OWASP API7:2023"),
            recommendation="as-code",
        ),
        _fetches_requests,
    ),
    Rule(
        Check(
            "server.rsa1-5",
            "Encryption with RSA1_5 is offered",
            Severity.LOW,
            why="Its padding tells whoever may ask often enough what was encrypted.",
            attack="An answer that differs for bad padding decrypts a token step by step (Bleichenbacher).",
            fix="Offer `RSA-OAEP-256` or `ECDH-ES`.",
            references=("RFC 8725 §3.2", "RFC 7516 §11.5"),
            recommendation="validate-thoroughly",
        ),
        _weak_encryption,
    ),
)
