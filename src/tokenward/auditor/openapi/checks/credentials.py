"""How credentials are got, carried and described, and how long they live."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.rule import ApiRule, Hit, OperationRule, Rule, Subject
from tokenward.auditor.openapi.servers import host_of, is_local
from tokenward.auditor.openapi.view import Operation, Scheme
from tokenward.auditor.openapi.words import is_credential
from tokenward.base.severity import Severity

_LONG = 24 * 3600  # seconds


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
